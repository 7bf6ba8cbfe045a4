"""Which names of a piece of Python are the whole notebook's, where they stand, and other names for them.

Read off the syntax tree; nothing is compiled or run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass
class _Scope:
    """The module, a function, a class or a comprehension, and the names that are bound in it."""

    kind: str
    above: _Scope | None
    bound: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)  # by `global`


@dataclass(frozen=True)
class _Place:
    """Where a name stands: in a node, and how one finds it there."""

    name: str
    scope: _Scope
    node: ast.AST
    kind: str


class Names:
    """The names of a piece of Python at its top.

    Attributes
    ----------
    defined
        Those that it defines for who comes after it.
    used
        Those that it takes from somewhere else, in a function of its own, too.
    mentioned
        All that stand for something at the top, its own and others'.
    """

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._top = _Scope("module", None)
        self._places: list[_Place] = []
        # Names of caught exceptions are gone behind their handlers.
        self._passing: set[str] = set()
        for statement in tree.body:
            self._visit(statement, self._top)
        ours = [place for place in self._places if self._is_ours(place)]
        self.mentioned = {place.name for place in ours}
        bound = self._top.bound
        self.defined = {place.name for place in ours if place.kind not in ("use", "handler", "global")} & bound
        self.used = {place.name for place in ours if place.kind == "use"} - bound - self._passing

    def _is_ours(self, place: _Place) -> bool:
        """Whether a name is that of the module."""
        scope: _Scope | None = place.scope
        first = True
        while scope is not None:
            if scope.kind == "module" or place.name in scope.shared:
                return True
            if place.name in scope.bound and (first or scope.kind != "class"):
                return False
            first, scope = False, scope.above
        return True

    # ------------------------------------------------------------------ looking through it

    def _bind(self, name: str, scope: _Scope, node: ast.AST, kind: str) -> None:
        if name in scope.shared:
            self._top.bound.add(name)
        else:
            scope.bound.add(name)
        self._places.append(_Place(name, scope, node, kind))

    def _visit(self, node: ast.AST, scope: _Scope) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._bind(node.name, scope, node, "definition")
                for one in (*node.decorator_list, *_annotations(node.args, node.returns)):
                    self._visit(one, scope)
                self._function(node, node.args, node.body, scope)
            case ast.Lambda():
                self._function(node, node.args, [node.body], scope)
            case ast.ClassDef():
                self._bind(node.name, scope, node, "definition")
                for other in (*node.decorator_list, *node.bases, *node.keywords):
                    self._visit(other, scope)
                inner = _Scope("class", self._parameters_of_types(node, scope))
                self._all(node.body, inner)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                self._comprehension(node, scope)
            case ast.NamedExpr():
                self._visit(node.value, scope)
                outer = scope
                while outer.kind == "comprehension" and outer.above is not None:
                    outer = outer.above
                self._bind(node.target.id, outer, node.target, "name")
            case ast.Name():
                if isinstance(node.ctx, ast.Store):
                    self._bind(node.id, scope, node, "name")
                else:
                    self._places.append(_Place(node.id, scope, node, "use"))
            case ast.Import() | ast.ImportFrom():
                for alias in node.names:
                    if alias.name != "*":
                        whole = isinstance(node, ast.ImportFrom)
                        name = alias.asname or (alias.name if whole else alias.name.partition(".")[0])
                        self._bind(name, scope, alias, "import")
            case ast.ExceptHandler():
                if node.name:
                    if scope.kind == "module":
                        self._passing.add(node.name)
                        self._places.append(_Place(node.name, scope, node, "handler"))
                    else:
                        self._bind(node.name, scope, node, "handler")
                self._children(node, scope)
            case ast.MatchAs() | ast.MatchStar():
                if node.name:
                    self._bind(node.name, scope, node, "pattern")
                self._children(node, scope)
            case ast.MatchMapping():
                if node.rest:
                    self._bind(node.rest, scope, node, "rest")
                self._children(node, scope)
            case ast.Global():
                for name in node.names:
                    scope.shared.add(name)
                    self._places.append(_Place(name, scope, node, "global"))
            case _:
                self._children(node, scope)

    def _children(self, node: ast.AST, scope: _Scope) -> None:
        self._all(ast.iter_child_nodes(node), scope)

    def _all(self, nodes: Iterable[ast.AST], scope: _Scope) -> None:
        for one in nodes:
            self._visit(one, scope)

    def _parameters_of_types(self, node: ast.AST, scope: _Scope) -> _Scope:
        """The scope of ``[T]`` behind a name, where a newer Python has that; else the same."""
        parameters = getattr(node, "type_params", None)
        if not parameters:
            return scope
        inner = _Scope("function", scope)
        for one in parameters:
            inner.bound.add(one.name)
            self._children(one, inner)
        return inner

    def _function(self, node: ast.AST, args: ast.arguments, body: Iterable[ast.AST], scope: _Scope) -> None:
        self._all([*args.defaults, *(one for one in args.kw_defaults if one is not None)], scope)
        inner = _Scope("function", self._parameters_of_types(node, scope))
        named = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
        inner.bound |= {one.arg for one in named if one is not None}
        body = list(body)
        inner.shared |= {name for one in body for name in _globals(one)}  # wherever it stands, it holds for all of it
        self._all(body, inner)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, scope: _Scope) -> None:
        inner = _Scope("comprehension", scope)
        for place, one in enumerate(node.generators):
            self._visit(one.iter, scope if place == 0 else inner)
            self._visit(one.target, inner)
            self._all(one.ifs, inner)
        self._all([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt], inner)

    # ------------------------------------------------------------------ other names

    def renamed(self, source: str, names: Mapping[str, str]) -> str:
        """The source with other names in the place of some at its top; strings and attributes stay as they are."""
        places = [place for place in self._places if place.name in names and self._is_ours(place)]
        lines = source.encode().split(b"\n")
        edits = []
        for place in places:
            found = _found(place, lines)
            if found is None:
                return self._rewritten(places, names)
            edits += [(line, start, end, names[place.name]) for line, start, end in found]
        for line, start, end, new in sorted(edits, reverse=True):
            old = lines[line][start:end]
            lines[line] = (
                lines[line][:start]
                + (f"{old.decode()} as {new}" if start == end else new).encode()
                + (lines[line][end:])
            )
        return b"\n".join(lines).decode()

    def _rewritten(self, places: Iterable[_Place], names: Mapping[str, str]) -> str:
        """The same, written anew: where the places in the text cannot be told, as within texts of Python 3.11's."""
        for place in places:
            node, new = place.node, names[place.name]
            if isinstance(node, ast.Name):
                node.id = new
            elif isinstance(node, ast.alias):
                node.asname = new
            elif isinstance(node, ast.Global):
                node.names = [names.get(name, name) for name in node.names]
            elif isinstance(node, ast.MatchMapping):
                node.rest = new
            else:
                node.name = new  # type: ignore[attr-defined]
        return ast.unparse(self._tree)


