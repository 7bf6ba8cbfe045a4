"""Tests of other graders, run here, outside the notebook's process.

A test's code is the teacher's. It is compiled and run as it is; the notebook's names in it are stand-ins
(:mod:`grader.foreign.standins`), so that what it compares with never enters the notebook's process. What cannot be run
so (`verified = "word"`) is run whole in there, and passes if it came to its end.
"""

from __future__ import annotations

import ast
import builtins
import doctest
import importlib.util
import inspect
import io
import operator
import re
import sys
import traceback
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from typing import Any, NoReturn

from grader.errors import CheckFailed, ExerciseError, GraderError, SubmissionFault
from grader.foreign.asking import Asking, Undefined, seeding
from grader.foreign.modules import OURS, part
from grader.foreign.rewriting import FILE, Functions, Rewritten, classes_named
from grader.foreign.standins import Standin, info, told
from grader.foreign.surroundings import Surroundings, imported_alike, lent, program
from grader.foreign.whole import Outcome, Test, on_its_word, run_there
from grader.language import tr
from grader.refusals import fault_of
from grader.run import Run
from grader.text import plain

_MOST_PRINTED = 100_000
_OWN = (FILE, "<doctest ")  # what the code of tests is compiled as


def run_test(
    run: Run,
    test: Test,
    code: str,
    surroundings: Surroundings | None = None,
    visible: str | None = None,
    seeded: Collection[str] = (),
) -> Outcome:
    """Judge a test.

    Parameters
    ----------
    code
        The whole of it.
    visible
        The part of it that students have; None: all of it, or nothing of it if the test is hidden.
    seeded
        Generators of random numbers from which the notebook draws as this process does.

    Raises
    ------
    SubmissionFault
        It does not pass; of what is hidden the message says no more than its author does.
    ExerciseError
        It cannot pass or fail: its own code is wrong.
    """
    surroundings = surroundings or Surroundings()
    shown = "" if test.hidden else code if visible is None else visible
    try:
        if test.verified == "word":
            return on_its_word(run, test, code, surroundings, shown)
        return _Testing(run, test, code, surroundings, shown, seeded).outcome()
    except CheckFailed as failed:
        if test.failure and test.hidden:
            raise CheckFailed(test.failure) from None
        raise failed


class _Failed(AssertionError):
    """An assert without a message of its own does not hold; the text says which, if that may be told."""


class _Namespace(dict[str, Any]):
    """A test's names; those that it has not are the notebook's."""

    def __init__(self, find: Callable[[str], Any]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, name: str) -> Any:
        return self._find(name)

    def copy(self) -> _Namespace:
        """Itself: doctest would take a plain copy."""
        return self


class _Environment(Mapping[str, Any]):
    """The `env` of otter's tests."""

    def __init__(self, names: _Namespace) -> None:
        self._names = names

    def __getitem__(self, name: str) -> Any:
        try:
            return self._names[name]
        except Undefined as undefined:
            raise KeyError(name) from undefined

    def __contains__(self, name: object) -> bool:
        with suppress(KeyError):
            self[str(name)]
            return True
        return False

    def __iter__(self) -> Any:
        return iter(list(dict.keys(self._names)))

    def __len__(self) -> int:
        return dict.__len__(self._names)


