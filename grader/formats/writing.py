"""From cells to a file: as a notebook of marimo's, as a script with `# %%`, or as Markdown of one kind or another."""

from __future__ import annotations

import ast
import keyword
import re
import textwrap
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import nbformat

from grader.formats import marimo, texts
from grader.formats.cell import PLACE
from grader.formats.scopes import Names
from grader.reading import decoded, is_object

Format = Literal["jupyter", "marimo", "percent", "light", "markdown", "myst", "rmarkdown"]
SUFFIX: dict[Format, str] = {
    "jupyter": ".ipynb",
    "marimo": ".py",
    "percent": ".py",
    "light": ".py",
    "markdown": ".md",
    "myst": ".md",
    "rmarkdown": ".qmd",
}
# Magics that only say how things are shown: marimo has none.
_SHOWN = re.compile(r"^%(?:matplotlib|config|load_ext|autoreload)\b.*\n?", re.MULTILINE)
_MADE_UP = re.compile(r"cell-\d+|[0-9a-f]{8}(?:-[0-9a-f-]+)?|_+")


class Unwritable(Exception):
    """The cells cannot be written in the format that is asked for; the text says why, and what to do."""


def form_for(name: str) -> Format:
    """The format of a notebook that is to be called so."""
    suffix = name.rpartition(".")[2].lower()
    usual: dict[str, Format] = {"py": "marimo", "md": "markdown", "qmd": "rmarkdown", "rmd": "rmarkdown"}
    return usual.get(suffix, "jupyter")


def form_of(raw: bytes, name: str) -> Format:
    """The format of a notebook's file."""
    if is_object(raw):
        return "jupyter"
    text = decoded(raw)
    if marimo.is_marimo(text):
        return "marimo"
    kind, _ = texts.kind_of(text, f".{name.rpartition('.')[2].lower()}")
    return kind or "jupyter"


