"""The one path, with a stand-in for the kernel: what checks do to the report."""

from __future__ import annotations

import importlib.util
import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from grader import chance, grading
from grader.chance import random_for, secret
from grader.errors import DataMissing, ExerciseError, KernelStartError, UsageError
from grader.exercise import Exercise
from grader.grading import Graded, Options, grade, selected
from grader.kernel.execution import CellOutcome
from grader.report import Report, headline
from grader.submission import Submission
from tests.conftest import CHECKS, SAMPLE
from tests.fakes import Claiming, FakeSession, LocalKernel

HEAD = "from grader.checks import *\nfrom grader.errors import *\n"


def checks_of(*bodies: str, **options: str) -> str:
    """Checks named one, two, … of these bodies; ``two="needs=['one']"`` gives one more arguments."""
    names = ["one", "two", "three", "four"]
    return HEAD + "\n".join(
        f'@check(points={n}, {options.get(name, "")})\ndef {name}(run):\n    """Title of {name}."""\n    {body}\n'
        for n, name, body in zip(range(1, 5), names, bodies, strict=False)
    )


class Bench:
    """Everything that `grade` needs, with a session that is no process."""

    def __init__(self, make: Callable[..., Exercise], write: Callable[..., Path], patch: pytest.MonkeyPatch) -> None:
        self.make, self.write, self.patch = make, write, patch
        self.session = FakeSession()

    def __call__(
        self, checks: str = CHECKS, *, cells: tuple[str, ...] = ("x = 3",), options: Options = SAMPLE, **more: Any
    ) -> Graded:
        progress = more.pop("progress", None)
        exercise = self.make(checks, **{key: more.pop(key) for key in ("more", "check_s") if key in more})
        if more:
            self.session = FakeSession(**more)
        self.patch.setattr(grading, "KernelSession", self.session)
        return grade(Submission(self.write(*cells)), exercise, options, progress)

    def report(self, *arguments: Any, **more: Any) -> Report:
        return self(*arguments, **more).report


@pytest.fixture
def path(make_exercise: Any, write_notebook: Any, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(make_exercise, write_notebook, monkeypatch)


def statuses(report: Report) -> list[str]:
    return [check.status for check in report.checks]


# ---------------------------------------------------------------------- verdicts


def test_passed(path: Bench) -> None:
    report = path.report(checks_of("return 'well done'", "return 3"))
    assert (report.status, report.score, report.max_score, report.exit_code) == ("passed", 3, 3, 0)
    assert [check.message for check in report.checks] == ["well done", ""]
    assert [check.title for check in report.checks] == ["Title of one.", "Title of two."]


def test_failed(path: Bench) -> None:
    report = path.report(checks_of("fail('Wrong.', 'Try.')", "fail('Wrong.')", "pass", two="hint='Of its own.'"))
    assert (report.status, report.score, report.max_score, report.exit_code) == ("failed", 3, 6, 1)
    assert statuses(report) == ["failed", "failed", "passed"]
    assert [(check.score, check.message, check.hint) for check in report.checks] == [
        (0, "Wrong.", "Try."),
        (0, "Wrong.", "Of its own."),
        (3, "", ""),
    ]


def test_a_share_of_the_points_and_points_on_top(path: Bench) -> None:
    report = path.report(checks_of("pass", "partial(0.25, 'a part', 'more')", "pass", three="bonus=True"))
    assert statuses(report) == ["passed", "failed", "passed"]
    assert [check.score for check in report.checks] == [1, 0.5, 3]
    assert (report.score, report.max_score, report.status, report.next) == (4.5, 3, "failed", "a part more")
    report = path.report(checks_of("pass", "fail('no')", two="bonus=True"))
    assert (report.score, report.max_score, report.status) == (1, 1, "passed")
    assert statuses(path.report(checks_of("partial(1, 'all')"))) == ["error"]


def test_what_hangs_on_a_failed_check_is_not_judged(path: Bench) -> None:
    report = path.report(
        checks_of("fail('no')", "raise KeyError", "raise KeyError", two="needs=['one']", three="needs=['two']")
    )
    assert statuses(report) == ["failed", "skipped", "skipped"]
    assert "“Title of one” has to pass" in report.checks[1].message
    assert report.status == "failed"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("{}['x']", "KeyError: 'x' (checks.py, line 6)"),
        ("raise ExerciseError('Written wrong.', 'Correct it.')", "Written wrong. Correct it."),
        ("run.file('x')", "while its process is alive"),
        ("expect([1], 'no')", "TypeError"),
        ("raise RecursionError('deep')", "RecursionError: deep"),
        ("raise TimeoutError('\\x1b[2Jlate')", "TimeoutError: late"),
    ],
)
def test_a_broken_check_is_the_graders_fault(path: Bench, body: str, told: str) -> None:
    report = path.report(checks_of(body, "fail('no')", "pass", two="needs=['one']"))
    assert statuses(report) == ["error", "skipped", "passed"]
    assert told in report.checks[0].message
    assert (report.status, report.exit_code) == ("ungraded", 3)
    assert "not your fault" in headline(report)


