"""What an assignment's reference tells of the names that a test takes from the notebook. Nothing is run."""

from __future__ import annotations

import ast
import builtins
import doctest
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from grader import sources


@dataclass(frozen=True)
class Surroundings:
    """What an assignment's reference tells of a test's names.

    Attributes
    ----------
    imports
        The import that binds a name, as a line: ``{"np": "import numpy as np"}``.
    stars
        Lines that import all names of a module.
    defined
        Names that the reference defines: one of them may be that of a built-in function.
    classes, functions
        Those of its classes and its functions.
    objects
        Those of objects of its classes.
    read
        Names that its functions read from outside of them.
    written
        Those that its functions set outside of them.
    """

    imports: Mapping[str, str] = field(default_factory=dict)
    stars: tuple[str, ...] = ()
    defined: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()
    read: frozenset[str] = frozenset()
    written: frozenset[str] = frozenset()


def surroundings(cells: Iterable[str]) -> Surroundings:
    """What the cells of a reference tell, from the first to the last."""
    imports: dict[str, str] = {}
    stars: list[str] = []
    defined, classes, functions, objects = set[str](), set[str](), set[str](), set[str]()
    read, written = set[str](), set[str]()
    for tree in filter(None, map(sources.parsed, cells)):
        defined |= names_bound(tree, inside=False)
        for node in ast.walk(tree):
            match node:
                case ast.Import() | ast.ImportFrom():
                    for bound, line in _imported(node):
                        kept = imports.get(bound, "")
                        if bound == "*":
                            stars.append(line)
                        else:
                            imports[bound] = f"{kept}; {line}" if kept.startswith(f"import {bound}.") else line
                case ast.ClassDef(name=name):
                    classes.add(name)
                case ast.FunctionDef(name=name):
                    functions.add(name)
                    read |= _read(node)
                case ast.Lambda():
                    read |= _read(node)
                case ast.Global(names=names):
                    written.update(names)
                case ast.Name(id="SimpleNamespace" as name) | ast.Attribute(attr="SimpleNamespace" as name):
                    classes.add(name)
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call) if _makes_a_class(call):
                    classes.add(name)
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id=kind))):
                    objects |= {name} if kind in classes else set()
    own = frozenset(defined - imports.keys())
    return Surroundings(
        imports,
        tuple(stars),
        own,
        *map(frozenset, (classes, functions, objects, read | written, written)),
    )


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """The names that a statement imports, `*` among them, each with a line of its own that does."""
    if isinstance(node, ast.ImportFrom):
        if node.level or not node.module or node.module == "__future__":
            return
        before = f"from {node.module} "
    else:
        before = ""
    for one in node.names:
        bound = one.asname or (one.name if before else one.name.partition(".")[0])
        yield bound, f"{before}import {one.name}" + (f" as {one.asname}" if one.asname else "")


def imported_alike(tree: ast.Module, around: Surroundings) -> dict[str, str]:
    """Names that the functions beside a test read and that it imports as the cells beside it do, with those lines.

    Nothing is another for it, but where a cell has forgotten its import.
    """
    lines: dict[str, set[str]] = {}
    for statement in tree.body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            for bound, line in _imported(statement):
                lines.setdefault(bound, set()).add(line)
    others = names_bound(
        ast.Module([one for one in tree.body if not isinstance(one, (ast.Import, ast.ImportFrom))], []), inside=False
    )
    return {
        name: around.imports[name]
        for name, said in lines.items()
        if name in around.read and name not in others and said == {around.imports.get(name)}
    }


def lent(tree: ast.Module, around: Surroundings) -> frozenset[str]:
    """Names that a test gives values to and that the functions beside it read: the notebook has them meanwhile.

    Not those of functions, classes and modules, in whose place a test puts what is to be watched.
    """
    others = set(around.functions | around.classes | around.imports.keys() | around.written | vars(builtins).keys())
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                others.add(name)
            case ast.Import() | ast.ImportFrom():
                others |= {bound for bound, _ in _imported(node)}
            case ast.ExceptHandler(name=str(name)):
                others.add(name)
    return frozenset((names_bound(tree, inside=False) & around.read) - others)


def _makes_a_class(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    makers = ("namedtuple", "NamedTuple", "make_dataclass", "Enum", "IntEnum", "new_class")
    return name in makers or (name == "type" and len(call.args) == 3)


def _read(function: ast.FunctionDef | ast.Lambda) -> set[str]:
    """Names that a function reads and does not bind."""
    names = [one for one in ast.walk(function) if isinstance(one, ast.Name)]
    bound = {one.id for one in names if not isinstance(one.ctx, ast.Load)}
    bound |= {one.arg for one in ast.walk(function) if isinstance(one, ast.arg)}
    return {one.id for one in names} - bound


def parsed(source: str) -> ast.Module | None:
    """The code of a test; None if it is not Python alone."""
    with suppress(SyntaxError, ValueError, RecursionError):
        return ast.parse(source)
    return None


def program(code: str, form: str) -> str:
    """The code of a test without what a session shows."""
    if form != "doctest":
        return code
    return "".join(one.source for one in doctest.DocTestParser().get_examples(code))


def names_bound(tree: ast.AST, inside: bool = True) -> set[str]:
    """Names that code binds; without those that its functions have `inside` of them if False."""
    found = set[str]()
    queue = list(ast.iter_child_nodes(tree))
    while queue:
        node = queue.pop()
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
                if not inside:
                    continue
            case ast.Lambda() if not inside:
                continue
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                found.add(name)
            case ast.arg(arg=name):
                found.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                found |= {(one.asname or one.name).partition(".")[0] for one in names}
            case ast.ExceptHandler(name=str(name)):
                found.add(name)
        queue.extend(ast.iter_child_nodes(node))
    return found
