"""marimo's format: Python whose functions are cells, which run in the order of what they need of each other.

Nothing is imported or run: the file is cut at the lines where cells begin, and each is read by itself, so that one
which this Python cannot read costs that cell and no other.
"""

from __future__ import annotations

import ast
import inspect
import io
import re
import tokenize
import warnings
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from heapq import heapify, heappop, heappush
from itertools import islice, pairwise

from grader.formats.cell import ID, MAX_CELLS, Cell, no_code, too_many
from grader.formats.scopes import Names
from grader.language import tr
from grader.sources import MOST_PARSED
from grader.text import listed, plain

_APP = re.compile(r"^app = marimo\.App\b|^@app\.(?:cell|function|class_definition)\b", re.MULTILINE)
_BEGINS = re.compile(
    r"^(?:@app\.(?:cell|function|class_definition)\b|(?:async )?with app\.setup\b|app\._unparsable_cell\("
    r"|if __name__ ?== ?)",
    re.MULTILINE,
)
# What is wrong with a cell that was cut in the midst: a line of a text in it begins as cells do.
_CUT = ("was never closed", "unterminated", "unexpected EOF", "EOF")
# How many pieces are put together at the most, and how often that is tried.
_MOST_PIECES = 20
_MOST_TRIES = 100
# How many cells are told by name.
_MOST_TOLD = 10
_NAMELESS = ("_", "__")
_LONGEST_NAME = 60
# How a table comes into an SQL query, or out of one.
_MADE_BY_SQL = re.compile(
    r"\bcreate\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+)?(?:table|view)\s+(?:if\s+not\s+exists\s+)?\"?(\w+)",
    re.IGNORECASE,
)


def is_marimo(text: str) -> bool:
    """Whether a file is a notebook of marimo's."""
    return _APP.search(text) is not None


@dataclass
class _Draft:
    """A cell as it stands in the file.

    Attributes
    ----------
    line
        Where its source begins.
    names
        Its names; None where it is text, or cannot be read.
    needs, gives
        Names that it takes and gives, wherever that is told.
    tables
        Texts of its SQL, and the tables that these make.
    """

    kind: str
    source: str
    line: int
    name: str = ""
    disabled: bool = False
    number: int = 0
    names: Names | None = None
    needs: set[str] = field(default_factory=set)
    gives: set[str] = field(default_factory=set)
    queries: str = ""
    tables: set[str] = field(default_factory=set)
    after: set[int] = field(default_factory=set)
    refused: str = ""

    @property
    def label(self) -> str:
        """What a sentence calls it."""
        who = f"`{plain(self.name, 60)}`" if self.name else str(self.number)
        return tr("{cell} (line {line})", cell=who, line=self.line)


def cells(text: str) -> list[Cell]:
    """The cells of a marimo notebook, in the order in which marimo runs them.

    Raises
    ------
    Unreadable
        There are too many of them, or none.
    """
    drafts = written(text)
    if len(drafts) > MAX_CELLS:
        raise too_many(len(drafts))
    if not any(one.kind == "code" and one.source.strip() for one in drafts):
        raise no_code()
    _join(drafts)
    _refuse_twice_defined(drafts)
    order = _ordered(drafts)
    _keep_apart(drafts, text)
    made = as_cells(drafts)
    ids = [one.id for one in made]
    return [replace(made[place], after=tuple(ids[other] for other in sorted(drafts[place].after))) for place in order]


def as_cells(drafts: Sequence[_Draft]) -> list[Cell]:
    """The cells as they stand in the file, each with an id."""
    made: list[Cell] = []
    seen: set[str] = set()
    for place, one in enumerate(drafts, 1):
        name = one.name if ID.fullmatch(one.name) and one.name not in seen else f"cell-{place}"
        seen.add(name)
        kind = "code" if one.kind == "code" else "markdown"
        made.append(
            Cell(
                kind,  # type: ignore[arg-type]
                one.source,
                name,
                number=one.number,
                name=one.name,
                line=one.line,
                disabled=one.disabled,
                refused=one.refused,
            )
        )
    return made