def test_messages_are_made_safe_to_show(path: Bench) -> None:
    evil = "\\x1b[2J\\x1b]0;owned\\x07\\u202etxt\\ud800\\n" + "x" * 5000
    for body in (f"fail('{evil}', '{evil}')", f"return '{evil}'"):
        check = path.report(checks_of(body)).checks[0]
        for text in (check.message, check.hint):
            assert text == "" or text.startswith("txt xxx")
            assert len(text) <= 1000
        path.report(checks_of(body)).model_dump_json().encode()


def test_a_name_that_is_missing_fails_with_what_to_do(path: Bench) -> None:
    check = path.report().checks[0]
    assert (check.status, check.message) == ("failed", "`x` is not defined.")
    assert check.hint


def test_a_right_value_passes(path: Bench) -> None:
    assert path.report(kernel=LocalKernel(x=3)).status == "passed"
    assert path.report(kernel=LocalKernel(x=4)).status == "failed"


# ---------------------------------------------------------------------- kernels that end


def test_a_kernel_that_dies_of_a_question_fails_that_check_and_no_other(path: Bench) -> None:
    asking = "return str(run.value('x'))"
    report = path.report(
        checks_of(asking, asking, "pass", "pass", four="when='ended'"), kernel=Claiming(ConnectionError)
    )
    assert statuses(report) == ["failed", "skipped", "passed", "passed"]
    assert "had ended before" in report.checks[1].message
    assert report.status == "failed"


def test_a_kernel_that_died_in_a_cell_leaves_nothing_to_ask(path: Bench) -> None:
    report = path.report(
        checks_of("return str(run.value('x'))", "pass", two="needs=['one']"),
        kernel=Claiming(ConnectionError, alive=False),
        outcomes=[CellOutcome(1, "a", "died"), CellOutcome(2, "b", "not run")],
    )
    assert statuses(report) == ["skipped", "skipped"]
    assert (report.status, report.score, report.execution.status, report.execution.cell) == ("failed", 0, "died", 1)


def test_checks_of_files_run_when_the_process_has_ended(path: Bench) -> None:
    def act(folder: Path) -> None:
        (folder / "plot.png").write_bytes(b"png")

    report = path.report(
        checks_of(
            "expect(run.file('plot.png') == b'png', 'no')",
            "expect(run.value('x') == 3, 'no')",
            "expect(run.has('x'), 'no')",
            one="when='ended'",
            two="needs=[]",
            three="when='ended'",
        ),
        kernel=LocalKernel(x=3),
        act=act,
    )
    assert statuses(report) == ["passed", "passed", "error"]
    assert "after it has ended" in report.checks[2].message


def test_a_check_that_needs_a_later_one_is_the_authors_mistake(path: Bench) -> None:
    report = path.report(checks_of("pass", "pass", one="when='ended'", two="needs=['one']"))
    assert statuses(report) == ["passed", "error"]
    assert "runs later" in report.checks[1].message


# ---------------------------------------------------------------------- notebooks that cannot be run


def raised(number: int, error_type: str, error: str) -> CellOutcome:
    """A cell that ended with an exception."""
    return CellOutcome(number, "id", "error", 1.0, error_type=error_type, error=error)


