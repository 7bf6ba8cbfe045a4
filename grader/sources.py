"""What the text of a cell says, without running it: the names that it defines, and the packages that it imports."""

from __future__ import annotations

import ast
import importlib.util
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

# More of a cell is not looked at: its syntax tree takes some hundred times its text.
MOST_PARSED = 50_000
# Magics whose cell is Python all the same.
_PYTHON_CELL = re.compile(r"%%(?:time|timeit|capture|prun)\b")
_MAGIC = re.compile(r"^([ \t]*)(?:[%!?].*|[\w.]+\?+[ \t]*|([\w, ]+=)[ \t]*[%!].*)$", re.MULTILINE)


def parsed(source: str) -> ast.Module | None:
    """The syntax tree of a cell, magics and commands passed over line for line; None where there is none."""
    if len(source) > MOST_PARSED or (source.startswith("%%") and not _PYTHON_CELL.match(source)):
        return None
    for text in (source, _MAGIC.sub(lambda one: one[1] + (f"{one[2]} ..." if one[2] else "pass"), source)):
        with suppress(SyntaxError, ValueError, RecursionError, MemoryError), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in the notebook's texts
            return ast.parse(text)
    return None


def installed(package: str) -> bool:
    """Whether a package is on this machine. The name is the submission's word: it may be any, `__main__` too."""
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return True


# ---------------------------------------------------------------------- names


def defined(source: str, since: int = 0) -> set[str]:
    """Names that a cell defines at its top, in this line and below it; of one that does not compile, as it seems."""
    tree = parsed(source)
    if tree is None:
        return {name for name, line in _seeming(source) if line >= since}
    return {name for statement in tree.body if (statement.end_lineno or 0) >= since for name in _bound(statement)}


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement binds, looking into what is no scope of its own."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
                continue
            case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                continue
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.Import() | ast.ImportFrom():
                yield from _bound_by_import(node)
        waiting.extend(ast.iter_child_nodes(node))


def _bound_by_import(statement: ast.Import | ast.ImportFrom) -> list[str]:
    whole = isinstance(statement, ast.ImportFrom)
    return [alias.asname or (alias.name if whole else alias.name.partition(".")[0]) for alias in statement.names]


_SEEMING = re.compile(
    r"^[ \t]*(?:(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)|((?:\w+[ \t]*,[ \t]*)*\w+)[ \t]*(?::[^=\n]*)?=(?!=))"
)


def _seeming(source: str) -> Iterator[tuple[str, int]]:
    """Names that the lines of a text seem to define, and where; what is indented counts where nothing else is there."""
    lines = source[:MOST_PARSED].splitlines()
    for number, line in enumerate(lines, 1):
        found = _SEEMING.match(line[:300])
        if found is None or (line[:1] in " \t" and not found[1]):
            continue
        for name in (found[1] or found[2]).split(","):
            yield name.strip(), number


def text_defines(text: str, name: str) -> bool:
    """Whether a cell of text has a line that would define a name, were it code;
    examples between fences do not count."""
    outside = re.sub(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1|\Z)", "", text[:MOST_PARSED], flags=re.MULTILINE | re.DOTALL)
    return any(name == found for found, _ in _seeming(outside))


# ---------------------------------------------------------------------- imports


@dataclass(frozen=True)
class Rest:
    """What is left of a cell of which a statement failed for want of a package.

    Attributes
    ----------
    source
        The statement, with what it would have bound replaced, and what comes after it, on lines of the same numbers.
    names
        Names that it would have bound; ``"*"`` for whatever there is.
    """

    source: str
    names: frozenset[str]


# What stands for a package in a cell that is run without it: see `absent` in grader/kernel/probe.py.
_STAND_IN = "{names} = get_ipython().absent({package!r})"


def after_import(source: str, line: int, package: str, stand_in: bool = False, name: str = "") -> Rest | None:
    """The cell from the import statement in this line on, that failed for want of a package; None if there is none.

    It may stand in an `if`, a `with`, a loop or a `try`: these begin again without what came before it inside of them.

    Parameters
    ----------
    stand_in
        Whether what it would have bound is bound to something that stands for the package.
    name
        What the package lacks, where it is there itself.
    """
    tree = parsed(source)
    found = _import_at(tree.body, line, package, name) if tree is not None else None
    if tree is None or found is None:
        return None
    statement, failed, path = found
    others = [alias for alias in statement.names if alias not in failed]
    names = _bound_by_import(_only(statement, failed))
    kept = [ast.unparse(_only(statement, others))] if others else []
    bound = [name for name in names if name != "*"]
    if stand_in and bound:
        kept.append(_STAND_IN.format(names=" = ".join(bound), package=package))
    return Rest(_cut(source, path, statement, "; ".join(kept)), frozenset(names))


def behind(source: str, line: int, package: str, cells: Sequence[str] = ()) -> Rest | None:
    """The cell behind the statement at its top in this line, which failed for want of a package; None if there is none.

    What the statement would have bound or changed is bound to something that stands for the package.

    Parameters
    ----------
    cells
        All cells of the notebook: what the functions that the statement calls make use of.
    """
    tree = parsed(source)
    at_line = [one for one in tree.body if one.lineno <= line <= (one.end_lineno or 0)] if tree is not None else []
    if tree is None or not at_line:
        return None
    statement = at_line[0]
    names = sorted(_changed(statement, [*filter(None, map(parsed, cells))]))
    instead = _STAND_IN.format(names=" = ".join(names), package=package) if names else ""
    return Rest(_cut(source, [(tree.body, statement)], statement, instead), frozenset(names))


