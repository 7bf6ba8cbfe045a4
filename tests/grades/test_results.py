"""The results folder: found again by what it hangs on, whole or not there, one batch at a time."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from grader import workspace
from grader.errors import GradingError, UsageError
from grader.exercise import Exercise, load
from grader.grades import results as module
from grader.grades.results import Results
from grader.grading import Graded, Options
from grader.report import Report
from grader.submission import Submission
from tests.conftest import ROOT, listing, notebook
from tests.test_report import report

KEY = "k" * 64


def graded(status: str = "failed", **more: object) -> Graded:
    return Graded(report(status, **more), notebook("x = 3"))


def of(student: str, path: str = "a.ipynb") -> Submission:
    return Submission(Path(path), student)


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path / "results")


# ---------------------------------------------------------------------- saved and found again


def test_what_is_saved_is_found_again(results: Results) -> None:
    results.save("ada", KEY, graded(student="ada"))
    assert Results(results.path).have(of("ada"), KEY) == report(student="ada")
    assert listing(results.path / "students" / "ada") == ["executed.ipynb", "key.json", "report.json"]
    text = (results.folder("ada") / "report.json").read_text("utf-8")
    assert Report.model_validate_json(text) == report(student="ada")
    assert nbformat.read(results.folder("ada") / "executed.ipynb", as_version=4).cells[0].source == "x = 3"


def test_another_key_and_another_student_have_nothing(results: Results) -> None:
    results.save("ada", KEY, graded())
    assert results.have(of("ada"), "l" * 64) is None
    assert results.have(of("bob"), KEY) is None


def test_what_was_not_graded_is_graded_again(results: Results) -> None:
    results.save("ada", KEY, graded("ungraded"))
    assert results.have(of("ada"), KEY) is None
    assert results.all(["ada"])["ada"].status == "ungraded"


def test_a_new_result_takes_the_place_of_the_old(results: Results) -> None:
    results.save("ada", KEY, graded())
    results.save("ada", "l" * 64, Graded(report("passed")))
    assert results.have(of("ada"), KEY) is None
    found = results.have(of("ada"), "l" * 64)
    assert found is not None
    assert found.status == "passed"
    assert listing(results.folder("ada")) == ["key.json", "report.json"]  # no notebook of the old one


def test_all_of_some(results: Results) -> None:
    for student in ("ada", "bob", "eve"):
        results.save(student, KEY, graded(student=student))
    assert list(results.all(["eve", "zoe", "ada"])) == ["eve", "ada"]


@pytest.mark.parametrize("name", ["../../Eve", "a/b", "Mäkelä, Åsa", "", "CON", "x" * 300])
def test_no_name_leads_out_of_the_folder(results: Results, tmp_path: Path, name: str) -> None:
    results.save(name, KEY, graded(student=name))
    assert results.have(of(name), KEY) is not None
    assert listing(tmp_path)[0] == "results"
    assert len(list((results.path / "students").iterdir())) == 1


def test_a_folder_copied_under_another_name_is_not_that_students(results: Results) -> None:
    results.save("ada", KEY, graded(student="ada"))
    results.folder("ada").rename(results.folder("bob"))
    assert results.have(of("bob"), KEY) is None


def test_students_whose_names_differ_in_case_alone(results: Results) -> None:
    """On a disk where case does not count, either would else have the other's folder."""
    for number, student in enumerate(("ann", "Ann")):
        results.save(student, KEY, graded(student=student, seed=number))
    assert {student: one.seed for student, one in results.all(["ann", "Ann"]).items()} == {"ann": 0, "Ann": 1}
    assert len({path.name.casefold() for path in (results.path / "students").iterdir()}) == 2


# ---------------------------------------------------------------------- graded where it lay before


def test_a_result_tells_where_the_notebook_lies_now(results: Results) -> None:
    results.save("ada", KEY, graded(student="ada"))
    notebook_was = (results.folder("ada") / "executed.ipynb").read_bytes()
    moved = report(student="ada", submission="elsewhere/a.ipynb")
    assert results.have(of("ada", "elsewhere/a.ipynb"), KEY) == moved
    assert Results(results.path).all(["ada"]) == {"ada": moved}
    assert json.loads((results.folder("ada") / "report.json").read_text("utf-8"))["submission"] == "elsewhere/a.ipynb"
    assert (results.folder("ada") / "executed.ipynb").read_bytes() == notebook_was
    before = (results.folder("ada") / "report.json").stat().st_mtime_ns
    assert results.have(of("ada", "elsewhere/a.ipynb"), KEY) == moved
    assert (results.folder("ada") / "report.json").stat().st_mtime_ns == before


