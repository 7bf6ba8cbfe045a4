"""A test's code, rewritten so that its asserts say what they compared; and its functions, as they are sent."""

from __future__ import annotations

import ast
import builtins
import types
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from grader.foreign.surroundings import names_bound

FILE = "<test>"  # what tests are compiled as

_SIGNS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}


def classes_named(tree: ast.AST) -> frozenset[str]:
    """Names of classes that a test makes objects of, or asks whether something is one: they begin with a capital."""
    bound = names_bound(tree)
    found = set[str]()
    for node in ast.walk(tree):
        match node:
            case (
                ast.Call(func=ast.Name(id="isinstance"), args=[_, ast.Name(id=name)]) | ast.Call(func=ast.Name(id=name))
            ):
                found.add(name)
    return frozenset(name for name in found - bound if name[:1].isupper() and not hasattr(builtins, name))


class Rewritten(ast.NodeTransformer):
    """Asserts that say what they compared, `type(x)` of stand-ins, and generators that are seeded on both sides."""

    def __init__(self, code: str) -> None:
        self._code = code

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        source = ast.get_source_segment(self._code, node.test) or ""
        node = self.generic_visit(node)  # type: ignore[assignment]
        test = node.test
        how, sides = "", [test]
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            how, sides = _SIGNS[type(test.ops[0])], [test.left, test.comparators[0]]
        holds = _call("__grader_holds__", ast.Constant(how), ast.Constant(source), *sides)
        raised = _call("AssertionError", node.msg) if node.msg is not None else _call("__grader_failed__")
        made = ast.If(ast.UnaryOp(ast.Not(), holds), [ast.Raise(raised)], [])
        for one in ast.walk(made):
            if not hasattr(one, "lineno"):
                ast.copy_location(one, node)
        return made

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Name("type"), args=[_], keywords=[]):
                node.func = ast.copy_location(ast.Name("__grader_type__", ast.Load()), node.func)
            case ast.Call(func=ast.Attribute(attr="seed" | "manual_seed") as function):
                node.func = ast.copy_location(_call("__grader_seed__", function), function)
        return node


def _call(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(args), [])


class Functions:
    """Functions that a test defines, as they are sent to the notebook: their source, and what it needs.

    Parameters
    ----------
    pieces
        The test's code, by what it is compiled as: one piece, or the lines of a session.
    """

    def __init__(self, pieces: Mapping[str, str]) -> None:
        self._pieces = pieces
        self.names: dict[str, Any] = {}

    def of(self, value: Any) -> Any:
        """Source, name ("" for a lambda) and captured values of a function; None if it is none of the test's."""
        if not isinstance(value, types.FunctionType) or value.__code__.co_filename not in self._pieces:
            return None
        code = value.__code__
        try:
            tree = ast.parse(self._pieces[code.co_filename])
            nodes = [one for one in ast.walk(tree) if isinstance(one, (ast.FunctionDef, ast.Lambda))]
        except SyntaxError:
            return None
        found = [one for one in nodes if self._is(one, code)]
        if not found:
            return None
        segment = ast.unparse(found[0]) if isinstance(found[0], ast.Lambda) else self._undecorated(found[0])
        captured: dict[str, Any] = {}
        for name, cell in zip(code.co_freevars, value.__closure__ or (), strict=True):
            with suppress(ValueError):
                captured[name] = cell.cell_contents
        for name in _names_in(code):
            if dict.__contains__(self.names, name) and name not in captured:
                one = dict.__getitem__(self.names, name)
                if one is not value:
                    captured[name] = one
        return segment, "" if isinstance(found[0], ast.Lambda) else found[0].name, captured

    def _is(self, node: ast.FunctionDef | ast.Lambda, code: types.CodeType) -> bool:
        if isinstance(node, ast.FunctionDef):
            first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
            return node.name == code.co_name and first == code.co_firstlineno
        if code.co_name != "<lambda>" or node.lineno != code.co_firstlineno:
            return False
        columns = [start for line, _, start, _ in code.co_positions() if line and start]
        body = node.body
        inside = [one for one in columns if one >= body.col_offset]
        return not columns or (len(inside) == len(columns) and max(columns) <= (body.end_col_offset or 0))

    def _undecorated(self, node: ast.FunctionDef) -> str:
        node.decorator_list = []
        return ast.unparse(node)


def _names_in(code: types.CodeType) -> set[str]:
    inner = [_names_in(one) for one in code.co_consts if isinstance(one, types.CodeType)]
    return set(code.co_names).union(*inner)
