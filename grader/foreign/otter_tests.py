"""otter's tests: the cases of a question, what each of them is worth, and how they become tests of ours.

Nothing of them is run to be read. A file in OK's format holds one literal; of one whose tests raise exceptions the
syntax tree says what there is.
"""

from __future__ import annotations

import ast
import keyword
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from grader.errors import UsageError
from grader.foreign.tests_file import Test
from grader.foreign.writing import Coded
from grader.text import plain

CaseForm = Literal["doctest", "function"]


@dataclass(frozen=True)
class Case:
    """One of a question's tests.

    Attributes
    ----------
    code
        A session with its output, or the definition of a function that raises.
    before
        What stands in the same file outside of the cases, and is run first.
    points
        As the case says itself; None where it is left to the question.
    """

    code: str
    form: CaseForm
    before: str = ""
    name: str = ""
    hidden: bool = False
    points: float | None = None
    success: str = ""
    failure: str = ""


@dataclass
class Question:
    """A question, as the notebook or a file of tests has it.

    Attributes
    ----------
    points
        As it says itself: for all cases together, a list with one for each case, or nothing.
    cell
        The cell at whose place it is judged.
    manual
        Whether a person grades the answer.
    """

    name: str
    points: float | list[float | None] | None = None
    all_or_nothing: bool = False
    manual: bool = False
    cell: str = ""
    heading: str = ""
    cases: list[Case] = field(default_factory=list)


# ---------------------------------------------------------------------- points


def shared_out(question: Question) -> list[float]:
    """What each case is worth, by otter's rules.

    A case that says it itself has that. The others share what is left of the question's points; of a question that
    says nothing they have nothing, unless none of its cases says anything: then it is worth one point.

    Raises
    ------
    UsageError
        otter would refuse them.
    """
    own = [case.points for case in question.cases]
    total = question.points
    if isinstance(total, list):
        if len(total) != len(own):
            raise UsageError(
                f"The question {plain(question.name, 60)} has {len(own)} tests, and points for {len(total)}.",
                "Give each of its tests points.",
            )
        own, total = total, None
    said = sum(points for points in own if points is not None)
    open_ones = own.count(None)
    if total is None:
        total = max(said, 0.0 if any(own) else 1.0)
    elif said > total:
        raise UsageError(
            f"The tests of the question {plain(question.name, 60)} have {said:g} points, and itself {total:g}.",
            "Raise the question's points, or lower its tests'.",
        )
    each = (total - said) / open_ones if open_ones else 0.0
    return [each if points is None else points for points in own]


