"""The same notebook as another student would have written it: what a check judges must not hang on any of this.

Each function takes a notebook and gives another one. Cells come out with ids of their own: as students split and copy
cells, the ids of the reference are the last thing to rely on.
"""

from __future__ import annotations

import ast
import builtins
import io
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

Cells = list[nbformat.NotebookNode]


def with_cells(notebook: nbformat.NotebookNode, cells: Iterable[nbformat.NotebookNode]) -> nbformat.NotebookNode:
    """A notebook of these cells, numbered anew."""
    made = nbformat.from_dict({**notebook, "cells": [dict(cell) for cell in cells]})
    for number, cell in enumerate(made.cells):
        cell.id = f"cell-{number}"
    return made


def _parsed(source: str) -> ast.Module | None:
    """The tree of a cell; None where it is no plain Python (a magic, a shell command)."""
    try:
        return ast.parse(source)
    except SyntaxError:
        return None


def _each_code(notebook: nbformat.NotebookNode, change: Callable[[str], str | list[str]]) -> nbformat.NotebookNode:
    """The notebook with the source of each code cell changed, into one cell or several."""

    def changed() -> Iterator[nbformat.NotebookNode]:
        for cell in notebook.cells:
            if cell.cell_type != "code":
                yield cell
                continue
            sources = change(cell.source)
            yield from map(new_code_cell, [sources] if isinstance(sources, str) else sources)

    return with_cells(notebook, changed())


# ---------------------------------------------------------------------- cells gained, lost and split


