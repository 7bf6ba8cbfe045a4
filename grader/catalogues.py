"""Catalogues of translations: what the code says, extracted; what they lack; brought up to date."""

from __future__ import annotations

import ast
import inspect
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from grader.answers import hints_in
from grader.authored import modules_of
from grader.exercise import Exercise
from grader.language import LANGUAGES
from grader.writing import write_whole

_KEYWORDS = {"tr": 1, "mark": 1, "ngettext": 2}  # and how many texts each is given
_WIDTH = 110  # of a line of a catalogue
_PACKAGE = Path(__file__).parent
TRANSLATED = tuple(language for language in LANGUAGES if language != "en")


@dataclass(frozen=True)
class Texts:
    """Code whose texts are translated, and where their catalogues lie.

    Attributes
    ----------
    name
        What they belong to, for a person.
    sources
        Python files, Jinja's templates (``.j2``), and the hints of closed answers (``.toml``).
    folder
        Holds ``fi.po``.
    """

    name: str
    sources: tuple[Path, ...]
    folder: Path


def texts_of(exercise: Exercise) -> Texts:
    """What an exercise says to students: its checks' titles, messages and hints."""
    answers = exercise.folder / "answers.toml"
    sources = (*modules_of(exercise.folder / "checks.py"), *([answers] if answers.is_file() else []))
    return Texts(exercise.id, sources, exercise.folder)


def texts_of_grader() -> Texts:
    """What the grader itself says."""
    sources = sorted(path for path in _PACKAGE.rglob("*") if path.suffix in (".py", ".j2"))
    return Texts("grader", tuple(sources), _PACKAGE / "locale")


def update(texts: Texts, language: str) -> list[str]:
    """Bring a catalogue up to date with its code; what it lacks, a line each (see :func:`faults`).

    What stays, stays where it is, as a person left it; what is new comes behind the text that comes before it in the
    code.
    """
    catalogue, there = _catalogue(texts, language), _read(texts, language)
    if there.creation_date and _path(texts, language).is_file():
        catalogue.creation_date = there.creation_date
    for message in catalogue:
        known = there.get(message.id) if message.id else None
        # What has no translation yet has no string at all, unless it has a plural: ask the text itself for its kind.
        if known is not None and isinstance(known.string, str) == isinstance(message.id, str):
            message.string, message.user_comments = known.string, known.user_comments
    ordered = _in_their_order(catalogue, there)
    if _said(ordered) != _said(there):
        file = io.BytesIO()
        write_po(file, ordered, width=_WIDTH, no_location=True)
        write_whole(_path(texts, language), file.getvalue())
    return faults(texts, language)


def _in_their_order(catalogue: Catalog, there: Catalog) -> Catalog:
    """The catalogue with its texts in the order that they have already, new ones behind those before them."""
    wanted = {_first(message): message for message in catalogue if message.id}
    order = [_first(message) for message in there if message.id and _first(message) in wanted]
    known, place = set(order), 0
    for text in wanted:
        if text in known:
            place = order.index(text) + 1
        else:
            order.insert(place, text)
            place += 1
    found = _empty(catalogue.project, str(catalogue.locale))
    found.creation_date = catalogue.creation_date
    for text in order:
        message = wanted[text]
        found.add(message.id, message.string, user_comments=message.user_comments)
    return found


def faults(texts: Texts, language: str) -> list[str]:
    """What is wrong with a catalogue, a line each: texts that it lacks or the code no longer has, and other fields."""
    wanted, there = _catalogue(texts, language), _read(texts, language)
    found = []
    for message in wanted:
        if not message.id:
            continue
        known = there.get(message.id)
        if known is None or not all(_forms(known.string)):
            found.append(f"{texts.name}: no translation of {_first(message)!r}")
        elif any(_fields(form) - _fields(*_forms(message.id)) for form in _forms(known.string)) or (
            _fields(*_forms(message.id)) - _fields(*_forms(known.string))
        ):
            found.append(f"{texts.name}: other fields in the translation of {_first(message)!r}")
    # Catalog.get takes a plural message by its first form.
    left = [message for message in there if message.id and wanted.get(message.id) is None]
    return found + [f"{texts.name}: the code no longer says {_first(message)!r}" for message in left]