def number(value: object, what: str) -> float | None:
    """Points as somebody wrote them: a number that is not negative, or nothing.

    Raises
    ------
    UsageError
        It is something else.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        raise UsageError(f"{plain(what, 80)} has {plain(repr(value), 40)} for points.", "Write a number.")
    return float(value)


def points_of(value: object, what: str, cases: int) -> float | list[float | None] | None:
    """The points that a question says it has.

    Raises
    ------
    UsageError
        They are none that otter knows.
    """
    match value:
        case dict():
            return (number(value.get("each", 1), what) or 0.0) * cases
        case list() | tuple():
            return [number(one, what) for one in value]
    return number(value, what)


# ---------------------------------------------------------------------- tests of ours


def as_tests(questions: Sequence[Question]) -> tuple[Coded, ...]:
    """The questions' tests: one for each case, which has its own points; one for a question that gives all or nothing.

    Raises
    ------
    UsageError
        otter would refuse their points.
    """
    taken: set[str] = set()
    found: list[Coded] = []
    for question in questions:
        shares = shared_out(question)
        if question.all_or_nothing and question.cases:
            found.append(_together(question, sum(shares), _identifier(question.name, taken)))
        else:
            several = len(question.cases) > 1
            for count, (case, points) in enumerate(zip(question.cases, shares, strict=True), 1):
                name = _identifier(f"{question.name}_{count}" if several else question.name, taken)
                usual = f"{question.name} - {count}" if several else question.name
                test = _test(question, case, name).model_copy(update={"title": case.name or usual, "points": points})
                found.append(Coded(test, *(("", _code(case)) if case.hidden else (_code(case),))))
        if question.manual:
            points = question.points if isinstance(question.points, float) else 0.0
            found.append(
                Coded(
                    Test(
                        name=_identifier(question.name, taken),
                        title=question.heading or question.name,
                        points=0.0 if question.cases else points,
                        cell=question.cell,
                        form="written",
                        group=question.name,
                    ),
                    "",
                )
            )
    return tuple(found)


def _test(question: Question, case: Case, name: str) -> Test:
    return Test(
        name=name,
        title=name,
        cell=question.cell,
        form=case.form,
        group=question.name,
        hidden=case.hidden,
        success=case.success,
        failure=case.failure,
    )


def _together(question: Question, points: float, name: str) -> Coded:
    """All cases of a question as one test: what fails one, fails all of it."""
    seen = [case for case in question.cases if not case.hidden]
    test = _test(question, replace(question.cases[0], hidden=not seen), name)
    said = {
        "title": question.name,
        "points": points,
        "success": "\n".join(dict.fromkeys(case.success for case in question.cases if case.success)),
        "failure": "\n".join(dict.fromkeys(case.failure for case in question.cases if case.failure)),
    }
    visible, whole = (_joined(cases, name) if cases else "" for cases in (seen, question.cases))
    return Coded(test.model_copy(update=said), visible, whole if whole != visible else "")


def _joined(cases: Sequence[Case], name: str) -> str:
    if cases[0].form == "doctest":
        return "\n".join(_code(case) for case in cases)
    functions = [_function(case.code) for case in cases]
    renamed: list[str] = []
    calls: list[str] = []
    arguments: dict[str, None] = {}
    for count, function in enumerate(functions, 1):
        own = [one.arg for one in _arguments(function)]
        function.name = f"_case_{count}"
        renamed.append(ast.unparse(function))
        calls.append(f"    _case_{count}({', '.join(f'{one}={one}' for one in own)})")
        arguments |= dict.fromkeys(own)
    before = "\n".join(dict.fromkeys(case.before for case in cases if case.before))
    last = "\n".join([f"def test_{name}({', '.join(arguments)}):", *calls])
    return "\n\n".join([*([before] if before else []), *renamed, last]) + "\n"


def _code(case: Case) -> str:
    return "\n\n".join(part.strip("\n") for part in (case.before, case.code) if part) + "\n"


def _arguments(function: ast.FunctionDef) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def _function(code: str) -> ast.FunctionDef:
    function = ast.parse(code).body[0]
    assert isinstance(function, ast.FunctionDef)  # it is made so
    return function


def _identifier(name: str, taken: set[str]) -> str:
    """What the check is called: an identifier that no other has."""
    found = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")[:90] or "question"
    if not found[0].isalpha() or keyword.iskeyword(found):
        found = f"question_{found}"
    while found in taken:
        found += "_"
    taken.add(found)
    return found


# ---------------------------------------------------------------------- files of tests


def read_file(code: str, name: str) -> Question:
    """A question's tests from a file of its own.

    Raises
    ------
    UsageError
        It is none of otter's, or would have to be run to be read.
    """
    tree = _parsed(code, name)
    values = _literals(tree)
    if isinstance(spec := values.get("test"), dict):
        return from_ok(spec, name)
    if "test" in values or values.get("OK_FORMAT") is True:
        raise UsageError(f"The tests in {plain(name, 80)} are no literal.", "Write them out: `test = {…}`.")
    return _from_functions(tree, values, name)


def from_metadata(spec: object, name: str) -> Question:
    """A question's tests from a notebook's metadata.

    Raises
    ------
    UsageError
        They are none of otter's.
    """
    if isinstance(spec, str):
        return read_file(spec, name)
    if isinstance(spec, dict):
        return from_ok(spec, name)
    raise UsageError(f"The tests of {plain(name, 80)} in the notebook's metadata are none.", "Assign it again.")


def from_ok(spec: Mapping[str, Any], name: str) -> Question:
    """A question from tests in OK's format.

    Raises
    ------
    UsageError
        They are none, or have what otter does not grade either.
    """
    suites = spec.get("suites")
    cases = suites[0].get("cases") if isinstance(suites, list) and len(suites) == 1 and _is_dict(suites[0]) else None
    if not isinstance(cases, list) or not all(_is_dict(one) and isinstance(one.get("code"), str) for one in cases):
        raise UsageError(f"{plain(name, 80)} has no tests in OK's format.", "It needs one suite, with cases.")
    suite = suites[0]  # type: ignore[index]
    if suite.get("type", "doctest") != "doctest" or suite.get("setup") or suite.get("teardown"):
        raise UsageError(f"{plain(name, 80)} has a suite that is none of doctests alone.", "otter takes no others.")
    question = Question(str(spec.get("name", name)), all_or_nothing=spec.get("all_or_nothing") is True)
    for one in cases:
        question.cases.append(
            Case(
                textwrap.dedent(one["code"]),
                "doctest",
                name=plain(str(one.get("name", "")), 200),
                hidden=bool(one.get("hidden", True)),
                points=number(one.get("points"), question.name),
                success=str(one.get("success_message") or ""),
                failure=str(one.get("failure_message") or ""),
            )
        )
    question.points = points_of(spec.get("points"), question.name, len(cases))
    return question


def _is_dict(value: object) -> bool:
    return isinstance(value, dict)


def _from_functions(tree: ast.Module, values: Mapping[str, Any], name: str) -> Question:
    cases: dict[str, Case] = {}
    before: list[ast.stmt] = []
    for one in tree.body:
        marks = _decoration(one)
        if marks is not None and isinstance(one, ast.FunctionDef):
            cases[one.name] = _case(one, marks, name)  # of two with the same name otter sees the last
        elif not _is_of_otter(one):
            before.append(one)
    if "name" not in values:
        raise UsageError(f"{plain(name, 80)} is no file of otter's tests.", "It needs a `name`, and `test_case`s.")
    code = "\n".join(ast.unparse(one) for one in before)
    question = Question(str(values["name"]), all_or_nothing=values.get("all_or_nothing") is True)
    question.cases = [replace(case, before=code) for case in cases.values()]
    question.points = points_of(values.get("points"), question.name, len(cases))
    return question


def _case(function: ast.FunctionDef, marks: ast.expr, where: str) -> Case:
    said: dict[str, Any] = {}
    call = marks if isinstance(marks, ast.Call) else None
    names = ("name", "points", "hidden", "success_message", "failure_message")
    pairs = [*zip(names, call.args, strict=False), *((one.arg, one.value) for one in call.keywords)] if call else []
    for key, value in pairs:
        try:
            said[str(key)] = ast.literal_eval(value)
        except (ValueError, TypeError, RecursionError):
            raise UsageError(
                f"{plain(where, 80)}: the {key} of {function.name} is no literal.", "Write it out."
            ) from None
    function.decorator_list = [one for one in function.decorator_list if one is not marks]
    if not function.name.startswith("test"):
        function.name = f"test_{function.name}"  # otter calls what is marked, whatever its name
    return Case(
        ast.unparse(function),
        "function",
        name=plain(str(said.get("name") or ""), 200),
        hidden=bool(said.get("hidden", False)),
        points=number(said.get("points"), where),
        success=str(said.get("success_message") or ""),
        failure=str(said.get("failure_message") or ""),
    )


def _decoration(one: ast.stmt) -> ast.expr | None:
    """What makes a function a test case of otter's."""
    for mark in one.decorator_list if isinstance(one, ast.FunctionDef) else []:
        called = mark.func if isinstance(mark, ast.Call) else mark
        last = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
        if last == "test_case":
            return mark
    return None


