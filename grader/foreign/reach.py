"""What a test reaches for: whether it can be judged outside the notebook's process, and why not.

Read from its code, and from the reference's cells that it was written beside; nothing is run. Where in doubt a test is
judged outside, and `grade validate` shows whether the reference passes it there.
"""

from __future__ import annotations

import ast
import builtins
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from grader.foreign.modules import OURS
from grader.foreign.surroundings import Surroundings, imported_alike, lent, names_bound, parsed, program
from grader.language import tr

_MUTATING = frozenset(
    (
        *("append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse", "update", "add", "discard"),
        *("setdefault", "popitem", "appendleft", "popleft", "fill", "fill_", "zero_", "add_", "mul_", "copy_"),
    )
)
_OF_THE_PROCESS = ("globals", "locals", "exec", "eval", "compile", "get_ipython", "breakpoint", "display")
_FILES = frozenset(
    (
        *("open", "read_csv", "read_excel", "read_json", "read_table", "read_parquet", "loadtxt", "genfromtxt"),
        *("read_pickle", "read_feather", "read_hdf", "read_fwf", "read_stata", "fromfile", "memmap", "loadmat"),
        *("imread", "exists", "isfile", "isdir", "listdir", "read_text", "read_bytes", "savefig"),
    )
)
_MODULES = {
    "inspect": "inspect",
    "os": "os",
    "pathlib": "pathlib",
    "shutil": "shutil",
    "subprocess": "subprocess",
    "sys": "sys",
    "mock": "mock",
    "unittest.mock": "mock",
    "gc": "gc",
    "builtins": "builtins",
    "glob": "glob",
    "logging": "logging",
    "tempfile": "tempfile",
    "tracemalloc": "tracemalloc",
    "IPython": "IPython",
    "matplotlib": "matplotlib",
    "seaborn": "matplotlib",
}
# What is warned and logged there is not heard elsewhere. To ignore warnings changes nothing.
_HEARD = ("warns", "deprecated_call", "assertWarns", "assertWarnsRegex", "assertLogs", "assertNoLogs")
_FILTERS = ("simplefilter", "filterwarnings")
_LAZY = ("iter", "map", "zip", "filter", "enumerate", "reversed", "StringIO", "BytesIO")


@dataclass(frozen=True)
class Reach:
    """What a test reaches for.

    Attributes
    ----------
    verified
        ``"outside"``; or ``"word"``: it has to run whole in the notebook's process.
    reason
        Why, in words for the teacher; "" for what is judged outside.
    names
        What it takes from the notebook.
    packages
        What it imports, and what it uses of the notebook's imports.
    """

    verified: Literal["outside", "word"]
    reason: str
    names: frozenset[str]
    packages: tuple[str, ...]


def reach(code: str, form: str, around: Surroundings) -> Reach:
    """What a test of this form reaches for, beside the cells that `around` tells of."""
    tree = parsed(program(code, form))
    if tree is None:
        return Reach("word", tr("it has lines that only IPython understands"), frozenset(), ())
    bound = names_bound(tree)
    loaded = {one.id for one in ast.walk(tree) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)}
    if form == "function":
        loaded |= _parameters(tree)
        bound -= _parameters(tree)
    own = frozenset(vars(builtins)) - around.defined
    taken = frozenset(loaded - bound - own - around.imports.keys() - {"env"})
    packages = _packages(
        tree, [around.imports[name] for name in loaded if name in around.imports and name not in bound]
    )
    reason = next(_Reasons(tree, taken, bound, around, packages).found(), "")
    return Reach("word" if reason else "outside", reason, taken, tuple(sorted(packages - OURS.keys())))


def _parameters(tree: ast.Module) -> set[str]:
    """Names that otter hands to test functions."""
    tests = [one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name.startswith("test")]
    return {argument.arg for one in tests for argument in one.args.args}


