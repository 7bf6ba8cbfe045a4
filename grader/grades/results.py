"""The results folder: a report a student, whole or not there, and found again by what it hangs on.

::

    results/students/NAME/report.json       what was found; written last, with it the result is there
    results/students/NAME/executed.ipynb    the notebook as it ran, if it could be read
    results/students/NAME/files/            files of the notebook's that are kept, if the exercise asks for any
    results/students/NAME/key.json          what the result hangs on, and digests of the files that belong to it
    results/students/NAME/attempts/N/       the same of each attempt, where the best counts; see attempts.py
    results/gradebook.csv, summary.json     see gradebook.py
    results/grades.json, overrides.json     see grades.py, overrides.py
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

from pydantic import ValidationError

from grader.digests import digest, files_digest
from grader.errors import GradingError, UsageError
from grader.exercise import Exercise
from grader.exercise_files import paths_of
from grader.grading import Graded, Options
from grader.intake.names import folder_name
from grader.report import Report
from grader.result_files import FILES, KEY, NOTEBOOK, REPORT, notebook_text, write_files
from grader.scratch import remove
from grader.small_files import contents
from grader.submission import Submission
from grader.text import plain
from grader.workspace import companions
from grader.writing import write_whole

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_LOCK = ".lock"
_MAX_NOTEBOOK = 200_000_000
_MAX_REPORT = 20_000_000  # a report is some kilobytes; whatever is larger is none of ours
_SCHEMA = Report.model_fields["schema_version"].default


class Results:
    """A folder of results.

    One object serves one batch: what lies beside the notebooks, and the exercise's files, are read once for it.

    Parameters
    ----------
    path
        The folder. It is made when it is first needed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._grader = version("grader")
        # Of the report's file in each student's own folder, as it was last read or written here.
        self.shown: dict[str, str] = {}
        self._exercises: dict[Path, bytes] = {}
        self._companions: dict[Path, bytes] = {}

    def folder(self, student: str, attempt: int = 0) -> Path:
        """Where a student's report and executed notebook lie, or those of one of their attempts, from 1."""
        own = self.path / "students" / folder_name(student)
        return own / "attempts" / str(attempt) if attempt else own

    # ------------------------------------------------------------------ what a result hangs on

    def key(
        self, submission: Submission, exercise: Exercise, options: Options, device_class: str, data_name: str
    ) -> str:
        """What a result hangs on, as a digest: as long as it stays the same, there is nothing to grade again.

        Parameters
        ----------
        device_class
            ``cpu``, ``cuda`` or ``mps``: which of several GPUs it was makes no difference.
        data_name
            The form of the data sets that is used, ``full`` or ``sample``.
        """
        beside = submission.path.absolute().parent
        if exercise.folder not in self._exercises:
            self._exercises[exercise.folder] = files_digest(paths_of(exercise), exercise.course)
        notebook = beside / submission.path.name
        if notebook not in self._companions:
            self._companions[notebook] = files_digest(companions(beside, notebook.name)[0], beside)
        circumstances = {
            "grader": self._grader,
            "schema_version": _SCHEMA,
            "data": data_name,
            "device": device_class,
            "seed": options.seed,
            "language": options.language,
            "sandbox": options.sandbox,
            "only": sorted(options.only),
        }
        return digest(
            self._exercises[exercise.folder],
            self._companions[notebook],
            submission.gist.sources,
            json.dumps(circumstances, sort_keys=True).encode(),
        ).hex()

    @staticmethod
    def work(submission: Submission) -> str:
        """A digest of what the notebook says: the same for the notebook as it was handed in and as it ran."""
        return submission.gist.sources.hex()

    # ------------------------------------------------------------------ reading

    def have(self, submission: Submission, key: str, attempt: int = 0) -> Report | None:
        """The finished result of this submission with this key, if there is one.

        What is damaged, half written or not ours is as if it were not there; an `ungraded` report, too: what
        the grader or the machine lacked then may be there now. Where the notebook lay elsewhere when it was graded,
        the report now tells where it lies.
        """
        student = str(submission.student)
        report = self.read(student, key, attempt)
        if report is None or report.status == "ungraded" or not self._is_whole(student, attempt):
            return None
        place = plain(submission.place, 400)
        return report if report.submission == place else self._moved(student, key, report, place, attempt)

    def _is_whole(self, student: str, attempt: int) -> bool:
        """Whether the notebook and the files beside a report are those that were written with it."""
        folder = self.folder(student, attempt)
        try:
            mark = json.loads(contents(folder / KEY, 10_000))
            if "beside" not in mark:  # it was written before anybody looked
                return True
            return bool(mark["beside"] == _beside(*_read_beside(folder)))
        except (OSError, ValueError, TypeError, RecursionError):
            return False

    def all(self, students: Iterable[str]) -> dict[str, Report]:
        """Every finished result of these students, whatever its key, `ungraded` ones too."""
        found = ((student, self.read(student)) for student in students)
        return {student: report for student, report in found if report is not None}

    def read(self, student: str, key: str | None = None, attempt: int = 0) -> Report | None:
        """A finished result of a student, with this key or with whatever key."""
        folder = self.folder(student, attempt)
        try:
            mark = json.loads(contents(folder / KEY, 10_000))
            if type(mark) is not dict or (key is not None and mark.get("key") != key):
                return None  # most often it is another key: the report need not even be opened
            raw = contents(folder / REPORT, _MAX_REPORT)
            if (digest_ := _hex(raw)) not in (mark.get("report"), mark.get("before")):
                return None
            report = Report.model_validate_json(raw)
        except (OSError, ValueError, RecursionError, ValidationError):
            return None
        if not attempt:
            self.shown[student] = digest_
        # A folder copied under another student's name is not that student's result.
        return report if report.student in (None, student) else None

    # ------------------------------------------------------------------ writing

    def _moved(self, student: str, key: str, report: Report, place: str, attempt: int) -> Report:
        """The report with another place; what is on the disk is a whole result at every moment."""
        folder, moved = self.folder(student, attempt), report.model_copy(update={"submission": place})
        text = _text(moved)
        with _writing(student):
            before = contents(folder / REPORT, _MAX_REPORT)
            mark = json.loads(contents(folder / KEY, 10_000))
            mark |= {"key": key, "report": _hex(text.encode()), "before": _hex(before)}
            write_whole(folder / KEY, json.dumps(mark) + "\n")
            _sync(folder)
            write_whole(folder / REPORT, text)
        if not attempt:
            self.shown[student] = mark["report"]
        return moved

    def save(self, student: str, key: str, graded: Graded, attempt: int = 0) -> None:
        """Write a result, so that after a kill -9 or a power cut it is there whole or not at all.

        The report comes last: with it the result is there. The key's file, written before it, names the digest of
        the report that it belongs to, so the two are never mismatched.

        Raises
        ------
        GradingError
            The folder cannot be written to.
        """
        notebook = None if graded.notebook is None else notebook_text(graded.notebook)
        self._put(student, self.folder(student, attempt), key, graded, notebook)

    def copy(self, student: str, attempt: int, to: int) -> None:
        """Make the result of an attempt another's, too; 0 is the one that the student's folder shows.

        Raises
        ------
        GradingError
            It cannot be read, or the folder cannot be written to.
        """
        source, target = self.folder(student, attempt), self.folder(student, to)
        with _writing(student):
            report, key = self.read(student, None, attempt), self.key_of(student, attempt)
            if report is None or key is None:
                raise FileNotFoundError(errno.ENOENT, "it is gone")
            if (
                key == self.key_of(student, to)
                and report == self.read(student, key, to)
                and self._is_whole(student, to)
            ):
                return
            notebook, files = _read_beside(source)
            self._put(student, target, key, Graded(report, None, files), notebook)

    def share(self, student: str, other: str) -> None:
        """Make the result that a student's own folder shows another student's, too.

        Raises
        ------
        GradingError
            It cannot be read, or the folder cannot be written to.
        """
        with _writing(other):
            report, key = self.read(student), self.key_of(student)
            if report is None or key is None:
                raise FileNotFoundError(errno.ENOENT, "it is gone")
            report = report.model_copy(update={"student": other})
            if key == self.key_of(other) and report == self.read(other, key) and self._is_whole(other, 0):
                return
            notebook, files = _read_beside(self.folder(student))
            self._put(other, self.folder(other), key, Graded(report, None, files), notebook)

    def key_of(self, student: str, attempt: int = 0) -> str | None:
        """What a result hangs on, as it was when it was written; None where there is no result."""
        try:
            key = json.loads(contents(self.folder(student, attempt) / KEY, 10_000)).get("key")
        except (OSError, ValueError, AttributeError, RecursionError):
            return None
        return key if type(key) is str else None

    def _put(self, student: str, folder: Path, key: str, graded: Graded, notebook: str | None) -> None:
        report = _text(graded.report)
        mark = {"key": key, "report": _hex(report.encode()), "beside": _beside(notebook, graded.files)}
        with _writing(student):
            self._make(folder)
            _take_away(folder / KEY, folders_only=True)
            write_whole(folder / KEY, json.dumps(mark) + "\n")  # from here on, an earlier result is none any more
            self._clear(folder)
            if notebook is not None:
                write_whole(folder / NOTEBOOK, notebook)
            write_files(folder / FILES, graded.files)
            _sync(folder)  # no power cut may leave the report's name on the disk without the other two
            write_whole(folder / REPORT, report)
            _sync(folder)
        if folder == self.folder(student):
            self.shown[student] = mark["report"]

    def _make(self, folder: Path) -> None:
        if not folder.is_dir():
            for place in (*reversed(folder.parents), folder):
                if self.path in place.parents and place.exists() and not place.is_dir():
                    place.unlink()
            folder.mkdir(parents=True, exist_ok=True)
            for above in (*folder.relative_to(self.path).parents, Path("..")):
                _sync(self.path.absolute() / above)

    @staticmethod
    def _clear(folder: Path) -> None:
        """Take away an earlier result, and the drafts that a kill -9 left lying about."""
        if (folder / REPORT).exists():
            _sync(folder)  # the new key first: the old report is never seen beside the new notebook
        for name in (REPORT, NOTEBOOK, *(() if (folder / FILES).is_dir() else (FILES,))):
            _take_away(folder / name)
        for name in (NOTEBOOK, REPORT, KEY):
            for draft in folder.glob(f".{name}-*"):
                _take_away(draft)

    # ------------------------------------------------------------------ one batch at a time

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other batches out of the folder; the system lets go of the lock when this process is gone.

        Raises
        ------
        UsageError
            Another batch is writing into the folder, or it cannot be written to.
        """
        busy = UsageError(
            f"Another batch is writing into {plain(str(self.path))}.", "Wait for it, or name another folder with -o."
        )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            place = self.path.resolve() / _LOCK
            with _held_guard:
                if place in _held:
                    raise busy
                descriptor = os.open(place, os.O_RDWR | os.O_CREAT, 0o644)
                _held.add(place)
        except OSError as error:
            raise UsageError(
                f"{plain(str(self.path))} cannot be written to: {error.strerror or error}.",
                "Name another folder with -o.",
            ) from None
        try:
            try:
                _lock(descriptor)
            except (BlockingIOError, PermissionError):  # EAGAIN or EACCES, as the system likes
                raise busy from None
            except OSError as error:
                raise UsageError(
                    f"{plain(str(self.path))} cannot be locked: {error.strerror or error}.",
                    "Name a folder on a disk of this machine with -o.",
                ) from None
            yield
        finally:
            with _held_guard:
                os.close(descriptor)  # lets go of the lock
                _held.discard(place)


def _text(report: Report) -> str:
    return report.model_dump_json(indent=2) + "\n"


def _hex(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _beside(notebook: str | None, files: Mapping[str, bytes]) -> str:
    """A digest of what is written beside a report."""
    contents = [b"" if notebook is None else notebook.encode(), *(files[name] for name in sorted(files))]
    names = [notebook is not None, *sorted(files)]
    return _hex(json.dumps([names, *map(_hex, contents)]).encode())


def _read_beside(folder: Path) -> tuple[str | None, dict[str, bytes]]:
    """The notebook and the files beside a report, as they are.

    Raises
    ------
    OSError, ValueError
        Something else is in their place.
    """
    notebook = folder / NOTEBOOK
    text = contents(notebook, _MAX_NOTEBOOK).decode("utf-8") if os.path.lexists(notebook) else None
    kept = folder / FILES
    return text, {path.name: contents(path, _MAX_NOTEBOOK) for path in kept.iterdir()} if kept.is_dir() else {}


def _take_away(path: Path, folders_only: bool = False) -> None:
    """Remove whatever is in the place of a file of ours."""
    if path.is_dir() and not path.is_symlink():
        remove(path)
    elif not folders_only:
        path.unlink(missing_ok=True)


@contextmanager
def _writing(student: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise GradingError(
            f"The result of {plain(student, 60)} cannot be written: {error.strerror or error}.",
            "Make room or see to your access, and run the same command again: it goes on from here.",
        ) from error


# Locks of this kind are the process's: a second one in the same process would be granted, so we look ourselves.
# (The other kind, flock, is inherited by forked workers, and one that outlives a killed batch would keep it.)
_held: set[Path] = set()
_held_guard = threading.Lock()


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _sync(folder: Path) -> None:
    """Bring a folder's names to the disk; Windows does so by itself and does not open folders."""
    if sys.platform == "win32":
        return
    with suppress(OSError):  # some network disks refuse
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
