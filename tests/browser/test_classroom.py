"""The teacher's page in a browser: 1,000 students sorted, filtered and searched, from a file, with nobody's help."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from grader.batch.pages import write_pages
from grader.grades.gradebook import Remarked
from grader.grades.grades import Grade, Grades
from grader.pass_mark import WORDS
from grader.render.html.classroom import Classroom, class_page, class_pages
from grader.render.html.common_answers import StudentView
from grader.report import ExecutionReport, Report
from grader.similarity import Pair
from tests.browser.conftest import Axe, Driver, console, opened, scheme, settled, width
from tests.classes import HOSTILE, judged, members, summary, write_class

CLASS = members(1000)
GRADES = {grade.student: grade for grade, _ in CLASS}
REPORTS = {grade.student: report for grade, report in CLASS if report is not None}
FAILED_1 = [
    name
    for name, report in REPORTS.items()
    if report.status != "ungraded" and report.checks[1].status == "failed"
]  # fmt: skip

ROWS = (By.CSS_SELECTOR, "#class tbody tr")

# A row's cells as texts, for rows that are shown, in the order of the page.
SHOWN = """
const column = arguments[0];
const rows = [...document.querySelectorAll("#class tbody tr")].filter((row) => row.checkVisibility());
return rows.map((row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim());
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of 1,000 students, without theirs: nobody waits for those here."""
    grades = Grades(exercise="110", title="Digits", max_score=4.0, grades=[grade for grade, _ in CLASS])
    pair = Pair(first="Eeva Smith", second="Sini Smith 2", share_first=1, share_second=0.9, tokens=900)
    told = summary(CLASS, [Remarked(student="Ada", kind="missing", text="No.")])
    everybody = [StudentView(grade, report, "a.html", "b.html") for grade, report in CLASS]
    path = tmp_path_factory.mktemp("class") / "index.html"
    path.write_text(class_page(Classroom(grades, everybody, told, [pair])), "utf-8")
    return path


@pytest.fixture
def page(browser: Driver, index: Path) -> Driver:
    """It is open, with nothing chosen."""
    opened(browser, index)
    return browser


def names(page: Driver) -> list[str]:
    """Who is shown, from the top."""
    found: list[str] = page.execute_script(SHOWN, 0)
    return found


def press(page: Driver, css: str) -> None:
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", page.find_element(By.CSS_SELECTOR, css))
    page.find_element(By.CSS_SELECTOR, css).click()


def faults(page: Driver, axe: Axe) -> list[str]:
    """Accessibility faults; of the rows 40 are enough."""
    page.execute_script("document.querySelectorAll('#class tbody tr:nth-child(n+40)').forEach((row) => row.remove())")
    return axe(page)


def told(page: Driver) -> str:
    """What is said to somebody who cannot see the rows."""
    return str(page.find_element(By.CSS_SELECTOR, "#shown [role=status]").get_property("textContent"))


def fragment(page: Driver) -> str:
    return unquote(urlsplit(page.current_url).fragment)


# ---------------------------------------------------------------------- opened


def test_it_opens_without_errors_and_without_a_network(browser: Driver, index: Path) -> None:
    seen = opened(browser, index)
    assert (seen.console, seen.requests) == ([], [])
    assert names(browser) == list(GRADES)
    assert told(browser) == "All 1,000 students are shown."


def rows_of(browser: Driver, number: int) -> list[WebElement]:
    """The rows of students, as many as are there in the end: without scripts the driver does not wait for a page."""
    with suppress(TimeoutException):
        WebDriverWait(browser, 20).until(lambda one: len(one.find_elements(*ROWS)) >= number)
    return browser.find_elements(*ROWS)


def test_all_of_it_can_be_read_without_a_script(browser: Driver, index: Path) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(index.absolute().as_uri())
        rows = rows_of(browser, 1000)
        assert len(rows) == 1000
        assert rows[500].is_displayed()
        assert not browser.find_element(By.ID, "filters").is_displayed()
        assert browser.find_elements(By.CSS_SELECTOR, "#class button, .tiles button, .bars button") == []
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_nothing_stands_in_anybodys_way(page: Driver, axe: Axe, colours: str) -> None:
    scheme(page, colours)  # type: ignore[arg-type]
    assert faults(page, axe) == []


def test_nothing_stands_in_anybodys_way_on_a_phone_with_filters(page: Driver, axe: Axe, index: Path) -> None:
    width(page, 390)
    opened(page, index, "#q=hamalainen&status=failed&sort=score")
    assert page.execute_script("return document.documentElement.scrollWidth") <= 390
    assert faults(page, axe) == []


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class with every column, two dozen checks and runs that ended badly."""
    class_, everybody = members(30), []
    for grade, found in class_:
        if found is not None:
            checks = [one.model_copy(update={"name": f"{one.name}_{n}"}) for n in range(6) for one in found.checks]
            execution = ExecutionReport(status="error", cell=5, seconds=12.5)
            found = found.model_copy(update={"checks": checks, "execution": execution})
        everybody.append(StudentView(grade, found, "a.html", "b.html"))
    grades = Grades(exercise="110", title="Digits", max_score=4.0, grades=[grade for grade, _ in class_])
    path = tmp_path_factory.mktemp("crowded") / "index.html"
    path.write_text(class_page(Classroom(grades, everybody, summary(class_, []))), "utf-8")
    return path


def test_every_column_is_seen_and_strips_stand_below_each_other(browser: Driver, crowded: Path) -> None:
    width(browser, 1280)
    opened(browser, crowded)
    wider = "return [...document.querySelectorAll('.scrolls')].filter(one => one.scrollWidth > one.clientWidth).length"
    assert browser.execute_script(wider) == 0
    lefts = "return [...document.querySelectorAll('#class .marks')].map(one => one.getBoundingClientRect().left)"
    assert len(set(browser.execute_script(lefts))) == 1
    overlaps = """
    return [...document.querySelectorAll("#class .marks")].filter((one) => {
        const cell = one.closest("td");
        return one.getBoundingClientRect().right > cell.getBoundingClientRect().right;
    }).length;
    """
    assert browser.execute_script(overlaps) == 0


def test_students_come_first_and_nothing_lies_over_them_that_says_nothing(browser: Driver, crowded: Path) -> None:
    width(browser, 1280)
    opened(browser, crowded)
    sections = "return [...document.querySelectorAll('main > section')].map(one => one.id)"
    assert browser.execute_script(sections) == ["overview", "students", "checks", "look"]
    place = "return getComputedStyle(document.getElementById('shown'))[arguments[0]]"
    assert browser.execute_script(place, "clipPath") != "none"
    browser.find_element(By.ID, "query").send_keys("eeva")
    assert browser.execute_script(place, "position") == "sticky"
    assert browser.execute_script(place, "clipPath") == "none"


def test_on_a_phone_checks_are_cards(browser: Driver, crowded: Path) -> None:
    width(browser, 390)
    opened(browser, crowded)
    right = (
        "return Math.max(...[...document.querySelectorAll('.checks *')].map(one => one.getBoundingClientRect().right))"
    )
    assert browser.execute_script(right) <= 390
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390


# ---------------------------------------------------------------------- sorted


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("score", lambda student: GRADES[student].score),
        ("checks", lambda student: _passed(REPORTS.get(student))),
        ("seconds", lambda student: REPORTS[student].execution.seconds if student in REPORTS else None),
        ("late", lambda student: GRADES[student].late_seconds),
        ("handed", lambda student: GRADES[student].handed_in),
        ("status", lambda student: WORDS[GRADES[student].verdict]),
    ],
)
def test_sorting(page: Driver, column: str, value: Callable[[str], float | str | None]) -> None:
    """Once from the smallest, once more from the largest; who has no value comes last both times."""
    for down in (False, True):
        press(page, f"th[data-key={column}] button")
        head = page.find_element(By.CSS_SELECTOR, f"th[data-key={column}]")
        assert head.get_attribute("aria-sort") == ("descending" if down else "ascending")
        have = [name for name in GRADES if value(name) is not None]
        lack = [name for name in GRADES if value(name) is None]
        # Who has the same keeps the order of names, in both directions: as `sorted` does it.
        assert names(page) == sorted(have, key=value, reverse=down) + lack  # type: ignore[arg-type]
    assert page.execute_script("return document.querySelectorAll('[aria-sort]').length") == 1