def _packages(tree: ast.Module, lines: Iterable[str]) -> set[str]:
    trees = [tree, *map(ast.parse, lines)]
    found = set()
    for node in (node for one in trees for node in ast.walk(one)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def _loads(call: ast.Call) -> bool:
    """Whether it is `np.load`, `torch.load` or `joblib.load`: the name alone says little."""
    match call.func:
        case ast.Attribute(value=ast.Name(id="np" | "numpy" | "torch" | "joblib" | "pickle"), attr="load"):
            return True
    return False


class _Reasons:
    def __init__(
        self, tree: ast.Module, taken: frozenset[str], bound: set[str], around: Surroundings, packages: set[str]
    ) -> None:
        self.tree, self.taken, self.bound, self.around, self.packages = tree, taken, bound, around, packages
        self.modules = self._modules()

    def found(self) -> Iterator[str]:
        """Why the test cannot be judged outside, one reason after another."""
        for package in sorted(self.packages - OURS.keys()):
            if importlib.util.find_spec(package) is None:
                yield tr("it imports `{name}`, which only the notebook has", name=package)
        harmless = imported_alike(self.tree, self.around).keys() | lent(self.tree, self.around)
        for name in sorted((self._bound_outside_functions() & self.around.read) - harmless):
            yield tr("it sets `{name}`, which the notebook's functions read", name=name)
        for node in ast.walk(self.tree):
            reason = self.of_node(node)
            if reason:
                yield reason

    def _modules(self) -> dict[str, str]:
        """Names of modules that tell of the process they are in, and of what comes from those."""
        lines = [ast.parse(line) for name, line in self.around.imports.items() if name not in self.bound]
        found = {}
        for node in (node for one in (self.tree, *lines) for node in ast.walk(one)):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                for alias in node.names:
                    module = node.module or "" if isinstance(node, ast.ImportFrom) else alias.name
                    first = module.partition(".")[0]
                    whole = f"{module}.{alias.name}" if isinstance(node, ast.ImportFrom) else module
                    what = _MODULES.get(whole) or _MODULES.get(module) or _MODULES.get(first)
                    if what:
                        found[(alias.asname or alias.name).partition(".")[0]] = what
        return found

    def _bound_outside_functions(self) -> set[str]:
        return names_bound(self.tree, inside=False)

    def root(self, node: ast.AST) -> str:
        """The notebook's name that an expression begins with; "" if it begins otherwise."""
        while isinstance(node, (ast.Attribute, ast.Subscript)):
            node = node.value
        return node.id if isinstance(node, ast.Name) and node.id in self.taken else ""

    def of_node(self, node: ast.AST) -> str:
        match node:
            case ast.Name(id=name, ctx=ast.Load()) if name in _OF_THE_PROCESS and name not in self.bound:
                return tr("it uses `{name}`, which tells of the process that it is in", name=name)
            case ast.Name(id=name, ctx=ast.Load()) if name in self.modules:
                return tr("it uses `{name}`, which tells of the process that it is in", name=self.modules[name])
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _FILES or _loads(node):
                return tr("it looks at files (`{name}`), which lie with the notebook", name=name)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if self._hears(node, name):
                return tr("it uses `{name}`, which tells of the process that it is in", name=name)
            case ast.Call(func=ast.Name(id="dir" | "vars" as name), args=[]):
                return tr("it uses `{name}`, which tells of the process that it is in", name=name)
            case ast.Attribute(attr="backward" | "grad" | "grad_fn" as name):
                return tr("it uses `{name}`: gradients do not leave the process that computes them", name=name)
            case ast.Attribute() | ast.Subscript() if not isinstance(node.ctx, ast.Load) and self.root(node):
                return tr("it changes `{name}` of the notebook's", name=self.root(node))
            case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in _MUTATING and self.root(value):
                if self.root(value) not in self.around.objects:
                    return tr("it changes `{name}` of the notebook's", name=self.root(value))
            case ast.ClassDef(name=name, bases=bases):
                if not any("TestCase" in ast.unparse(base) or "Exception" in ast.unparse(base) for base in bases):
                    return tr("it defines a class (`{name}`), whose objects cannot be sent", name=name)
            case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot()], comparators=[right]):
                if self._data(left) and self._data(right):
                    return tr("it asks whether two values of the notebook's are one and the same")
            case ast.Call(func=function, args=args) if self.root(function):
                for one in args:
                    if isinstance(one, ast.GeneratorExp) or (isinstance(one, ast.Call) and self._lazy(one.func)):
                        return tr("it gives `{name}` something that cannot be sent", name=self.root(function))
        return ""

    @staticmethod
    def _hears(call: ast.Call, name: str) -> bool:
        """Whether a call asks what was warned or logged, or makes errors of warnings."""
        match call.args:
            case [ast.Constant(value="error"), *_] if name in _FILTERS:
                return True
        recorded = name == "catch_warnings" and any(one.arg in ("record", "action") for one in call.keywords)
        return recorded or name in _HEARD

    def _lazy(self, function: ast.AST) -> bool:
        return (isinstance(function, ast.Name) and function.id in _LAZY and function.id not in self.taken) or (
            isinstance(function, ast.Attribute) and function.attr in ("StringIO", "BytesIO")
        )

    def _data(self, node: ast.AST) -> bool:
        """Whether it is a value of the notebook's that crosses as a copy."""
        name = self.root(node)
        return bool(name) and name not in self.around.classes | self.around.functions
