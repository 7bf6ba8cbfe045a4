"""The report in a terminal: what was asked, what was found instead, and a hint, in the order in which it is read.

Every check begins a line with its verdict in words; what belongs to it follows below, indented. Nothing stands in
columns but the verdicts and points, so that it reads the same aloud, without colours, and in a narrow window.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.text import Text

from grader.language import decimal, mark, ngettext, speaking, tr
from grader.pass_mark import WORDS
from grader.render.words import in_words
from grader.report import CheckReport, Report, headline, said_once
from grader.text import listed, number, plain

# The word of a verdict, a sign for whoever looks the list over, and a colour.
_VERDICTS = {
    "passed": (mark("passed"), "✓", "green"),
    "failed": (mark("failed"), "✗", "red"),
    "skipped": (mark("not judged"), "–", "yellow"),
    "error": (mark("grader error"), "!", "magenta"),
}
COLOURS = {"full": "green", "passed": "green", "failed": "red", "ungraded": "magenta", "pending": "yellow"}
_INDENT = 4
_NARROW = 30  # where less is left for the text, it begins on a line of its own


def points(score: float, of: float) -> str:
    """``"3/4"``: points got, and points possible."""
    return decimal(f"{number(score)}/{number(of)}")


def render(report: Report, kept: str = "") -> RenderableType:
    """What the terminal shows, in the report's language.

    Parameters
    ----------
    kept
        Where the full report lies, if it could be kept.
    """
    with speaking(report.language):
        return Group(*_lines(report, kept))


@dataclass(frozen=True)
class _Hung:
    """A head, and a text beside it whose further lines are indented as far as the first one begins."""

    text: Text
    indent: int = _INDENT
    head: Text | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        head, indent = self.head or Text(), self.indent
        if head and options.max_width - indent < _NARROW:
            yield head
            head, indent = Text(), _INDENT
        indent = min(indent, options.max_width // 2)
        head.pad_right(indent - head.cell_len)
        for line in self.text.wrap(console, options.max_width - indent):
            yield head + line
            head = Text(" " * indent)


def _lines(report: Report, kept: str) -> Iterator[RenderableType]:
    score = tr("{points} points", points=points(report.score, report.max_score))
    if report.status != "ungraded":
        score = f"{score}, {tr(WORDS[report.verdict])}"
    colour = f"bold {COLOURS[report.verdict]}"
    yield Text.assemble((f"{report.exercise}  {report.title}", "bold"), "  ", (score, colour))
    yield from _execution(report)
    yield Text()
    yield from _checks(said_once(report.checks, report.execution))
    yield Text()
    yield Text.assemble((score, colour), f"  {headline(report)}.".replace("..", "."))
    if report.status == "failed" and report.first_step:
        step = report.first_step
        if step == report.execution.error:
            step = tr("Mend cell {cell}, of which the first lines tell.", cell=report.execution.told_cell)
        yield Text.assemble((tr("Next:"), "bold"), " ", step)
    yield Text(_circumstances(report), "dim")
    if kept:
        folder = plain(kept, 1000)
        yield Text(tr("The full report, its page and the executed notebook are in {folder}", folder=folder), "dim")


def _execution(report: Report) -> Iterator[RenderableType]:
    """What went wrong in the cells."""
    execution = report.execution
    for told in execution.put_back:
        yield Text(told, "yellow")
    if not execution.error:
        return
    yield Text(execution.error, "yellow")
    later = [
        cell.told
        for cell in execution.cells
        if cell.error and cell.status != "not run" and cell.number != execution.cell
    ]
    if later:
        told = ngettext(
            "{n} other cell failed as well: {cells}.",
            "{n} other cells failed as well: {cells}.",
            len(later),
            cells=listed(later),
        )
        yield Text(told, "yellow")


def _checks(checks: list[CheckReport]) -> Iterator[RenderableType]:
    """Each check: its verdict, points and title, and below them what belongs to it."""
    verdicts = [_verdict(check) for check in checks]
    scores = [points(check.score, check.max_score) for check in checks]
    wide, far = max(map(len, verdicts), default=0), max(map(len, scores), default=0)
    for check, verdict, score in zip(checks, verdicts, scores, strict=True):
        head = Text.assemble((f"{verdict:<{wide}}", _VERDICTS[check.status][2]), f"  {score:>{far}}")
        title = tr("{title} (a check of the teacher's own)", title=check.title) if check.hidden else check.title
        yield _Hung(Text(title), wide + far + 4, head)
        style = "dim" if check.status in ("passed", "skipped") else ""
        if check.message:
            yield _Hung(Text(check.message, style))
        for figure in check.figures:
            if words := in_words(figure):
                yield _Hung(Text(plain(words), "dim"))
        if check.hint:
            yield _Hung(Text.assemble((tr("Hint:"), "italic"), " ", check.hint))


def _verdict(check: CheckReport) -> str:
    word, sign, _ = _VERDICTS[check.status]
    return f"{tr(word)} {sign}"


def _circumstances(report: Report) -> str:
    told = {"device": report.device, "seed": report.seed, "seconds": decimal(f"{report.execution.seconds:.1f}")}
    if not report.data.sets:
        return tr("Device {device}, seed {seed}, {seconds} s", **told)
    if report.data.name == "full":
        return tr("Full data, device {device}, seed {seed}, {seconds} s", **told)
    if report.data.small:
        return tr("Small sample of the data, device {device}, seed {seed}, {seconds} s (for trying checks out)", **told)
    return tr("Sample data, device {device}, seed {seed}, {seconds} s (a rehearsal: the real set is not here)", **told)