# ---------------------------------------------------------------------- the file, cell by cell


def written(text: str) -> list[_Draft]:
    """The cells in the order of the file, as their author wrote them."""
    drafts = []
    pieces = deque(_pieces(text))
    if len(pieces) > 2 * MAX_CELLS:
        raise too_many(len(pieces))
    room = _MOST_TRIES
    while pieces:
        line, piece = pieces.popleft()
        tree, fault = _parsed(piece)
        if tree is None and any(sign in fault for sign in _CUT):
            longer = piece
            for more, (_, other) in enumerate(list(islice(pieces, min(room, _MOST_PIECES))), 1):
                longer, room = longer + other, room - 1
                tree, _ = _parsed(longer)
                if tree is not None:
                    piece = longer
                    for _ in range(more):
                        pieces.popleft()
                    break
        if (draft := _draft(tree, piece, line)) is not None:
            drafts.append(draft)
    for number, one in enumerate((one for one in drafts if one.kind == "code" and one.source.strip()), 1):
        one.number = number  # the empty ones are not run
    return drafts


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Where in the file cells begin, by line, and the text of each up to the next."""
    starts = [found.start() for found in _BEGINS.finditer(text)]
    line, place = 1, 0
    for start, end in pairwise([*starts, len(text)]):
        line += text.count("\n", place, start)
        place = start
        yield line, text[start:end]


def _parsed(piece: str) -> tuple[ast.Module | None, str]:
    """The syntax tree of a piece of Python; or None, and why."""
    if len(piece) > MOST_PARSED:
        return None, ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in the notebook's texts
            return ast.parse(piece), ""
    except SyntaxError as error:
        return None, error.msg
    except (ValueError, RecursionError, MemoryError):
        return None, ""


def _draft(tree: ast.Module | None, piece: str, line: int) -> _Draft | None:
    """The cell in a piece of the file; None where there is none."""
    statement = tree.body[0] if tree is not None and tree.body else None
    first = piece.partition("\n")[0]
    if first.startswith("if __name__"):
        return None
    if first.startswith("app._unparsable_cell"):
        return _unparsable(statement, piece, line)
    if first.startswith(("with ", "async with ")):
        return _setup(statement, piece, line)
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and first.startswith("@app.cell"):
        return _cell(statement, piece, line)
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return _definition(statement, piece, line)
    return _broken(piece, line)


def _cell(node: ast.FunctionDef | ast.AsyncFunctionDef, piece: str, line: int) -> _Draft:
    lines = piece.split("\n")
    above = _header_end(lines, node.lineno - 1)
    if above is None or node.body[0].lineno == above + 1:  # on the line of its header
        first, last = node.body[0], node.body[-1]
        source = lines[first.lineno - 1].encode()[first.col_offset : last.end_col_offset].decode()
        source = "" if isinstance(first, ast.Return) else source
        return _read("code", source, line + first.lineno - 1, _title(node.name), _switched_off(node))
    start, end, cut = above + 1, _body_end(lines, node.end_lineno or 0, node), None
    back = node.body[-1]
    if isinstance(back, ast.Return):
        before = node.body[-2].end_lineno if len(node.body) > 1 else 0
        end = back.lineno - 1
        if before == back.lineno:
            end, cut = back.lineno, back.col_offset
    body = lines[start:end]
    if cut is not None:
        body[-1] = body[-1].encode()[:cut].decode().rstrip(" \t;")
    source, shift = _dedented(body, node.body, start)
    return _read("code", source, line + start + shift, _title(node.name), _switched_off(node))


def _body_end(lines: list[str], end: int, node: ast.AST) -> int:
    """Where a body ends: comments behind its last statement are its own."""
    indent = min((len(one.body[0].col_offset * " ") for one in [node] if hasattr(one, "body")), default=4)
    while end < len(lines) and (not lines[end].strip() or lines[end].startswith(" " * indent or "\t")):
        end += 1
    return end


def _title(name: str) -> str:
    """A cell's name, which is put into sentences; what is no name of Python's is none."""
    return name if name.isidentifier() and name not in _NAMELESS and len(name) <= _LONGEST_NAME else ""


def _switched_off(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """Whether `disabled=True` stands in the decorator."""
    first = node.decorator_list[0] if node.decorator_list else None
    options = first.keywords if isinstance(first, ast.Call) else []
    return any(
        one.arg == "disabled" and isinstance(one.value, ast.Constant) and one.value.value is True for one in options
    )


def _definition(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, piece: str, line: int) -> _Draft:
    """A cell that is a function or a class, and nothing else."""
    lines = piece.split("\n")
    first = node.decorator_list[0].end_lineno or 1
    end = _body_end(lines, node.end_lineno or 0, node)
    while first < len(lines) and not lines[first].strip():
        first += 1
    source = "\n".join(lines[first:end]).rstrip()
    return _read("code", source, line + first, _title(node.name), _switched_off(node))


def _setup(node: ast.stmt | None, piece: str, line: int) -> _Draft | None:
    if not isinstance(node, ast.With | ast.AsyncWith):
        return _broken(piece, line, "setup")
    lines = piece.split("\n")
    start = _header_end(lines, 0)
    if start is None or node.body[0].lineno == start + 1:
        return None
    source, shift = _dedented(lines[start + 1 : _body_end(lines, node.end_lineno or 0, node)], node.body, start + 1)
    return _read("code", source.removesuffix("\npass"), line + start + 1 + shift, "setup", False)


def _unparsable(node: ast.stmt | None, piece: str, line: int) -> _Draft:
    """What marimo keeps as text since it is no Python."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and node.value.args:
        told = node.value.args[0]
        name = next((one.value for one in node.value.keywords if one.arg == "name"), None)
        title = name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else ""
        if isinstance(told, ast.Constant) and isinstance(told.value, str):
            lines = told.value.split("\n")
            shift = next((place for place, one in enumerate(lines) if one.strip()), 0)
            indent = re.match(r"[ \t]*", lines[shift])[0]  # type: ignore[index]
            source = "\n".join(one.removeprefix(indent) for one in lines[shift:]).rstrip()
            return _read("code", source, line + told.lineno - 1 + shift, _title(title), False)
    return _broken(piece, line)


