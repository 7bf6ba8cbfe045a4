"""How what a class handed in may lie: in nbgrader's, Moodle's and Canvas's layouts, or by students' names."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import replace
from pathlib import Path

from grader.formats.files import holds_notebook, is_jupyters, may_be_notebook
from grader.intake.archives import Note
from grader.intake.attempt import Remark
from grader.intake.listed import Listed, listed, on_canvas, on_moodle, on_platform
from grader.intake.names import composed, is_archive, shown, stem
from grader.intake.pieces import File, Student, Wanted, inside, visible


class Layout:
    """Who handed in what, read off a class's folder.

    Attributes
    ----------
    of_nbgrader
        Whether it is nbgrader's, with time stamps in files of their own.
    students
        By platform, name and number.
    remarks
        Those that are about nobody in particular.
    """

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.of_nbgrader = False
        self.students: dict[tuple[str, str, str], Student] = {}
        self.remarks: list[Remark] = []

    def class_folder(self, root: Path, archive: str = "") -> tuple[Path, bool]:
        """The folder that holds the submissions, and whether it is nbgrader's `submitted`."""
        for _ in range(4):
            if root.name == "submitted":
                return root, True
            entries = visible(root)
            folders = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
            if any(entry.name == "submitted" for entry in folders):
                return root / "submitted", True
            if len(entries) != 1 or not folders or not self._wraps(Path(entries[0].path), archive):
                break
            root = Path(entries[0].path)
        return root, False

    def _wraps(self, folder: Path, archive: str) -> bool:
        """Whether the only folder holds a class, not what one student handed in."""
        entries = visible(folder)
        files = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
        folders = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        if on_moodle(folder.name):
            return False
        if any(map(on_moodle, files + folders)) or any(map(on_canvas, files)):
            return True
        if {"submitted", "submissions"} & {name.casefold() for name in folders}:
            return True
        if any(map(self.wanted.is_named, files)) or any(name.casefold() in self.wanted.assignment for name in folders):
            return False
        if folder.name.casefold() == "submissions" or folder.name == archive:
            return True
        with_work = [name for name in folders if any(file.counts for file in inside(folder / name))]
        return (
            sum(is_archive(name) or holds_notebook(folder / name, meant=False) for name in files) + len(with_work) > 1
        )

    def student(self, platform: str, name: str, number: str = "") -> Student:
        name = composed(name)
        return self.students.setdefault((platform, name, number), Student(name, number))

    def _owner(self, name: str, loose: bool, stems: set[str]) -> tuple[Student, str, str]:
        """Whose an entry of the class's folder is, the piece it belongs to, and its own name."""
        told = listed(name, loose)
        if told:
            # What a platform lists under one prefix was handed in together.
            return self.student(told.platform, told.name, told.number), "", told.rest
        called = stem(name) if loose else name
        again = re.fullmatch(r"(.+?) ?\(\d{1,4}\)", called, re.DOTALL)  # a browser's second download
        if again and composed(again[1]) in stems:
            called = again[1]
        return self.student("", called), name, name

    def read(self, top: Path, of_nbgrader: bool, entries: list[os.DirEntry[str]] | None = None) -> None:
        """Take in the entries of the class's folder."""
        entries = visible(top) if entries is None else entries
        self.of_nbgrader = of_nbgrader
        folders = {entry.name for entry in entries if entry.is_dir(follow_symlinks=False)}
        stems = {composed(entry.name if entry.name in folders else stem(entry.name)) for entry in entries}
        waiting: list[os.DirEntry[str]] = []
        for entry in entries:
            loose = entry.name not in folders and not (entry.is_symlink() and entry.is_dir())
            told = listed(entry.name, loose)
            if told and not told.is_file:  # the student is known, no more
                self.student(told.platform, told.name, told.number)
                continue
            if loose and not told and not (is_archive(entry.name) or holds_notebook(Path(entry.path), meant=False)):
                waiting.append(entry)
                continue
            student, piece, name = self._owner(entry.name, loose, stems)
            if entry.is_symlink():
                student.remark("refused", f"{shown(entry.name)} is a link, which is not followed.")
            elif not loose:
                student.piece(piece).files += inside(Path(entry.path), student)
            else:
                self.take_file(Path(entry.path), piece, student, name, told)
        if of_nbgrader:
            self._keep_assignment()
        self._take_companions(waiting)
        self._drop_folders_beside_notebooks()

    def take_file(
        self, path: Path, piece: str, student: Student, name: str, told: Listed | None = None, alone: bool = False
    ) -> None:
        """A loose file; `told` is what its platform tells of it."""
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            student.remark("refused", f"{shown(path.name)} is no ordinary file.")
            return
        # The name is empty where the platform's prefix is all there is.
        file = File(path, name or path.name, status.st_mtime, status.st_size, alone=alone)
        if told is not None:
            file = replace(file, upload=told.upload, marked_late=told.late)
        student.piece(piece).files.append(file)

    def _keep_assignment(self) -> None:
        """Of several assignments under `submitted/STUDENT/`, the exercise's own, where it is there by its name."""

        def of_exercise(file: File) -> bool:
            folder, slash, _ = file.name.partition("/")
            return bool(slash) and folder.casefold() in self.wanted.assignment

        parts = [part for student in self.students.values() for part in student.pieces.values()]
        if any(of_exercise(file) for part in parts for file in part.files):
            for part in parts:
                part.files = [file for file in part.files if of_exercise(file)]

    def _take_companions(self, entries: list[os.DirEntry[str]]) -> None:
        """`alice_helper.py` goes with `alice.ipynb`; what goes with nobody is ignored."""
        loose = {part.name: part for key, one in self.students.items() if not key[0] for part in one.pieces.values()}
        stems = {stem(name): part for name, part in loose.items() if may_be_notebook(name)}
        for entry in entries:
            own = stem(entry.name)
            owners = [one for one in stems if own == one or own.startswith((f"{one}_", f"{one}-", f"{one} "))]
            if owners and entry.is_file(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                file = File(Path(entry.path), entry.name, status.st_mtime, status.st_size, alone=False)
                stems[max(owners, key=len)].files.append(file)
            else:
                text = f"{shown(entry.name)} is no notebook, no archive and no student's folder."
                self.remarks.append(Remark("", "ignored", text))

    def _drop_folders_beside_notebooks(self) -> None:
        """Beside loose notebooks a folder without any is `data` or `images`, no student."""
        loose = any(
            not f.alone and f.counts for s in self.students.values() for p in s.pieces.values() for f in p.files
        )
        for key, student in list(self.students.items()):
            if loose and not key[0] and not student.remarks:
                student.pieces = {n: p for n, p in student.pieces.items() if any(file.counts for file in p.files)}
                if not student.pieces:
                    del self.students[key]
                    text = f"The folder {shown(student.name)} has no notebook and is no student's."
                    self.remarks.append(Remark("", "ignored", text))

    def attribute(self, notes: list[Note], top: str) -> None:
        """Tell what was left out of the class's archive to those whose it was."""
        above = "" if top == "." else f"{top}/"
        known = {student.name for key, student in self.students.items() if not key[0]}
        for note in notes:
            first, slash, _ = note.entry.removeprefix(above).partition("/")
            if note.entry.startswith(above) and (
                slash or is_jupyters(first) or is_archive(first) or on_platform(first)
            ):
                self._owner(first, not slash, known)[0].remark(note.kind, note.text)
            else:
                self.remarks.append(Remark("", note.kind, note.text))
