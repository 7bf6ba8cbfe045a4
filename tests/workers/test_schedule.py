"""A class is graded: who gets what, what becomes of what dies. Whoever grades is played here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from pathlib import Path
from typing import Any

import pytest

from grader.exercise import Exercise
from grader.grades.results import Results
from grader.grading import Options
from grader.intake.attempt import Attempt
from grader.report import Report
from grader.submission import Submission
from grader.workers.crew import Step
from grader.workers.schedule import grade_class
from grader.workers.tasks import Outcome, Task
from tests.test_report import report

OPTIONS = Options(data="full")


class Player(Executor):
    """An executor that does what it is told: `play` gets the student and gives an outcome, raises, or gives None."""

    def __init__(self, name: str, play: Callable[[str, str], Outcome | None]) -> None:
        self.name = name
        self.play = play
        self.has: Future[Any] | None = None

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        (task,) = args
        assert isinstance(task, Task)
        assert self.has is None or self.has.done(), "one at a time"
        self.has = Future()
        try:
            outcome = self.play(self.name, str(task.student))
            if outcome is not None:
                self.has.set_result(outcome)
        except Exception as error:
            self.has.set_exception(error)
        return self.has


class Played:
    """A crew of players; `turn` changes who is there each time that it is asked."""

    def __init__(self, *players: Player, turn: Callable[[list[Player], int], None] = lambda *_: None) -> None:
        self.players = list(players)
        self.turn = turn
        self.asked = 0
        self.abandoned = False

    def executors(self) -> Sequence[Executor]:
        self.asked += 1
        self.turn(self.players, self.asked)
        return self.players

    def steps(self) -> Iterable[tuple[Executor, Step]]:
        return [(player, Step("cell", 1, 2)) for player in self.players]

    def abandon(self) -> None:
        self.abandoned = True


class Ear:
    """Hears what is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, ...]] = []

    def began(self, submission: Submission) -> None:
        self.heard.append(("began", str(submission.student)))

    def at(self, submission: Submission, step: Step) -> None:
        self.heard.append(("at", str(submission.student), step.what))

    def finished(self, submission: Submission, report: Report) -> None:
        self.heard.append(("finished", str(submission.student), report.status))

    def tick(self) -> None:
        pass


def fine(student: str) -> Outcome:
    return Outcome(report(student=student).model_dump_json(), None)


Grade = Callable[..., dict[str, Report]]


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def grade(make_exercise: Callable[..., Exercise], tmp_path: Path, ear: Ear) -> Grade:
    """Have a crew grade students, `number` of them."""
    exercise = make_exercise()

    def run(crew: Played, number: int = 4, options: Options = OPTIONS) -> dict[str, Report]:
        todo = []
        for student in (f"student-{n}" for n in range(number)):
            path = tmp_path / student / "small.ipynb"
            path.parent.mkdir()
            path.write_text(json.dumps({"nbformat": 4, "cells": []}))
            todo.append(Attempt(Submission(path, student), key=f"key of {student}"))
        return grade_class(todo, exercise, options, Results(tmp_path / "results"), crew, ear)

    return run


def statuses(reports: dict[str, Report]) -> list[str]:
    return [reports[student].status for student in sorted(reports)]


def test_everybody_is_graded_once_and_written(grade: Grade, tmp_path: Path, ear: Ear) -> None:
    done: list[tuple[str, str]] = []

    def play(name: str, student: str) -> Outcome:
        done.append((name, student))
        return fine(student)

    crew = Played(Player("a", play), Player("b", play))
    reports = grade(crew)
    assert statuses(reports) == ["failed"] * 4
    assert sorted(student for _, student in done) == sorted(reports)
    assert {name for name, _ in done} == {"a", "b"}
    assert Results(tmp_path / "results").all(reports) == reports
    assert [told for told in ear.heard if told[1] == "student-0"][:2] == [
        ("began", "student-0"),
        ("at", "student-0", "cell"),
    ]
    assert sorted(told for told in ear.heard if told[0] == "finished") == [
        ("finished", f"student-{n}", "failed") for n in range(4)
    ]
    assert not crew.abandoned


def test_what_dies_once_is_done_elsewhere(grade: Grade) -> None:
    tried: list[str] = []

    def play(name: str, student: str) -> Outcome:
        tried.append(student)
        if student == "student-1" and tried.count(student) == 1:
            raise BrokenExecutor
        return fine(student)

    assert statuses(grade(Played(Player("a", play), Player("b", play)))) == ["failed"] * 4
    assert tried.count("student-1") == 2
    assert len(tried) == 5


def test_what_dies_twice_is_not_tried_again(grade: Grade) -> None:
    tried: list[str] = []

    def play(name: str, student: str) -> Outcome:
        tried.append(student)
        if student == "student-1":
            raise BrokenExecutor
        return fine(student)

    reports = grade(Played(Player("a", play), Player("b", play)))
    assert statuses(reports) == ["failed", "ungraded", "failed", "failed"]
    assert "died twice" in reports["student-1"].checks[0].message
    assert tried.count("student-1") == 2


def test_the_graders_own_failures_cost_nobody_else_anything(grade: Grade) -> None:
    def play(name: str, student: str) -> Outcome:
        if student == "student-0":
            return Outcome(failure="The disk is full. Make room.")
        if student == "student-1":
            raise ZeroDivisionError("of the grader's")
        return fine(student)

    reports = grade(Played(Player("a", play)))
    assert statuses(reports) == ["ungraded", "ungraded", "failed", "failed"]
    assert reports["student-0"].checks[0].message == "The disk is full. Make room."
    assert "ZeroDivisionError: of the grader's" in reports["student-1"].checks[0].message
    assert reports["student-0"].submission.endswith("student-0/small.ipynb")


def test_who_comes_is_used_and_who_goes_is_not(grade: Grade) -> None:
    done: list[str] = []

    def play(name: str, student: str) -> Outcome:
        done.append(name)
        return fine(student)

    def turn(players: list[Player], asked: int) -> None:
        if asked == 2:  # nobody for a while
            players.clear()
        if asked == 4:
            players.append(Player("late", play))

    reports = grade(Played(Player("a", play), turn=turn))
    assert len(reports) == 4
    assert done == ["a", "late", "late", "late"]


def test_whatever_ends_it_early_leaves_what_is_written(grade: Grade, tmp_path: Path) -> None:
    def play(name: str, student: str) -> Outcome | None:
        return fine(student) if student == "student-0" else None

    def turn(players: list[Player], asked: int) -> None:
        if asked == 4:
            raise KeyboardInterrupt

    crew = Played(Player("a", play), turn=turn)
    with pytest.raises(KeyboardInterrupt):
        grade(crew)
    assert crew.abandoned
    assert list(Results(tmp_path / "results").all(f"student-{n}" for n in range(4))) == ["student-0"]
