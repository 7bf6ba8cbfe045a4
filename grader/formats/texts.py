"""Notebooks written as text: scripts with `# %%` between cells, Markdown, MyST, R Markdown and Quarto with Python.

jupytext reads them, a library that takes half a second to import: only where such a file comes. It is given a text and
the name of its format, nothing else. Headers and options stay out: they are YAML and more, which a stranger wrote. What
of them has to be honoured (`eval: false`, an id, the language) is looked for here.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from grader.code_language import NAMES, language
from grader.formats.cell import ID, MAX_CELLS, Cell, no_code, too_many
from grader.language import tr
from grader.reading import Unreadable, too_many_parts

Kind = Literal["percent", "light", "markdown", "myst", "rmarkdown"]
FORMATS = {
    "percent": "py:percent",
    "light": "py:light",
    "markdown": "md:markdown",
    "myst": "md:myst",
    "rmarkdown": "Rmd:rmarkdown",
}
_MAX_LINES = 20_000
_LONGEST_OPTIONS = 500
# In a script's text jupytext looks for the end of each fence in all that follows.
_MOST_STEPS = 2_000_000

_MARKER = re.compile(r"^[ \t]*#[ \t]*(?:%%|In\[[0-9 ]*\]:?[ \t]*$)", re.MULTILINE)
_SCRIPT_HEADER = re.compile(r"\A(?:#!.*\n|#.*coding.*\n|[ \t]*\n)*+# ---[ \t]*\n((?:#.*\n)*?)# ---[ \t]*(?:\n|\Z)")
_HEADER = re.compile(r"\A\s*---[ \t]*\n((?:.*\n)*?)(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_FORMAT_NAME = re.compile(r"^[# \t]*format_name:[ \t]*['\"]?(\w+)", re.MULTILINE)
_OF_JUPYTER = re.compile(r"^[# \t]*(?:jupytext|jupyter|kernelspec)[ \t]*:", re.MULTILINE)
_NEVER_RUN = re.compile(
    r"^execute:[ \t]*\n(?:[ \t].*\n)*?[ \t]+eval:[ \t]*(?:false|no)\b", re.MULTILINE | re.IGNORECASE
)
_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,})(.*)")
_NOT_RUN = re.compile(r"\beval[ \t]*[:=][ \t]*(?:false|f|no)\b", re.IGNORECASE)
_PYTHON = ("python", "python3", "py", "ipython", "ipython3")


def kind_of(text: str, suffix: str) -> tuple[Kind | None, bool]:
    """Which format a text is in, if any; and whether that is sure even where nobody says that it is a notebook."""
    of_script = _SCRIPT_HEADER.match(text)
    if of_script is not None and (named := _FORMAT_NAME.search(of_script[1])):
        return "light" if named[1] in ("light", "nomarker", "bare") else "percent", True
    if suffix not in (".md", ".markdown", ".qmd", ".rmd") and _MARKER.search(text):
        return "percent", True
    header = _HEADER.match(text)
    if re.search(r"^[ \t]*(?:`{3,}|~{3,})[ \t]*\{code-cell\}", text, re.MULTILINE):
        return "myst", True
    if re.search(r"^[ \t]*`{3,}[ \t]*\{[ \t]*python\b", text, re.MULTILINE | re.IGNORECASE):
        return "rmarkdown", True
    if suffix in (".qmd", ".rmd"):
        other = re.search(r"^[ \t]*`{3,}[ \t]*\{\w", text, re.MULTILINE)
        return "rmarkdown" if other else None, True
    if suffix in (".md", ".markdown") or (header is not None and _OF_JUPYTER.search(header[1])):
        code = re.search(r"^`{3,}[ \t]*(?:i?python3?|py)\b", text, re.MULTILINE | re.IGNORECASE)
        return "markdown" if code else None, header is not None and _OF_JUPYTER.search(header[1]) is not None
    return None, False


def cells(text: str, kind: Kind) -> list[Cell]:
    """The cells of a notebook in one of these formats.

    Raises
    ------
    Unreadable
        It is too large, has no cells, or is not in Python.
    """
    if text.count("\n") > _MAX_LINES:
        raise too_many_parts()
    prepared = _script(text, kind) if kind in ("percent", "light") else _fenced(text, kind)
    if len(prepared.lines) > MAX_CELLS:
        raise too_many(len(prepared.lines))
    found = _read(prepared.text, kind)
    if len(found) > MAX_CELLS:
        raise too_many(len(found))
    made = list(_as_cells(found, prepared))
    sources = [one.source for one in made if one.kind == "code" and one.source.strip()]
    if foreign := prepared.foreign if not sources else language({}, sources):
        raise Unreadable(
            tr(
                "The notebook is written in {language}. The exercise is to be solved in Python: "
                "open the notebook that you were given with a Python kernel.",
                language=foreign,
            )
        )
    if not sources:
        raise no_code()
    return made


def _read(text: str, kind: Kind) -> list[Any]:
    """What jupytext makes of it."""
    import jupytext

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return list(jupytext.reads(text, fmt=FORMATS[kind]).cells)
    except (RecursionError, MemoryError):
        raise too_many_parts() from None
    except Exception:  # whatever it stumbles over stands in the file
        raise Unreadable(tr("The notebook's text cannot be read as cells. Save it again in the editor.")) from None


@dataclass
class _Prepared:
    """A text as jupytext gets it, and what was taken out of it.

    Attributes
    ----------
    lines, ids
        Of each cell of code, where its source begins in the file and what it is called. Of scripts they are looked
        for afterwards, from the line `first` on.
    foreign
        Another language that its cells are written in.
    """

    text: str
    lines: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    first: int = 0
    foreign: str = ""


# ---------------------------------------------------------------------- scripts


def _script(text: str, kind: Kind) -> _Prepared:
    header = _SCRIPT_HEADER.match(text)
    start = header.end() if header is not None and _OF_JUPYTER.search(header[1]) else 0
    marker = _MARKER.search(text, start)
    above = text[start : marker.start()] if marker is not None and kind == "percent" else ""
    if all(not one.strip() or one.startswith("#") for one in above.split("\n")):  # of what a program needs to start
        start += len(above)
    start += len(text[start:]) - len(text[start:].lstrip("\n"))
    text, first = text[start:], text.count("\n", 0, start)
    if any(text.find("\n", one.start()) - one.start() > _LONGEST_OPTIONS for one in _MARKER.finditer(text)):
        raise too_many_parts()
    if (n := len(_MARKER.findall(text))) > MAX_CELLS:
        raise too_many(n)
    if len(re.findall(r"^[ \t]*#[ \t]*(?:```|~~~)", text, re.MULTILINE)) * text.count("\n") > _MOST_STEPS:
        raise too_many_parts()
    return _Prepared(text, first=first)


def _as_cells(found: list[Any], prepared: _Prepared) -> Iterator[Cell]:
    """The cells with the lines that their sources begin in."""
    lines = prepared.text.split("\n") if not prepared.lines else []
    seen: set[str] = set()
    place = number = cell = 0
    for one in found:
        source = str(one.source).strip("\n")
        if one.cell_type != "code":
            line, told = 1, ""
        elif prepared.lines:
            line, told = prepared.lines[cell], prepared.ids[cell]
        else:
            first = next((part for part in source.split("\n") if part.strip()), "").strip()
            at = next((n for n in range(place, len(lines)) if first and first in lines[n]), place)
            place, line = at + bool(first), prepared.first + at + 1
            told = one.metadata.get("id", "")
        name = told if type(told) is str and ID.fullmatch(told) and told not in seen else f"cell-{len(seen) + 1}"
        seen.add(name)
        if one.cell_type == "code":
            cell += 1
            number += bool(source.strip())  # the empty ones are not run
            yield Cell("code", source, name, number=number, line=line)
        else:
            yield Cell("markdown", source, name)


# ---------------------------------------------------------------------- between fences


def _fenced(text: str, kind: Kind) -> _Prepared:
    """The same text, in which a fence is one of code only where its cell is Python's and to be run."""
    header = _HEADER.match(text)
    start = header.end() if header is not None else 0
    if header is not None and kind == "rmarkdown" and _NEVER_RUN.search(header[1]):
        raise Unreadable(
            tr("The header of the file says that no code is run (`eval: false` below `execute:`). Take that out.")
        )
    made, prepared = list[str](), _Prepared("", first=text.count("\n", 0, start))
    lines = text[start:].split("\n")
    at = 0
    while at < len(lines):
        opening = _FENCE.fullmatch(lines[at])
        if opening is None:
            # What jupytext takes for the begin of a cell elsewhere.
            made.append(re.sub(r"^(<!--\s*)#|^\+\+\+", r"\1", lines[at]))
            at += 1
            continue
        indent, fence, info = opening[1], opening[2], opening[3].strip()[:_LONGEST_OPTIONS]
        end = at + 1
        while end < len(lines) and not _closes(lines[end], fence):
            end += 1
        body = lines[at + 1 : end]
        told, options = _named(info, kind) if fence[0] == "`" or kind == "myst" else ("", "")
        skipped = _skipped(options, body, kind)
        runs = told in _PYTHON and not any(one.lstrip().startswith("```") for one in body)
        if runs and not skipped and (not indent or kind == "rmarkdown"):
            shift = _options(body, kind)
            while shift < len(body) and not body[shift].strip():
                shift += 1
            prepared.lines.append(prepared.first + at + 2 + shift)
            prepared.ids.append(_id(options, body[:shift] if kind == "myst" else body))
            body = [one.removeprefix(indent) for one in body[shift:]]
            made += [
                {"markdown": "```python", "myst": "```{code-cell}", "rmarkdown": "```{python}"}[kind],
                *body,
                "```",
            ]
        else:
            if not prepared.foreign and told not in _PYTHON:
                prepared.foreign = NAMES.get(told, "")
            shown = "~" * max(3, len(fence), *(len(one) for one in re.findall(r"~{3,}", "\n".join(body))), 0)
            made += [f"{indent}{shown}{told or info}", *body, f"{indent}{shown}"]
        at = end + 1
    prepared.text = "\n".join(made)
    return prepared