def _broken(piece: str, line: int, name: str = "") -> _Draft:
    """A cell that this Python cannot read: its lines as they are, and what marimo wrote around them."""
    lines = piece.rstrip().split("\n")
    at = next((place for place, one in enumerate(lines) if re.match(r"(?:async )?(?:def|class|with)\b", one)), 0)
    found = re.match(r"(?:async )?def[ \t]+(\w+)", lines[at])
    if not piece.startswith(("@app.cell", "with", "async")):
        return _read("code", "\n".join(lines[at:]), line + at, _title(found[1]) if found else "", False)
    start = _header_end(lines, at)
    start = at if start is None else start
    body, given = lines[start + 1 :], set[str]()
    for place in range(len(body) - 1, -1, -1):
        if re.match(r"[ \t]+return\b", body[place]):
            tree, _ = _parsed("def f():\n" + "\n".join(body[place:]) + "\n")
            if tree is not None:
                given = {one.id for one in ast.walk(tree) if isinstance(one, ast.Name)}
                body = body[:place]
            break
    source, shift = _dedented(body, (), start + 1)
    header, _ = _parsed("\n".join([*lines[at : start + 1], " ..."]))
    called = {one.arg for one in ast.walk(header) if isinstance(one, ast.arg)} if header is not None else set()
    title = name or (_title(found[1]) if found else "")
    return _Draft("code", source, line + start + 1 + shift, title, needs=called - given, gives=given)


