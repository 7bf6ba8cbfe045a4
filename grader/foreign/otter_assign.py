"""The notebooks that `otter assign` reads: questions, solutions and tests between cells that say where they begin."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import nbformat
from nbformat.v4 import new_markdown_cell, new_raw_cell

from grader.errors import UsageError
from grader.foreign.notebooks import heading_in
from grader.foreign.otter_cells import place
from grader.foreign.otter_old import is_old, newer
from grader.foreign.otter_tests import Case, Question, number, points_of, session
from grader.foreign.settings import settings, value_in
from grader.formats.cell import ID
from grader.text import plain

_BLOCKS = ("question", "prompt", "solution", "tests")
_BOUNDARY = re.compile(rf"#\s+(begin|end)\s+({'|'.join(_BLOCKS)})\b", re.IGNORECASE)
_SETTINGS = re.compile(r"#\s+assignment\s+config\b", re.IGNORECASE)
_IGNORED = re.compile(r"##?\s*ignore\s*(?:##)?", re.IGNORECASE)
_ANSWER = "_Type your answer here, replacing this text._"


@dataclass
class Assigned:
    """What an assignment's notebook holds.

    Attributes
    ----------
    settings
        What the assignment's own cell says.
    reference, starter
        The notebook with its solutions, and what students get of it.
    """

    settings: Mapping[str, Any]
    questions: list[Question]
    reference: nbformat.NotebookNode
    starter: nbformat.NotebookNode


@dataclass
class _Kept:
    """A cell that students get, in one form or another."""

    cell: nbformat.NotebookNode
    solution: bool = False


def is_source(notebook: nbformat.NotebookNode) -> bool:
    """Whether a notebook is one for `otter assign`."""
    cells = _unfenced(notebook.cells)
    return any(_boundary(cell) or _is_settings(cell) for cell in cells) or is_old(notebook.cells)


# ---------------------------------------------------------------------- blocks


def assigned(notebook: nbformat.NotebookNode) -> Assigned:
    """An assignment's notebook, taken apart.

    Raises
    ------
    UsageError
        Its cells do not say where a question, a solution or the tests begin and end, or what they say is wrong.
    """
    notebook = copy.deepcopy(notebook)
    cells = list(newer(notebook.cells)) if is_old(notebook.cells) else list(_unfenced(notebook.cells))
    reader = _Reader()
    for cell in cells:
        if not _IGNORED.match(cell.source):
            reader.take(cell)
    if reader.open:
        raise UsageError(f"The block {reader.open[-1]!r} does not end.", f"Add `# END {reader.open[-1].upper()}`.")
    name_cells([kept.cell for kept in reader.kept])
    for question, kept in reader.at:
        question.cell = kept.cell["id"]
    student = _seed(reader.settings)
    everywhere = reader.settings.get("strip_solutions_from_all_cells") is True
    reference, starter = list[nbformat.NotebookNode](), list[nbformat.NotebookNode]()
    for kept in reader.kept:
        whole = copy.deepcopy(kept.cell)
        whole.source = _without_ignored(whole.source)
        reference.append(whole)
        if kept.solution and whole.cell_type == "markdown":
            continue
        one = copy.deepcopy(whole)
        if one.cell_type == "code" and (everywhere or kept.solution):
            one.source = _without_solution(one.source)
        if student is not None:
            one.source = student[0].sub(student[1], one.source)
        starter.append(one)
    return Assigned(reader.settings, reader.questions, _like(notebook, reference), _like(notebook, starter))


def _seed(said: Mapping[str, Any]) -> tuple[re.Pattern[str], str] | None:
    """Where the variable that holds the seed gets its value, and what stands there for students."""
    variable, value = (value_in(said, "seed", name) for name in ("variable", "student_value"))
    if not isinstance(variable, str) or not variable.isidentifier() or not isinstance(value, int):
        return None
    return re.compile(rf"^([ \t]*){variable}[ \t]*=(?!=).*$", re.MULTILINE), rf"\g<1>{variable} = {value}"


def _like(notebook: nbformat.NotebookNode, cells: list[nbformat.NotebookNode]) -> nbformat.NotebookNode:
    made = nbformat.from_dict({**notebook, "cells": cells, "nbformat": 4, "nbformat_minor": 5})
    for cell in made.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    made.metadata.pop("otter", None)
    return made


class _Reader:
    """Goes through the cells and keeps what students get."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.questions: list[Question] = []
        self.kept: list[_Kept] = []
        self.at: list[tuple[Question, _Kept]] = []  # where each question is judged
        self.open: list[str] = []
        self._one: Mapping[str, Any] = {}  # what the question's own cell says
        self._seen: set[str] = set()  # the question's blocks so far
        self._from = 0
        self._prompt = 0
        self._heading = ""

    def take(self, cell: nbformat.NotebookNode) -> None:
        """Take the next cell."""
        if _is_settings(cell):
            self.settings |= settings(cell.source, "The assignment's settings")
        elif found := _boundary(cell):
            which, block = found
            if which == "end":
                self._end(block)
            else:
                self._begin(block, cell)
        elif self.open and self.open[-1] == "tests":
            self._test(cell)
        else:
            if cell.cell_type == "markdown":
                self._heading = heading_in(cell.source) or self._heading
            self.kept.append(_Kept(cell, solution=bool(self.open) and self.open[-1] == "solution"))

    def _begin(self, block: str, cell: nbformat.NotebookNode) -> None:
        inside = self.open[-1] if self.open else ""
        if (block == "question") == bool(inside) or len(self.open) > 1:
            where = f"inside the block {inside!r}" if inside else "outside of a question"
            raise UsageError(f"The block {block!r} begins {where}.", "End the one before.")
        if block == "question":
            said = settings(cell.source, "A question's settings")
            if not str(said.get("name") or "").strip():
                raise UsageError("A question has no name.", "Write `name:` into its cell.")
            self._one, self._seen, self._from = said, set(), len(self.kept)
            question = Question(str(said["name"]))
            question.manual = said.get("manual") is True
            question.all_or_nothing = said.get("all_or_nothing") is True
            if any(question.name == other.name for other in self.questions):
                raise UsageError(f"Two questions are named {plain(question.name, 60)}.", "Rename one.")
            self.questions.append(question)
        elif block == "solution" and not self._seen & {"prompt", "solution"}:
            self._prompt = len(self.kept)
        self._seen.add(block)
        self.open.append(block)

    def _end(self, block: str) -> None:
        if not self.open or self.open[-1] != block:
            inside = f"where {self.open[-1]!r} is open" if self.open else "that has not begun"
            raise UsageError(f"The block {block!r} ends {inside}.", f"Add `# BEGIN {block.upper()}`, or take it out.")
        self.open.pop()
        question = self.questions[-1]
        answers = any(kept.cell.cell_type == "markdown" for kept in self.kept[self._prompt :])
        if block == "solution" and question.manual and answers and "prompt" not in self._seen:
            self.kept.insert(self._prompt, _Kept(new_markdown_cell(_ANSWER)))
            self._seen.add("prompt")
        if block == "question":
            self._judge(question)

    def _judge(self, question: Question) -> None:
        question.points = points_of(self._one.get("points"), question.name, len(question.cases))
        question.heading = self._heading
        response = bool(self._seen & {"prompt", "solution"})
        public = any(not case.hidden for case in question.cases)
        if question.cases and (response or public) and self._one.get("check_cell") is not False:
            self.kept.append(_Kept(place(question.name)))
        if self.kept[self._from :] or self.kept:
            self.at.append((question, self.kept[-1]))

    def _test(self, cell: nbformat.NotebookNode) -> None:
        name = self.questions[-1].name
        if cell.cell_type != "code":
            raise UsageError(f"Among the tests of {plain(name, 60)} is a cell of text.", "Take it out.")
        if cell.source.strip():
            functions = value_in(self.settings, "tests", "ok_format") is False
            self.questions[-1].cases.append(_case(cell, name, functions))


