"""Which of the notebooks that a student handed in counts, or what all of them are, oldest first."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from grader.formats.files import holds_notebook, is_jupyters
from grader.formats.notebook import instead
from grader.intake import archives
from grader.intake.archives import ArchiveRefused, unpack
from grader.intake.attempt import Attempt, HandedIn, Remark
from grader.intake.layouts import Layout
from grader.intake.names import clean, folder_name, is_archive, once, short_hash, shown, stem
from grader.intake.pieces import File, Piece, Student, Wanted, inside, thin
from grader.intake.times import as_moment, nbgrader_time, shared_moments
from grader.language import tr
from grader.reading import MAX_BYTES, NO_JSON
from grader.small_files import beginning
from grader.submission import Submission
from grader.text import count, size
from grader.workspace import COMPANIONS_MAX_BYTES, COMPANIONS_MAX_FILES

_STAMP = "timestamp.txt"


def _instead(file: File) -> str:
    """What a file is that is no notebook, as a sentence; "" where nobody can tell."""
    if is_archive(file.name):
        return ""
    try:
        said = instead(beginning(file.path), Path(file.name).name)
    except (OSError, ValueError):
        return ""
    return "" if said == tr(NO_JSON) else said


def _is_note(name: str) -> bool:
    """Whether a file is called as what people write beside their work."""
    return Path(name).stem.casefold() in {"readme", "notes", "changelog", "license", "contributing"}


class Chooser:
    """Settles for each student which notebook it is.

    Parameters
    ----------
    into
        Where archives are unpacked, and loose notebooks copied with what belongs to them.
    every
        Look for every attempt, not for the newest alone.
    archive, unpacked
        The class's archive, if it came in one, and the folder that it was unpacked into.
    """

    def __init__(
        self,
        layout: Layout,
        wanted: Wanted,
        into: Path,
        every: bool,
        archive: Path | None = None,
        unpacked: Path | None = None,
    ) -> None:
        self.layout = layout
        self.wanted = wanted
        self.into = into
        self.every = every
        self.from_archive = archive is not None
        self.shared: frozenset[float] = frozenset()
        self.only_text: File | None = None  # of the student who is being settled
        # Folders that archives were unpacked into, and where those lie.
        self.unpacked: dict[Path, str] = {} if archive is None or unpacked is None else {unpacked: str(archive)}

    def settled(self) -> HandedIn:
        """What each student handed in."""
        students = self._unique()
        self.shared = shared_moments(
            (name, file.time)
            for name, student in students.items()
            for part in student.pieces.values()
            for file in part.files
            if file.counts
        )
        remarks = list(self.layout.remarks)
        attempts: dict[str, tuple[Attempt, ...]] = {}
        hand_ins: dict[str, int] = {}
        for name, student in sorted(students.items()):
            found, several = self._attempts(student, name)
            if found:
                attempts[name], hand_ins[name] = tuple(found), several
            remarks += [Remark(name, kind, text) for kind, text in student.remarks]
        return HandedIn(
            tuple(of_one[-1].submission for of_one in attempts.values()),
            tuple(sorted(remarks, key=lambda remark: remark.student)),
            attempts,
            hand_ins,
            {name: student.number for name, student in students.items() if student.number},
        )

    def _unique(self) -> dict[str, Student]:
        """The students by a name of their own, fit to be shown."""
        names = Counter(shown(student.name) for student in self.layout.students.values())
        unique: dict[str, Student] = {}
        for key, student in self.layout.students.items():
            name = shown(student.name)
            if names[name] > 1 or not name:
                name = f"{name or 'student'}_{student.number or short_hash(student.name)}"
            if name in unique:
                name = f"{name}_{short_hash(repr(key))}"
            unique[name] = student
        return unique

    def _attempts(self, student: Student, name: str) -> tuple[list[Attempt], int]:
        """A student's notebooks, the newest last, each where nothing of other students lies beside it; how many.

        Where not every attempt is asked for, it is the newest alone, and of the others only how many they are.
        """
        parts = sorted(student.pieces.values(), key=lambda part: part.age, reverse=True)
        self.only_text = self._only_text(parts)
        with_work = [part for part in parts if any(file.counts or self._is_meant(file) for file in part.files)]
        own = self.into / "students" / folder_name(name)
        attempts: list[Attempt] = []
        looked_into = False
        for number, part in enumerate(with_work, 1):
            if self.from_archive and sum(file.bytes for file in part.files) > archives.SUBMISSION_BYTES:
                student.remark("refused", f"The submission is larger than {size(archives.SUBMISSION_BYTES)}.")
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
            return self._without_notebook(parts, student, name)
        return [], 0

    def _is_meant(self, file: File) -> bool:
        """Whether a file has the name of the notebook that is asked for, and may be one."""
        called = Path(file.name).name
        return file is self.only_text or (self.wanted.is_named(called) and holds_notebook(file.path, called))

    def _only_text(self, parts: list[Piece]) -> File | None:
        """The one Markdown with cells of code, of whatever name, of a student who handed in nothing else to grade."""
        files = [file for part in parts for file in part.files]
        if any(file.counts or self.wanted.is_called(Path(file.name).name) for file in files):
            return None
        called = ((file, Path(file.name).name) for file in files if file.name.lower().endswith((".md", ".markdown")))
        texts = [file for file, name in called if not _is_note(name) and holds_notebook(file.path, name)]
        return texts[0] if len(texts) == 1 else None

    def _without_notebook(self, parts: list[Piece], student: Student, name: str) -> tuple[list[Attempt], int]:
        """What is said where there is none. What has its name gets a report that says what it is instead."""
        files = [(file, part) for part in parts for file in part.files if not self._is_nbgraders(file)]
        for file, part in files:
            if self.wanted.is_called(Path(file.name).name) and (said := _instead(file)):
                student.remark("unreadable", f"{shown(file.name)}: {said}")
                return [self._timed(Submission(file.path, name, self._place(file.path), flaw=said), file, part)], 1
        names = [shown(file.name) for file, _ in files]
        among = f" among {count(len(names), 'file')} ({', '.join(names[:3])}{', …' if names[3:] else ''})"
        said = _instead(files[0][0]) if len(files) == 1 else ""
        student.remark("missing", f"There is no notebook{among if names else ''}.{said and ' '}{said}")
        return [], 0

    def _is_nbgraders(self, file: File) -> bool:
        """Whether no student wrote it: nbgrader notes in it when the folder came."""
        return self.layout.of_nbgrader and Path(file.name).name == _STAMP

    def _place(self, path: Path) -> str:
        """Where a person finds a file that may lie in an archive."""
        folder = next((above for above in path.parents if above in self.unpacked), None)
        return str(path) if folder is None else f"{self.unpacked[folder]}/{path.relative_to(folder).as_posix()}"

    def _alike(self, part: Piece, student: Student, into: Path) -> list[File]:
        """The notebooks that are the one asked for, perhaps several times over; the newest first."""
        notebooks = [file for file in part.files if file.is_notebook or self._is_meant(file)]
        # An archive beside the notebook asked for is the notebook's own affair: data that it opens itself.
        if not any(self.wanted.is_named(Path(file.name).name) for file in notebooks):
            for number, archive in enumerate((file for file in part.files if is_archive(file.name)), 1):
                notebooks += self._unpacked(archive, student, into / f"archive-{number}")
        if len(notebooks) < 2:
            return notebooks
        named = [file for file in notebooks if self.wanted.is_named(Path(file.name).name)]
        if len(named) == 1:
            return named
        alike = named or notebooks
        if named or len({once(stem(Path(file.name).name))[0] for file in alike}) == 1:
            alike = sorted(alike, key=lambda file: file.age, reverse=True)
            newest = f"the newest counts: {shown(alike[0].name)}"
            counts = "the rules tell which counts" if self.every else newest
            student.remark("duplicate", f"{count(len(alike), 'notebook')}; {counts}.")
            return alike
        best = max(notebooks, key=lambda file: (self.wanted.likeness(Path(file.name).name), file.age))
        student.remark("several", f"{count(len(notebooks), 'notebook')}; taken is {shown(best.name)}.")
        return [best]

    def _unpacked(self, archive: File, student: Student, into: Path, nested: bool = False) -> list[File]:
        """The notebooks in a student's archive; where there are none, in the archives in it, and no further.

        Whoever downloads an archive and hands in the folder gets it packed once more.
        """
        try:
            if not os.access(archive.path, os.R_OK):
                student.remark("unreadable", f"{shown(archive.name)} cannot be opened.")
                return []
            notes = unpack(archive.path, into, student.room)
        except ArchiveRefused as error:
            student.remark("refused", f"{shown(archive.name)} is not unpacked: {error}.")
            return []
        self.unpacked[into] = self._place(archive.path)
        thin(into)
        for note in notes:
            student.remark(note.kind, f"{shown(archive.name)}: {note.text}")
        handed_in = archive.time if archive.handed_in is None else archive.handed_in
        files = [
            replace(
                file,
                name=f"{archive.name}/{file.name}",
                upload=archive.upload,
                handed_in=handed_in,
                marked_late=archive.marked_late,
            )
            for file in inside(into)
        ]
        notebooks = [file for file in files if file.is_notebook]
        packed = [file for file in files if is_archive(file.name)]
        if nested and not notebooks and packed:
            student.remark("ignored", f"{shown(packed[0].name)} is packed for the third time, and is left so.")
        elif not notebooks:
            for number, file in enumerate(packed, 1):
                notebooks += self._unpacked(file, student, into.with_name(f"{into.name}-{number}"), nested=True)
        return notebooks

    def _checked(self, chosen: File, part: Piece, student: Student, into: Path, name: str) -> list[Attempt]:
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
        if submission.gist.flaw:
            student.remark("unreadable", f"{shown(chosen.name)}: {submission.gist.flaw}")
        return [self._timed(submission, chosen, part)]

    def _timed(self, submission: Submission, chosen: File, part: Piece) -> Attempt:
        """When it was handed in, as far as anything tells."""
        if chosen.upload:  # the files of Canvas's archive have the moment when it was made
            return Attempt(submission, marked_late=chosen.marked_late)
        if self.layout.of_nbgrader:
            beside = f"{chosen.name.rpartition('/')[0]}/{_STAMP}"
            stamp = next((nbgrader_time(file.path) for file in part.files if file.name == beside), None)
            if stamp is not None:
                return Attempt(submission, stamp)
        when = chosen.time if chosen.handed_in is None else chosen.handed_in
        return Attempt(submission, as_moment(when), when not in self.shared)

    def _copied(self, chosen: File, part: Piece, into: Path) -> Path:
        """Copy a loose notebook and what was handed in with it, as much of it as would go along anyway."""
        into.mkdir(parents=True)
        room, places = COMPANIONS_MAX_BYTES, COMPANIONS_MAX_FILES
        companions = [
            file for file in part.files if file is not chosen and not file.alone and not is_jupyters(file.name)
        ]
        for file in sorted(companions, key=lambda file: (file.bytes, file.age)):
            if file.bytes <= room and places:
                with suppress(OSError):
                    shutil.copy2(file.path, into / clean(file.name))
                room, places = room - file.bytes, places - 1
        target = into / clean(Path(chosen.name).name)
        shutil.copy2(chosen.path, target)
        return target
