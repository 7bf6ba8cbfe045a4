"""The student's page: what is on it, what only the teacher's has, and that nothing in a report breaks it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from grader.checks.show import confusion, misjudged
from grader.figures import Accuracy, Confusion, Curve, Curves, Item, Misjudged
from grader.grades.grades import Grade, Override
from grader.render.html.page import moment, student_page
from grader.render.html.templates import source_hash
from grader.report import CellReport, CheckReport, DataReport, ExecutionReport, Report
from tests.test_report import report

EVIL = "</style></title><script>alert(1)</script><img src=x onerror=alert(1)> \"'`"


def check(status: str = "failed", **more: Any) -> CheckReport:
    fields = {"name": "the_name", "title": "The title.", "status": status, "score": 0, "max_score": 2}
    return CheckReport(**(fields | more))


def grade(**more: Any) -> Grade:
    fields: dict[str, Any] = {"student": "Aino", "status": "failed", "score": 1.5, "max_score": 2, "earned": 2.0}
    return Grade(**(fields | more))


class _Text(HTMLParser):
    """What is read aloud, and every element."""

    def __init__(self) -> None:
        super().__init__()
        self.silent: list[str] = []
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("meta", "link", "img", "br"):
            return
        self.open.append(tag)
        if tag == "style" or dict(attrs).get("aria-hidden"):
            self.silent = self.silent or list(self.open)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        if self.silent == self.open:
            self.silent = []
        assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.words.append(data)


def parsed(page: str) -> _Text:
    """The page, every element of which ends where it should."""
    parser = _Text()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    names = [attributes["id"] for _, attributes in parser.tags if "id" in attributes]
    assert len(names) == len(set(names))
    links = [str(attributes.get("href")) for tag, attributes in parser.tags if tag == "a"]
    assert {link[1:] for link in links if link.startswith("#")} <= set(names)
    return parser


def read(page: str) -> str:
    """What a reader reads, white space folded."""
    return " ".join(" ".join(parsed(page).words).split())


# ---------------------------------------------------------------------- what is on it


def test_the_result_and_every_check() -> None:
    checks = [
        check("passed", title="`x` is three.", score=2, message="It is."),
        check("failed", title="`y` is four.", message="`y` is 5.", hint="Add `1`."),
        check("skipped", message="First “`y` is four” has to pass."),
        check("error", message="The check itself failed."),
    ]
    page = student_page(report(checks=checks, score=2, max_score=8, student="Aino Ääkkönen"), None)
    text = read(page)
    for told in (
        "Exercise 100 Counting Aino Ääkkönen",
        "Result 2 of 8 points not passed 1 of 4 checks passed.",
        "Next: y is four.",
        "x is three. passed 2 of 2 It is.",
        "y is four. failed 0 of 2 y is 5. Hint Add 1 .",
        "not judged 0 of 2 First “ y is four” has to pass.",
        "grader error 0 of 2 The check itself failed.",
        "Device cpu",
        "Graded 2026-01-01 00:00 UTC",
    ):
        assert told in text
    assert "<code>y</code> is 5." in page
    assert '<html lang="en">' in page


def test_what_failed_comes_first_and_what_passed_is_folded() -> None:
    states = ("passed", "skipped", "failed", "error", "passed")
    page = student_page(report(checks=[check(one, title=f"{n}.") for n, one in enumerate(states)]), None)
    fold = page.index('<details class="fold">')
    places = [page.index(f"<h4>{n}.") for n in range(5)]
    assert places[2] < places[3] < places[1] < fold < places[0] < places[4] < page.index("</details>")
    assert "2 checks passed" in page
    everything = student_page(report("passed", checks=[check("passed")]), None)
    assert '<details class="fold" open>' in everything


def test_what_is_not_graded_is_no_zero() -> None:
    text = read(student_page(report("ungraded", checks=[check("error")]), None))
    assert "Result – of 2 points not graded Not graded" in text


def test_the_grade_as_the_rules_and_the_teacher_made_it() -> None:
    late = grade(penalty=0.5, late_seconds=90_000, attempt=2, attempts=3, handed_in="2026-01-02T01:00:00+02:00")
    text = read(student_page(report(), None, late))
    for told in (
        "1.5 of 2 points",
        "The checks gave 2 points. Taken because it was late: 0.5 points.",
        "Attempt 2 of 3 counts. Handed in 2026-01-02 01:00 UTC+02:00. Handed in 25 hours late.",
    ):
        assert told in text
    override = Override(student="Aino", score=1.5, reason=f"Ill. {EVIL}", by="L. Lehtori")
    page = student_page(report(), None, grade(override=override))
    assert "Set by L. Lehtori. Ill. </style>" in read(page)
    assert "<script" not in page


def test_a_grade_that_is_not_there_yet() -> None:
    assert "Result – of 2 points pending" in read(student_page(report(), None, grade(score=None, status="pending")))


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(1, "1 minute late"), (3600, "1 hour late"), (3601, "2 hours late"), (4 * 86_400, "4 days late")],
)
def test_how_late(seconds: float, told: str) -> None:
    assert told in read(student_page(report(), None, grade(late_seconds=seconds)))


def test_how_it_ran_with_links_to_the_cells() -> None:
    cells = [
        CellReport(number=1, id="a", status="ok", seconds=2.5),
        CellReport(number=2, id="b", status="error", seconds=0.03, error="Cell 2 raised KeyError."),
        CellReport(number=3, id="c", status="not run", seconds=0),
    ]
    execution = ExecutionReport(status="error", seconds=2.6, cell=2, error="Cell 2 raised KeyError.", cells=cells)
    notebook = new_notebook(cells=[new_code_cell(f"x = {name!r}", id=name) for name in "abc"])
    page = student_page(report(execution=execution), notebook)
    text = read(page)
    assert "Cell 2 raised KeyError. See the cell" in text
    assert "Time per cell; 2.6 s in all" in text
    assert "1 2.5 s 2 0.03 s Cell 2 raised KeyError. 3 not run" in text
    assert re.findall(r'<section class="cell code( failed)?" id="cell-(\d)"', page) == [
        ("", "1"),
        (" failed", "2"),
        ("", "3"),
    ]
    assert '<a href="#cell-2">See the cell</a>' in page


def test_without_a_notebook_nothing_links_into_it() -> None:
    execution = ExecutionReport(status="invalid", cell=2, error="It cannot be read.", cells=[])
    assert "#cell-" not in student_page(report(execution=execution), None)


def test_a_rehearsal_says_so() -> None:
    assert "A rehearsal" in read(student_page(report(data=DataReport(name="sample", sets=["mnist"])), None))
    assert "rehearsal" not in read(student_page(report(data=DataReport(name="full", sets=["mnist"])), None))


# ---------------------------------------------------------------------- figures


def figured(*figures: Any) -> str:
    return student_page(report(checks=[check(figures=list(figures))]), None)


def test_an_accuracy_is_told_in_words_too() -> None:
    text = read(figured(Accuracy(title="accuracy", hits=97, n=100, low=0.92, high=0.99, threshold=0.95, strict=True)))
    assert "accuracy: 97.00 % of 100 right; 95 % interval 92.0 % to 99.0 %. It has to be above 95 %." in text


def test_a_confusion_matrix_is_right_on_its_diagonal() -> None:
    page = figured(confusion(np.array([0, 1, 1, 1]), np.array([0, 1, 1, 0]), ["cat", "dog"]))
    assert re.findall(r'<td class="(\w+) l(\d)">([\d·]+)', page) == [
        ("right", "3", "1"),
        ("wrong", "3", "1"),
        ("wrong", "0", "·"),
        ("right", "5", "2"),
    ]
    assert '<th scope="col">cat</th>' in page
    assert '<th scope="row">dog</th>' in page


def test_misjudged_pictures_and_texts() -> None:
    pictures = np.zeros((3, 8, 8))
    right, said, sure = np.array([0, 1, 1]), np.array([1, 1, 0]), np.array([0.971, 1, 0.5])
    page = figured(misjudged(said, right, ["zero", "one"], pictures=pictures, sure=sure))
    assert page.count('<img src="data:image/png;base64,') == 2
    assert 'alt="A sample of zero"' in page
    assert "2 of 3 said one right: zero 97 % sure said zero right: one 50 % sure" in read(page)
    text = read(figured(misjudged(said, right, ["bad", "good"], texts=["not good", "fine", "not bad <b>"])))
    assert "not good said good right: bad not bad <b> said bad right: good" in text


def test_curves_are_told_in_words_and_numbers_too() -> None:
    curves = [Curve(name="train_loss", values=[2.0, 0.5, None]), Curve(name="val_loss", values=[3.0, 1.0])]
    text = read(figured(Curves(title="Loss", x="epoch", curves=curves)))
    assert "train_loss from 2 to 0.5, least 0.5, most 2" in text
    assert "The numbers epoch train_loss val_loss 1 2 3 2 0.5 1 3 – –" in text


def test_a_thinned_curve_is_told_where_its_numbers_lie() -> None:
    curves = [Curve(name="a", values=[5.0, 6.0], step=10), Curve(name="b", values=[7.0])]
    text = read(figured(Curves(x="step", curves=curves)))
    assert "The numbers step a b 1 5 7 11 6 –" in text


NUMBERS = [0, 1, -1, 10**400, -(10**400)]
FLOATS = [float("nan"), float("inf"), -float("inf"), 1e308, -1e308, 5e-324, 0.0]


@pytest.mark.parametrize(
    "figure",
    [
        *[
            Accuracy(hits=hits, n=n, low=x, high=-x, threshold=x, strict=True)
            for hits in NUMBERS
            for n in NUMBERS
            for x in FLOATS[:3]
        ],
        Confusion(labels=[], counts=[]),
        Confusion(labels=["a", "b"], counts=[[10**400, -5], []]),
        Confusion(labels=[EVIL], counts=[[1, 2, 3], [4]]),
        Confusion(labels=[str(one) for one in range(3000)], counts=[[1] * 3000] * 3000),
        Misjudged(wrong=-1, n=10**400, items=[]),
        Misjudged(wrong=1, n=1, items=[Item(said=EVIL, right=EVIL, text=EVIL, sure=FLOATS[0], picture="Zm9v")] * 1000),
        Misjudged(wrong=1, n=1, items=[Item(said="a" * 10**6, right="", text="b" * 10**6, picture="A" * 10**7)]),
        Curves(curves=[]),
        Curves(title=EVIL, x=EVIL, curves=[Curve(name=EVIL, values=[])] * 100),
        Curves(curves=[Curve(name="a", values=[value] * 3, first=10**400) for value in FLOATS]),
        Curves(curves=[Curve(name="a", values=FLOATS * 20_000)]),
        Curves(curves=[Curve(name="a", values=[1.0], first=0), Curve(name="b", values=[1.0], first=10**400)]),
    ],
)
def test_no_figure_breaks_the_page_or_makes_it_large(figure: Any) -> None:
    page = figured(*[figure] * 10)
    parsed(page)
    assert len(page) < 3_000_000
    assert "<script" not in page
    assert not re.search(r'="[^"]*\b(?:nan|inf)\b', page)


# ---------------------------------------------------------------------- whose view

SECRETS = [
    "The hidden title",
    "hidden_name",
    "Hidden message",
    "Hidden hint",
    "Hidden curve",
    "handed/in/a.ipynb",
    "landlock",
    "987654",
]


def secretive(**more: Any) -> Report:
    figure = Curves(title="Hidden curve", curves=[Curve(name="a", values=[1.0, 2.0])])
    hidden = check(
        name="hidden_name",
        title="The hidden title.",
        message="Hidden message",
        hint="Hidden hint",
        hidden=True,
        figures=[figure],
    )
    execution = ExecutionReport(status="ok", peak_memory=123_000_000)
    fields: dict[str, Any] = {
        "checks": [hidden],
        "submission": "handed/in/a.ipynb",
        "sandbox": ["landlock"],
        "seed": 987654,
        "execution": execution,
    }
    return report(**(fields | more))


def test_what_is_the_teachers_is_not_on_the_students_page() -> None:
    place = grade(place="/secret/handed/in/a.ipynb")
    page = student_page(secretive(), None, place)
    for secret in [*SECRETS, "the_name", "/secret", "123 MB"]:
        assert secret not in page, secret
    text = read(page)
    assert "A check of your teacher's own failed 0 of 2" in text
    assert "Next:" not in text


def test_the_teachers_page_has_all_of_it() -> None:
    page = student_page(secretive(), None, staff=True)
    for secret in [*SECRETS, "123 MB", "Teacher&#39;s view"]:
        assert secret in page, secret


# ---------------------------------------------------------------------- one file that nothing gets into


def test_a_page_allows_nothing_but_its_own_style_and_pictures_of_its_own() -> None:
    page = student_page(report(), None)
    assert page.startswith("<!doctype html>")
    policy, style = re.search(r'Policy" content="([^"]*)"', page), re.search("<style>(.*?)</style>", page, re.DOTALL)
    assert policy
    assert style
    assert policy[1].replace("&#39;", "'") == (
        f"default-src 'none'; img-src data:; style-src {source_hash(style[1])}; base-uri 'none'; form-action 'none'"
    )
    first = [tag for tag, _ in parsed(page).tags]
    assert first[:4] == ["html", "head", "meta", "meta"]
    assert page.index("Content-Security-Policy") < page.index("charset") < 1024
    assert '<meta name="referrer" content="no-referrer">' in page
    assert "<script" not in page
    assert not re.search(r"https?:|@import|url\(", page)


def test_whatever_a_report_says_is_text() -> None:
    cell = CellReport(number=1, id=EVIL, status=EVIL, seconds=float("nan"), error=EVIL)
    one = report(
        title=EVIL,
        exercise=EVIL,
        submission=EVIL,
        student=EVIL,
        device=EVIL,
        sandbox=[EVIL],
        versions={EVIL: EVIL},
        started=EVIL,
        grader=EVIL,
        language=EVIL,
        execution=ExecutionReport(status="error", cell=1, error=EVIL, cells=[cell]),
        checks=[check(name=EVIL, title=EVIL, message=EVIL, hint=EVIL)],
        data=DataReport(name="full", sets=[EVIL]),
    )
    for staff in (False, True):
        page = student_page(
            one, None, grade(handed_in=EVIL, override=Override(student=EVIL, score=1, reason=EVIL, by=EVIL)), staff
        )
        assert {tag for tag, _ in parsed(page).tags} & {"script", "img"} == set()
        assert page.count("</style>") == 1


@pytest.mark.parametrize("number", FLOATS)
def test_no_number_breaks_the_page(number: float) -> None:
    cell = CellReport(number=1, id="a", status="ok", seconds=number)
    one = report(
        score=number,
        max_score=number,
        checks=[check(score=number, max_score=number, seconds=number)],
        execution=ExecutionReport(status="ok", seconds=number, peak_memory=10**40, cells=[cell]),
    )
    parsed(student_page(one, None, staff=True))
    parsed(
        student_page(
            one,
            None,
            grade(score=number, max_score=number, earned=number, penalty=number, late_seconds=number),
            staff=True,
        )
    )


def test_a_lone_surrogate_does_not_keep_a_page_from_being_written() -> None:
    student_page(report(title="a \ud800 b"), new_notebook(cells=[new_code_cell("x = '\ud800'")])).encode("utf-8")


def test_many_cells_make_a_short_table() -> None:
    cells = [CellReport(number=place, id=str(place), status="ok", seconds=place) for place in range(1, 1001)]
    page = student_page(report(execution=ExecutionReport(status="ok", cells=cells)), None)
    assert "(940 short ones left out)" in page
    assert page.count('<th scope="row">') == 60


def test_moments() -> None:
    assert moment("2026-01-02T03:04:05") == "2026-01-02 03:04"
    assert moment("yesterday") == "yesterday"


# ---------------------------------------------------------------------- languages


def test_a_finnish_report_has_a_finnish_page() -> None:
    page = student_page(report(language="fi", score=1.5), None)
    assert '<html lang="fi">' in page
    assert ">1,5<" in page


def test_an_unknown_language_is_english() -> None:
    assert '<html lang="en">' in student_page(report(language="xx"), None)


def test_the_teacher_sees_what_rests_on_the_notebooks_word_and_everybody_what_was_put_back() -> None:
    execution = ExecutionReport(status="ok", put_back=["The cell `sums` was changed, and is put back as it was."])
    checks = [check("passed", verified="word"), check("passed", name="other", verified="outside")]
    found = report("passed", checks=checks, execution=execution)
    staff, student = student_page(found, None, staff=True), student_page(found, None)
    assert (staff.count("rests on the notebook"), student.count("rests on the notebook")) == (1, 0)
    assert "put back as it was" in staff
    assert "put back as it was" in student