def _closes(line: str, fence: str) -> bool:
    told = line.strip()
    return len(told) >= len(fence) and set(told) == {fence[0]}


def _named(info: str, kind: Kind) -> tuple[str, str]:
    """The language of a cell of code, and what else stands behind its fence; "" where it is none."""
    if kind == "markdown":
        found = re.match(r"(\w+)\b(.*)", info)
        return (found[1].lower(), found[2]) if found and found[1].lower() in _PYTHON else ("", "")
    if kind == "myst":
        found = re.match(r"\{code-cell\}[ \t]*([\w+#-]*)(.*)", info)
        return (found[1].lower() or "python", found[2]) if found else ("", "")
    found = re.match(r"\{[ \t]*([A-Za-z]\w*)(.*)\}", info)
    return (found[1].lower(), found[2]) if found else ("", "")


def _skipped(options: str, body: list[str], kind: Kind) -> bool:
    """Whether a cell is not to be run."""
    if kind == "markdown":
        return ".noeval" in options
    if kind == "myst":
        return any("skip-execution" in one for one in body[: _options(body, kind)])
    comments = [one for one in body[:50] if one.lstrip().startswith("#|")]
    return bool(_NOT_RUN.search(options)) or any(_NOT_RUN.search(one.partition("#|")[2][:200]) for one in comments)


def _options(body: list[str], kind: Kind) -> int:
    """How many lines of options a cell of MyST's begins with."""
    if kind != "myst":
        return 0
    if body and body[0].startswith("---"):
        return next((n for n, one in enumerate(body[1:], 2) if one.startswith("---")), 0)
    return next((n for n, one in enumerate(body) if not one.lstrip().startswith(":")), len(body))


def _id(options: str, body: list[str]) -> str:
    """What a cell is called: the label of its chunk, or its `id`."""
    found = re.search(r"\bid[ \t]*=[ \t]*['\"]([\w-]+)['\"]", options[:500])
    found = found or re.match(r"[ \t,]*([A-Za-z][\w-]*)[ \t]*(?:,|$)", options[:500])
    for line in body[:50]:
        found = found or re.match(
            r"[ \t]*(?:#\||:)?[ \t]*(?:label|id|name):[ \t]*['\"]?([\w-]+)['\"]?[ \t]*$", line[:200]
        )
    return found[1] if found else ""