def _is_of_otter(one: ast.stmt) -> bool:
    """Whether a statement of a file of tests says something to otter, and nothing to the tests."""
    match one:
        case ast.ImportFrom(module=str(module)):
            return module.split(".")[0] == "otter"
        case ast.Import(names=[ast.alias(name=name)]):
            return name.split(".")[0] == "otter"
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name in ("OK_FORMAT", "name", "points", "all_or_nothing")
    return False


def _parsed(code: str, name: str) -> ast.Module:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UsageError(f"{plain(name, 80)} is no Python.", "Correct it.") from None


def _literals(tree: ast.Module) -> dict[str, Any]:
    """The values of a file's names that are written out in it."""
    found: dict[str, Any] = {}
    for one in tree.body:
        if isinstance(one, ast.Assign) and len(one.targets) == 1 and isinstance(one.targets[0], ast.Name):
            try:
                found[one.targets[0].id] = ast.literal_eval(one.value)
            except (ValueError, TypeError, RecursionError, MemoryError):
                found[one.targets[0].id] = None
    return found


# ---------------------------------------------------------------------- a session


class _WithoutAnnotations(ast.NodeTransformer):
    """Takes types off, which otter does not keep either."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        node.returns = None
        return node


def session(code: str, output: str, name: str) -> str:
    """A cell's code and what it printed, as a session that doctest reads.

    Raises
    ------
    UsageError
        It is no Python.
    """
    tree = _WithoutAnnotations().visit(_parsed(code, name))
    lines: list[str] = []
    for one in tree.body:
        first, *others = ast.unparse(one).split("\n")
        lines += [f">>> {first}", *(f"... {line}" for line in others)]
    return "\n".join([*lines, *output.split("\n")])