def _passed(report: Report | None) -> int | None:
    return None if report is None else sum(one.status == "passed" for one in report.checks)


def test_names_are_sorted_as_people_do(page: Driver) -> None:
    """Not by code points, where Å and Zoë 10 would stand elsewhere."""
    press(page, "th[data-key=student] button")
    found = names(page)
    assert found.index("Åsa Korhonen") < found.index("Eeva Korhonen")
    assert found.index("Zoë Smith 2") < found.index("Zoë Smith 10")


def test_the_keyboard_sorts_too(page: Driver) -> None:
    page.execute_script("document.querySelector('th[data-key=score] button').focus()")
    page.switch_to.active_element.send_keys(Keys.ENTER)
    assert fragment(page) == "sort=score"
    page.switch_to.active_element.send_keys(Keys.SPACE)  # the focus stays where it was
    assert fragment(page) == "sort=score&down=1"


# ---------------------------------------------------------------------- searched and filtered


@pytest.mark.parametrize("text", ["hämäläinen", "HAMALAINEN", "hamalainen", "  Hämä  ", "ha\u0308ma\u0308l"])
def test_searching(page: Driver, text: str) -> None:
    page.find_element(By.ID, "query").send_keys(text)
    assert names(page) == [name for name in GRADES if "Hämäläinen" in name]
    assert told(page) == f"100 of 1,000 students: named “{text.strip()}”."


