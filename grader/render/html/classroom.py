"""The teacher's page, `results/index.html`: the class as a table to sort, filter and search, and what stands out in it.

What it shows is in the HTML and can be read without a script; the script of ours (``class.js``) only hides, orders and
counts rows. It is named in the page's Content-Security-Policy by its hash, so that nothing else runs.

Of a large class no browser would show the table in time. Its rows are on pages of some hundred students each, in HTML
as before, and the page of the class has them as data, of which the script makes the rows that are shown.
"""

from __future__ import annotations

import functools
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from markupsafe import Markup

from grader.grades.gradebook import BINS, Remarked, Scores, Summary, Verdicts, distribution, reason, tenth
from grader.grades.grades import Grade, Grades
from grader.grades.rules import duration
from grader.pass_mark import WORDS
from grader.render.html.common_answers import MOST_NAMES, CheckView, StudentView, checks_of
from grader.render.html.templates import FOLDER, sheet, template
from grader.report import CheckStatus, Report, headline
from grader.result_files import INDEX, PARTS
from grader.similarity import Pair
from grader.text import count, listed, number, percent, plain

MOST_SLOW = 5
MOST_PAIRS = 20  # shown at once, the others when asked for
MOST_ROWS = 1_500  # of more a browser takes seconds to show them
PART_ROWS = 500

_PAIR_PAGE = re.compile(r"similar/[A-Za-z0-9_-]{1,60}\.html")  # a link leads nowhere else
_MARKS: dict[CheckStatus, str] = {"passed": "✓", "failed": "✗", "skipped": "–", "error": "!"}


# ---------------------------------------------------------------------- what goes in


@dataclass(frozen=True)
class Classroom:
    """All that the page is made from.

    Attributes
    ----------
    summary
        Where there is one: what was said of files before grading, and how long the batch took.
    pairs
        None where nobody looked for any.
    more_pairs
        How many more there are at least.
    remarks
        What the reader should know of this page itself: something could not be read, say.
    of_course
        Whether there is a page of the course that the class belongs to.
    """

    grades: Grades
    members: Sequence[StudentView]
    summary: Summary | None = None
    pairs: Sequence[Pair] | None = None
    more_pairs: int = 0
    remarks: Sequence[str] = ()
    of_course: bool = False


def class_page(classroom: Classroom) -> str:
    """The page, as one HTML file: that of a class which is not too large."""
    return class_pages(classroom)[INDEX]


def class_pages(classroom: Classroom) -> dict[str, str]:
    """The page, and where the class is too large for one those with its rows; by their names."""
    members = classroom.members
    checks = checks_of(members)
    pairs = _pairs(classroom)
    sides = _sides(pairs)
    rows = [_row(member, checks, sides.get(member.grade.student, [])) for member in members]
    script = Markup((FOLDER / "class.js").read_text("utf-8"))
    large = len(rows) > MOST_ROWS
    common: dict[str, object] = {
        "style": sheet("style.css", "class.css"),
        "title": plain(classroom.grades.title),
        "exercise": plain(classroom.grades.exercise, 60),
        "full": number(classroom.grades.max_score),
        "columns": _columns(rows),
        "words": WORDS,
    }
    parts = _parts(rows) if large else []
    index = template("class.html.j2").render(
        **common,
        script=script,
        up="",
        shown=[] if large else rows,
        data=_data(rows, list(checks)) if large else "",
        parts=[(part.page, part.first, part.last) for part in parts],
        counts=_counts(members),
        circumstances=_circumstances(classroom),
        rehearsal=any(one.report.data.name == "sample" and one.report.data.sets for one in members if one.report),
        scores=_scores(members),
        checks=list(checks.values()),
        rows=rows,
        ungraded=_ungraded(rows),
        slowest=_slowest(rows),
        told=_told(classroom),
        pairs=pairs,
        looked=classroom.pairs is not None,
        more_pairs=classroom.more_pairs,
        remarks=classroom.remarks,
        course=f"../{INDEX}" if classroom.of_course else "",
        most_pairs=MOST_PAIRS,
        most_names=MOST_NAMES,
    )
    made = {INDEX: index}
    names = ["", *(part.page.rpartition("/")[2] for part in parts), ""]
    for number_, part in enumerate(parts, 1):
        made[part.page] = template("class_part.html.j2").render(
            **common,
            up="../",
            shown=part.rows,
            first=part.first,
            last=part.last,
            before=names[number_ - 1],
            after=names[number_ + 1],
        )
    return made


# ---------------------------------------------------------------------- the class


@dataclass(frozen=True)
class _Bucket:
    """Students in a tenth of the points possible; the tallest bar has the height 100."""

    place: int
    label: str
    students: int
    height: float


@dataclass(frozen=True)
class _Distribution:
    sentence: str
    buckets: list[_Bucket]