class _Testing:
    def __init__(
        self, run: Run, test: Test, code: str, surroundings: Surroundings, shown: str, seeded: Collection[str]
    ) -> None:
        self.run, self.test, self.code, self.around, self.shown = run, test, code, surroundings, shown
        self.printed = io.StringIO()
        self.functions = Functions(self.pieces())
        try:
            self.tree = ast.parse(program(code, test.form), FILE)
        except (SyntaxError, ValueError) as error:
            raise ExerciseError(
                f"The test `{test.name}` is no Python: {error}.", "Import the assignment again."
            ) from None
        self.lends = sorted(lent(self.tree, surroundings))
        others = surroundings.functions | surroundings.imports.keys()
        expected = surroundings.classes | (classes_named(self.tree) - others)
        self.asking = Asking(run, expected, self.functions.of)
        self.asking.seeded |= set(seeded)
        self.asking.lent = self.lent
        self.names = _Namespace(self.find)
        self.names.update(self.own_names())
        self.functions.names = self.names

    def pieces(self) -> dict[str, str]:
        """The test's code by what it is compiled as, by `doctest` where it is a session."""
        if self.test.form != "doctest":
            return {FILE: self.code}
        examples = doctest.DocTestParser().get_examples(self.code)
        return {f"<doctest {self.test.name}[{n}]>": one.source for n, one in enumerate(examples)}

    # ------------------------------------------------------------------ names

    def own_names(self) -> dict[str, Any]:
        own = dict(vars(builtins))
        own["__import__"] = self.imported
        for name in self.around.defined & own.keys():
            del own[name]  # the reference has a function of that name
        return {
            "__name__": "__main__",
            "__builtins__": own,
            "__grader_holds__": self.holds,
            "__grader_failed__": self.failed,
            "__grader_type__": _type_of,
            "__grader_seed__": lambda function: seeding(self.asking, function),
        }

    def lent(self) -> dict[str, Any]:
        """What the test has set by now of what the notebook's functions read."""
        return {name: dict.__getitem__(self.names, name) for name in self.lends if dict.__contains__(self.names, name)}

    def find(self, name: str) -> Any:
        """A name that the test does not define: an import of the notebook's, or the notebook's own."""
        if name in self.around.imports:
            scope: dict[str, Any] = {"__builtins__": {"__import__": self.imported}}
            exec(self.around.imports[name], scope)
            if name in scope:
                self.names[name] = scope[name]
                return scope[name]
        if name not in self.around.defined and hasattr(builtins, name):
            raise KeyError(name)
        for line in self.around.stars if name not in self.around.defined else ():
            scope = {"__builtins__": {"__import__": self.imported}}
            exec(line, scope)
            if name in scope:
                self.names[name] = scope[name]
                return scope[name]
        value = self.asking.named(name)
        if isinstance(value, (Standin, type)):
            self.names[name] = value  # functions and classes are asked by number: they need not be looked for again
        return value

    def imported(
        self,
        name: str,
        around: Mapping[str, Any] | None = None,
        names: Mapping[str, Any] | None = None,
        wanted: Sequence[str] = (),
        level: int = 0,
    ) -> Any:
        """A module that the test imports: a library, what stands for nose or otter, or the notebook's own module."""
        first = name.partition(".")[0]
        if first in OURS and importlib.util.find_spec(first) is None:
            return OURS[first]() if not wanted else part(OURS[first](), name)
        if first not in sys.modules and importlib.util.find_spec(first) is None:
            self.asking.word = True
            return self.asking.apply("import", name, {}, {}, list(wanted), what=name)
        return __import__(name, {}, {}, wanted, level)

    # ------------------------------------------------------------------ running

    def outcome(self) -> Outcome:
        value: Any = None
        try:
            self.import_there()
            with redirect_stdout(self.printed), redirect_stderr(io.StringIO()):
                match self.test.form:
                    case "doctest":
                        self.doctest()
                    case "function":
                        self.execute()
                        self.call_tests()
                    case _:
                        value = self.execute()
        except BaseException as error:
            if self.asking.fault is None:
                self.tell(error)
        if self.asking.fault is not None:
            raise self.asking.fault
        shown = value if type(value) in (int, float, bool, str) else None
        verified = "word" if self.asking.word else "outside"
        return Outcome(verified, self.printed.getvalue()[:_MOST_PRINTED], shown)

    def import_there(self) -> None:
        """Have the notebook import what the test imports and its functions read, as a test in its own process would."""
        lines = [*imported_alike(self.tree, self.around).values()] if self.test.form != "function" else []
        if lines:
            run_there(self.run, self.test, {"op": "bind", "imports": lines})

    def execute(self) -> Any:
        """Run the test's code; the value of its last line."""
        tree = ast.fix_missing_locations(Rewritten(self.code).visit(ast.parse(self.code, FILE)))
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            last = tree.body[-1]
            name = ast.copy_location(ast.Name("__grader_value__", ast.Store()), last)
            tree.body[-1] = ast.copy_location(ast.Assign([name], last.value), last)
            ast.fix_missing_locations(tree)
        exec(compile(tree, FILE, "exec", dont_inherit=True), self.names)
        return dict.get(self.names, "__grader_value__")

    def call_tests(self) -> None:
        """Call the `test_…` functions that the code has defined, with what they ask for by their parameters' names."""
        environment = _Environment(self.names)
        called = 0
        for name, value in list(dict.items(self.names)):
            if not isinstance(value, types.FunctionType) or value.__code__.co_filename != FILE:
                continue
            if not (name.startswith("test") or hasattr(value, "grader_test")):
                continue
            wanted = [one for one, it in inspect.signature(value).parameters.items() if it.default is it.empty]
            value(*(environment if one == "env" else self.names[one] for one in wanted))
            called += 1
        if not called:
            raise ExerciseError(f"The test `{self.test.name}` defines no function `test_…`.", "Import it again.")

    def doctest(self) -> None:
        session = doctest.DocTestParser().get_doctest(self.code, self.names, self.test.name, FILE, 0)
        if not session.examples:
            raise ExerciseError(f"The test `{self.test.name}` has no line that begins with `>>>`.", "Import it again.")
        runner = _Session(self)
        runner.run(session, out=lambda _: None, clear_globs=False)
        if runner.fault is not None:
            raise runner.fault

    # ------------------------------------------------------------------ asserts

    def holds(self, how: str, source: str, left: Any, right: Any = None) -> bool:
        """Whether what an assert says is so; notes its two sides if not."""
        if not how:
            result = left
        elif how in ("in", "not in"):
            result = (left in right) is (how == "in")
        else:
            result = _COMPARISONS[how](left, right)
        if result:
            return True
        self.sides = (how, source, left, right)
        return False

    def failed(self) -> _Failed:
        """What to raise where an assert without a message does not hold."""
        how, source, left, right = self.sides
        if not self.may_show(source):
            return _Failed(self.hidden_text())
        tree: Any = ast.parse(source.strip(), mode="eval").body if source else None
        if not how or not isinstance(tree, ast.Compare):
            return _Failed(tr("`{assertion}` does not hold.", assertion=plain(" ".join(source.split()), 300)))
        sides = [(tree.left, left), (tree.comparators[0], right)]
        found = [
            tr("`{expression}` is {value}", expression=plain(ast.unparse(one), 120), value=told(value))
            for one, value in sides
            if not _is_literal(one)
        ]
        said = tr("`{assertion}` does not hold", assertion=plain(" ".join(source.split()), 300))
        return _Failed(f"{said}: {', '.join(found)}." if found else f"{said}.")

    def may_show(self, source: str) -> bool:
        """Whether students have this part of the test."""
        return bool(source) and source in self.shown

    def hidden_text(self) -> str:
        return tr("A hidden test does not pass.")

    # ------------------------------------------------------------------ what became of it

    def tell(self, error: BaseException, source: str = "") -> NoReturn:
        """Raise what a test's exception means; `source` is the line that it comes from, if that is known."""
        if isinstance(error, (SubmissionFault, GraderError)):
            raise error
        if isinstance(error, Undefined):
            raise error.fault
        said = getattr(error, "grader_content", None)
        frame = _frame(error)
        line = source or _line(self.code, frame)
        if said is not None:
            if not self.shown:
                raise CheckFailed(self.hidden_text())
            what = str(error.grader_what)  # type: ignore[attr-defined]
            raise fault_of(said, what, f"`{plain(what, 60)}(…)`")
        if isinstance(error, AssertionError) or _is_outcome(error):
            own = frame is not None and frame is _innermost(error)
            text = plain(str(error), 1000, lines=True).strip()
            if not (own or self.shown) or (not own and not self.may_show(line)):
                text = self.hidden_text()
            if not text:
                text = tr("`{assertion}` does not hold.", assertion=plain(line, 200)) if self.may_show(line) else ""
            raise CheckFailed(text or self.hidden_text())
        if not isinstance(error, Exception) and not isinstance(error, SystemExit):
            raise error
        raised = {"error": type(error).__name__, "text": plain(str(error), 200)}
        if self.asking.questions and not isinstance(error, SystemExit):
            if not self.may_show(line):
                raise CheckFailed(self.hidden_text())
            raise CheckFailed(
                tr("The test cannot go on in the line `{line}`: {error}: {text}.", line=plain(line, 120), **raised),
                tr("Look at what your code gives there: it may be of another kind than the test needs."),
            )
        raise ExerciseError(
            f"The test `{self.test.name}` itself failed: {raised['error']}: {raised['text']} (line {frame or '?'}).",
            "Mend it where it comes from and import it again.",
        )