def test_every_word_of_a_search_counts(page: Driver) -> None:
    page.find_element(By.ID, "query").send_keys("smith asa")
    assert names(page) == [name for name in GRADES if name.startswith("Åsa Smith")]


def test_a_search_that_finds_nobody(page: Driver) -> None:
    page.find_element(By.ID, "query").send_keys(".*")  # no pattern, either
    assert names(page) == []
    assert told(page).startswith("0 of 1,000 students")


def test_filtering_by_status(page: Driver) -> None:
    press(page, ".tile.ungraded button")
    assert names(page) == [name for name, grade in GRADES.items() if grade.verdict == "ungraded"]
    press(page, "input[name=status][value=missing]")
    assert names(page) == [name for name, grade in GRADES.items() if grade.verdict in ("ungraded", "missing")]
    assert page.find_element(By.CSS_SELECTOR, ".tile.missing button").get_attribute("aria-pressed") == "true"
    press(page, ".tile.ungraded button")
    press(page, ".tile.missing button")
    assert len(names(page)) == 1000


def test_filtering_by_a_failed_check(page: Driver) -> None:
    press(page, "[data-filter=check][data-value=check_1] button")
    assert names(page) == FAILED_1
    assert told(page) == f"{len(FAILED_1)} of 1,000 students: who failed “n_deep is right.”."
    assert page.find_element(By.ID, "check").get_attribute("value") == "check_1"


def test_filtering_by_a_wrong_answer(page: Driver) -> None:
    press(page, ".answers [data-filter=said] button")
    first = page.find_element(By.CSS_SELECTOR, ".answers button").text
    assert first == f"{len(names(page))}×"
    assert all(REPORTS[name].checks[0].message == "It is 12, not 18." for name in names(page))


def test_filtering_by_a_tenth_of_the_points(page: Driver) -> None:
    press(page, "[data-filter=tenth][data-value='9'] button")
    assert names(page) == [name for name, one in GRADES.items() if one.score is not None and one.score >= 3.6]
    assert "with 90–100 % of the points" in told(page)


def test_late_and_by_hand(page: Driver) -> None:
    press(page, "input[name=late]")
    assert names(page) == [name for name, grade in GRADES.items() if grade.late_seconds]
    press(page, "input[name=late]")
    press(page, "input[name=override]")
    assert names(page) == [name for name, grade in GRADES.items() if grade.override]


def test_filters_add_up_and_are_cleared(page: Driver) -> None:
    page.find_element(By.ID, "query").send_keys("eeva")
    press(page, "input[name=status][value=failed]")
    press(page, "[data-filter=check][data-value=check_1] button")
    wanted = [name for name in FAILED_1 if name.startswith("Eeva") and GRADES[name].verdict == "failed"]
    assert 0 < len(wanted) < len([name for name in FAILED_1 if name.startswith("Eeva")])
    assert names(page) == wanted
    press(page, "#clear")
    assert names(page) == list(GRADES)
    assert page.find_element(By.ID, "query").get_attribute("value") == ""
    assert not page.find_element(By.ID, "clear").is_displayed()
    assert page.switch_to.active_element.get_attribute("id") == "query"


