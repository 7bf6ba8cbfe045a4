"""The student's page: what was judged and found, pictures of it, how the notebook ran, and the notebook as it ran.

One file, in which nothing runs and which loads nothing. A student's and a teacher's view differ: what a template is
given here is all that the view may hold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from nbformat import NotebookNode

from grader.figures import Accuracy, Confusion, Curve, Curves, Figure, Misjudged
from grader.grades.grades import Grade
from grader.language import LANGUAGES, mark, ngettext, speaking, tr
from grader.pass_mark import WORDS, Verdict
from grader.render.feedback import for_student, said
from grader.render.html import pictures
from grader.render.html.cleaning import picture
from grader.render.html.notebook import shown_cells
from grader.render.html.templates import sheet, template
from grader.report import CellReport, CheckReport, Report, headline, said_once
from grader.text import percent, plain, size

_STATES = {
    "failed": mark("failed"),
    "error": mark("grader error"),
    "skipped": mark("not judged"),
    "passed": mark("passed"),
}
_SHEETS = ("style.css", "page.css")
_MOST_FIGURES = 8
_MOST_CLASSES = 50
_MOST_ITEMS = 24
_MOST_CELLS = 60
_MOST_ROWS = 40  # of the numbers behind a chart


@dataclass(frozen=True)
class Neighbour:
    """Another student's page: whose it is, and its address."""

    name: str
    page: str


@dataclass(frozen=True)
class Around:
    """Where a teacher's page of a student leads: to the class's, the students before and after, and the course's pages.

    Attributes
    ----------
    course, person
        Addresses of the course's page, and of the student's across exercises; empty where there is none.
    """

    index: str
    before: Neighbour | None = None
    after: Neighbour | None = None
    course: str = ""
    person: str = ""


def student_page(
    report: Report,
    notebook: NotebookNode | None,
    grade: Grade | None = None,
    staff: bool = False,
    around: Around | None = None,
) -> str:
    """The page, as HTML.

    Parameters
    ----------
    notebook
        As it ran; None if it could not be read.
    grade
        What the teacher's rules and overrides made of the report.
    staff
        Show what is the teacher's only: details of hidden checks, the seed, places, layers of the sandbox, memory.
    around
        Of a class's, where a teacher goes on from here.
    """
    language = report.language if report.language in LANGUAGES else "en"
    with speaking(language):
        page = template("page.html.j2").render(
            language=language,
            style=sheet(*_SHEETS),
            staff=staff,
            title=report.title,
            exercise=report.exercise,
            student=plain(report.student, 200) if report.student else "",
            score=_score(report, grade),
            grade=_terms(grade, report) if grade is not None else None,
            told=_headline(report),
            around=around if staff else None,
            checks=(checks := [_check(one, place, staff) for place, one in enumerate(_judged(report, staff), 1)]),
            groups=_grouped(checks),
            states={state: tr(word) for state, word in _STATES.items()},
            broken=next((cell for cell in report.execution.cells if not cell.compiles), None),
            next=next((one for one in checks if one.status == "failed" and not one.veiled), None),
            execution=report.execution,
            whole=_ran_on(report),
            cells=_timed(report.execution.cells),
            untimed=max(0, len(report.execution.cells) - _MOST_CELLS),
            circumstances=_circumstances(report, staff),
            rehearsal=bool(report.data.sets) and report.data.name == "sample",
            notebook=list(shown_cells(notebook, report.execution)) if notebook is not None else None,
            pictures=pictures,
            words=WORDS,
        )
    return page.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate could not be written to a file


# ---------------------------------------------------------------------- the grade


@dataclass(frozen=True)
class _Score:
    """What stands at the top: points as far as there are any, and how it looks."""

    points: float | None
    of: float
    verdict: Verdict

    @property
    def share(self) -> float:
        return 100 * pictures.share((self.points or 0.0) / self.of) if self.of > 0 else 0.0


def _score(report: Report, grade: Grade | None) -> _Score:
    if grade is not None:
        return _Score(grade.score, grade.max_score, grade.verdict)
    return _Score(None if report.status == "ungraded" else report.score, report.max_score, report.verdict)


@dataclass(frozen=True)
class _Terms:
    """How the grade came about, in sentences."""

    earned: float | None
    penalty: float
    late: str
    attempt: str
    override: str
    reason: str
    said: list[str]
    adjustment: float


