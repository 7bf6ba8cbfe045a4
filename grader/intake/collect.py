"""Who handed in what: notebooks found in the folders and archives that teachers have."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from grader.errors import UsageError
from grader.exercise import Exercise
from grader.intake import archives as unpacking
from grader.intake.archives import Kind, Note, Refused, Room, room_for_class, unpack
from grader.intake.attempt import Attempt
from grader.intake.names import (
    CANVAS,
    CANVAS_TYPED,
    MOODLE,
    clean,
    composed,
    folder_name,
    is_archive,
    is_notebook,
    left_out,
    on_canvas,
    on_platform,
    once,
    short_hash,
    shown,
    stem,
)
from grader.intake.times import as_moment, nbgrader_time, shared_moments
from grader.reading import MAX_BYTES, Unreadable
from grader.submission import Submission, cells
from grader.text import count, plain, size
from grader.workspace import COMPANIONS_MAX_BYTES, COMPANIONS_MAX_FILES


@dataclass(frozen=True)
class Remark:
    """Something that the teacher should know before the class is graded.

    Attributes
    ----------
    student
        Whom it is about; empty where it is about nobody in particular.
    kind
        `duplicate`: the newest counts, or the one that the rules take. `missing`: files, but no notebook. `several`:
        notebooks of which none is clearly the one. `unreadable`: a file that cannot be read. `refused`: an archive, a
        link or a special file that is not touched. `ignored`: what belongs to no submission.
    text
        One sentence.
    """

    student: str
    kind: Kind
    text: str


@dataclass(frozen=True)
class HandedIn:
    """What a class handed in.

    Attributes
    ----------
    submissions
        The newest of each student, sorted by student.
    remarks
        Sorted by student too.
    attempts
        By student, the oldest first: all of them where they were asked for, else the newest alone.
    hand_ins
        How many each student handed in, whether they were looked into or not.
    numbers
        The platform's numbers of students, where it gives any.
    """

    submissions: tuple[Submission, ...]
    remarks: tuple[Remark, ...]
    attempts: Mapping[str, tuple[Attempt, ...]] = field(default_factory=dict)
    hand_ins: Mapping[str, int] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)


def find(path: Path, exercise: Exercise, into: Path, every: bool = False) -> HandedIn:
    """The submissions in a folder or an archive, of whatever layout.

    Known are a folder of notebooks, a folder a student, nbgrader's `submitted/`, what Moodle's and Canvas's
    "download all submissions" give, and archives (zip, tar) of these and in these.

    Parameters
    ----------
    path
        A folder, an archive or a notebook.
    exercise
        Its notebook's name tells which of a student's notebooks is meant.
    into
        An empty folder. Archives are unpacked in it, and files that lie beside those of other students are copied
        to it, so that each notebook has only its own companions beside it.
    every
        Look for every attempt, not for the newest alone.

    Raises
    ------
    UsageError
        There is no such path, its archive is refused, nothing was handed in, or `into` cannot be written to.
    """
    try:
        path = path.expanduser().resolve()
        kind = path.stat().st_mode
    except FileNotFoundError:
        raise UsageError(f"There is no {plain(str(path))}.", "Name a folder or an archive of submissions.") from None
    except (OSError, RuntimeError, ValueError):  # no access, links in a circle, no such user, a NUL
        raise UsageError(f"{plain(str(path))} cannot be opened.", "Check the name and your access to it.") from None
    try:
        into.mkdir(parents=True, exist_ok=True)
        finder = _Finder(exercise, into.resolve(), every)
        found = finder.in_folder(path) if stat.S_ISDIR(kind) else finder.in_file(path)
    except OSError as error:
        raise UsageError(
            f"The submissions cannot be laid out in {plain(str(into))}: {error.strerror or 'it cannot be written to'}.",
            "Check the access to it and the room on the disk.",
        ) from None
    if not found.submissions and all(remark.kind == "ignored" for remark in found.remarks):
        raise UsageError(
            f"There are no submissions in {plain(str(path))}.",
            "Name a folder or an archive of notebooks, or of a folder for each student.",
        )
    return found


# ---------------------------------------------------------------------- folders


@dataclass(frozen=True)
class _File:
    """A file that was handed in.

    Attributes
    ----------
    name
        Its path within the submission, as the student knows it.
    upload
        Canvas's number of the upload, which grows from one to the next; else 0.
    alone
        Whether only the student's own files lie beside it.
    handed_in
        When it was, where something else than `time` tells: what lies in a student's archive came with the archive.
    marked_late
        Canvas says so.
    """

    path: Path
    name: str
    time: float
    bytes: int
    upload: int = 0
    alone: bool = True
    handed_in: float | None = None
    marked_late: bool = False

    @property
    def age(self) -> tuple[int, float, int, str]:
        """The larger, the newer."""
        return self.upload, self.time, once(stem(self.path.name))[1], self.name

    @property
    def counts(self) -> bool:
        """Whether it is a notebook, or could hold one."""
        return is_notebook(self.name) or is_archive(self.name)


@dataclass
class _Part:
    """What came in one piece: a folder, a loose notebook or archive, or all that a platform lists for a student."""

    name: str
    files: list[_File] = field(default_factory=list)

    @property
    def age(self) -> tuple[tuple[int, float, int, str], str]:
        return max((file.age for file in self.files if file.counts), default=(0, 0.0, 0, "")), self.name


@dataclass
class _Student:
    """Somebody who handed in something; `number` is the platform's, if there is one, `room` what archives may take."""

    name: str
    number: str = ""
    room: Room = field(default_factory=Room)
    parts: dict[str, _Part] = field(default_factory=dict)
    remarks: list[tuple[Kind, str]] = field(default_factory=list)

    def part(self, name: str) -> _Part:
        return self.parts.setdefault(name, _Part(name))

    def remark(self, kind: Kind, text: str) -> None:
        self.remarks.append((kind, text))