# ---------------------------------------------------------------------- the address


def test_a_teacher_can_come_back(page: Driver, index: Path) -> None:
    page.find_element(By.ID, "query").send_keys("ä & b=ö")
    page.find_element(By.ID, "query").clear()
    page.find_element(By.ID, "query").send_keys("mä")
    press(page, "input[name=status][value=failed]")
    press(page, "[data-filter=check][data-value=check_1] button")
    press(page, "th[data-key=score] button")
    press(page, "th[data-key=score] button")
    found, address = names(page), urlsplit(page.current_url).fragment
    assert found
    seen = opened(page, index, f"#{address}")
    assert seen.console == []
    assert names(page) == found
    assert page.find_element(By.ID, "query").get_attribute("value") == "mä"
    assert page.find_element(By.CSS_SELECTOR, "th[data-key=score]").get_attribute("aria-sort") == "descending"


def test_jumps_within_the_page_leave_the_filters(page: Driver) -> None:
    press(page, "input[name=status][value=passed]")
    before, found = fragment(page), names(page)
    press(page, "nav a[href='#checks']")
    assert (fragment(page), names(page)) == (before, found)
    assert page.switch_to.active_element.get_attribute("id") == "checks"


def test_an_address_of_nonsense_shows_everybody_or_nobody(browser: Driver, index: Path) -> None:
    for made in ("#students", "#sort=nothing&down=1", "#%E0%A4%A", "#status=%00&check=<script>&tenth=99&said='"):
        seen = opened(browser, index, made)
        assert seen.console == []
        assert len(names(browser)) in (0, 1000)


# ---------------------------------------------------------------------- a small class, with its pages


def hostile() -> Sequence[tuple[Grade, Report | None]]:
    found: list[tuple[Grade, Report | None]] = []
    for text in [*HOSTILE, "Åsa Mäkelä", "a#b?c%20d"]:
        report = judged(text, ["failed", "passed", "skipped", "failed"], message=text)
        found.append((Grade(student=text, status="failed", score=1, max_score=4, place=text), report))
    return found


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of students who are called what nobody should be called, with all its pages."""
    results = tmp_path_factory.mktemp("small") / "50 % of ä#?"
    told = [Remarked(student=text, kind="missing", text=text) for text in HOSTILE]
    pairs = [{"first": HOSTILE[0], "second": HOSTILE[1], "share_first": 1, "share_second": 1, "tokens": 9}]
    write_class(results, hostile(), told)
    (results / "similar.json").write_text(json.dumps({"pairs": [pairs[0] | {"page": "similar/1.html"}]}))
    return write_pages(results)


def test_names_and_messages_that_are_hostile_do_nothing(browser: Driver, small: Path) -> None:
    seen = opened(browser, small)
    assert (seen.console, seen.requests) == ([], [])
    assert browser.title == "110 Digits: the class"
    assert len(names(browser)) == len(hostile())
    press(browser, "[data-filter=check][data-value=check_0] button")
    press(browser, ".answers [data-filter=said] button")  # what it is told by is text, too
    assert len(names(browser)) == 1
    settled(browser)
    assert browser.title == "110 Digits: the class"
    assert console(browser) == []


def test_links_lead_to_each_students_pages(browser: Driver, small: Path) -> None:
    opened(browser, small)
    links = browser.find_elements(By.CSS_SELECTOR, "#class a[href^=students]")
    addresses = [str(link.get_property("href")) for link in links]
    assert len(addresses) == 2 * len(hostile())
    for address in addresses:
        path = Path(unquote(urlsplit(address).path))
        assert path.is_file()
        assert small.parent in path.parents
    press(browser, "#class a[href^=students]")
    settled(browser)
    assert browser.find_element(By.TAG_NAME, "h1").is_displayed()


def test_only_our_own_script_runs(browser: Driver, small: Path, tmp_path: Path) -> None:
    """Were there a way in, the policy would still be in front of it."""
    html = small.read_text("utf-8")
    made = tmp_path / "index.html"
    made.write_text(html.replace("<main>", "<main><script>document.title = 'pwned'</script><img src=x onerror=y>", 1))
    seen = opened(browser, made)
    assert browser.title == "110 Digits: the class"
    assert any("Content Security Policy" in line for line in seen.console)


# ---------------------------------------------------------------------- a large class

LARGE = members(2500, seed=3)
LARGE_REPORTS = {grade.student: report for grade, report in LARGE if report is not None}


@pytest.fixture(scope="module")
def large_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of 2,500 students, and those with its rows."""
    grades = Grades(exercise="110", title="Digits", max_score=4.0, grades=[grade for grade, _ in LARGE])
    everybody = [
        StudentView(grade, report, *((f"students/x/{name}.html" for name in ("staff", "feedback")) if report else ()))
        for grade, report in LARGE
    ]
    folder = tmp_path_factory.mktemp("large")
    (folder / "class").mkdir()
    for name, text in class_pages(Classroom(grades, everybody, summary(LARGE, []))).items():
        (folder / name).write_text(text, "utf-8")
    return folder / "index.html"


