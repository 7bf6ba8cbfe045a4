"""Two students' code side by side, in a real browser: whatever is in it runs nothing and loads nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from grader.render.html.pair import pair_page
from grader.similarity import Pair
from tests.browser.conftest import Axe, Driver, opened, scheme

EVIL = "</code></pre><script>window.pwned = 1</script><img src=x onerror='pwned=1'></style><base href='//example.org/'>"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    pair = Pair(first=f"Ann {EVIL}", second="Ben\u202e", share_first=1.0, share_second=0.6, tokens=200)
    code = [("import torch\n" * 40, False), (f"x = {EVIL!r}\n" * 3, True), (f"# {EVIL}" + "y = 2; " * 80, False)]
    path = tmp_path / "1.html"
    path.write_text(pair_page(pair, code, code[:2], back="../index.html"), encoding="utf-8")
    return path


def test_hostile_code_runs_nothing(browser: Driver, page: Path) -> None:
    seen = opened(browser, page)
    assert (seen.console, seen.requests) == ([], [])
    assert browser.execute_script("return window.pwned") is None
    marked = browser.find_elements("css selector", "mark")
    assert [one.text.count("window.pwned") for one in marked] == [3, 3]
    assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_it_has_no_serious_accessibility_fault(
    browser: Driver, axe: Axe, page: Path, colours: Literal["light", "dark"]
) -> None:
    scheme(browser, colours)
    opened(browser, page)
    assert axe(browser) == []