def _counts(members: Iterable[StudentView]) -> list[tuple[str, int]]:
    """Students by what their points come to, in the order in which they are told."""
    found = Counter[str](one.grade.verdict for one in members)
    return [(verdict, found[verdict]) for verdict in Verdicts.model_fields]


def _scores(members: Sequence[StudentView]) -> _Distribution | None:
    graded = [one.grade for one in members if one.grade.score is not None]
    scores: Scores | None = distribution([(one.score or 0.0, one.max_score) for one in graded])
    if scores is None:
        return None
    low, middle, high, mean = (number(round(one, 2)) for one in (scores.q1, scores.median, scores.q3, scores.mean))
    most = max(scores.histogram)
    buckets = [
        _Bucket(
            place, f"{100 * place // BINS}–{100 * (place + 1) // BINS} %", students, round(100 * students / most, 2)
        )
        for place, students in enumerate(scores.histogram)
    ]
    of = number(graded[0].max_score)
    students = count(scores.students, "student")
    told = f"Median {middle} of {of} points, the middle half from {low} to {high}, mean {mean}; {students}."
    return _Distribution(told, buckets)


def _circumstances(classroom: Classroom) -> list[tuple[str, str]]:
    """What the reports were made with; more than one where an older result was not graded again."""
    reports = [one.report for one in classroom.members if one.report is not None]
    told: dict[str, list[str]] = {
        "Data": sorted({one.data.name for one in reports if one.data.sets}),
        "Device": sorted({one.device for one in reports}),
        "Seed": sorted({str(one.seed) for one in reports}),
        "Grader": sorted({one.grader for one in reports}),
        "Rules": [classroom.grades.rules] if classroom.grades.rules else [],
        "Graded": [f"{min(one.started for one in reports)[:16].replace('T', ' ')} and later"] if reports else [],
    }
    return [(name, plain(listed(values), 500)) for name, values in told.items() if values]


def _told(classroom: Classroom) -> list[Remarked]:
    remarks = classroom.summary.remarks if classroom.summary else []
    return [
        Remarked(student=plain(one.student, 80), kind=plain(one.kind, 40), text=plain(one.text, 1000))
        for one in remarks
    ]


# ---------------------------------------------------------------------- rows


@dataclass(frozen=True)
class _Row:
    """A student's line in the table."""

    member: StudentView
    bucket: int | None
    passed: int
    marks: Markup
    failed: str
    said: str
    run: str
    late: str
    notes: list[str]
    pairs: list[_Side]

    @property
    def grade(self) -> Grade:
        return self.member.grade

    @property
    def handed(self) -> str:
        """When it was handed in, as text that is in the order of time; empty where that is not known."""
        return self._moment.astimezone(UTC).isoformat() if self._moment else ""

    @property
    def handed_shown(self) -> str:
        """When it was handed in, as it was told."""
        return f"{self._moment:%Y-%m-%d %H:%M}" if self._moment else ""

    @property
    def _moment(self) -> datetime | None:
        try:
            return datetime.fromisoformat(self.grade.handed_in or "")
        except ValueError:
            return None


@dataclass(frozen=True)
class _Side:
    """The other one of a pair."""

    name: str
    page: str


@dataclass(frozen=True)
class _Alike:
    """A pair with its students as links."""

    first: StudentView
    second: StudentView
    shares: tuple[str, str]
    tokens: int
    page: str


def _pairs(classroom: Classroom) -> list[_Alike]:
    """The pairs whose students are in the class."""
    known = {one.grade.student: one for one in classroom.members}
    return [
        _Alike(
            known[pair.first],
            known[pair.second],
            (percent(pair.share_first, 0), percent(pair.share_second, 0)),
            pair.tokens,
            pair.page if _PAIR_PAGE.fullmatch(pair.page) else "",
        )
        for pair in classroom.pairs or ()
        if pair.first in known and pair.second in known
    ]


def _row(member: StudentView, checks: Mapping[str, CheckView], sides: list[_Side]) -> _Row:
    grade, report = member.grade, member.report
    states = {one.name: one for one in report.checks} if report else {}
    graded = report is not None and report.status != "ungraded"
    failed = [one for one in states.values() if one.status == "failed" and graded]
    keys = [checks[one.name].key_of(one) for one in failed]
    return _Row(
        member=member,
        bucket=None if grade.score is None else tenth(grade.score, grade.max_score),
        passed=sum(one.status == "passed" for one in states.values()),
        marks=_marks(tuple(states[name].status if name in states else None for name in checks)) if states else Markup(),
        failed=" ".join(one.name for one in failed),
        said=" ".join(key for key in keys if key),
        run=_run(report),
        late=duration(grade.late_seconds) if grade.late_seconds > 0 else "",
        notes=list(_notes(grade, report)),
        pairs=sides,
    )