def extracted(path: Path) -> Iterator[str | tuple[str, ...]]:
    """The texts of a file, in their order; one with a plural as its two forms."""
    if path.suffix == ".py":
        tree = ast.parse(path.read_bytes())
        yield from _titles(tree)
        yield from _called_for(tree)
        return
    if path.suffix == ".toml":
        yield from hints_in(path)
        return
    keywords = {name: (1, 2) if texts == 2 else None for name, texts in _KEYWORDS.items()}
    with path.open("rb") as file:
        for _line, text, _comments, _context in extract(babel_extract, file, keywords=keywords):  # type: ignore[arg-type]
            yield text


def _called_for(tree: ast.Module) -> Iterator[str | tuple[str, ...]]:
    """What is given to `tr`, `mark` and `ngettext`; Babel's own extractor sees nothing within an f-string."""
    calls = [one for one in ast.walk(tree) if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)]
    for call in sorted(calls, key=lambda one: (one.lineno, one.col_offset)):
        wanted = _KEYWORDS.get(call.func.id, 0)  # type: ignore[attr-defined]
        given = [one.value for one in call.args[:wanted] if isinstance(one, ast.Constant)]
        texts = tuple(text for text in given if isinstance(text, str) and text)
        if texts and len(texts) == wanted:
            yield texts if wanted == 2 else texts[0]


def _titles(tree: ast.Module) -> Iterator[str]:
    """First lines of the docstrings of checks, and docstrings of commands: what people read."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef):
            continue
        docstring = inspect.cleandoc(ast.get_docstring(node) or "")
        if any(_is_check(one) for one in node.decorator_list):
            yield docstring.partition("\n")[0].strip()
        elif any(_is_command(one) for one in node.decorator_list):
            yield docstring


def _is_check(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Name) and called.id == "check"


def _is_command(decorator: ast.expr) -> bool:
    """Whether this is `@app.command(…)`: the docstring is the command's help."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Attribute) and called.attr == "command"


def _empty(name: str, language: str) -> Catalog:
    return Catalog(
        locale=language,
        project=name,
        version="1",
        header_comment="# What people read.",
        msgid_bugs_address="",
        last_translator="",
        language_team="",
        fuzzy=False,
    )


def _catalogue(texts: Texts, language: str) -> Catalog:
    catalogue = _empty(texts.name, language)
    for text in _all(texts.sources):
        catalogue.add(text)
    return catalogue


def _all(sources: Iterable[Path]) -> Iterator[str | tuple[str, ...]]:
    for path in sources:
        yield from extracted(path)


def _path(texts: Texts, language: str) -> Path:
    return texts.folder / f"{language}.po"


def _read(texts: Texts, language: str) -> Catalog:
    path = _path(texts, language)
    if not path.is_file():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def _said(catalogue: Catalog) -> list[tuple[object, tuple[str, ...]]]:
    """The texts and their translations, without the header, which holds the time."""
    return [(one.id, _forms(one.string)) for one in catalogue if one.id]


def _forms(text: object) -> tuple[str, ...]:
    if isinstance(text, str):
        return (text,)
    return tuple(text) if isinstance(text, tuple | list) else ("",)


def _fields(*forms: str) -> set[str]:
    """Names of the fields of a template, whichever form has them."""
    found = set()
    for form in forms:
        try:
            found |= {name for _, name, _, _ in Formatter().parse(form) if name}
        except ValueError:  # braces that mean themselves
            continue
    return found


def _first(message: Message) -> str:
    return _forms(message.id)[0]
