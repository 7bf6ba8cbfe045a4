"""A class in a terminal: who handed in what, before grading, and the class at a glance, afterwards."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from grader.grades.gradebook import BINS, CheckSummary, Scores, Summary
from grader.grades.moved import Moves
from grader.intake.attempt import HandedIn
from grader.pass_mark import WORDS
from grader.text import count, listed, number, percent, plain

_BAR = 40  # the longest bar of the histogram: beside its labels it fits into 80 columns
_MOST = 5  # checks that are told; summary.json has them all
_VERDICTS = {
    "full": "green",
    "passed": "green",
    "failed": "red",
    "ungraded": "magenta",
    "missing": "yellow",
    "pending": "yellow",
}


def remarks_table(handed_in: HandedIn) -> RenderableType:
    """What is to be said of the files before grading; the students' names are shown, never obeyed."""
    students = count(len(handed_in.submissions), "submission")
    if not handed_in.remarks:
        return Text(f"{students}.")
    table = _grid("", "", "")
    for remark in handed_in.remarks:
        table.add_row(_name(remark.student), Text(plain(remark.kind), "yellow"), Text(plain(remark.text, 500)))
    return Group(Text(f"{students}, {count(len(handed_in.remarks), 'remark')}:"), Text(), table)


def glance(summary: Summary) -> RenderableType:
    """The class at a glance: scores, the checks most often failed, the slowest notebooks, what was not graded."""
    return Group(*_lines(summary))


def moved_table(found: Moves) -> RenderableType:
    """Who would move, of what, from what to what, and why."""
    whose = f"{found.told()} Nothing was written."
    if not found.students:
        return Text(whose)
    table = _grid("", "right", "")
    for one in found.students:
        before, after = ("–" if score is None else number(score) for score in (one.before, one.after))
        points = before if one.before == one.after else f"{before} → {after}"
        told = [one.verdict] if one.verdict else []
        lines = [Text(plain(line, 300)) for line in (*told, *one.why, *one.checks)]
        table.add_row(_name(one.student), Text(points, "cyan"), Text("\n").join(lines))
    return Group(_title(whose), table)


def _lines(summary: Summary) -> Iterator[RenderableType]:
    yield Text(f"{summary.exercise}  {plain(summary.title)}", "bold")
    yield _headline(summary)
    if summary.scores is not None:
        yield Text()
        yield from _distribution(summary.scores, summary.max_score)
    yield from _by_rules(summary)
    failed = [one for name in summary.most_failed[:_MOST] for one in summary.checks if one.name == name]
    if failed:
        yield _title("Most often failed")
        yield _failed(failed)
    if summary.slowest:
        yield _title("Slowest notebooks")
        yield _slowest(summary)
    if summary.ungraded:
        yield _title("Not graded (this costs nobody points)")
        table = _grid("", "")
        for one in summary.ungraded:
            table.add_row(_name(one.student), Text(plain(one.reason, 500)))
        yield table
    yield Text()
    yield Text(_circumstances(summary), "dim")


def _headline(summary: Summary) -> Text:
    """ "4 students: 1 full marks, 1 passed, 1 not passed, 1 missing." """
    parts = [(n, verdict) for verdict in _VERDICTS if (n := getattr(summary.verdicts, verdict))]
    text = Text(count(summary.students, "student") + (": " if parts else ""))
    told = [Text(f"{n:,} {WORDS[verdict]}", _VERDICTS[verdict]) for n, verdict in parts]
    return text + Text(", ").join(told) + Text(".")


def _distribution(scores: Scores, of: float) -> Iterator[RenderableType]:
    low, middle, high = (number(round(value, 2)) for value in (scores.q1, scores.median, scores.q3))
    yield Text.assemble(
        (f"Median {middle} of {number(of)} points", "bold"),
        f", the middle half from {low} to {high}, mean {number(round(scores.mean, 2))}.",
    )
    table = _grid("right", "right", "")
    most = max(scores.histogram)
    for place, students in enumerate(scores.histogram):
        # The shortest bar is one block: one student among hundreds is still to be seen.
        bar = "█" * max(1, round(_BAR * students / most)) if students else ""
        edges = f"{100 * place // BINS}–{100 * (place + 1) // BINS} %"
        table.add_row(Text(edges, "dim"), Text(str(students) if students else "·"), Text(bar, "cyan"))
    yield table


def _by_rules(summary: Summary) -> Iterator[RenderableType]:
    """Who was late, and the grades that were given by hand."""
    if summary.late:
        taken = f": {number(summary.penalty)} points taken in all" if summary.penalty else ""
        yield Text(f"{count(summary.late, 'student')} late{taken}.")
    if summary.overrides:
        yield _title("Grades given by hand")
        table = _grid("right", "", "")
        for one in summary.overrides:
            table.add_row(Text(number(one.score), "cyan"), _name(one.student), Text(plain(one.reason, 500)))
        yield table


def _failed(checks: list[CheckSummary]) -> Table:
    table = _grid("right", "")
    for one in checks:
        lines = [Text(plain(one.title))]
        graded = one.passed + one.failed + one.skipped
        passed = f"{percent(one.pass_rate or 0, 0)} of {graded:,} passed"
        lines.append(Text(passed + (f", {one.skipped:,} not judged" if one.skipped else ""), "dim"))
        lines += [Text(f"{message.students:,}× {plain(message.text)}") for message in one.messages]
        table.add_row(Text(f"✗ {one.failed:,}", "red"), Text("\n").join(lines))
    return table


def _slowest(summary: Summary) -> Table:
    table = _grid("right", "", "")
    for one in summary.slowest:
        ended = "" if one.execution == "ok" else one.execution
        where = f" in cell {one.cell}" if ended and one.cell is not None else ""
        table.add_row(Text(f"{one.seconds:.1f} s"), _name(one.student), Text(ended + where, "yellow"))
    return table


def _grid(*columns: str) -> Table:
    table = Table.grid(padding=(0, 2))
    for justify in columns:
        if justify == "right":
            table.add_column(justify="right", no_wrap=True)
        else:
            table.add_column()
    return table


def _title(text: str) -> Text:
    return Text(f"\n{text}", "bold")


def _name(student: str) -> Text:
    return Text(plain(student, 40))


def _circumstances(summary: Summary) -> str:
    parts = [
        f"{listed(summary.data)} data" if summary.data else "",
        f"device {listed(summary.device)}" if summary.device else "",
        f"seed {listed([str(one) for one in summary.seed])}" if summary.seed else "",
        f"{summary.seconds:,.1f} s",
    ]
    rehearsal = " (a rehearsal: the real set is not here)" if "sample" in summary.data else ""
    told = ", ".join(part for part in parts if part) + rehearsal
    return told[0].upper() + told[1:]