def test_an_unreadable_notebook_is_a_verdict_without_a_kernel(path: Bench, make_exercise: Any, tmp_path: Path) -> None:
    (tmp_path / "broken.ipynb").write_text("no JSON")
    graded = grade(Submission(tmp_path / "broken.ipynb"), make_exercise(checks_of("pass", "pass")), SAMPLE)
    report = graded.report
    assert graded.notebook is None
    assert path.session.folders == []
    assert (report.status, report.score, report.max_score, report.exit_code) == ("failed", 0, 3, 1)
    assert (report.execution.status, report.execution.cell) == ("invalid", None)
    assert "is not JSON" in (report.execution.error or "")
    assert statuses(report) == ["skipped", "skipped"]


@pytest.mark.parametrize("error", [KernelStartError("No kernel."), UsageError("No such device.")])
def test_without_a_kernel_nothing_is_graded_and_nothing_left_behind(path: Bench, error: Exception) -> None:
    def act(folder: Path) -> None:
        raise error

    with pytest.raises(type(error)):
        path(act=act)
    assert not path.session.open
    assert not path.session.folders[0].exists()


def test_the_scratch_folder_is_gone_afterwards(path: Bench) -> None:
    path(act=lambda folder: (folder / "large").write_bytes(bytes(1000)))
    assert not path.session.folders[0].parent.exists()


# ---------------------------------------------------------------------- how the run went


@pytest.mark.parametrize(
    ("outcome", "status", "told"),
    [
        (CellOutcome(1, "a", "ok"), "ok", None),
        (CellOutcome(1, "a", "not run"), "ok", None),
        (CellOutcome(2, "a", "timeout"), "timeout", "Cell 2 took too long"),
        (CellOutcome(2, "a", "timeout", in_all=True), "timeout", "ran out of its time in cell 2"),
        (CellOutcome(2, "a", "memory"), "memory", "Cell 2 used more than 1.5 GB of memory"),
        (CellOutcome(2, "a", "output"), "output", "Cell 2 printed more than 1.0 MB"),
        (CellOutcome(2, "a", "died"), "died", "The kernel died in cell 2"),
        (raised(2, "ValueError", "bad."), "error", "Cell 2 raised ValueError: bad."),
        (raised(2, "ValueError", ""), "error", "Cell 2 raised ValueError: no message."),
        (raised(2, "SystemExit", "0"), "error", "Cell 2 calls sys.exit()"),
        (raised(2, "OSError", "We couldn't connect to 'https://a.b' to load the files"), "error", "the network"),
        (raised(2, "StdinNotImplementedError", "x"), "error", "asks for input()"),
        (
            raised(2, "ModuleNotFoundError", "No module named 'nmupy'"),
            "error",
            "Cell 2 imports nmupy, and there is no such package. Did you mean numpy?",
        ),
        (
            raised(2, "ModuleNotFoundError", "No module named 'torch.nnn'"),
            "error",
            "Cell 2 raised ModuleNotFoundError: No module named 'torch.nnn'",
        ),
        (
            raised(2, "ModuleNotFoundError", "No module named '../../etc'"),
            "error",
            "Cell 2 raised ModuleNotFoundError",
        ),
    ],
)
def test_how_a_cell_went_in_a_sentence(path: Bench, outcome: CellOutcome, status: str, told: str | None) -> None:
    report = path.report(checks_of("fail('no')"), outcomes=[outcome])
    execution = report.execution
    assert (execution.status, execution.cell) == (status, outcome.number if told else None)
    assert execution.error == told if told is None else told in (execution.error or "")
    assert report.status == "failed"
    assert execution.cells[0].status == outcome.status


