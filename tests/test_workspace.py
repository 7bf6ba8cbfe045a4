"""The scratch folder: what comes along, what is found afterwards, and that nothing remains."""

from __future__ import annotations

import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader import workspace as module
from grader.errors import SubmissionFault
from grader.scratch import remove
from grader.workspace import Workspace, companions
from tests.conftest import listing


@pytest.fixture
def handed_in(tmp_path: Path) -> Path:
    folder = tmp_path / "handed-in"
    folder.mkdir()
    (folder / "a.ipynb").write_text("{}")
    return folder


@pytest.fixture
def workspace(handed_in: Path) -> Iterator[Workspace]:
    with Workspace(handed_in / "a.ipynb", (), "sample") as made:
        yield made


# ---------------------------------------------------------------------- companions


def test_companions_come_along(handed_in: Path) -> None:
    (handed_in / "helper.py").write_text("x = 3")
    (handed_in / "pictures" / "deep").mkdir(parents=True)
    (handed_in / "pictures" / "deep" / "a.png").write_bytes(b"png")
    with Workspace(handed_in / "a.ipynb", (), "sample") as workspace:
        assert listing(workspace.folder) == ["data", "helper.py", "pictures", "pictures/deep", "pictures/deep/a.png"]
        assert (workspace.folder / "helper.py").read_text() == "x = 3"
        assert workspace.left_behind == []
        (workspace.folder / "helper.py").write_text("changed")
    assert (handed_in / "helper.py").read_text() == "x = 3"


def test_what_belongs_to_others_stays_out(handed_in: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("18")
    for name in ("checks.py", "exercise.toml", "mistakes.toml", ".env", "b.ipynb"):
        (handed_in / name).write_text("secret")
        (handed_in / "below").mkdir(exist_ok=True)
        (handed_in / "below" / name).write_text("secret")
    for name in (".git", ".grade", "__pycache__", "data", "site-packages"):
        (handed_in / name).mkdir()
        (handed_in / name / "file").write_text("secret")
    (handed_in / "link.txt").symlink_to(secret)
    (handed_in / "folder-link").symlink_to(tmp_path)
    (handed_in / "dangling").symlink_to("nowhere")
    os.mkfifo(handed_in / "pipe")
    (handed_in / "fine.txt").write_text("fine")
    with Workspace(handed_in / "a.ipynb", (), "sample") as workspace:
        assert listing(workspace.folder) == ["data", "fine.txt"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("checks.py", "from . import helper, " + "a" * 300),
        ("checks.py", "from . import " + ", ".join(f"a{n}" for n in range(200_000))),
        ("checks.py", "x = [1, 2, 3, 4]\n" * 200_000),
        ("checks.py", "(" * 100_000),
        ("checks.py", "1" + "+1" * 50_000),
        ("checks.py", "lambda:" * 15_000 + "1"),
        ("checks.py", 'f"' + "{a}" * 90_000 + '"'),
        ("checks.py", "\0"),
        ("exercise.toml", f'[[dataset]]\nfile = "{"a" * 300}.csv"'),
        ("exercise.toml", '[[dataset]]\nfile = "../../secret.txt\\u0000"'),
        ("exercise.toml", '[[dataset]]\nfile = ["a"]'),
        ("exercise.toml", "dataset = 3"),
        ("exercise.toml", "a = " + "[" * 40_000),
        ("exercise.toml", "a = " + "{a = " * 8_000),
        ("exercise.toml", "\n".join("a" + ".a" * 300 + f".b{n} = 1" for n in range(3000))),
    ],
    ids=range(15),
)
def test_a_hand_in_with_files_of_an_exercises_names_trips_nobody(handed_in: Path, name: str, content: str) -> None:
    """Who looks at a class looks at all of them: one such folder would cost everybody their grades."""
    (handed_in / name).write_text(content)
    (handed_in / "fine.txt").write_text("fine")
    begun = time.process_time()
    assert companions(handed_in) == ([handed_in / "fine.txt"], [])
    assert time.process_time() - begun < 10  # at once; what is read to its end there takes minutes


