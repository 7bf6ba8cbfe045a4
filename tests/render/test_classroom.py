"""The teacher's page: what it says of a class, as text. How it behaves is tried in tests/browser."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

import pytest

from grader.grades.gradebook import Remarked
from grader.grades.grades import Grade, Grades
from grader.render.html import classroom as module
from grader.render.html.classroom import Classroom, class_page, class_pages
from grader.render.html.common_answers import StudentView, checks_of
from grader.render.html.templates import source_hash
from grader.report import ExecutionReport, Report
from grader.similarity import Pair
from grader.text import plain
from tests.classes import HOSTILE, judged, members, summary


class Page(HTMLParser):
    """A page's elements and texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, str] = {"script": "", "style": ""}
        self.text = ""
        self._in = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        self._in = tag if tag in self.inside else ""

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in:
            self.inside[self._in] += data
        else:
            self.text += f" {data} "

    @property
    def words(self) -> str:
        return " ".join(self.text.split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def classroom(found: Sequence[tuple[Grade, Report | None]], **more: object) -> Classroom:
    grades = Grades(exercise="110", title="Digits", max_score=4.0, grades=[grade for grade, _ in found])
    return Classroom(grades, [StudentView(grade, report, "a.html", "b.html") for grade, report in found], **more)  # type: ignore[arg-type]


def plain_grade(report: Report) -> Grade:
    score = None if report.status == "ungraded" else report.score
    return Grade(student=str(report.student), status=report.status, score=score, max_score=4.0, earned=score)


def of(*reports: Report) -> list[tuple[Grade, Report | None]]:
    return [(plain_grade(one), one) for one in reports]


# ---------------------------------------------------------------------- what is on it


def test_everybody_is_on_it() -> None:
    found = members(200)
    page = Page(class_page(classroom(found, summary=summary(found))))
    rows = [one for one in page.all("tr") if "data-status" in one]
    assert [one["data-status"] for one in rows] == [grade.verdict for grade, _ in found]
    for grade, _ in found:
        assert grade.student in page.words


def test_what_makes_a_grade_is_told() -> None:
    late = Grade(student="Ada", status="failed", score=1.5, max_score=4, earned=2, penalty=0.5, late_seconds=7260)
    page = Page(class_page(classroom([(late.model_copy(update={"attempt": 2, "attempts": 3}), None)])))
    assert "0.5 points off for being late" in page.words
    assert "2 h 1 min" in page.words
    assert "Attempt 2 of 3" in page.words
    by_hand = next(one for one in members(200) if one[0].override)
    page = Page(class_page(classroom([by_hand])))
    assert re.search(r"Given by hand instead of [\d.]+: Was ill. \(Teacher\)", page.words)


def test_no_score_is_no_zero() -> None:
    page = Page(class_page(classroom(of(judged("Ada", ["error"] * 4), judged("Bob", ["failed"] * 4)))))
    values = [one["data-value"] for one in page.all("td") if one.get("class") == "number" and "data-value" in one]
    assert values == ["", "0.0"]
    assert "Median 0 of 4 points, the middle half from 0 to 0, mean 0; 1 student." in page.words


def test_buckets_hold_every_score_once() -> None:
    found = members(300)
    page = class_page(classroom(found))
    counts = re.findall(r'data-filter="tenth".*?<span class="count">([\d,·]+)<', page)
    graded = [grade for grade, _ in found if grade.score is not None]
    assert len(counts) == 10
    assert sum(int(one) for one in counts if one != "·") == len(graded)
    assert len(re.findall(r"<tr [^>]*data-tenth=", page)) == len(graded)


def test_why_somebody_is_not_graded() -> None:
    lacking = ExecutionReport(status="ok", missing_packages=["tensorboard"])
    found = [judged(name, ["error"] * 4) for name in ("Ada", "Bob", "Eve")]
    found.append(judged("Moe", ["skipped"] * 4, status="ungraded", execution=lacking))
    page = Page(class_page(classroom(of(*found))))
    assert "check_0: It broke. Ada , Bob , Eve" in page.words
    assert "Not installed here: tensorboard. Moe" in page.words


def test_pairs_are_told_where_somebody_looked() -> None:
    found = of(judged("Ada", ["passed"] * 4), judged("Bob", ["passed"] * 4))
    pair = Pair(first="Ada", second="Bob", share_first=0.9, share_second=0.75, tokens=1200, page="similar/1.html")
    page = Page(class_page(classroom(found, pairs=[pair, pair.model_copy(update={"second": "Nobody"})])))
    assert "90 % and 75 % of their code, 1,200 tokens" in page.words
    assert [one["href"] for one in page.all("a")].count("similar/1.html") == 3  # the list, and both rows
    assert "Similar submissions" not in class_page(classroom(found))
    assert "No two are alike" in class_page(classroom(found, pairs=[]))


@pytest.mark.parametrize(
    "place", ["javascript:alert(1)", "../../a.html", "similar/../../a.html", "", "similar/1.html\n"]
)
def test_a_pair_leads_nowhere_else(place: str) -> None:
    found = of(judged("Ada", ["passed"] * 4), judged("Bob", ["passed"] * 4))
    pair = Pair(first="Ada", second="Bob", share_first=1, share_second=1, tokens=1, page=place)
    page = class_page(classroom(found, pairs=[pair]))
    assert "Similar to" in page
    assert {one["href"] for one in Page(page).all("a") if not str(one["href"]).startswith("#")} == {"a.html", "b.html"}


def test_remarks_are_told() -> None:
    found = of(judged("Ada", ["passed"] * 4))
    told = [Remarked(student="Ada", kind="duplicate", text="Two: the newest counts.")]
    page = Page(class_page(classroom(found, summary=summary(found, told), remarks=["similar.json is damaged."])))
    assert "Ada duplicate Two: the newest counts." in page.words
    assert "similar.json is damaged." in page.words


@pytest.mark.parametrize("found", [[], [(Grade(student="Ada", status="missing", max_score=4.0), None)]])
def test_a_class_of_which_nobody_is_graded(found: list[tuple[Grade, Report | None]]) -> None:
    page = Page(class_page(classroom(found)))
    assert "Nobody has a score yet." in page.words
    assert "No check has been judged yet." in page.words


# ---------------------------------------------------------------------- checks and wrong answers


def views(*reports: Report) -> list[tuple[str, int, bool]]:
    """The answers to the first check: text, how many, and whether others were alike."""
    found = checks_of([StudentView(plain_grade(one), one) for one in reports])
    return [(one.text, len(one.members), one.alike) for one in found["check_0"].answers]


def wrong(*messages: str) -> list[Report]:
    return [judged(f"s{place}", ["failed"] + ["passed"] * 3, message=text) for place, text in enumerate(messages)]


def test_the_most_frequent_come_first() -> None:
    assert views(*wrong("It is 12.", "It is 13.", "It is 13.", "No model.", "No model.", "No model.")) == [
        ("No model.", 3, False),
        ("It is 13.", 2, False),
        ("It is 12.", 1, False),
    ]


def test_what_differs_in_numbers_alone_is_one() -> None:
    """After a training nobody has another's accuracy; a few have by chance."""
    texts = [f"The accuracy is 0.{place:03}, which is not enough." for place in range(60)]
    ((text, n, alike),) = views(*wrong(*texts, texts[5]))
    assert (text, n, alike) == (texts[0], 61, True)


def test_of_the_ungraded_only_errors_count() -> None:
    one = checks_of([StudentView(plain_grade(r), r) for r in (judged("a", ["failed", "error", "passed", "passed"]),)])
    assert (one["check_0"].times["failed"], one["check_1"].times["error"]) == (0, 1)
    assert one["check_0"].rate == "–"
    assert one["check_0"].answers == []


def test_keys_join_rows_and_answers() -> None:
    found = members(120)
    page = class_page(classroom(found))
    for key, label in re.findall(r'data-filter="said" data-value="([0-9a-f]{8})".*?>([\d,]+)×<', page):
        assert len(re.findall(rf'<tr [^>]*data-said="[^"]*\b{key}\b', page)) == int(label)
    assert page == class_page(classroom(found))  # they are the same next time


# ---------------------------------------------------------------------- nothing but what it should be


def test_it_runs_its_own_script_and_loads_nothing() -> None:
    page = Page(class_page(classroom(members(20))))
    policy = next(str(one["content"]) for one in page.all("meta") if one.get("http-equiv"))
    assert source_hash(page.inside["script"]) in policy
    assert source_hash(page.inside["style"]) in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert not any("style" in attributes for _, attributes in page.tags)  # the policy would not let it
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert not any(str(one.get(name)).startswith(("http", "//")) for _, one in page.tags for name in ("src", "href"))
    assert len(page.all("script")) == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_hostile_is_text(text: str) -> None:
    report = judged(text, ["failed", "error", "passed", "skipped"], message=text, submission=text)
    report.title = report.checks[0].title = text
    by_hand = Grade(student=text, status="failed", score=1, max_score=4, place=text, handed_in=text)
    pair = Pair(first=text, second="Ada", share_first=1, share_second=1, tokens=1, page="similar/1.html")
    found = [*of(report, judged("Ada", ["failed"] * 4, message=text)), (by_hand, report)]
    html = class_page(
        classroom(found, summary=summary(found, [Remarked(student=text, kind=text, text=text)]), pairs=[pair])
    )
    page, usual = Page(html), Page(class_page(classroom(members(5))))
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in usual.tags} | {"details", "summary"}
    assert len(page.all("script")) == len(page.all("style")) == len(page.all("title")) == 1
    assert "\u202e" not in html
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)