@functools.lru_cache(maxsize=4096)
def _marks(states: tuple[CheckStatus | None, ...]) -> Markup:
    """A mark a check, in the checks' order."""
    parts = ("<i></i>" if one is None else f'<i class="{one}">{_MARKS[one]}</i>' for one in states)
    return Markup("".join(parts))


def _run(report: Report | None) -> str:
    """How the run of the notebook ended, where it did not end well."""
    if report is None or report.execution.status == "ok":
        return ""
    where = "" if report.execution.cell is None else f" in cell {report.execution.told_cell}"
    return report.execution.status + where


def _notes(grade: Grade, report: Report | None) -> Iterator[str]:
    if grade.override is not None:
        by = f" ({plain(grade.override.by, 60)})" if grade.override.by else ""
        was = "" if grade.earned is None else f" instead of {number(round(grade.earned, 2))}"
        yield f"Given by hand{was}: {plain(grade.override.reason, 300)}{by}"
    if grade.penalty:
        yield f"{number(round(grade.penalty, 2))} points off for being late"
    if grade.attempts > 1:
        yield f"Attempt {grade.attempt} of {grade.attempts}"
    if grade.status == "ungraded" and report is not None:
        yield _reason(report)
    if grade.status == "missing":
        yield "No notebook was found"
    if grade.status == "pending":
        yield "The batch was stopped before their turn"


def _reason(report: Report) -> str:
    return plain(reason(report) or headline(report), 400)


def _sides(pairs: Sequence[_Alike]) -> dict[str, list[_Side]]:
    """The others whose code is alike, by student."""
    found: dict[str, list[_Side]] = defaultdict(list)
    for pair in pairs:
        for one, other in ((pair.first, pair.second), (pair.second, pair.first)):
            found[one.grade.student].append(_Side(other.name, pair.page))
    return found


@dataclass(frozen=True)
class _Part:
    """A page with some hundred rows."""

    page: str
    rows: Sequence[_Row]

    @property
    def first(self) -> str:
        return self.rows[0].member.name

    @property
    def last(self) -> str:
        return self.rows[-1].member.name


def _parts(rows: Sequence[_Row]) -> list[_Part]:
    begins = range(0, len(rows), PART_ROWS)
    return [_Part(f"{PARTS}/{n}.html", rows[begin : begin + PART_ROWS]) for n, begin in enumerate(begins, 1)]


_SAFE = str.maketrans({one: f"\\u{ord(one):04x}" for one in "<>&"})


def _data(rows: Sequence[_Row], checks: Sequence[str]) -> Markup:
    """The rows as the script reads them, in few letters: what an array says of a row is told in ``class.js``."""
    made = {"checks": checks, "rows": [_compact(row, checks) for row in rows]}
    return Markup(json.dumps(made, separators=(",", ":")).translate(_SAFE))


def _compact(row: _Row, checks: Sequence[str]) -> list[object]:
    grade, report = row.grade, row.member.report
    states = {one.name: one.status[0] for one in report.checks} if report else {}
    told: list[object] = [
        row.member.name,
        grade.verdict,
        grade.score,
        row.bucket,
        "".join(states.get(name, ".") for name in checks) if states else "",
        len(report.checks) if report else 0,
        round(report.execution.seconds, 1) if report else None,  # not left to a browser, which rounds otherwise
        row.member.staff.rpartition("/")[0],
        row.run,
        [checks.index(name) for name in row.failed.split()],
        row.said,
        row.notes,
        [[side.name, side.page] for side in row.pairs],
        row.handed,
        row.handed_shown,
        grade.late_seconds if row.late else 0,
        row.late,
        int(grade.override is not None),
    ]
    while told and told[-1] in ("", [], 0):  # most have nothing of all that
        told.pop()
    return told


def _columns(rows: Iterable[_Row]) -> dict[str, bool]:
    """Which columns and filters have anything to show."""
    grades = [row.grade for row in rows]
    return {
        "handed_in": any(one.handed_in for one in grades),
        "late": any(one.late_seconds > 0 for one in grades),
        "override": any(one.override for one in grades),
    }


def _ungraded(rows: Iterable[_Row]) -> list[tuple[str, list[StudentView]]]:
    """Who was not graded, by reason; the one that most have in common first."""
    found: dict[str, list[StudentView]] = defaultdict(list)
    for row in rows:
        if row.grade.status == "ungraded":
            found[_reason(row.member.report) if row.member.report else "There is no report."].append(row.member)
    return sorted(found.items(), key=lambda one: -len(one[1]))


def _slowest(rows: Sequence[_Row]) -> list[tuple[_Row, Report]]:
    ran = [(row, row.member.report) for row in rows if row.member.report is not None]
    return sorted(ran, key=lambda one: -one[1].execution.seconds)[:MOST_SLOW]