def test_it_is_whole_whenever_that_is_interrupted(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = module.write_whole

    def power_cut(path: Path, text: str) -> None:
        if path.name == "report.json":
            raise KeyboardInterrupt
        whole(path, text)

    results.save("ada", KEY, graded(student="ada"))
    monkeypatch.setattr(module, "write_whole", power_cut)
    for place in ("second/a.ipynb", "third/a.ipynb"):
        with pytest.raises(KeyboardInterrupt):
            results.have(of("ada", place), KEY)
        assert results.all(["ada"]) == {"ada": report(student="ada")}
    monkeypatch.setattr(module, "write_whole", whole)
    found = results.have(of("ada", "fourth/a.ipynb"), KEY)
    assert found is not None
    assert found.submission == "fourth/a.ipynb"


# ---------------------------------------------------------------------- damage


def _damage(folder: Path, name: str, how: str) -> None:
    path = folder / name
    whole = path.read_bytes()
    path.unlink()
    match how:
        case "half":
            path.write_bytes(whole[: len(whole) // 2])
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "large":
            with path.open("wb") as file:
                file.truncate(10_000_000_000)
        case "deep":
            path.write_text("[" * 100_000)
        case "changed":
            path.write_bytes(whole.replace(b'"failed"', b'"passed"').replace(KEY.encode(), KEY[1:].encode()))
        case "other":
            path.write_bytes(b'"\xff\xfe"')
        case "list":
            path.write_text("[1]")


@pytest.mark.parametrize("name", ["report.json", "key.json"])
@pytest.mark.parametrize(
    "how", ["gone", "half", "folder", "pipe", "large", "deep", "changed", "other", "list"], ids=str
)
@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes in folders")
def test_what_is_damaged_is_as_if_not_there(results: Results, name: str, how: str) -> None:
    results.save("ada", KEY, graded())
    _damage(results.folder("ada"), name, how)
    assert results.have(of("ada"), KEY) is None
    if (name, how) != ("key.json", "changed"):  # that is whole, under another key
        assert results.all(["ada"]) == {}


@pytest.mark.parametrize("how", ["half", "folder", "pipe", "gone", "list"])
@pytest.mark.parametrize("name", ["executed.ipynb", "files/curve.png"])
@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes in folders")
def test_a_result_whose_notebook_or_files_are_damaged_is_made_again(results: Results, name: str, how: str) -> None:
    """Yet its report stands, for whoever wants the grade alone."""
    one = replace(graded(), files={"curve.png": b"a curve, as a picture"})
    results.save("ada", KEY, one)
    assert results.have(of("ada"), KEY) == one.report
    _damage(results.folder("ada"), name, how)
    assert results.have(of("ada"), KEY) is None
    assert results.all(["ada"]) == {"ada": one.report}
    results.save("ada", KEY, one)
    assert results.have(of("ada"), KEY) == one.report


@pytest.mark.parametrize("name", ["report.json", "executed.ipynb", "key.json", "files", ".report.json-draft", ""])
def test_what_is_in_the_place_of_a_result_makes_way(results: Results, name: str) -> None:
    """A folder where a file belongs, or a file where a folder does."""
    one = replace(graded(), files={"curve.png": b"a curve"})
    results.save("ada", KEY, one)
    place = results.folder("ada") / name
    if name in ("files", ""):
        workspace.remove(place)
        place.write_text("in the way")
    else:
        place.unlink(missing_ok=True)
        (place / "inside").mkdir(parents=True)
    results.save("ada", KEY, one)
    assert results.have(of("ada"), KEY) == one.report
    assert listing(results.folder("ada")) == ["executed.ipynb", "files", "files/curve.png", "key.json", "report.json"]


def test_a_result_that_was_moved_or_copied_is_whole(results: Results) -> None:
    one = replace(graded(), files={"curve.png": b"a curve"})
    results.save("ada", KEY, one, attempt=1)
    assert results.have(of("ada", "elsewhere.ipynb"), KEY, 1) is not None
    results.copy("ada", 1, 0)
    (results.folder("ada") / "executed.ipynb").write_text("damaged")
    assert results.have(of("ada"), KEY) is None
    results.copy("ada", 1, 0)
    assert results.have(of("ada"), KEY) is not None


def test_a_result_of_an_earlier_grader_stands(results: Results) -> None:
    """It does not tell what its notebook was like."""
    results.save("ada", KEY, graded())
    key = results.folder("ada") / "key.json"
    mark = json.loads(key.read_text())
    del mark["beside"]
    key.write_text(json.dumps(mark))
    assert results.have(of("ada"), KEY) is not None


def test_the_report_comes_last(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    whole = module.write_whole

    def watched(path: Path, text: str) -> None:
        assert results.have(of("ada"), KEY) is None
        assert results.have(of("ada"), "old") is None or not written
        whole(path, text)
        written.append(path.name)

    results.save("ada", "old", graded())
    monkeypatch.setattr(module, "write_whole", watched)
    results.save("ada", KEY, graded(seed=1))
    assert written == ["key.json", "executed.ipynb", "report.json"]


def test_drafts_of_a_killed_batch_are_swept_away(results: Results) -> None:
    results.save("ada", KEY, graded())
    (results.folder("ada") / ".report.json-abc").write_text("half")
    (results.folder("ada") / "note.txt").write_text("the teacher's own")
    results.save("ada", KEY, graded())
    assert listing(results.folder("ada")) == ["executed.ipynb", "key.json", "note.txt", "report.json"]


def test_a_full_disk_is_the_graders_fault_and_leaves_no_result(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_whole", full)
    with pytest.raises(GradingError, match="of ada cannot be written: No space left"):
        results.save("ada", KEY, graded())
    assert results.have(of("ada"), KEY) is None


SAVE = """
import sys
from pathlib import Path
from grader.grades.results import Results
from tests.grades.test_results import graded
results = Results(Path(sys.argv[1]))
print("ready", flush=True)
number = int(sys.argv[2])
while True:
    number += 1
    one = graded(student="ada", seed=number)
    one.notebook.cells[0].source = f"x = {number}  " + "#" * 20_000
    results.save("ada", f"key {number}", one)
    print(number, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a save is killed by a signal")
def test_killed_at_any_moment_it_is_whole_or_not_there(results: Results) -> None:
    chance = random.Random(7)
    there, last = 0, 0
    for _ in range(4):
        saving = subprocess.Popen(
            [sys.executable, "-c", SAVE, str(results.path), str(last)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert saving.stdout is not None
        assert saving.stdout.readline() == "ready\n"
        last = int(saving.stdout.readline())  # the first one takes long where much else goes on
        # Killed again and again while it goes on: stopped, looked at, let go, and at last killed for good.
        for _ in range(40):
            time.sleep(chance.uniform(0, 0.004))
            saving.send_signal(signal.SIGSTOP)
            os.waitpid(saving.pid, os.WUNTRACED)
            there += _is_whole(results)
            saving.send_signal(signal.SIGCONT)
        time.sleep(chance.uniform(0, 0.004))
        saving.kill()
        done = saving.stdout.read().split()
        assert saving.wait() == -signal.SIGKILL  # it had not failed before
        saving.stdout.close()
        last = int(done[-1]) if done else last
        there += _is_whole(results)
        found = results.all(["ada"]).get("ada")
        assert found is None or found.seed in (last, last + 1)  # what was said to be saved has not gone back
    assert there  # it was not always caught without a result
    results.save("ada", KEY, graded())
    assert listing(results.folder("ada")) == ["executed.ipynb", "key.json", "report.json"]


def _is_whole(results: Results) -> bool:
    """Whether there is a result; if so, its key, report and notebook are of one and the same save."""
    found = results.all(["ada"]).get("ada")
    if found is None:
        return False
    folder = results.folder("ada")
    assert json.loads((folder / "key.json").read_text())["key"] == f"key {found.seed}"
    assert nbformat.read(folder / "executed.ipynb", 4).cells[0].source.split()[2] == str(found.seed)
    return True


def test_a_thousand_results_are_read_at_once(results: Results) -> None:
    students = [f"student {number}" for number in range(1000)]
    one = report()
    one.checks = [one.checks[0].model_copy(update={"name": f"check_{n}"}) for n in range(12)]
    text = one.model_dump_json(indent=2) + "\n"
    mark = json.dumps({"key": KEY, "report": hashlib.sha256(text.encode()).hexdigest()})
    for student in students:  # as `save` leaves them, without its waiting for the disk
        folder = results.folder(student)
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(text)
        (folder / "key.json").write_text(mark)
    begun = time.process_time()  # not the wall clock: others work on this machine
    assert all(results.have(of(student), KEY) is not None for student in students)
    assert time.process_time() - begun < 5  # some hundred milliseconds; parsed by pydantic it is many times that


# ---------------------------------------------------------------------- the key


@pytest.fixture
def key(make_exercise: Callable[..., Exercise], write_notebook: Callable[..., Path]) -> Callable[..., str]:
    """The key of a notebook of these cells, or of the file that is there, by a batch of its own."""
    make_exercise()

    def made(
        *sources: str,
        path: Path | None = None,
        options: Options | None = None,
        device: str = "cpu",
        data: str = "sample",
    ) -> str:
        path = path or write_notebook(*(sources or ("x = 3",)))
        exercise = load(path.parent.parent / "exercises" / "small")
        results = Results(path.parent.parent / "results")
        return results.key(Submission(path), exercise, options or Options(), device, data)

    return made


def test_the_key_is_a_digest_and_stays(key: Callable[..., str]) -> None:
    assert key() == key()
    assert len(key()) == 64


def test_outputs_metadata_and_ids_change_nothing(key: Callable[..., str], tmp_path: Path) -> None:
    before = key("x = 3", "y = 4")
    path = tmp_path / "handed-in" / "small.ipynb"
    content = json.loads(path.read_text())
    content["metadata"]["kernelspec"] = {"name": "python3"}
    content["cells"][0] |= {"execution_count": 7, "id": "other", "metadata": {"tags": ["a"]}}
    content["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "3"}]
    content["cells"][1]["source"] = ["y = ", "4"]
    path.write_text(json.dumps(content, indent=4))
    assert key(path=path) == before


@pytest.mark.parametrize("sources", [("x = 4",), ("x = 3", "y"), ("y", "x = 3"), ("x =", " 3"), ("x = 3", "")], ids=str)
def test_sources_change_it(key: Callable[..., str], sources: tuple[str, ...]) -> None:
    assert key(*sources) != key("x = 3")


def test_a_cells_kind_changes_it(key: Callable[..., str], tmp_path: Path) -> None:
    before = key("x = 3", "y = 4")
    path = tmp_path / "handed-in" / "small.ipynb"
    path.write_text(path.read_text().replace('"cell_type": "code"', '"cell_type": "markdown"', 1))
    assert key(path=path) != before


def test_of_an_unreadable_notebook_the_bytes_count(key: Callable[..., str], tmp_path: Path) -> None:
    folder = tmp_path / "handed-in"
    folder.mkdir()
    paths = [folder / f"{name}.ipynb" for name in "abc"]
    for path, text in zip(paths, ("{", "{", "[1,"), strict=True):
        path.write_text(text)
    first, same, other = (key(path=path) for path in paths)
    assert first == same != other
    paths[0].unlink()
    assert key(path=paths[0]) not in (first, other)  # nothing is raised, either


def test_what_comes_along_changes_it(key: Callable[..., str], tmp_path: Path) -> None:
    seen = {key()}
    folder = tmp_path / "handed-in"
    (folder / "below").mkdir()
    for change in (
        lambda: (folder / "helper.py").write_text("a = 1"),
        lambda: (folder / "helper.py").write_text("a = 2"),
        lambda: (folder / "helper.py").rename(folder / "helped.py"),
        lambda: (folder / "helped.py").rename(folder / "below" / "helped.py"),
    ):
        change()
        assert key() not in seen
        seen.add(key())


def test_what_does_not_come_along_changes_nothing(key: Callable[..., str], tmp_path: Path) -> None:
    before = key()
    folder = tmp_path / "handed-in"
    for name in ("other.ipynb", ".hidden", "checks.py"):
        (folder / name).write_text("1")
    for name in ("data", ".grade", "__pycache__"):
        (folder / name).mkdir()
        (folder / name / "file").write_text("1")
    (folder / "link.txt").symlink_to(folder / "checks.py")
    assert key() == before


def test_what_is_too_large_to_come_along_changes_nothing(
    key: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace, "COMPANIONS_MAX_BYTES", 10)
    monkeypatch.setattr(workspace, "COMPANIONS_MAX_FILES", 2)
    key()
    folder = tmp_path / "handed-in"
    (folder / "a.txt").write_text("1")
    before = key()
    (folder / "large.bin").write_bytes(bytes(11))
    assert key() == before
    (folder / "b.txt").write_text("22")
    second = key()
    (folder / "c.txt").write_text("333")  # one file too many
    assert key() == second != before


def test_the_exercise_changes_it(key: Callable[..., str], tmp_path: Path) -> None:
    seen = {key()}
    folder = tmp_path / "exercises" / "small"
    (folder / "assets").mkdir()
    for name in ("checks.py", "exercise.toml", "assets/heldout.csv"):
        with (folder / name).open("a") as file:
            file.write("\n# changed\n")
        assert key() not in seen
        seen.add(key())


def test_the_starter_and_what_tools_leave_change_nothing(key: Callable[..., str], tmp_path: Path) -> None:
    before = key()
    folder = tmp_path / "exercises" / "small"
    (folder / "small.ipynb").write_text("{}")
    for name in (".grade", "__pycache__", ".ipynb_checkpoints"):
        (folder / name).mkdir()
        (folder / name / "file").write_text("1")
    assert key() == before


@pytest.mark.parametrize("change", [{"seed": 1}, {"language": "fi"}, {"only": ("x_is_three",)}, {"sandbox": "off"}])
def test_options_change_it(key: Callable[..., str], change: dict[str, object]) -> None:
    assert key(options=replace(Options(), **change)) != key()  # type: ignore[arg-type]


def test_device_data_and_the_graders_version_change_it(
    key: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [key(), key(device="cuda"), key(data="full")]
    monkeypatch.setattr(module, "version", lambda name: "99")
    keys.append(key())
    assert len(set(keys)) == 4


def test_how_the_device_was_asked_for_changes_nothing(key: Callable[..., str]) -> None:
    asked = [Options(device="auto"), Options(device="cuda:1"), Options(device="cuda", data="full")]
    assert len({key(options=options, device="cuda") for options in asked}) == 1


def test_the_keys_of_a_class_are_made_at_once(
    results: Results, make_exercise: Callable[..., Exercise], tmp_path: Path
) -> None:
    exercise, path = make_exercise(), tmp_path / "a.ipynb"
    path.write_text(json.dumps(notebook(*(f"x = {number}" for number in range(40)))))
    begun = time.process_time()  # not the wall clock: others work on this machine
    for number in range(300):
        results.key(Submission(path, f"student {number}"), exercise, Options(), "cpu", "sample")
    assert time.process_time() - begun < 0.6


# ---------------------------------------------------------------------- one batch at a time

HOLD = """
import os, sys, time
from pathlib import Path
from grader.grades.results import Results
with Results(Path(sys.argv[1])).lock():
    if os.fork() == 0:  # a worker that outlives the batch
        time.sleep(60)
        os._exit(0)
    print("locked", flush=True)
    time.sleep(60)
"""


def test_a_second_batch_into_the_folder_is_refused(results: Results) -> None:
    with results.lock():
        with pytest.raises(UsageError, match="Another batch is writing into"), Results(results.path).lock():
            pass
        with pytest.raises(UsageError), results.lock():  # the refusal did not let go of the first one's lock
            pass
    with results.lock():
        pass


def test_other_folders_are_free(results: Results, tmp_path: Path) -> None:
    with results.lock(), Results(tmp_path / "other").lock():
        pass


def test_a_batch_that_fails_lets_go(results: Results) -> None:
    with pytest.raises(KeyError), results.lock():
        raise KeyError
    with results.lock():
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_a_killed_batch_leaves_no_lock_even_if_its_worker_lives_on(results: Results) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(results.path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(UsageError), results.lock():
            pass
        holder.kill()
        holder.wait()
        with results.lock():
            pass
    finally:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.wait()
        if holder.stdout is not None:
            holder.stdout.close()


def test_where_a_file_is_in_the_way_the_command_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("")
    with pytest.raises(UsageError, match="cannot be written to"), Results(tmp_path / "results").lock():
        pass