_CONFIG = re.compile(
    r'\A(?:\w\s*=\s*)?(?:"""|"")?\s*#\s*BEGIN\s*TEST\s*CONFIG[^\n]*\n(.*?)^""?"?\s*#\s*END\s*TEST\s*CONFIG[^\n]*\n?',
    re.IGNORECASE | re.DOTALL | re.MULTILINE,
)


def _case(cell: nbformat.NotebookNode, question: str, functions: bool) -> Case:
    what = f"A test of {question}"
    code = cell.source
    first = code.lstrip().partition("\n")[0]
    hidden = first.startswith("#") and bool(re.search(r"\bhidden\b", first, re.IGNORECASE))
    said: Mapping[str, Any] = {}
    if config := _CONFIG.match(code):
        said, code = settings(config[1], f"The settings of a test of {question}"), code[config.end() :]
    form, text = _session_or_function(cell, code, functions, what)
    return Case(
        text,
        form,  # type: ignore[arg-type]
        hidden=bool(said.get("hidden", hidden)),
        points=number(said.get("points"), question),
        success=str(said.get("success_message") or ""),
        failure=str(said.get("failure_message") or ""),
    )


def _session_or_function(cell: nbformat.NotebookNode, code: str, functions: bool, what: str) -> tuple[str, str]:
    if not functions:
        return "doctest", session(code, _output(cell), what)
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UsageError(f"{plain(what, 80)} is no Python.", "Correct it.") from None
    if not body or len(body) > 2 or not isinstance(body[0], ast.FunctionDef):
        raise UsageError(f"{plain(what, 80)} is not one function, and a call of it at the most.", "Split the cell.")
    return "function", ast.unparse(body[0])