def _header_end(lines: list[str], start: int) -> int | None:
    """The line of the colon behind `def …(…)` or `with …`, counted from 0."""
    depth = 0
    with suppress(tokenize.TokenError, SyntaxError):
        for token in tokenize.generate_tokens(io.StringIO("\n".join(lines[start:])).readline):
            if token.type == tokenize.OP:
                depth += (token.string in "([{") - (token.string in ")]}")
                if token.string == ":" and depth == 0:
                    return start + token.end[0] - 1
    return None


def _dedented(lines: list[str], body: Sequence[ast.stmt], start: int) -> tuple[str, int]:
    """The lines of a body without what they are indented by, and how many empty ones before them were left out.

    As marimo does it: texts over several lines are moved along, but for those that stand further left.
    """
    indent = next((re.match(r"[ \t]*", one)[0] for one in lines if one.strip()), "")  # type: ignore[index]
    kept: set[int] = set()
    for node in (node for statement in body for node in ast.walk(statement)):
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)):
            inside = range(node.lineno - start, (node.end_lineno or node.lineno) - start)
            texts = [lines[place] for place in inside if 0 <= place < len(lines)]
            if any(one.strip() and not one.startswith(indent) for one in texts):
                kept.update(inside)
    moved = [one if place in kept else one.removeprefix(indent) for place, one in enumerate(lines)]
    shift = next((place for place, one in enumerate(moved) if one.strip()), 0)
    return "\n".join(moved[shift:]).rstrip(), shift


# ---------------------------------------------------------------------- what a cell says


def _read(kind: str, source: str, line: int, name: str, disabled: bool) -> _Draft:
    """A cell with its names; one that is nothing but `mo.md("…")` is text."""
    draft = _Draft(kind, source, line, name, disabled)
    tree, _ = _parsed(source)
    if tree is None:
        return draft
    if (told := _markdown(tree)) is not None and not disabled:
        return _Draft("markdown", told, line, name)
    with suppress(RecursionError):
        draft.names = Names(tree)
        draft.needs = {one for one in draft.names.used if not is_private(one)}
        draft.gives = {one for one in draft.names.defined if not is_private(one)}
        draft.queries = _queries(tree) if "sql(" in source else ""
        draft.tables = set(_MADE_BY_SQL.findall(draft.queries))
    return draft


def is_private(name: str) -> bool:
    """Whether a name is a cell's own."""
    return name == "__" or (name.startswith("_") and not name.startswith("__"))


def _markdown(tree: ast.Module) -> str | None:
    """The text of a cell that shows a text and does nothing else; None if it is another."""
    only = tree.body[0] if len(tree.body) == 1 else None
    if not (isinstance(only, ast.Expr) and isinstance(only.value, ast.Call)):
        return None
    call = only.value
    if not (isinstance(call.func, ast.Attribute) and call.func.attr == "md" and isinstance(call.func.value, ast.Name)):
        return None
    if call.func.value.id not in ("mo", "marimo") or len(call.args) != 1 or call.keywords:
        return None
    text = _literal(call.args[0])
    return None if text is None else inspect.cleandoc(text)


def _literal(node: ast.expr) -> str | None:
    """A text that nothing is put into."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = [_literal(one) for one in node.values]
        return None if None in parts else "".join(part for part in parts if part is not None)
    return None


def _queries(tree: ast.Module) -> str:
    """The texts of `mo.sql(…)`, as far as they stand there."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sql":
            texts = [one.value for arg in node.args[:1] for one in ast.walk(arg) if isinstance(one, ast.Constant)]
            found += [text for text in texts if isinstance(text, str)]
    return "\n".join(found)


# ---------------------------------------------------------------------- how cells hang together


