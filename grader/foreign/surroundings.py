"""What an assignment's reference tells of the names that a test takes from the notebook. Nothing is run."""

from __future__ import annotations

import ast
import doctest
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field


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
    """

    imports: Mapping[str, str] = field(default_factory=dict)
    stars: tuple[str, ...] = ()
    defined: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()
    read: frozenset[str] = frozenset()


def surroundings(cells: Iterable[str]) -> Surroundings:
    """What the cells of a reference tell, from the first to the last."""
    imports: dict[str, str] = {}
    stars: list[str] = []
    defined, classes, functions, objects, read = set[str](), set[str](), set[str](), set[str](), set[str]()
    for tree in filter(None, map(parsed, cells)):
        defined |= names_bound(tree, inside=False)
        for node in ast.walk(tree):
            match node:
                case ast.Import(names=names):
                    for one in names:
                        bound = one.asname or one.name.partition(".")[0]
                        line = f"import {one.name}" + (f" as {one.asname}" if one.asname else "")
                        kept = imports.get(bound, "")
                        imports[bound] = f"{kept}; {line}" if kept.startswith(f"import {bound}.") else line
                case ast.ImportFrom(module=str(module), names=names, level=0) if module != "__future__":
                    for one in names:
                        line = f"from {module} import {one.name}" + (f" as {one.asname}" if one.asname else "")
                        if one.name == "*":
                            stars.append(line)
                        else:
                            imports[one.asname or one.name] = line
                case ast.ClassDef(name=name):
                    classes.add(name)
                case ast.FunctionDef(name=name):
                    functions.add(name)
                    read |= _read(node)
                case ast.Lambda():
                    read |= _read(node)
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
        *map(frozenset, (classes, functions, objects, read)),
    )


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
    """The code of a cell; None if it is not Python alone."""
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
