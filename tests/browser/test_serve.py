"""`grade serve` in a browser: hostile names in every field, forms that work, and nothing without the token."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.by import By

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from grader.batch.pages import write_pages
from grader.grades.comments import load_comments
from grader.grades.overrides import load_overrides
from tests.browser.conftest import Axe, Driver, console, requests, settled
from tests.classes import HOSTILE, judged, write_class
from tests.render.test_classroom import of

HOSTILE_NAME = HOSTILE[1]  # an image with an `onerror`


@dataclass(frozen=True)
class Served:
    """A server: its results, and its address with the token."""

    results: Path
    address: str

    @property
    def root(self) -> str:
        return self.address.partition("/enter/")[0]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A class of hostile students, every text of theirs hostile, served by the command."""
    made = [judged(name, ["passed", "failed", "passed", "failed"], message=name, title=name) for name in HOSTILE]
    for one in made:
        for check in one.checks:
            check.title = check.hint = str(one.student)
    results = write_class(tmp_path_factory.mktemp("serve") / "results", of(*made))
    write_pages(results)
    with subprocess.Popen(
        [sys.executable, "-m", "grader.cli", "serve", str(results)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            assert process.stdout is not None
            yield Served(results, process.stdout.readline().removeprefix("Open ").strip())
        finally:
            process.kill()


def entered(browser: Driver, served: Served) -> None:
    """Come with the token; the class's page is open."""
    browser.get("about:blank")
    for kind in ("browser", "performance"):
        browser.get_log(kind)
    browser.get(served.address)
    settled(browser)
    assert "Digits" in browser.title


def inert(browser: Driver, served: Served) -> None:
    """Nothing has run, nothing was refused, and nothing but this server was asked."""
    assert browser.title != "pwned"
    assert console(browser) == []
    asked = requests(browser, "")
    assert asked
    assert {"{0.scheme}://{0.netloc}".format(urlsplit(one)) for one in asked} == {served.root}


def press(browser: Driver, form: str, **typed: str) -> None:
    """Fill in a form as it is on the page, and send it."""
    for name, text in typed.items():
        field = browser.find_element(By.CSS_SELECTOR, f"#{form} [name={name}]")
        field.clear()
        field.send_keys(text)
    browser.find_element(By.CSS_SELECTOR, f"#{form} button").click()
    settled(browser)


def test_a_hostile_class_is_graded_by_hand(browser: Driver, served: Served, axe: Axe) -> None:
    entered(browser, served)
    inert(browser, served)
    link = next(one for one in browser.find_elements(By.CSS_SELECTOR, "#class tbody th a") if "onerror" in one.text)
    browser.get(link.get_attribute("href"))
    settled(browser)
    assert browser.find_element(By.TAG_NAME, "h1").text == HOSTILE_NAME
    assert HOSTILE_NAME in browser.find_element(By.CSS_SELECTOR, "#comment option:nth-child(2)").text
    browser.switch_to.frame(browser.find_element(By.TAG_NAME, "iframe"))
    assert HOSTILE_NAME in browser.find_element(By.TAG_NAME, "body").text  # the page is there, cookie and all
    browser.switch_to.default_content()
    press(browser, "override", score="2.5", reason=HOSTILE_NAME)
    assert load_overrides(served.results)[HOSTILE_NAME].score == 2.5
    press(browser, "comment", text=HOSTILE_NAME, points="1", item=HOSTILE_NAME)
    assert [one.text for one in load_comments(served.results).comments] == [HOSTILE_NAME]
    inert(browser, served)
    assert axe(browser) == []
    press(browser, "comment-1")
    press(browser, "undo")
    assert load_overrides(served.results) == {}
    assert load_comments(served.results).comments == []
    inert(browser, served)


def test_without_the_token_nothing_can_be_done(browser: Driver, served: Served, tmp_path: Path) -> None:
    """Not by a stranger, and not by a page of another origin in the browser that has the cookie."""
    entered(browser, served)
    address = browser.find_element(By.CSS_SELECTOR, "#class tbody th a").get_attribute("href")
    page = tmp_path / "evil.html"
    fields = '<input name="action" value="override"><input name="score" value="1"><input name="reason" value="!">'
    page.write_text(f'<form method="post" action="{address}">{fields}</form><a href="{address}">look</a>')
    for css in ("form", "a"):
        browser.get(page.absolute().as_uri())
        element = browser.find_element(By.CSS_SELECTOR, css)
        browser.execute_script(f"arguments[0].{'submit' if css == 'form' else 'click'}()", element)
        settled(browser)
        assert browser.find_element(By.TAG_NAME, "body").text == "Open the address that `grade serve` printed."
    assert load_overrides(served.results) == {}
    browser.delete_all_cookies()
    browser.get(address)
    browser.delete_all_cookies()
    browser.get(address)
    assert browser.find_element(By.TAG_NAME, "body").text == "Open the address that `grade serve` printed."
