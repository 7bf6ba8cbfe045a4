"""What the text of a cell says, without running it: the names that it defines, and the packages that it imports."""

from __future__ import annotations

import ast
import importlib.util
import re
import warnings
from collections.abc import Iterator
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
    """What is left of a cell whose import failed.

    Attributes
    ----------
    source
        What comes after the import, on lines of the same numbers; "" if nothing does.
    names
        Names that the import would have bound.
    """

    source: str
    names: frozenset[str]


def after_import(source: str, line: int, package: str) -> Rest | None:
    """The cell behind an import statement in this line that failed for want of a package; None if there is none."""
    tree = parsed(source)
    at_line = [one for one in tree.body if one.lineno <= line <= (one.end_lineno or 0)] if tree is not None else []
    for statement in at_line:
        if isinstance(statement, ast.Import | ast.ImportFrom) and (failed := _failing(statement, package)):
            break
    else:
        return None
    lines = source.splitlines()
    last, column = statement.end_lineno or 0, statement.end_col_offset or 0
    behind = lines[last - 1].encode()[column:].decode("utf-8", "replace").lstrip(" \t;")
    others = [alias for alias in statement.names if alias not in failed]
    kept = [ast.unparse(ast.Import(others))] if others else []
    rest = ["; ".join([*kept, *([behind] if behind else [])]), *lines[last:]]
    names = frozenset(_bound_by_import(_only(statement, failed)))
    if not "".join(rest).strip():
        return Rest("", names)
    rest[0] = rest[0] or "#"
    above = ["#"] * (last - 1)  # IPython would leave out empty lines, and count others than the cell has
    above[:1] = lines[:1] if source.startswith("%%") else above[:1]
    return Rest("\n".join([*above, *rest]), names)


def _failing(statement: ast.Import | ast.ImportFrom, package: str) -> list[ast.alias]:
    """Which names of an import statement need a package that is not there."""
    if isinstance(statement, ast.ImportFrom):
        return [] if statement.level else statement.names
    named = [alias for alias in statement.names if alias.name.partition(".")[0] == package]
    return named or (statement.names if len(statement.names) == 1 else [])


def _only(statement: ast.Import | ast.ImportFrom, names: list[ast.alias]) -> ast.Import | ast.ImportFrom:
    if isinstance(statement, ast.Import):
        return ast.Import(names)
    return ast.ImportFrom(statement.module, names, statement.level)


def imports_inside(source: str, package: str) -> bool:
    """Whether a cell imports a package elsewhere than at its top: in a function, say."""
    tree = parsed(source)
    deeper = [] if tree is None else [one for one in tree.body if not isinstance(one, ast.Import | ast.ImportFrom)]
    for node in (node for one in deeper for node in ast.walk(one)):
        if isinstance(node, ast.Import) and any(alias.name.partition(".")[0] == package for alias in node.names):
            return True
        if isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").partition(".")[0] == package:
            return True
    return False