@pytest.mark.parametrize("name", ["checks.py", "exercise.toml"])
def test_no_pipe_and_no_device_of_such_a_name_is_waited_for(handed_in: Path, name: str) -> None:
    os.mkfifo(handed_in / name)
    assert companions(handed_in) == ([], [])
    (handed_in / name).unlink()
    (handed_in / name).symlink_to("/dev/zero")
    assert companions(handed_in) == ([], [])


def test_the_smallest_come_along_when_not_all_may(handed_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COMPANIONS_MAX_BYTES", 100)
    for length in (60, 30, 50):
        (handed_in / f"{length}.bin").write_bytes(bytes(length))
    with Workspace(handed_in / "a.ipynb", (), "sample") as workspace:
        assert listing(workspace.folder) == ["30.bin", "50.bin", "data"]
        assert workspace.left_behind == ["60.bin"]


def test_so_many_come_along_and_no_more(handed_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COMPANIONS_MAX_FILES", 3)
    for number in range(5):
        (handed_in / f"{number}.txt").write_text("x")
    with Workspace(handed_in / "a.ipynb", (), "sample") as workspace:
        assert listing(workspace.folder) == ["0.txt", "1.txt", "2.txt", "data"]
        assert workspace.left_behind == ["3.txt", "4.txt"]


def test_a_companion_that_goes_away_meanwhile_is_no_fault(handed_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (handed_in / "here.txt").write_text("x")

    def gone(*_: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(module.shutil, "copyfile", gone)
    with Workspace(handed_in / "a.ipynb", (), "sample") as workspace:
        assert listing(workspace.folder) == ["data"]


def test_a_folder_that_cannot_be_read_is_no_fault(handed_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (handed_in / "closed").mkdir()
    (handed_in / "open.txt").write_text("x")
    listdir = os.listdir

    def without_access(folder: Path) -> list[str]:
        if Path(folder).name == "closed":
            raise PermissionError
        return listdir(folder)

    monkeypatch.setattr(module.os, "listdir", without_access)
    with Workspace(handed_in / "a.ipynb", (), "sample") as workspace:
        assert (workspace.folder / "open.txt").exists()


def test_a_failed_start_leaves_nothing(handed_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))

    def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Workspace, "_companions", broken)
    with pytest.raises(OSError, match="disk full"):
        Workspace(handed_in / "a.ipynb", (), "sample")
    assert listing(scratch) == []


@pytest.mark.parametrize("links", [True, False], ids=["links", "copies"])
def test_the_data_lies_in_data(handed_in: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    if not links:

        def refused(*_: object, **__: object) -> None:
            raise OSError("no links on this system")

        monkeypatch.setattr(Path, "symlink_to", refused)
    with Workspace(handed_in / "a.ipynb", ("mnist",), "sample") as workspace:
        images = list((workspace.folder / "data").glob("MNIST/raw/*images*"))
        assert images
        assert (workspace.folder / "data" / "MNIST").is_symlink() == links
        view = images[0].resolve()
    if links:
        assert view.exists()  # only the link went away with the folder


# ---------------------------------------------------------------------- afterwards


def test_what_the_notebook_wrote(handed_in: Path) -> None:
    for name in ("kept.txt", "changed.txt", "removed.txt"):
        (handed_in / name).write_text("before")
    with Workspace(handed_in / "a.ipynb", (), "sample") as workspace:
        folder = workspace.folder
        (folder / "changed.txt").write_text("afterwards")
        (folder / "removed.txt").unlink()
        (folder / "plots").mkdir()
        (folder / "plots" / "loss.png").write_bytes(b"png")
        (folder / "new.txt").write_text("new")
        (folder / ".home").mkdir(exist_ok=True)
        (folder / ".home" / "cache").write_text("not the notebook's")
        assert workspace.written() == ["changed.txt", "new.txt", "plots/loss.png"]
        assert workspace.written("*.png") == ["plots/loss.png"]
        assert workspace.read("plots/loss.png") == b"png"
        assert workspace.read("changed.txt") == b"afterwards"


def test_tricks_with_files_are_neither_listed_nor_read(workspace: Workspace, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("18")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "a.txt").write_text("18")
    folder = workspace.folder
    (folder / "link.txt").symlink_to(secret)
    (folder / "up").symlink_to(tmp_path / "secrets")
    (folder / "loop").symlink_to("loop")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "device").symlink_to("/dev/zero")
    os.link(secret, folder / "hard.txt")
    os.mkfifo(folder / "pipe")
    (folder / "folder.png").mkdir()
    assert workspace.written() == []
    names = ["link.txt", "up/a.txt", "loop", "loop/a", "dangling", "device", "hard.txt", "pipe", "folder.png", "data"]
    outside = ["../secret.txt", str(secret), "folder.png/../../../secret.txt", "", ".", "..", "/", "missing", "x" * 300]
    odd = ["nul\x00", "lone\ud800", "\udcff", "a/" * 3000 + "b"]
    for name in names + outside + odd:
        with pytest.raises(SubmissionFault, match="wrote no file named"):
            workspace.read(name)


def test_a_folder_replaced_by_a_link_is_not_followed(workspace: Workspace, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.txt").write_text("18")
    remove(workspace.folder)
    workspace.folder.symlink_to(elsewhere)
    with pytest.raises(SubmissionFault):
        workspace.read("a.txt")


def test_a_file_that_is_too_large_is_not_read(workspace: Workspace) -> None:
    with (workspace.folder / "large").open("wb") as file:
        file.truncate(60_000_000)
    with pytest.raises(SubmissionFault, match=r"is too large \(60 MB\)"):
        workspace.read("large")


def test_no_more_is_looked_at_than_need_be(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_FOLDERS", 5)
    for number in range(9):
        (workspace.folder / f"d{number}").mkdir()
        (workspace.folder / f"d{number}" / "a").write_text("x")
    assert len(workspace.written()) < 5


# ---------------------------------------------------------------------- removal


def nest(folder: Path, depth: int) -> None:
    """Folders nested so deep that their path is longer than the system takes."""
    here = os.open(folder, os.O_RDONLY)
    for level in range(depth):
        os.mkdir("a-long-name-of-a-folder", dir_fd=here)
        below = os.open("a-long-name-of-a-folder", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
        if level % 500 == 0:
            os.symlink("/etc", "link", dir_fd=here)
            os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)


def test_whatever_the_notebook_made_is_removed(handed_in: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o755)
    (outside / "mine.txt").write_text("mine")
    (outside / "mine.txt").chmod(0o640)
    workspace = Workspace(handed_in / "a.ipynb", (), "sample")
    folder = workspace.folder
    (folder / "to-folder").symlink_to(outside)
    (folder / "to-file").symlink_to(outside / "mine.txt")
    os.link(outside / "mine.txt", folder / "hard")
    os.mkfifo(folder / "pipe")
    (folder / "name\nwith \udcff bytes").write_text("x")
    closed = folder / "closed"
    (closed / "below" / "below").mkdir(parents=True)
    (closed / "below" / "file").write_text("x")
    (closed / "link").symlink_to(outside / "mine.txt")
    (closed / "below").chmod(0)
    closed.chmod(0o500)
    nest(folder, 1500)
    assert "a-long-name-of-a-folder" not in workspace.written()
    folder.chmod(0)
    workspace.close()
    assert not workspace.root.exists()
    assert (outside / "mine.txt").read_text() == "mine"
    assert stat.S_IMODE((outside / "mine.txt").stat().st_mode) == 0o640
    assert stat.S_IMODE(outside.stat().st_mode) == 0o755
    workspace.close()  # twice does no harm


def test_what_the_exercise_gives_lies_over_what_was_handed_in(tmp_path: Path) -> None:
    handed_in, exercise = tmp_path / "handed-in", tmp_path / "exercise"
    for folder, text in ((handed_in, "theirs"), (exercise, "given")):
        (folder / "data").mkdir(parents=True)
        for name in ("helper.py", "data/a.csv"):
            (folder / name).write_text(text)
    (handed_in / "own.py").write_text("theirs")
    given = {name: exercise / name for name in ("helper.py", "data/a.csv", "gone.txt", "../../outside.txt")}
    (tmp_path / "outside.txt").write_text("given")
    with Workspace(handed_in / "x.ipynb", (), "sample", tmp_path, given=given) as workspace:
        texts = {name: (workspace.folder / name).read_text() for name in ("helper.py", "data/a.csv", "own.py")}
        assert texts == {"helper.py": "given", "data/a.csv": "given", "own.py": "theirs"}
        assert workspace.written() == []