def _terms(grade: Grade, report: Report) -> _Terms:
    override = grade.override
    attempt = (
        tr("Attempt {attempt} of {attempts} counts.", attempt=grade.attempt, attempts=grade.attempts)
        if grade.attempts > 1
        else ""
    )
    when = f" {tr('Handed in {when}.', when=moment(grade.handed_in))}" if grade.handed_in else ""
    by = ""
    if override is not None:
        by = tr("Set by {who}.", who=plain(override.by, 100)) if override.by else tr("Set by your teacher.")
    return _Terms(
        earned=grade.earned,
        penalty=grade.penalty,
        late=_late(grade.late_seconds),
        attempt=f"{attempt}{when}".strip(),
        override=by,
        reason=plain(override.reason, 2000) if override is not None else "",
        said=[said(one, report) for one in grade.comments],
        adjustment=grade.adjustment,
    )


def _late(seconds: float) -> str:
    """How late it was, in the largest unit that fits."""
    if not math.isfinite(seconds) or seconds <= 0:
        return ""
    if seconds > 3 * 86_400:
        return ngettext("Handed in {n} day late.", "Handed in {n} days late.", math.ceil(seconds / 86_400))
    if seconds >= 3600:
        return ngettext("Handed in {n} hour late.", "Handed in {n} hours late.", math.ceil(seconds / 3600))
    return ngettext("Handed in {n} minute late.", "Handed in {n} minutes late.", math.ceil(seconds / 60))