def _visible(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted((entry for entry in entries if not left_out(entry.name)), key=lambda entry: entry.name)


def _inside(top: Path, student: _Student | None = None) -> list[_File]:
    """Regular files in a folder and below it. No link is followed; what is odd is remarked."""
    files: list[_File] = []
    odd: dict[str, list[str]] = {"link": [], "special file": [], "closed folder": []}
    waiting, looked = deque([top]), 0
    while waiting and looked < 5 * unpacking.SUBMISSION_ENTRIES:
        folder = waiting.popleft()
        try:
            entries = _visible(folder)
        except OSError:
            odd["closed folder"].append(folder.relative_to(top).as_posix())
            continue
        for entry in entries:
            looked += 1
            path = Path(entry.path)
            name = path.relative_to(top).as_posix()
            if entry.is_symlink():
                if not _leads_into(path, top):
                    odd["link"].append(name)
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(path)
            elif entry.is_file(follow_symlinks=False):
                with suppress(OSError):  # it went away meanwhile
                    status = entry.stat(follow_symlinks=False)
                    files.append(_File(path, name, status.st_mtime, status.st_size))
            else:
                odd["special file"].append(name)
    if student is not None:
        _tell_odd(odd, student)
        if waiting:
            student.remark("ignored", f"Only the first {looked:,} files of the submission were looked at.")
    return files


def _thin(folder: Path) -> None:
    """Of what a student's archive held, drop what goes along with no notebook anyway: a class has many archives."""
    files = _inside(folder)
    beside = {file.path.parent for file in files if is_notebook(file.name)}
    others = [file for file in files if not is_notebook(file.name)]
    room = COMPANIONS_MAX_BYTES
    for file in sorted(others, key=lambda file: (file.path.parent not in beside, file.bytes)):
        if file.bytes <= room:
            room -= file.bytes
        else:
            file.path.unlink()


def _leads_into(link: Path, top: Path) -> bool:
    try:
        return link.resolve().is_relative_to(top.resolve())
    except (OSError, RuntimeError):  # links in a circle
        return False


def _tell_odd(odd: dict[str, list[str]], student: _Student) -> None:
    """One remark of each kind: an environment that was handed in has links by the dozen."""
    for what, names in odd.items():
        if not names:
            continue
        first = shown(names[0]) if len(names) == 1 else f"{shown(names[0])} and others"
        if what == "closed folder":
            student.remark("unreadable", f"{count(len(names), what)} cannot be opened: {first}.")
        elif what == "link":
            verb = "leads" if len(names) == 1 else "lead"
            student.remark("refused", f"{count(len(names), what)} {verb} out of the submission: {first}.")
        else:
            student.remark("refused", f"{count(len(names), what)} cannot be handed in: {first}.")


# ---------------------------------------------------------------------- the class


class _Finder:
    """Goes through what a class handed in, and settles for each student which notebook it is."""

    def __init__(self, exercise: Exercise, into: Path, every: bool) -> None:
        self.every = every
        self.of_nbgrader = False
        self.shared: frozenset[float] = frozenset()
        self.wanted = composed(exercise.description.notebook)
        self.assignment = {exercise.id.casefold(), stem(self.wanted).casefold()}
        self.into = into
        self.students: dict[tuple[str, str, str], _Student] = {}
        self.remarks: list[Remark] = []
        self.unpacked_class = False
        self.unpacked: dict[Path, str] = {}  # folders that archives were unpacked into, and where those lie

    # ------------------------------------------------------------------ where the class lies

    def in_file(self, path: Path) -> HandedIn:
        """The submissions of an archive, or the one that a notebook is."""
        if not path.is_file() or not (is_archive(path.name) or is_notebook(path.name)):
            raise UsageError(
                f"{plain(path.name)} is neither a folder nor an archive nor a notebook.",
                "Archives are .zip, .tar, .tar.gz, .tar.bz2 and .tar.xz; unpack others first.",
            )
        if is_notebook(path.name):
            alone = self._student("", stem(path.name))
            self._take_file(path, path.name, alone, path.name, alone=True)
            return self._settled()
        if not os.access(path, os.R_OK):
            raise UsageError(f"{plain(path.name)} cannot be opened.", "Check your access to it.")
        folder = self.into / "class"
        try:
            notes = unpack(path, folder, room_for_class(), whole_class=True)
        except Refused as error:
            raise UsageError(f"{plain(path.name)} is not unpacked: {error}.", "Download or pack it again.") from None
        self.unpacked_class = True
        self.unpacked[folder] = str(path)
        top, graded_by_nbgrader = self._class_folder(folder, stem(path.name))
        self._collect(top, graded_by_nbgrader)
        self._attribute(notes, top.relative_to(folder).as_posix())
        return self._settled()

    def in_folder(self, path: Path) -> HandedIn:
        """The submissions of a folder."""
        try:
            top, graded_by_nbgrader = self._class_folder(path)
            entries = _visible(top)
        except OSError:
            raise UsageError(f"{plain(str(path))} cannot be opened.", "Check your access to it.") from None
        self._collect(top, graded_by_nbgrader, entries)
        return self._settled()

    def _class_folder(self, root: Path, archive: str = "") -> tuple[Path, bool]:
        """The folder that holds the submissions, and whether it is nbgrader's `submitted`."""
        for _ in range(4):
            if root.name == "submitted":
                return root, True
            entries = _visible(root)
            folders = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
            if any(entry.name == "submitted" for entry in folders):
                return root / "submitted", True
            if len(entries) != 1 or not folders or not self._wraps(Path(entries[0].path), archive):
                break
            root = Path(entries[0].path)
        return root, False

    def _wraps(self, folder: Path, archive: str) -> bool:
        """Whether the only folder holds a class, not what one student handed in."""
        entries = _visible(folder)
        files = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
        folders = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        if MOODLE.fullmatch(folder.name):
            return False
        if any(map(MOODLE.fullmatch, files + folders)) or any(map(CANVAS.fullmatch, files)):
            return True
        if {"submitted", "submissions"} & {name.casefold() for name in folders}:
            return True
        if any(map(self._is_named, files)) or any(name.casefold() in self.assignment for name in folders):
            return False
        if folder.name.casefold() == "submissions" or folder.name == archive:
            return True
        with_work = [name for name in folders if any(file.counts for file in _inside(folder / name))]
        return sum(is_notebook(name) or is_archive(name) for name in files) + len(with_work) > 1

    # ------------------------------------------------------------------ who handed in what

    def _student(self, platform: str, name: str, number: str = "") -> _Student:
        name = composed(name)
        return self.students.setdefault((platform, name, number), _Student(name, number))

    def _owner(self, name: str, loose: bool, stems: set[str]) -> tuple[_Student, str, str, int]:
        """Whose an entry of the class's folder is, the part it belongs to, its own name, Canvas's number of it."""
        moodle = MOODLE.fullmatch(name)
        if moodle:
            # What a platform lists under one prefix was handed in together.
            return self._student("moodle", moodle["name"], moodle["number"] or ""), "", moodle["rest"] or "", 0
        canvas = on_canvas(name) if loose else None
        if canvas:
            return self._student("canvas", canvas.name, canvas.number), "", canvas.rest, canvas.upload
        called = stem(name) if loose else name
        again = re.fullmatch(r"(.+?) ?\(\d{1,4}\)", called, re.DOTALL)  # a browser's second download
        if again and composed(again[1]) in stems:
            called = again[1]
        return self._student("", called), name, name, 0

    def _collect(self, top: Path, of_nbgrader: bool, entries: list[os.DirEntry[str]] | None = None) -> None:
        entries = _visible(top) if entries is None else entries
        self.of_nbgrader = of_nbgrader
        folders = {entry.name for entry in entries if entry.is_dir(follow_symlinks=False)}
        stems = {composed(entry.name if entry.name in folders else stem(entry.name)) for entry in entries}
        waiting: list[os.DirEntry[str]] = []
        for entry in entries:
            moodle = MOODLE.fullmatch(entry.name)
            loose = entry.name not in folders and not (entry.is_symlink() and entry.is_dir())
            listed = moodle or (loose and CANVAS.fullmatch(entry.name))
            typed = CANVAS_TYPED.fullmatch(entry.name) if loose and not listed else None
            if typed:
                self._student("canvas", typed["anonymous"] or typed["name"], typed["number"] or "")
                continue
            if loose and not listed and not (is_notebook(entry.name) or is_archive(entry.name)):
                waiting.append(entry)
                continue
            student, part, name, upload = self._owner(entry.name, loose, stems)
            if moodle and (moodle["what"], moodle["how"]) != ("submission", "file"):
                continue  # a text typed into the page, or the teacher's own feedback: the student is known, no more
            if entry.is_symlink():
                student.remark("refused", f"{shown(entry.name)} is a link, which is not followed.")
            elif not loose:
                student.part(part).files += _inside(Path(entry.path), student)
            else:
                self._take_file(Path(entry.path), part, student, name, upload)
        if of_nbgrader:
            self._keep_assignment()
        self._take_companions(waiting)
        self._drop_folders_beside_notebooks()

    def _take_file(
        self, path: Path, part: str, student: _Student, name: str, upload: int = 0, alone: bool = False
    ) -> None:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            student.remark("refused", f"{shown(path.name)} is no ordinary file.")
            return
        # The name is empty where the platform's prefix is all there is.
        file = _File(path, name or path.name, status.st_mtime, status.st_size, upload, alone)
        canvas = on_canvas(path.name) if upload else None
        student.part(part).files.append(replace(file, marked_late=canvas is not None and canvas.late))

    def _keep_assignment(self) -> None:
        """Of several assignments under `submitted/STUDENT/`, the exercise's own, where it is there by its name."""

        def of_exercise(file: _File) -> bool:
            folder, slash, _ = file.name.partition("/")
            return bool(slash) and folder.casefold() in self.assignment

        parts = [part for student in self.students.values() for part in student.parts.values()]
        if any(of_exercise(file) for part in parts for file in part.files):
            for part in parts:
                part.files = [file for file in part.files if of_exercise(file)]

    def _take_companions(self, entries: list[os.DirEntry[str]]) -> None:
        """`alice_helper.py` goes with `alice.ipynb`; what goes with nobody is ignored."""
        loose = {part.name: part for key, one in self.students.items() if not key[0] for part in one.parts.values()}
        stems = {stem(name): part for name, part in loose.items() if is_notebook(name)}
        for entry in entries:
            own = stem(entry.name)
            owners = [one for one in stems if own == one or own.startswith((f"{one}_", f"{one}-", f"{one} "))]
            if owners and entry.is_file(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                file = _File(Path(entry.path), entry.name, status.st_mtime, status.st_size, alone=False)
                stems[max(owners, key=len)].files.append(file)
            else:
                text = f"{shown(entry.name)} is no notebook, no archive and no student's folder."
                self.remarks.append(Remark("", "ignored", text))

    def _drop_folders_beside_notebooks(self) -> None:
        """Beside loose notebooks a folder without any is `data` or `images`, no student."""
        loose = any(not f.alone and f.counts for s in self.students.values() for p in s.parts.values() for f in p.files)
        for key, student in list(self.students.items()):
            if loose and not key[0] and not student.remarks:
                student.parts = {n: p for n, p in student.parts.items() if any(file.counts for file in p.files)}
                if not student.parts:
                    del self.students[key]
                    text = f"The folder {shown(student.name)} has no notebook and is no student's."
                    self.remarks.append(Remark("", "ignored", text))

    def _attribute(self, notes: list[Note], top: str) -> None:
        """Tell what was left out of the class's archive to those whose it was."""
        above = "" if top == "." else f"{top}/"
        known = {student.name for key, student in self.students.items() if not key[0]}
        for note in notes:
            first, slash, _ = note.entry.removeprefix(above).partition("/")
            if note.entry.startswith(above) and (
                slash or is_notebook(first) or is_archive(first) or on_platform(first)
            ):
                self._owner(first, not slash, known)[0].remark(note.kind, note.text)
            else:
                self.remarks.append(Remark("", note.kind, note.text))

    # ------------------------------------------------------------------ which notebook counts

    def _settled(self) -> HandedIn:
        students = self._unique()
        self.shared = shared_moments(
            (name, file.time)
            for name, student in students.items()
            for part in student.parts.values()
            for file in part.files
            if file.counts
        )
        attempts: dict[str, tuple[Attempt, ...]] = {}
        hand_ins: dict[str, int] = {}
        for name, student in sorted(students.items()):
            found, several = self._attempts(student, name)
            if found:
                attempts[name], hand_ins[name] = tuple(found), several
            self.remarks += [Remark(name, kind, text) for kind, text in student.remarks]
        return HandedIn(
            tuple(of_one[-1].submission for of_one in attempts.values()),
            tuple(sorted(self.remarks, key=lambda remark: remark.student)),
            attempts,
            hand_ins,
            {name: student.number for name, student in students.items() if student.number},
        )

    def _unique(self) -> dict[str, _Student]:
        """The students by a name of their own, fit to be shown."""
        names = Counter(shown(student.name) for student in self.students.values())
        unique: dict[str, _Student] = {}
        for key, student in self.students.items():
            name = shown(student.name)
            if names[name] > 1 or not name:
                name = f"{name or 'student'}_{student.number or short_hash(student.name)}"
            if name in unique:
                name = f"{name}_{short_hash(repr(key))}"
            unique[name] = student
        return unique

    def _attempts(self, student: _Student, name: str) -> tuple[list[Attempt], int]:
        """A student's notebooks, the newest last, each where nothing of other students lies beside it; how many.

        Where not every attempt is asked for, it is the newest alone, and of the others only how many they are.
        """
        parts = sorted(student.parts.values(), key=lambda part: part.age, reverse=True)
        with_work = [part for part in parts if any(file.counts for file in part.files)]
        own = self.into / "students" / folder_name(name)
        attempts: list[Attempt] = []
        looked_into = False
        for number, part in enumerate(with_work, 1):
            if self.unpacked_class and sum(file.bytes for file in part.files) > unpacking.SUBMISSION_BYTES:
                student.remark("refused", f"The submission is larger than {size(unpacking.SUBMISSION_BYTES)}.")
                continue
            alike = self._alike(part, student, own / str(number))
            if not alike:
                continue
            if len(with_work) > 1 and not looked_into:
                which = "newest" if number == 1 else "newest with a notebook"
                counts = "the rules tell which counts" if self.every else f"the {which} counts: {shown(part.name)}"
                student.remark("duplicate", f"{count(len(with_work), 'submission')}; {counts}.")
            looked_into = True
            for chosen in alike if self.every else alike[:1]:
                attempts += self._checked(chosen, part, student, own / f"files{len(attempts) or ''}", name)
            if not self.every:
                return attempts, len(alike) + len(with_work) - number
        if looked_into:
            return attempts[::-1], len(attempts)
        if not with_work or not any(kind == "refused" for kind, _ in student.remarks):
            files = [shown(file.name) for part in parts for file in part.files]
            among = f" among {count(len(files), 'file')} ({', '.join(files[:3])}{', …' if files[3:] else ''})"
            student.remark("missing", f"There is no notebook{among if files else ''}.")
        return [], 0

    def _place(self, path: Path) -> str:
        """Where a person finds a file that may lie in an archive."""
        folder = next((above for above in path.parents if above in self.unpacked), None)
        return str(path) if folder is None else f"{self.unpacked[folder]}/{path.relative_to(folder).as_posix()}"

    def _alike(self, part: _Part, student: _Student, into: Path) -> list[_File]:
        """The notebooks that are the one asked for, perhaps several times over; the newest first."""
        notebooks = [file for file in part.files if is_notebook(file.name)]
        # An archive beside the notebook asked for is the notebook's own affair: data that it opens itself.
        if not any(self._is_named(Path(file.name).name) for file in notebooks):
            for number, archive in enumerate((file for file in part.files if is_archive(file.name)), 1):
                notebooks += self._unpacked(archive, student, into / f"archive-{number}")
        if len(notebooks) < 2:
            return notebooks
        named = [file for file in notebooks if self._is_named(Path(file.name).name)]
        if len(named) == 1:
            return named
        alike = named or notebooks
        if named or len({once(stem(Path(file.name).name))[0] for file in alike}) == 1:
            alike = sorted(alike, key=lambda file: file.age, reverse=True)
            newest = f"the newest counts: {shown(alike[0].name)}"
            counts = "the rules tell which counts" if self.every else newest
            student.remark("duplicate", f"{count(len(alike), 'notebook')}; {counts}.")
            return alike
        best = max(notebooks, key=lambda file: (self._likeness(Path(file.name).name), file.age))
        student.remark("several", f"{count(len(notebooks), 'notebook')}; taken is {shown(best.name)}.")
        return [best]

    def _is_named(self, name: str) -> bool:
        """Whether a notebook has the exercise's name, perhaps for the second time."""
        return is_notebook(name) and stem(self.wanted).casefold() in {
            composed(stem(name)).casefold(),
            once(composed(stem(name)))[0].casefold(),
        }

    def _likeness(self, name: str) -> int:
        """How well a notebook's name fits the exercise's: contains it, is of its number, or neither."""
        told = composed(stem(name)).casefold()
        return next((2 - n for n, part in enumerate(sorted(self.assignment, key=len)[::-1]) if part in told), 0)

    def _unpacked(self, archive: _File, student: _Student, into: Path) -> list[_File]:
        """The notebooks in a student's archive. Archives in it stay packed."""
        try:
            if not os.access(archive.path, os.R_OK):
                student.remark("unreadable", f"{shown(archive.name)} cannot be opened.")
                return []
            notes = unpack(archive.path, into, student.room)
        except Refused as error:
            student.remark("refused", f"{shown(archive.name)} is not unpacked: {error}.")
            return []
        self.unpacked[into] = self._place(archive.path)
        _thin(into)
        for note in notes:
            student.remark(note.kind, f"{shown(archive.name)}: {note.text}")
        return [
            replace(
                file,
                name=f"{archive.name}/{file.name}",
                upload=archive.upload,
                handed_in=archive.time,
                marked_late=archive.marked_late,
            )
            for file in _inside(into)
            if is_notebook(file.name)
        ]

    def _checked(self, chosen: _File, part: _Part, student: _Student, into: Path, name: str) -> list[Attempt]:
        """The notebook in a folder of the student's own; nothing where this machine cannot read the file."""
        path = chosen.path
        try:
            with path.open("rb"):
                pass
        except OSError:
            student.remark("unreadable", f"{shown(chosen.name)} cannot be opened on this machine.")
            return []
        if not chosen.alone and chosen.bytes <= MAX_BYTES:  # larger ones are unreadable where they lie
            path = self._copied(chosen, part, into)
        submission = Submission(path, name, self._place(chosen.path))
        try:
            cells(submission.contents())
        except Unreadable as error:
            student.remark("unreadable", f"{shown(chosen.name)}: {error}")
        return [self._timed(submission, chosen, part)]

    def _timed(self, submission: Submission, chosen: _File, part: _Part) -> Attempt:
        """When it was handed in, as far as anything tells."""
        if chosen.upload:  # the files of Canvas's archive have the moment when it was made
            return Attempt(submission, marked_late=chosen.marked_late)
        if self.of_nbgrader:
            beside = f"{chosen.name.rpartition('/')[0]}/timestamp.txt"
            stamp = next((nbgrader_time(file.path) for file in part.files if file.name == beside), None)
            if stamp is not None:
                return Attempt(submission, stamp)
        when = chosen.time if chosen.handed_in is None else chosen.handed_in
        return Attempt(submission, as_moment(when), when not in self.shared)

    def _copied(self, chosen: _File, part: _Part, into: Path) -> Path:
        """Copy a loose notebook and what was handed in with it, as much of it as would go along anyway."""
        into.mkdir(parents=True)
        room, places = COMPANIONS_MAX_BYTES, COMPANIONS_MAX_FILES
        companions = [file for file in part.files if not is_notebook(file.name) and not file.alone]
        for file in sorted(companions, key=lambda file: (file.bytes, file.age)):
            if file.bytes <= room and places:
                with suppress(OSError):
                    shutil.copy2(file.path, into / clean(file.name))
                room, places = room - file.bytes, places - 1
        target = into / clean(Path(chosen.name).name)
        shutil.copy2(chosen.path, target)
        return target