def written(notebook: nbformat.NotebookNode, form: Format, keep: Collection[str] = ()) -> str:
    """A notebook as the text of a file.

    Parameters
    ----------
    keep
        Names that keep their values to the end: of those that several cells define, the last one's counts.

    Raises
    ------
    Unwritable
        Its cells do not go together in that format.
    """
    if form == "jupyter":
        return str(nbformat.writes(notebook)).rstrip("\n") + "\n"
    if form == "marimo":
        return _as_marimo(notebook.cells, keep)
    import jupytext

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = nbformat.v4.new_notebook(
            cells=[_plain(cell) for cell in notebook.cells],
            metadata={"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        )
        return str(jupytext.writes(made, fmt=texts.FORMATS[form])).rstrip("\n") + "\n"


def _plain(cell: Mapping[str, Any]) -> nbformat.NotebookNode:
    """A cell with its id among its options, where a person gave it one."""
    if cell["cell_type"] != "code":
        return nbformat.v4.new_markdown_cell(_with_pictures(cell))
    known = cell.get("id", "")
    return nbformat.v4.new_code_cell(cell["source"], metadata={} if _MADE_UP.fullmatch(known) else {"id": known})


def _with_pictures(cell: Mapping[str, Any]) -> str:
    """The text of a cell with the pictures in it that it carries."""
    source = str(cell["source"])
    for name, forms in (cell.get("attachments") or {}).items():
        for kind, data in forms.items():
            source = source.replace(f"(attachment:{name})", f"(data:{kind};base64,{data.strip()})")
    return source


# ---------------------------------------------------------------------- marimo


@dataclass
class _Part:
    """A cell that becomes one of marimo's."""

    name: str
    source: str
    names: Names | None
    is_text: bool = False
    is_setup: bool = False
    disabled: bool = False
    needs: set[str] = field(default_factory=set)
    gives: set[str] = field(default_factory=set)


def _as_marimo(cells: Sequence[Mapping[str, Any]], keep: Collection[str]) -> str:
    parts = [_part(cell) for cell in cells]
    known = [one for one in parts if one.names is not None]
    _make_private(known, keep)
    given = {name for one in known for name in one.gives}
    setup = next((one for one in known if one.is_setup), None)
    everywhere = setup.gives if setup is not None else set()
    if any(one.is_text for one in parts) and "mo" not in given:
        parts.insert(parts.index(setup) + 1 if setup is not None else 0, _Part("_", "import marimo as mo", None))
        parts[parts.index(setup) + 1 if setup is not None else 0].gives = {"mo"}
        given.add("mo")
    asked = {name for one in parts for name in one.needs} | ({"mo"} if any(one.is_text for one in parts) else set())
    taken: set[str] = {"app", "marimo"}
    made = ["import marimo\n\napp = marimo.App()\n"]
    for one in parts:
        arguments = sorted((one.needs & given) - everywhere)
        returns = sorted(one.gives & asked - everywhere)
        made.append(_written(one, arguments, returns, taken))
    made.append('if __name__ == "__main__":\n    app.run()\n')
    return "\n\n".join(made)


def _part(cell: Mapping[str, Any]) -> _Part:
    known = str(cell.get("id", ""))
    name = "_" if _MADE_UP.fullmatch(known) else re.sub(r"\W", "_", known)
    name = name if name.isidentifier() and not keyword.iskeyword(name) else "_"
    if cell["cell_type"] != "code":
        return _Part(name, _with_pictures(cell), None, is_text=True, needs={"mo"})
    source = _SHOWN.sub("", str(cell["source"])).strip("\n")
    disabled = bool(cell.get("metadata", {}).get(PLACE, {}).get("disabled"))
    try:
        names = Names(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _Part(name, source, None, disabled=disabled)
    part = _Part(name, source, names, is_setup=name == "setup", disabled=disabled)
    _name(part)
    return part


def _name(part: _Part) -> None:
    assert part.names is not None
    part.needs = {one for one in part.names.used if not marimo.is_private(one)}
    part.gives = {one for one in part.names.defined if not marimo.is_private(one)}


def _make_private(parts: list[_Part], keep: Collection[str]) -> None:
    """Begin names that several cells define with an underscore where no other cell needs theirs.

    In a notebook that runs from top to bottom a cell means the last definition before it.
    """
    givers: dict[str, list[int]] = {}
    for place, one in enumerate(parts):
        for name in one.gives:
            givers.setdefault(name, []).append(place)
    private: dict[int, dict[str, str]] = {}
    for name, places in sorted(givers.items()):
        if len(places) < 2:
            continue
        users = [place for place, one in enumerate(parts) if name in one.needs]
        wanted = {max((one for one in places if one < user), default=places[0]) for user in users}
        wanted |= {places[-1]} if name in keep else set()
        carried = [place for place in places[1:] if _is_carried_on(parts[place].source, name)]
        if len(wanted) > 1 or carried:
            cells = ", ".join(parts[place].name for place in places)
            raise Unwritable(
                f"`{name}` is defined in several cells ({cells}), and more than one of them is needed elsewhere: "
                "marimo runs none of those. Give it another name in all but one."
            )
        for place in places:
            if place not in (wanted or {places[-1]}):
                private.setdefault(place, {})[name] = f"_{name}"
    for place, names in private.items():
        part = parts[place]
        assert part.names is not None
        part.source = part.names.renamed(part.source, names)
        part.names = Names(ast.parse(part.source))
        _name(part)


def _is_carried_on(source: str, name: str) -> bool:
    """Whether a cell takes what a name stood for before, and gives it something new."""
    bound = False
    for statement in ast.parse(source).body:
        names = Names(ast.Module([statement], []))
        here = {one.id for one in ast.walk(statement) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)}
        if not bound and isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign) and name in names.mentioned:
            value = statement.value
            loads = {one.id for one in ast.walk(value) if isinstance(one, ast.Name)} if value is not None else set()
            if isinstance(statement, ast.AugAssign) or name in loads:
                return True
        elif not bound and name in names.used and name in here and name not in names.defined:
            return not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        bound = bound or name in names.defined
    return False


def _written(part: _Part, arguments: list[str], returns: list[str], taken: set[str]) -> str:
    """A cell as marimo writes it."""
    if part.is_setup:
        return f"with app.setup:\n{textwrap.indent(part.source, '    ')}\n"
    if not part.is_text and part.names is None and part.source != "import marimo as mo":
        return _unparsable(part)
    if part.names is not None and not arguments and not part.disabled and (head := _only_definition(part)):
        return f"@app.{head}\n{part.source}\n"
    name = part.name if part.name not in taken else "_"
    taken |= {name} - {"_"}
    option = "(hide_code=True)" if part.is_text else "(disabled=True)" if part.disabled else ""
    called = ", ".join(arguments)
    if len(called) > 80:
        called = "\n    " + ",\n    ".join(arguments) + ",\n"
    body = _shown(part.source) if part.is_text else part.source
    asynchronous = "async " if part.names is not None and _waits(part.source) else ""
    given = f" {', '.join(returns)}" if len(returns) > 1 else f" ({returns[0]},)" if returns else ""
    lines = [f"@app.cell{option}", f"{asynchronous}def {name}({called}):"]
    lines += [textwrap.indent(body, "    ")] if body else []
    return "\n".join([*lines, f"    return{given}\n"])


def _only_definition(part: _Part) -> str:
    """Whether a cell is a function or a class and nothing else: then marimo has a decorator of its own for it."""
    body = ast.parse(part.source).body
    if len(body) != 1 or not part.source.startswith(("def ", "async def ", "class ")):
        return ""
    if isinstance(body[0], ast.ClassDef):
        return "class_definition" if body[0].name in part.gives else ""
    return "function" if isinstance(body[0], ast.FunctionDef) and body[0].name in part.gives else ""


def _waits(source: str) -> bool:
    """Whether a cell awaits something at its top."""
    waiting: list[ast.AST] = list(ast.parse(source).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(node)
    return False


def _shown(text: str) -> str:
    if '"""' in text or text.endswith("\\"):
        return f"mo.md({text!r})"
    return f'mo.md(r"""\n{text}\n""")'


def _unparsable(part: _Part) -> str:
    text = part.source
    quoted = f'r"""\n{textwrap.indent(text, "    ")}\n    """' if '"""' not in text else repr(text)
    return f"app._unparsable_cell(\n    {quoted},\n    name={part.name!r}\n)\n"