def moment(text: str) -> str:
    """A moment of ISO 8601 as a person reads it; what is none stays as it is."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return plain(text, 60)
    zone = "" if (offset := read.utcoffset()) is None else " UTC" if not offset else f" UTC{read.isoformat()[-6:]}"
    return f"{read:%Y-%m-%d %H:%M}{zone}"


def _ran_on(report: Report) -> bool:
    """Whether all cells were begun, whatever became of them."""
    cells = report.execution.cells
    return report.execution.status == "error" and bool(cells) and all(cell.status != "not run" for cell in cells)


def _headline(report: Report) -> str:
    return headline(report).rstrip(".") + "."


# ---------------------------------------------------------------------- checks and their figures


@dataclass(frozen=True)
class _Check:
    """A check as this view may show it; a veiled one has no more than its status and its points."""

    anchor: str
    status: str
    score: float
    of: float
    title: str
    message: str = ""
    hint: str = ""
    name: str = ""
    seconds: float = 0.0
    hidden: bool = False
    word: bool = False
    veiled: bool = False
    figures: Sequence[object] = ()


def _judged(report: Report, staff: bool) -> list[CheckReport]:
    return said_once(report.checks if staff else for_student(report), report.execution)


def _grouped(checks: Sequence[_Check]) -> list[tuple[str, list[_Check]]]:
    """The checks by what became of them: what is to be worked on comes first, what passed last."""
    groups = [(state, [one for one in checks if one.status == state]) for state in _STATES]
    return [(state, some) for state, some in groups if some]


def _check(check: CheckReport, place: int, staff: bool) -> _Check:
    return _Check(
        anchor=f"check-{place}",
        status=check.status,
        score=check.score,
        of=check.max_score,
        title=check.title,
        message=check.message,
        hint=check.hint,
        name=check.name if staff else "",
        seconds=check.seconds,
        hidden=check.hidden,
        word=check.verified == "word",
        veiled=check.hidden and not staff,
        figures=[made for one in check.figures[:_MOST_FIGURES] if (made := _figure(one)) is not None],
    )


@dataclass(frozen=True)
class _Matrix:
    """A confusion matrix: names, and rows of numbers with how dark their cells are."""

    title: str
    labels: list[str]
    rows: list[tuple[str, list[tuple[int, int]]]]
    kind: str = "confusion"


@dataclass(frozen=True)
class _Sample:
    """A misjudged sample."""

    picture: str | None
    text: str
    said: str
    right: str
    sure: str


@dataclass(frozen=True)
class _Samples:
    """Misjudged samples."""

    title: str
    wrong: int
    n: int
    items: list[_Sample]
    kind: str = "misjudged"


@dataclass(frozen=True)
class _Chart:
    """Curves: their picture, names for the legend, and their numbers as rows of a table."""

    title: str
    x: str
    svg: str
    names: list[str]
    told: list[str]
    rows: list[tuple[str, list[str]]]
    kind: str = "curves"


def _figure(figure: Figure) -> object:
    """What the template draws."""
    match figure:
        case Accuracy():
            return figure
        case Confusion():
            return _matrix(figure)
        case Misjudged():
            return _samples(figure)
        case Curves():
            return _chart(figure) if figure.curves else None


def _matrix(figure: Confusion) -> _Matrix | None:
    labels = [plain(label, 40) for label in figure.labels[:_MOST_CLASSES]]
    rows = []
    for label, counts in zip(labels, figure.counts, strict=False):
        counts = counts[: len(labels)]
        whole = sum(count for count in counts if count > 0)
        rows.append((label, [(count, pictures.level(count, whole)) for count in counts]))
    return _Matrix(plain(figure.title), labels, rows) if rows else None


def _samples(figure: Misjudged) -> _Samples:
    items = [
        _Sample(
            picture=picture("image/png", item.picture) if item.picture else None,
            text=plain(item.text, 1500),
            said=plain(item.said, 60),
            right=plain(item.right, 60),
            sure="" if pictures.finite(item.sure) is None else percent(pictures.share(item.sure), 0),
        )
        for item in figure.items[:_MOST_ITEMS]
    ]
    return _Samples(plain(figure.title), figure.wrong, figure.n, items)


def _chart(figure: Curves) -> _Chart:
    curves = figure.curves[: pictures.MOST_CURVES]
    x = plain(figure.x, 60)
    return _Chart(
        title=plain(figure.title),
        x=x,
        svg=pictures.curve_chart(curves, x),
        names=[plain(curve.name, 60) for curve in curves],
        told=[_course(curve) for curve in curves],
        rows=_rows(curves),
    )


def _course(curve: Curve) -> str:
    """A curve in words."""
    numbers = [number for value in curve.values if (number := pictures.finite(value)) is not None]
    if not numbers:
        return tr("no numbers")
    first, last, least, most = (
        pictures.told_number(value) for value in (numbers[0], numbers[-1], min(numbers), max(numbers))
    )
    return tr("from {first} to {last}, least {least}, most {most}", first=first, last=last, least=least, most=most)


def _rows(curves: Sequence[Curve]) -> list[tuple[str, list[str]]]:
    """The numbers behind a chart: every k-th place, and for each curve its number there."""
    every = sorted({place for curve in curves for place in _places(curve)})
    places = every[:: -(-len(every) // _MOST_ROWS) or 1]
    return [(str(place) if abs(place) < 10**12 else "…", [_at(curve, place) for curve in curves]) for place in places]


def _places(curve: Curve) -> range:
    """Where its numbers lie on the axis."""
    step = max(1, curve.step)
    return range(curve.first, curve.first + len(curve.values) * step, step)


def _at(curve: Curve, place: int) -> str:
    places = _places(curve)
    value = curve.values[places.index(place)] if place in places else None
    number = pictures.finite(value)
    return "–" if number is None else pictures.told_number(number)


# ---------------------------------------------------------------------- how it ran


@dataclass(frozen=True)
class _Timed:
    """A cell's time, and its share of the longest one's."""

    cell: CellReport
    share: float


def _timed(cells: Sequence[CellReport]) -> list[_Timed]:
    """The cells; of very many those that took longest."""
    longest = max((pictures.finite(cell.seconds) or 0.0 for cell in cells), default=0.0)
    kept = sorted(cells, key=lambda cell: (not cell.error, -(pictures.finite(cell.seconds) or 0.0)))[:_MOST_CELLS]
    kept.sort(key=lambda cell: cell.number)
    return [_Timed(cell, 100 * pictures.share(cell.seconds / longest) if longest > 0 else 0.0) for cell in kept]


def _circumstances(report: Report, staff: bool) -> list[tuple[str, str]]:
    """What the result hangs on, by name; places, the seed and the locks are the teacher's to know."""
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    told = [
        (tr("Data"), _data(report)),
        (tr("Device"), report.device),
        (tr("Versions"), f"{versions}, grader {report.grader}" if versions else f"grader {report.grader}"),
        (tr("Graded"), moment(report.started)),
    ]
    if staff:
        told += [
            (tr("Seed"), str(report.seed)),
            (tr("Notebook"), report.submission),
            (tr("Sandbox"), ", ".join(report.sandbox) or tr("none")),
            (tr("Memory at most"), size(min(report.execution.peak_memory, 10**15))),
        ]
    return [(name, plain(text, 1000)) for name, text in told if text]


def _data(report: Report) -> str:
    if not report.data.sets:
        return ""
    sets = ", ".join(report.data.sets)
    if report.data.small:
        return tr("{sets}: a small part of the embedded sample (for trying checks out)", sets=sets)
    if report.data.name == "sample":
        return tr("{sets}: the embedded sample (a rehearsal: the real set is not here)", sets=sets)
    return tr("{sets}: the real set", sets=sets)