def with_others_cells(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Half of the text cells are gone; there are notes, empty cells, magics and prints instead."""
    own = [
        new_code_cell("%matplotlib inline\nimport warnings"),
        new_markdown_cell("## Omat muistiinpanot\n\nTämä on *minun* soluni."),
        new_code_cell(""),
        new_code_cell('print("Täällä ollaan", 1 + 1)\nIn[-1]'),
    ]
    cells: Cells = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" or number % 2:
            cells.append(cell)
        cells.append(own[number % len(own)])
    return with_cells(notebook, cells)


def split(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Every statement in a cell of its own, but where figures are drawn: Jupyter ends these with their cell."""
    return _each_code(notebook, _pieces)


def _pieces(source: str) -> list[str]:
    tree = _parsed(source)
    if tree is None or not tree.body or re.search(r"\bplt\.", source):
        return [source]
    lines = source.split("\n")
    # Each piece ends with a statement's last line; two statements on one line stay together.
    ends = sorted({statement.end_lineno or 0 for statement in tree.body[:-1]} - {tree.body[-1].lineno})
    return ["\n".join(lines[a:b]) for a, b in zip([0, *ends], [*ends, len(lines)], strict=True)]


# ---------------------------------------------------------------------- comments


def with_comments(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Comments in Finnish: above each cell, and behind each statement that has none."""
    return _each_code(notebook, _commented)


def _commented(source: str) -> str:
    if _parsed(source) is None:
        return source
    lines = source.split("\n")
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    for before, token in pairwise(tokens):
        if token.type == tokenize.NEWLINE and before.type != tokenize.COMMENT:
            lines[token.start[0] - 1] += "  # tässä tehdään työ: åäö €"
    return "\n".join(["# Tämä solu on käsitelty: ”ÄÄKKÖSIÄ”", *lines])


# ---------------------------------------------------------------------- another order


@dataclass(frozen=True)
class Definition:
    """What a cell that only defines reads and writes when it is run."""

    reads: frozenset[str]
    writes: frozenset[str]

    def must_follow(self, other: Definition) -> bool:
        """Whether the two have to stay in their order."""
        return bool(self.writes & (other.reads | other.writes) or other.writes & self.reads)


def reordered(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Cells that only define, as far from their old order as Python allows it.

    Of neighbouring ones (text between them does not count) each moves up past all that it does not hang on. Cells
    that do something (train, draw random numbers, print) stay where they are, and nothing moves past them.
    """
    places: list[int] = []
    moved: list[tuple[nbformat.NotebookNode, Definition]] = []
    cells: Cells = list(notebook.cells)

    def lay_down() -> None:
        for place, (cell, _) in zip(places, moved, strict=True):
            cells[place] = cell
        places.clear()
        moved.clear()

    for place, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        found = definition(cell.source)
        if found is None:
            lay_down()
            continue
        position = len(moved)
        while position and not found.must_follow(moved[position - 1][1]):
            position -= 1
        places.append(place)
        moved.insert(position, (cell, found))
    lay_down()
    return with_cells(notebook, cells)


def definition(source: str) -> Definition | None:
    """What the cell reads and writes, if all that it does is to define names; else None."""
    tree = _parsed(source)
    if tree is None:
        return None
    reads, writes = set[str](), set[str]()
    for statement in tree.body:
        if not _defines(statement, reads, writes):
            return None
    return Definition(frozenset(reads), frozenset(writes))


# What gives an equal value whenever it is called; of random numbers, for example, the order counts.
_PURE = {"np.array", "torch.tensor", "torch.device"}


def _defines(statement: ast.stmt, reads: set[str], writes: set[str]) -> bool:
    """Whether the statement only defines; if so, what it reads and writes is added to the sets."""
    match statement:
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            writes |= {(alias.asname or alias.name).partition(".")[0] for alias in names}
            return not (isinstance(statement, ast.ImportFrom) and statement.module == "__future__")
        case ast.FunctionDef(name=name, args=args):
            # Its body is not run now: what that reads may be defined later.
            reads |= _read(*statement.decorator_list, args, *filter(None, [statement.returns]))
            writes.add(name)
            return True
        case ast.ClassDef(name=name):
            reads |= _read(*statement.decorator_list, *statement.bases, *statement.keywords)
            writes.add(name)
            return all(_defines(one, reads, set()) for one in statement.body)
        case ast.Assign(targets=targets, value=value):
            if not all(isinstance(one, ast.Name | ast.Tuple | ast.Store) for t in targets for one in ast.walk(t)):
                return False
            writes |= {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}
        case ast.Expr(value=value):
            pass
        case _:
            return False
    reads |= _read(value)
    called = [ast.unparse(one.func) for one in ast.walk(value) if isinstance(one, ast.Call)]
    return set(called) <= _PURE and not any(isinstance(one, ast.NamedExpr) for one in ast.walk(value))


def _read(*nodes: ast.AST) -> set[str]:
    return {one.id for node in nodes for one in ast.walk(node) if isinstance(one, ast.Name)}


# ---------------------------------------------------------------------- other names


def helpers(notebook: nbformat.NotebookNode, wanted: Iterable[str]) -> set[str]:
    """Names that the notebook defines for itself: nobody else (checks, libraries, callers) knows them.

    Parameters
    ----------
    wanted
        Names that the exercise asks for.
    """
    defined, known = set[str](), {*wanted, *dir(builtins)}
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        tree = _parsed(cell.source)
        if tree is None:
            known |= set(re.findall(r"\w+", cell.source))
            continue
        for statement in tree.body:
            defined |= _defined(statement)
        for node in ast.walk(tree):
            known |= _known(node, cell.source)
    return {name for name in defined - known if not name.startswith("_")}


def _defined(node: ast.AST) -> set[str]:
    """Names that a statement at the top defines; what functions, classes and comprehensions hold is their own."""
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Name(id=name, ctx=ast.Store()):
            return {name}
        case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            return set()
    return {name for child in ast.iter_child_nodes(node) for name in _defined(child)}


def _known(node: ast.AST, source: str) -> set[str]:
    """Names that cannot be told from an attribute, a parameter, an imported name, or a word in a text."""
    match node:
        case ast.Attribute(attr=name) | ast.keyword(arg=str(name)) | ast.arg(arg=name):
            return {name}
        case ast.alias():
            return {(node.asname or node.name).partition(".")[0]}
        case ast.Constant(value=str(text)):
            return set(re.findall(r"\w+", text)) if len(text.split()) < 4 else set()
        case ast.JoinedStr():
            return set(re.findall(r"\w+", ast.get_source_segment(source, node) or ""))
    return set()


def renamed(notebook: nbformat.NotebookNode, wanted: Iterable[str]) -> nbformat.NotebookNode:
    """Every helper has another name, wherever it stands."""
    names = {name: f"oma_{name}" for name in helpers(notebook, wanted)}
    return _each_code(notebook, lambda source: _with_names(source, names))


def _with_names(source: str, names: Mapping[str, str]) -> str:
    if _parsed(source) is None:
        return source
    lines = source.split("\n")
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(source).readline))):
        if token.type == tokenize.NAME and token.string in names:
            row, column = token.start
            line = lines[row - 1]
            lines[row - 1] = line[:column] + names[token.string] + line[column + len(token.string) :]
    return "\n".join(lines)


# ---------------------------------------------------------------------- all of it, and other numbers


def anothers(notebook: nbformat.NotebookNode, wanted: Iterable[str]) -> nbformat.NotebookNode:
    """The notebook as somebody else would have written it."""
    return with_others_cells(reordered(split(with_comments(renamed(notebook, wanted)))))


def beginning_with(notebook: nbformat.NotebookNode, source: str) -> nbformat.NotebookNode:
    """The notebook with a cell before all others."""
    return with_cells(notebook, [new_code_cell(source), *notebook.cells])


def ending_with(notebook: nbformat.NotebookNode, source: str) -> nbformat.NotebookNode:
    """The notebook with a cell behind all others."""
    return with_cells(notebook, [*notebook.cells, new_code_cell(source)])