_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "is": operator.is_,
    "is not": operator.is_not,
}


def _is_literal(node: ast.AST) -> bool:
    with suppress(ValueError, TypeError, SyntaxError, RecursionError):
        ast.literal_eval(node)
        return True
    return False


def _type_of(value: Any) -> Any:
    """As `type(value)`; the class of an object of the notebook's is asked for."""
    if issubclass(type(value), Standin):
        about = info(value)
        return about.asking.apply("type", value, what=f"type({about.what})")
    return type(value)


# How NumPy 2 shows its own truths and numbers, which were shown as Python's own before.
_TRUTH, _SCALAR = (
    re.compile(r"\bnp\.(True|False)_"),
    re.compile(r"\bnp\.(?:u?int|float|complex|str|bytes)\w*\(([^()]*)\)"),
)


class _Shown(doctest.OutputChecker):
    """Compares what a line shows; a session that was written with an earlier NumPy means the same values."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        earlier = _SCALAR.sub(r"\1", _TRUTH.sub(r"\1", got))
        return any(super(_Shown, self).check_output(want, one, optionflags) for one in (got, earlier))


class _Session(doctest.DocTestRunner):
    """Runs a test that is written as a session at the prompt, up to the first line that says something else."""

    def __init__(self, testing: _Testing) -> None:
        super().__init__(_Shown(), verbose=False, optionflags=doctest.FAIL_FAST)
        self._testing = testing
        self.fault: BaseException | None = None

    def report_failure(self, out: Any, test: Any, example: doctest.Example, got: str) -> None:
        source = plain(example.source.strip(), 200)
        if self._testing.may_show(example.source.strip().partition("\n")[0]):
            wanted, given = plain(" ".join(example.want.split()), 200), plain(" ".join(got.split()), 200)
            said = {"source": source, "wanted": wanted or tr("nothing"), "given": given or tr("nothing")}
            self.fault = CheckFailed(tr("`{source}` shows {given}, not {wanted}.", **said))
        else:
            self.fault = CheckFailed(self._testing.hidden_text())

    def report_unexpected_exception(self, out: Any, test: Any, example: doctest.Example, exc_info: Any) -> None:
        try:
            self._testing.tell(exc_info[1], example.source.strip().partition("\n")[0])
        except BaseException as fault:
            self.fault = fault


def _frame(error: BaseException) -> int | None:
    """The line of the test that an exception came through last."""
    lines = [one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename.startswith(_OWN)]
    return lines[-1] if lines else None


def _innermost(error: BaseException) -> int | None:
    """The line that raised it, if that is the test's own."""
    frames = traceback.extract_tb(error.__traceback__)
    return frames[-1].lineno if frames and frames[-1].filename.startswith(_OWN) else None


def _line(code: str, number: int | None) -> str:
    lines = code.splitlines()
    return lines[number - 1].strip() if number and number <= len(lines) else ""


def _is_outcome(error: BaseException) -> bool:
    """Whether it is what `pytest.raises` and `pytest.fail` raise."""
    pytest: Any = sys.modules.get("_pytest.outcomes")
    return pytest is not None and isinstance(error, pytest.Failed)
