"""The report in a terminal: one line a check, what was found instead, and a hint."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from grader.grading import headline
from grader.report import CheckReport, Report
from grader.text import count, listed, number, plain

# Words beside the colours, so that the report reads the same without them and aloud.
_MARKS = {
    "passed": ("✓ passed", "green"),
    "failed": ("✗ failed", "red"),
    "skipped": ("– not judged", "yellow"),
    "error": ("! grader error", "magenta"),
}


def points(score: float, of: float) -> str:
    """``"3/4"``: points got, and points possible."""
    return f"{number(score)}/{number(of)}"


def render(report: Report, kept: str = "") -> RenderableType:
    """What the terminal shows.

    Parameters
    ----------
    kept
        Where the full report lies, if it could be kept.
    """
    return Group(*_lines(report, kept))


def _lines(report: Report, kept: str) -> Iterator[RenderableType]:
    yield Text.assemble((f"{report.exercise}  {report.title}", "bold"))
    execution = report.execution
    if execution.error:
        yield Text(execution.error, "yellow")
        later = [cell for cell in execution.cells if cell.error and cell.number != execution.cell]
        if later:
            numbers = listed([str(cell.number) for cell in later])
            yield Text(f"{count(len(later), 'other cell')} failed as well: {numbers}.", "yellow")
    yield Text()
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_column()
    hints: set[str] = set()
    for check in report.checks:
        mark, colour = _MARKS[check.status]
        table.add_row(Text(mark, colour), points(check.score, check.max_score), _told(check, hints))
    yield table
    yield Text()
    colour = {"passed": "green", "failed": "red", "ungraded": "magenta"}[report.status]
    yield Text.assemble(
        (f"{points(report.score, report.max_score)} points", f"bold {colour}"),
        f"  {headline(report)}.".replace("..", "."),
    )
    if report.status == "failed" and (first := _next(report)):
        yield Text.assemble(("Next: ", "bold"), first)
    yield Text(_circumstances(report), "dim")
    if kept:
        yield Text(f"The full report and the executed notebook are in {plain(kept, 1000)}", "dim")


def _told(check: CheckReport, hints: set[str]) -> Text:
    """What was asked, what was found instead, and the hint, below each other; a hint is given once."""
    lines = [Text(f"{check.title} (a check of the teacher's own)" if check.hidden else check.title)]
    if check.message:
        lines.append(Text(check.message, "dim" if check.status in ("passed", "skipped") else ""))
    if check.hint and check.hint not in hints:
        lines.append(Text.assemble(("Hint: ", "italic"), check.hint))
    hints.add(check.hint)
    return Text("\n").join(lines)


def _next(report: Report) -> str:
    """What to do first: the first check that failed, and its hint."""
    failed = next((check for check in report.checks if check.status == "failed"), None)
    return f"{failed.message} {failed.hint}".strip() if failed is not None else ""


def _circumstances(report: Report) -> str:
    data = f"{report.data.name} data, " if report.data.sets else ""
    rehearsal = " (a rehearsal: the real set is not here)" if report.data.sets and report.data.name == "sample" else ""
    told = f"{data}device {report.device}, seed {report.seed}, {report.execution.seconds:.1f} s{rehearsal}"
    return told[0].upper() + told[1:]