def test_the_name_of_a_missing_module_is_the_submissions_word(path: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """`find_spec` raises ValueError for a module without a spec, such as the running program."""
    monkeypatch.setitem(sys.modules, "without_a_spec", ModuleType("without_a_spec"))
    for name in ("without_a_spec", "__main__", "a" * 200):
        outcome = raised(1, "ModuleNotFoundError", f"No module named '{name}'")
        assert path.report(checks_of("fail('no')"), outcomes=[outcome]).status == "failed"


def lacking(name: str) -> CellOutcome:
    return raised(2, "ModuleNotFoundError", f"No module named '{name}'")


def test_a_package_that_is_missing_changes_nothing_where_nothing_hangs_on_it(path: Bench) -> None:
    more = 'packages = ["no_such_package_of_the_course"]'
    outcome = lacking("no_such_package_of_the_course.sub")
    report = path.report(checks_of("fail('no')"), outcomes=[outcome], more=more)
    assert (report.status, report.exit_code) == ("failed", 1)
    assert report.execution.missing_packages == ["no_such_package_of_the_course"]
    assert "`pip install no_such_package_of_the_course`" in (report.execution.error or "")
    assert path.report(checks_of("pass"), outcomes=[outcome], more=more).status == "passed"


def test_a_package_that_is_here_is_not_missing_whatever_the_notebook_says(path: Bench) -> None:
    assert importlib.util.find_spec("numpy")
    report = path.report(checks_of("fail('no')"), outcomes=[lacking("numpy")], more='packages = ["numpy"]')
    assert (report.status, report.execution.missing_packages) == ("failed", [])


def test_the_worst_that_happened_comes_first(path: Bench) -> None:
    outcomes = [
        CellOutcome(1, "a", "ok"),
        raised(2, "ValueError", "first"),
        raised(3, "ValueError", "second"),
        CellOutcome(4, "d", "output"),
        CellOutcome(5, "e", "timeout"),
        CellOutcome(6, "f", "timeout"),
        CellOutcome(7, "g", "not run"),
    ]
    execution = path.report(checks_of("pass"), outcomes=outcomes).execution
    assert (execution.status, execution.cell) == ("timeout", 5)
    assert [cell.number for cell in execution.cells] == list(range(1, 8))
    assert [cell.error is None for cell in execution.cells] == [True, False, False, False, False, False, True]
    assert path.report(checks_of("pass"), outcomes=outcomes[:3]).execution.cell == 2


# ---------------------------------------------------------------------- the report's own facts


def test_facts(path: Bench) -> None:
    report = path.report(
        checks_of("pass"), options=Options(data="small", seed=7, language="fi"), more='data = ["mnist"]'
    )
    assert (report.exercise, report.title, report.seed, report.student) == ("small", "Pieni harjoitus", 7, None)
    assert (report.device, report.versions) == ("cpu", {"torch": "2"})
    assert (report.data.name, report.data.sets) == ("sample", ["mnist"])
    assert report.submission.endswith("small.ipynb")
    assert report.execution.peak_memory == 123
    assert Report.model_validate_json(report.model_dump_json()) == report


def test_the_full_data_are_asked_for_and_not_here(path: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_DATA", str(tmp_path))
    with pytest.raises(DataMissing):
        path(checks_of("pass"), options=Options(data="full"), more='data = ["mnist"]')
    assert (
        path.report(checks_of("return run.data"), options=Options(), more='data = ["mnist"]').checks[0].message
        == "sample"
    )


def test_progress_names_every_cell_and_check(path: Bench) -> None:
    told: list[tuple[str, int, int]] = []
    outcomes = [CellOutcome(1, "a", "ok"), CellOutcome(2, "b", "ok")]
    path(checks_of("pass", "pass"), outcomes=outcomes, progress=lambda *one: told.append(one))
    assert told == [("cell", 1, 2), ("cell", 2, 2), ("check", 1, 2), ("check", 2, 2)]


# ---------------------------------------------------------------------- selection


def test_only_some_checks(path: Bench, make_exercise: Any) -> None:
    checks = make_exercise(checks_of("pass", "pass", "pass", "pass", two="needs=['one']", four="needs=['two']")).checks
    for only, names in (
        ((), ["one", "two", "three", "four"]),
        (("three",), ["three"]),
        (("four",), ["one", "two", "four"]),
    ):
        assert [check.name for check in selected(checks, only)] == names
    with pytest.raises(UsageError, match="There is no check 'five'"):
        selected(checks, ("one", "five"))
    assert path.report(checks_of("pass", "fail('no')"), options=Options(data="small", only=("one",))).max_score == 1


# ---------------------------------------------------------------------- randomness

DRAW = "return str(run.rng.integers(10**15))"


def drawn(path: Bench, checks: str = "", **options: Any) -> list[str]:
    report = path.report(checks or checks_of(DRAW, DRAW), options=Options(data="small", **options))
    assert report.status == "passed"
    return [check.message for check in report.checks]


def test_random_inputs_can_be_repeated_and_not_foreseen(path: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_SECRET", "one")
    first = drawn(path)
    assert first == drawn(path), "the same notebook and seed meet the same questions"
    assert len(set(first)) == 2, "each check has its own"
    assert not set(first) & set(drawn(path, seed=1))
    # A check draws the same whatever the others did, and whether they ran.
    assert drawn(path, checks_of("run.rng.normal(size=9)\n    " + DRAW, DRAW))[1] == first[1]
    assert drawn(path, only=("two",)) == first[1:]
    monkeypatch.setenv("GRADER_SECRET", "another")
    assert not set(first) & set(drawn(path))


def test_every_notebook_meets_questions_of_its_own(path: Bench, tmp_path: Path) -> None:
    cells = ("x = 3", "y = 4")

    def asked(*cells: str) -> str:
        return path.report(checks_of(DRAW), cells=cells).checks[0].message

    first = asked(*cells)
    others = [
        asked("x = 3", "y = 4 "),
        asked("x = 3", "y = 4  # again"),
        asked("y = 4", "x = 3"),
        asked("x = 3\ny = 4"),
        asked(*cells, ""),
    ]
    assert len({first, *others}) == 6
    beside = tmp_path / "handed-in" / "helper.py"
    beside.write_text("table = {}")
    helped = asked(*cells)
    beside.write_text("table = {6: 605}")
    corrected = asked(*cells)
    beside.rename(beside.with_name("other.py"))
    assert len({first, helped, corrected, asked(*cells)}) == 4
    beside.with_name("other.py").unlink()
    assert asked(*cells) == first


def test_running_and_saving_a_notebook_changes_no_question(path: Bench, make_exercise: Any, tmp_path: Path) -> None:
    first = path.report(checks_of(DRAW), cells=("x = 3", "y = 4")).checks[0].message
    saved = tmp_path / "elsewhere" / "renamed.ipynb"
    saved.parent.mkdir()
    content = json.loads((tmp_path / "handed-in" / "small.ipynb").read_text())
    content["metadata"] = {"kernelspec": {"name": "python3", "display_name": "P"}, "widgets": {}}
    for number, cell in enumerate(content["cells"], 7):
        cell |= {"execution_count": number, "id": f"new-{number}", "metadata": {"collapsed": True}}
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["3"]}]
        cell["source"] = cell["source"].splitlines(keepends=True)
    saved.write_text(json.dumps(content))
    (saved.parent / "neighbour.ipynb").write_text("{}")
    again = grade(Submission(saved, "ann"), make_exercise(checks_of(DRAW)), SAMPLE).report
    assert again.checks[0].message == first


def test_the_notebooks_seed_alone_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    assert random_for(0, b"")("").integers(10**15) != np.random.default_rng(0).integers(10**15)


def test_the_secret_is_made_once_and_for_its_owner_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRADER_SECRET")
    monkeypatch.setattr(chance.platformdirs, "user_config_dir", lambda name: str(tmp_path / "config" / name))
    first = secret()
    assert len(first) == 32
    assert secret() == first
    folder = tmp_path / "config" / "grader"
    assert os.listdir(folder) == ["secret"]  # noqa: PTH208
    assert stat.S_IMODE((folder / "secret").stat().st_mode) == 0o600
    (folder / "secret").unlink()
    assert secret() != first


def test_without_a_place_for_the_secret_there_is_one_for_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRADER_SECRET")
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(chance.platformdirs, "user_config_dir", lambda name: str(tmp_path / "file" / name))
    assert secret() == secret()
    (tmp_path / "grader").mkdir()
    (tmp_path / "grader" / "secret").write_bytes(b"short")
    monkeypatch.setattr(chance.platformdirs, "user_config_dir", lambda name: str(tmp_path / name))
    assert len(secret()) == 32


def test_a_wrong_exercise_stops_before_anything_runs(path: Bench) -> None:
    with pytest.raises(ExerciseError):
        path("1 / 0")
    assert path.session.folders == []