def _output(cell: nbformat.NotebookNode) -> str:
    """What a cell printed and showed when it last ran."""
    found = ""
    for one in cell.get("outputs", ()):
        found += "".join(one.get("text", ""))
        found += "".join(one.get("data", {}).get("text/plain", ""))
    return found


def _boundary(cell: nbformat.NotebookNode) -> tuple[str, str] | None:
    found = _BOUNDARY.match(cell.source) if cell.cell_type == "raw" else None
    return (found[1].lower(), found[2].lower()) if found else None


def _is_settings(cell: nbformat.NotebookNode) -> bool:
    return cell.cell_type == "raw" and bool(_SETTINGS.match(cell.source))


_FENCED = re.compile(r"^[ \t]*```otter[ \t]*\n(.*?)^[ \t]*```[ \t]*(?:\n[ \t]*$)?\n?", re.DOTALL | re.MULTILINE)


def _unfenced(cells: Iterable[nbformat.NotebookNode]) -> Iterator[nbformat.NotebookNode]:
    """The cells, with what stands in a block of otter's within a cell of text as a cell by itself."""
    for cell in cells:
        if cell.cell_type != "markdown" or "```otter" not in cell.source:
            yield cell
            continue
        text, fenced = "", True
        for count, part in enumerate(_FENCED.split(cell.source + "\n")):
            fenced, text = count % 2 == 1, part.strip("\n")
            if text.strip():
                yield new_raw_cell(text) if fenced else new_markdown_cell(text)


# ---------------------------------------------------------------------- what students do not get


_TARGET = r"[\w.]+(?:\[[^=\n]*\])*"
_ASSIGNS = re.compile(rf"(\s*{_TARGET}(?:\s*,\s*{_TARGET})*\s*=)(?!=).* ?# ?SOLUTION")
_LINE = re.compile(r"(\s*).*# ?SOLUTION")
_LEFT_OUT = ("# SOLUTION NO PROMPT", "# BEGIN PROMPT", "# END PROMPT", "# SEED")


def _without_solution(source: str) -> str:
    kept: list[str] = []
    inside = False
    for line in source.split("\n"):
        end = line.rstrip()
        if end.endswith("# END SOLUTION"):
            if not inside:
                raise UsageError("A solution ends that has not begun.", "Add `# BEGIN SOLUTION`.")
            inside = False
        elif inside or end.endswith(_LEFT_OUT):
            continue
        elif begins := re.match(r"(\s*)# BEGIN SOLUTION( NO PROMPT)?", line):
            inside = True
            if not begins[2]:
                kept.append(f"{begins[1]}...")
        elif found := _ASSIGNS.match(line):
            kept.append(f"{found[1]} ...")
        elif found := _LINE.match(line):
            kept.append(f"{found[1]}...")
        else:
            kept.append(line)
    if inside:
        raise UsageError("A solution does not end.", "Add `# END SOLUTION`.")
    return "\n".join(kept)


def _without_ignored(source: str) -> str:
    kept: list[str] = []
    inside = False
    for line in source.split("\n"):
        end = line.rstrip()
        if end.endswith("# END IGNORE"):
            inside = False
        elif re.match(r"\s*#\s*BEGIN\s*IGNORE\b", line, re.IGNORECASE):
            inside = True
        elif not inside and not end.endswith("# IGNORE"):
            kept.append(line)
    if inside:
        raise UsageError("Lines to be ignored do not end.", "Add `# END IGNORE`.")
    return "\n".join(kept)


def name_cells(cells: Iterable[nbformat.NotebookNode]) -> None:
    """Give each cell an id of its own: the one that it has, or else its number."""
    seen: set[str] = set()
    for count, cell in enumerate(cells, 1):
        wanted = (cell.get("id", ""), f"cell-{count}")
        name = next((one for one in wanted if ID.fullmatch(str(one)) and one not in seen), f"cell-{count}")
        while name in seen:
            name = f"{name}-"
        cell["id"] = name
        seen.add(name)