@pytest.fixture
def large(browser: Driver, large_index: Path) -> Driver:
    opened(browser, large_index)
    return browser


def test_of_a_large_class_the_first_are_shown(browser: Driver, large_index: Path) -> None:
    seen = opened(browser, large_index)
    assert (seen.console, seen.requests) == ([], [])
    assert names(browser) == [grade.student for grade, _ in LARGE[:200]]
    assert told(browser) == "2,500 students. The first 200 are shown."
    press(browser, "#more")
    assert names(browser) == [grade.student for grade, _ in LARGE[:400]]
    assert told(browser) == "2,500 students. The first 400 are shown."


def test_all_of_a_large_class_is_sorted_and_filtered(large: Driver, large_index: Path) -> None:
    opened(large, large_index, "#sort=score&down=1&status=failed")
    scores = [float(text) for text in large.execute_script(SHOWN, 2)]
    wanted = sorted((g.score for g, _ in LARGE if g.verdict == "failed" and g.score is not None), reverse=True)
    assert scores == [round(score, 2) for score in wanted[:200]]
    failed = [
        name for name, one in LARGE_REPORTS.items() if one.status != "ungraded" and one.checks[1].status == "failed"
    ]
    opened(large, large_index, "#check=check_1")
    assert told(large).startswith(f"{len(failed):,} of 2,500 students")
    assert names(large) == failed[:200]
    opened(large, large_index, "#q=hamalainen 3")
    assert names(large) == [
        grade.student for grade, _ in LARGE if "Hämäläinen" in grade.student and "3" in grade.student
    ]


def test_a_row_that_is_made_says_what_a_row_of_the_other_page_says(large: Driver, large_index: Path) -> None:
    """… by the page's own texts, marks and links, cell for cell."""
    cells = """
    return [...document.querySelectorAll("#class tbody tr")].slice(0, 150).map((row) => [...row.cells].map((cell) => [
        cell.className, cell.textContent.trim().replace(/\\s+/g, " "),
        [...cell.querySelectorAll("a")].map((one) => one.href),
        [...cell.querySelectorAll("i")].map((one) => one.className),
    ]));
    """
    made = large.execute_script(cells)
    opened(large, large_index.parent / "class" / "1.html")
    assert large.execute_script(cells) == made


def test_a_large_class_can_be_read_without_a_script(browser: Driver, large_index: Path) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(large_index.absolute().as_uri())
        pages = browser.find_elements(By.CSS_SELECTOR, ".parts a")
        assert len(pages) == 5
        assert not browser.find_element(By.ID, "more").is_displayed()
        pages[-1].click()
        rows = rows_of(browser, 500)
        assert len(rows) == 500
        assert rows[-1].is_displayed()
        browser.find_element(By.LINK_TEXT, "The class").click()
        assert browser.current_url.endswith("/index.html")
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.parametrize("page", ["index.html", "class/2.html"])
def test_nothing_of_a_large_class_stands_in_anybodys_way(
    browser: Driver, axe: Axe, large_index: Path, page: str
) -> None:
    opened(browser, large_index.parent / page)
    assert faults(browser, axe) == []