# ---------------------------------------------------------------------- a large class


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 20)
    monkeypatch.setattr(module, "PART_ROWS", 15)


def data_of(index: str) -> dict[str, Any]:
    (found,) = re.findall(r'<script type="application/json" id="rows">(.*?)</script>', index, re.DOTALL)
    return json.loads(found)  # type: ignore[no-any-return]


def test_the_rows_of_a_large_class_are_on_pages_of_their_own(large: None) -> None:
    found = members(40)
    pages = class_pages(classroom(found))
    assert list(pages) == ["index.html", "class/1.html", "class/2.html", "class/3.html"]
    assert "<tbody>\n</tbody>" in pages["index.html"]
    rows = [row for name in list(pages)[1:] for row in re.findall(r'<tr data-status="(\w+)"', pages[name])]
    assert rows == [grade.verdict for grade, _ in found]
    assert re.findall(r'href="(class/[^"]+)"', pages["index.html"]) == list(pages)[1:]
    assert 'href="../a.html"' in pages["class/2.html"]
    assert 'href="1.html" rel="prev"' in pages["class/2.html"]
    assert 'href="3.html" rel="next"' in pages["class/2.html"]
    assert "<script" not in pages["class/2.html"]


def test_as_data_a_row_says_the_same(large: None) -> None:
    found = members(40)
    data = data_of(class_pages(classroom(found))["index.html"])
    assert len(data["rows"]) == 40
    for told, (grade, report) in zip(data["rows"], found, strict=True):
        assert told[:2] == [grade.student, grade.verdict]
        assert (told[2] if len(told) > 2 else None) == grade.score
        if report is not None:
            assert told[4] == "".join(one.status[0] for one in report.checks)
            assert told[6] == round(report.execution.seconds, 1)
            failed = [data["checks"][one] for one in (told[9] if len(told) > 9 else [])]
            wanted = report.status != "ungraded"
            assert failed == [one.name for one in report.checks if one.status == "failed" and wanted]


def test_nothing_that_a_student_is_called_ends_the_data(large: None) -> None:
    found = [(Grade(student=name, status="pending", max_score=4), None) for name in HOSTILE * 3]
    index = class_pages(classroom(found))["index.html"]
    assert index.count("<script") == 2
    assert [told[0] for told in data_of(index)["rows"]] == [plain(name, 80) for name in HOSTILE * 3]


def test_in_few_letters(large: None) -> None:
    """What 100,000 students take is some megabytes."""
    index = class_pages(classroom(members(400)))["index.html"]
    (found,) = re.findall(r'id="rows">(.*?)</script>', index, re.DOTALL)
    assert len(found) / 400 < 200