_Path = list[tuple[list[ast.stmt], ast.stmt]]
_Import = ast.Import | ast.ImportFrom


def _import_at(
    body: list[ast.stmt], line: int, package: str, name: str
) -> tuple[_Import, list[ast.alias], _Path] | None:
    """The import in this line that needs a package, which of its names do, and the statements that it lies in."""
    for statement in body:
        if not statement.lineno <= line <= (statement.end_lineno or 0):
            continue
        if isinstance(statement, ast.Import | ast.ImportFrom) and (failed := _failing(statement, package, name)):
            return statement, failed, [(body, statement)]
        if isinstance(statement, ast.If | ast.With | ast.For | ast.While | ast.Try):
            for block in (statement.body, getattr(statement, "orelse", []), getattr(statement, "finalbody", [])):
                if found := _import_at(block, line, package, name):
                    return *found[:2], [(body, statement), *found[2]]
        if isinstance(statement, ast.Try):  # whose line is that of its handlers, or of its end
            for one in statement.body:
                if isinstance(one, ast.Import | ast.ImportFrom) and package in _packages(one):
                    return one, _failing(one, package, name), [(body, statement), (statement.body, one)]
    return None


def _packages(statement: _Import) -> set[str]:
    """The packages that an import statement names."""
    if isinstance(statement, ast.Import):
        return {alias.name.partition(".")[0] for alias in statement.names}
    return set() if statement.level else {(statement.module or "").partition(".")[0]}


def _cut(source: str, path: _Path, statement: ast.stmt, instead: str) -> str:
    """A cell from the first statement of a path on, without what came before the last one in the blocks of the path.

    `instead` stands in the place of the last statement. Lines keep their numbers: where nothing is left there is a
    comment, since IPython would leave out empty lines, and count others than the cell has.
    """
    lines = source.splitlines()
    first, last = statement.lineno, statement.end_lineno or 0
    column, before = statement.end_col_offset or 0, lines[first - 1].encode()
    after = lines[last - 1].encode()[column:].decode("utf-8", "replace").lstrip(" \t;")
    block = path[-1][0]
    start = next(one.col_offset for one in block if one.lineno == first)
    nested = len(path) > 1
    headed = nested and path[-2][1].lineno == first  # `if here: import this`
    indent = before[:start].decode("utf-8", "replace") if headed else " " * start if nested else ""
    kept = [part for part in (instead or ("pass" if nested else ""), after) if part]
    begun = path[0][1].lineno - 1
    gone = set(range(first - 1, last - 1))
    for body, inside in path[1:]:
        earlier = (one for one in body if one.lineno < inside.lineno)
        gone |= {n for one in earlier for n in range(one.lineno - 1, min(one.end_lineno or 0, first - 1))}
    rest = ["#" if n < begun or n in gone else one for n, one in enumerate(lines)]
    rest[last - 1] = indent + "; ".join(kept) if kept else "#"
    rest[:1] = lines[:1] if source.startswith("%%") else rest[:1]
    whole = "\n".join(rest)
    return whole if any(not one.startswith(("#", "%%")) for one in rest) else ""


def _changed(statement: ast.stmt, cells: list[ast.Module]) -> set[str]:
    """Names that a statement binds, and of the notebook's variables those that it may have changed on its way.

    A loop, a `with` and a call of the notebook's own functions may change all that they make use of; a call of an
    object's method that object.
    """
    functions: dict[str, ast.stmt] = {}
    variables: set[str] = set()
    for one in (one for cell in cells for one in cell.body):
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            functions[one.name] = one
        elif not isinstance(one, _Import):
            variables |= set(_bound(one))
    bound = set(_bound(statement))
    roots = {_root(node) for node in ast.walk(statement) if isinstance(getattr(node, "ctx", None), ast.Store)}
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        roots.add(_root(statement.value.func))
    waiting = _names(statement)
    if isinstance(statement, ast.For | ast.While | ast.With | ast.If | ast.Try) or waiting & set(functions):
        seen: set[str] = set()
        while waiting:
            seen |= waiting
            waiting = {name for one in waiting & set(functions) for name in _names(functions[one])} - seen
        roots |= seen
    return bound | (roots & variables - set(functions))


def _names(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _root(node: ast.AST) -> str:
    """The name at the root of `name.this[that]`; "" if there is none."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _failing(statement: _Import, package: str, name: str) -> list[ast.alias]:
    """Which names of an import statement need a package that is not there, or have a name that it lacks."""
    if isinstance(statement, ast.ImportFrom):
        named = [alias for alias in statement.names if alias.name == name]
        return [] if statement.level else named or statement.names
    named = [alias for alias in statement.names if alias.name.partition(".")[0] == package]
    return named or (statement.names if len(statement.names) == 1 else [])


def _only(statement: _Import, names: list[ast.alias]) -> _Import:
    if isinstance(statement, ast.Import):
        return ast.Import(names)
    return ast.ImportFrom(statement.module, names, statement.level)


def imported(source: str) -> set[str]:
    """The packages that a cell imports, anywhere."""
    tree = parsed(source)
    found: set[str] = set()
    for node in () if tree is None else ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= _packages(node)
        match node:  # importlib.import_module("this")
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                found.add(name.partition(".")[0])
    return found - {""}