def _annotations(args: ast.arguments, returns: ast.expr | None) -> list[ast.expr]:
    named = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    found = [one.annotation for one in named if one is not None and one.annotation is not None]
    return [*found, returns] if returns is not None else found


def _globals(node: ast.AST) -> list[str]:
    """Names that `global` names in a statement, functions and classes in it left out."""
    names, waiting = [], [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.Global):
            names += one.names
        if not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting += ast.iter_child_nodes(one)
    return names


def _found(place: _Place, lines: list[bytes]) -> list[tuple[int, int, int]] | None:
    """Where in the text a name stands: line, begin and end; None where that cannot be told.

    Begin and end are the same where a name has to be added: behind an import.
    """
    node, name = place.node, place.name.encode()
    line = node.lineno - 1  # type: ignore[attr-defined]
    start = node.col_offset  # type: ignore[attr-defined]
    last, end = node.end_lineno - 1, node.end_col_offset  # type: ignore[attr-defined]
    if not 0 <= line <= last < len(lines):
        return None
    text = lines[line]
    match place.kind:
        case "name" | "use":
            return [(line, start, start + len(name))] if text[start:end] == name and line == last else None
        case "definition":
            found = re.compile(rb"(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)").match(text, start)
            told = found and found[1].decode() == place.name
            return [(line, *found.span(1))] if found is not None and told else None
        case "import":
            assert isinstance(node, ast.alias)
            if node.asname:
                at = end - len(name)
                return [(last, at, end)] if lines[last][at:end] == name else None
            return [(last, end, end)] if lines[last][end - len(name) : end] == name and "." not in node.name else None
        case "pattern":
            at = end - len(name)
            return [(last, at, end)] if lines[last][at:end] == name else None
        case "global":
            if line != last:
                return None
            words = [found.span() for found in re.finditer(rb"(?<!\w)" + name + rb"(?!\w)", text[start:end])]
            return [(line, start + a, start + b) for a, b in words]
    return None