def _join(drafts: list[_Draft]) -> None:
    """Find for each cell those that it hangs on."""
    givers: dict[str, list[int]] = {}
    for place, one in enumerate(drafts):
        for name in one.gives | one.tables:
            givers.setdefault(name, []).append(place)
    setup = next((place for place, one in enumerate(drafts) if one.name == "setup" and one.kind == "code"), None)
    for place, one in enumerate(drafts):
        asked = set(re.findall(r"\w+", one.queries)) - one.tables if one.queries else set()
        one.after = {giver for name in one.needs | asked for giver in givers.get(name, ()) if giver != place}
        if setup is not None and place != setup and one.kind == "code" and one.source.strip():
            one.after.add(setup)
    if setup is not None:
        drafts[setup].after.clear()


def _refuse_twice_defined(drafts: list[_Draft]) -> None:
    """marimo runs no cell that defines what another one defines, too."""
    givers: dict[str, list[_Draft]] = {}
    for one in drafts:
        for name in one.gives:
            givers.setdefault(name, []).append(one)
    for name, both in sorted(givers.items()):
        if len(both) > 1:
            told = {"cells": listed([one.label for one in both[:_MOST_TOLD]]), "name": plain(name, 60)}
            for one in both:
                one.refused = one.refused or tr(
                    "`{name}` is defined in several cells, {cells}, of which marimo runs none. Define it in one of "
                    "them, and give it another name in the others; or begin its name with an underscore where no "
                    "other cell needs it.",
                    **told,
                )


def _ordered(drafts: list[_Draft]) -> list[int]:
    """Places of the cells in marimo's order: a cell comes behind those that it hangs on, else as in the file."""
    order = _sorted(drafts)
    if len(order) < len(drafts):
        _refuse_circles(drafts, set(range(len(drafts))) - set(order))
        order = _sorted(drafts)
    return order


def _sorted(drafts: list[_Draft]) -> list[int]:
    left = [len(one.after) for one in drafts]
    followers: list[list[int]] = [[] for _ in drafts]
    for place, one in enumerate(drafts):
        for before in one.after:
            followers[before].append(place)
    heap = [place for place, n in enumerate(left) if n == 0]
    heapify(heap)
    order = []
    while heap:
        place = heappop(heap)
        order.append(place)
        for follower in followers[place]:
            left[follower] -= 1
            if left[follower] == 0:
                heappush(heap, follower)
    return order


def _refuse_circles(drafts: list[_Draft], left: set[int]) -> None:
    """Cells that hang on each other cannot run: neither is the first. What hangs between such is taken for one, too."""
    leading = Counter(before for place in left for before in drafts[place].after)
    ends = [place for place in left if not leading[place]]
    while ends:
        place = ends.pop()
        left.discard(place)
        for before in drafts[place].after & left:
            leading[before] -= 1
            if not leading[before]:
                ends.append(before)
    told = [drafts[place] for place in sorted(left)]
    some = told[:_MOST_TOLD]
    names = {name for one in some for other in some for name in one.gives & other.needs if one is not other}
    shown = {
        "cells": listed([one.label for one in some]),
        "names": listed([f"`{plain(name, 60)}`" for name in sorted(names)[:10]]),
    }
    for one in told:
        one.after -= left
        one.refused = one.refused or tr(
            "The cells {cells} need something of each other ({names}), so that none of them can run first. Take apart "
            "what goes in a circle.",
            **shown,
        )


def _keep_apart(drafts: Iterable[_Draft], text: str) -> None:
    """Give names that are a cell's own another name where another cell has them, too."""
    mentioned: dict[str, int] = {}
    known = [one for one in drafts if one.names is not None]
    for one in known:
        assert one.names is not None
        for name in filter(is_private, one.names.mentioned):
            mentioned[name] = mentioned.get(name, 0) + 1
    for one in known:
        assert one.names is not None
        shared = [name for name in one.names.defined if is_private(name) and mentioned[name] > 1]
        if shared:
            prefix = f"_cell{one.number}"
            while prefix in text:
                prefix += "_"
            with suppress(RecursionError, ValueError):
                one.source = one.names.renamed(one.source, {name: prefix + name for name in shared})
