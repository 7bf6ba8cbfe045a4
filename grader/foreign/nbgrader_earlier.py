"""What a test cell uses of the test cells before it: they share the notebook's names, here each is by itself."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from grader.sources import parsed

_OF_ITS_OWN = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda | ast.ListComp | ast.SetComp
_OF_ITS_OWN |= ast.DictComp | ast.GeneratorExp

_DEFINING = ast.Assign | ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef


def with_earlier(source: str, earlier: Sequence[str], notebooks_own: set[str]) -> str:
    """A test's code, behind those statements of earlier test cells that define what it uses.

    Parameters
    ----------
    earlier
        The code of the test cells before it.
    notebooks_own
        Names that a cell of the notebook's own defines: these are asked of the notebook, whatever a test does to them.
    """
    tree = parsed(source)
    if tree is None:
        return source
    before = [
        (statement, ast.get_source_segment(code, statement) or "")
        for code in earlier
        if (cell := parsed(code)) is not None
        for statement in cell.body
    ]
    within: set[str] = set()  # what functions among them use, whenever they are called
    while True:
        needed = (_loaded(tree.body) | within) - notebooks_own
        found: list[str] = []
        used: set[str] = set()
        for statement, text in reversed(before):
            bound = _bound([statement])
            if bound & needed and not bound & notebooks_own:
                found.append(text)
                needed = (needed - bound if isinstance(statement, _DEFINING) else needed) | _loaded([statement])
                used |= _loaded([statement]) if isinstance(statement, ast.FunctionDef | ast.ClassDef) else set()
        if used <= within:
            return "\n".join([*reversed(found), source]) if found else source
        within |= used


def names_bound(sources: Iterable[str]) -> set[str]:
    """The names that cells define for all others."""
    trees = (parsed(source) for source in sources)
    return {name for tree in trees if tree is not None for name in _bound(tree.body)}


def _bound(statements: Sequence[ast.AST]) -> set[str]:
    """The names that statements define, not those within functions, classes and comprehensions."""
    found: set[str] = set()
    waiting = list(statements)
    while waiting:
        node = waiting.pop()
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case ast.alias(name=name, asname=other):
                found.add(other or name.partition(".")[0])
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
        if not isinstance(node, _OF_ITS_OWN):
            waiting += ast.iter_child_nodes(node)
    return found


def _loaded(statements: Sequence[ast.stmt]) -> set[str]:
    """The names that statements use before they define them themselves."""
    found: set[str] = set()
    bound: set[str] = set()
    for statement in statements:
        uses = {
            node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        }
        found |= uses - bound
        bound |= _bound([statement])
    return found
