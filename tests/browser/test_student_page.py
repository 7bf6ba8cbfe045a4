"""The student's page in a real browser: a hostile notebook runs nothing, loads nothing and covers nothing."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from grader.checks.show import confusion, curves, misjudged
from grader.figures import Accuracy, Figure, Item, Misjudged
from grader.grades.grades import Grade, Override
from grader.render.html.page import student_page
from grader.report import CellReport, CheckReport, DataReport, ExecutionReport, Report
from tests.browser.conftest import Axe, Driver, opened, scheme, width
from tests.render.test_notebook_html import tiny
from tests.test_report import report

PWN = "window.pwned=1;document.title='pwned'"
EVIL = (
    f'"\'></title></style></textarea><script>{PWN}</script><img src=x onerror="{PWN}">'
    f"<svg onload=\"{PWN}\"><base href='https://example.org/'>"
)
SVG = (
    f"<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' width='90' height='60' "
    f"onload=\"{PWN}\"><style>@import 'https://example.org/a.css'; rect {{ fill: rgb(0, 128, 0) }}</style>"
    f"<script>{PWN}</script><rect width='90' height='60'/><image xlink:href='https://example.org/a.png'/>"
    f"<use href='https://example.org/a.svg#x'/><animate onbegin=\"{PWN}\" attributeName='x' dur='1s'/>"
    f"<foreignObject width='9' height='9'><body xmlns='http://www.w3.org/1999/xhtml'><script>{PWN}</script>"
    f"<iframe src='https://example.org/'></iframe><img src='x' onerror=\"{PWN}\"/></body></foreignObject></svg>"
)
MARKUP = [
    f"<script>{PWN}</script>",
    f'<img src=x onerror="{PWN}">',
    "<img src='https://example.org/a.png' srcset='https://example.org/b.png 2x'>",
    "<div style='position:fixed;inset:0;background:url(https://example.org/c.png)'>over everything</div>",
    "<style>@import url(https://example.org/d.css); body { display: none }</style>",
    "</style><base href='https://example.org/'>",
    "<meta http-equiv='refresh' content='0;url=https://example.org/'>",
    "<link rel='stylesheet' href='https://example.org/e.css'>",
    "<link rel='preload' href='https://example.org/f' as='image'>",
    "<iframe src='https://example.org/' srcdoc='<script>parent.pwned=1</script>'></iframe>",
    "<object data='https://example.org/'></object><embed src='https://example.org/'>",
    "<video src='https://example.org/g' autoplay>",
    f"<a href=\"javascript:{PWN}\" class=js>a link</a> <a href='jAvA\tScRiPt:{PWN}' class=js>another</a>",
    f"<a href='data:text/html,<script>{PWN}</script>' class=js>a third</a>",
    "<form action='https://example.org/'><input name=a autofocus onfocus=\"pwned=1\"><button>go</button></form>",
    f'<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror={PWN}&gt;"></mglyph>'
    "</table></mtext></math>",
    f'<svg><p><style><g title="</style><img src=x onerror={PWN}>"></svg>',
    f"<details ontoggle=\"{PWN}\" open><summary id=checks class='status passed'>passed 100/100</summary></details>",
    "<h1>Another page</h1></div></div></section></main></body></html><p id=result>after the end</p>",
    "<table><tr><td>" * 300,
    "<b><i><u><a href='https://example.org/'>" * 300,
    f"<template><script>{PWN}</script></template><noscript><img src='https://example.org/h.png'></noscript>",
    "<td background='https://example.org/i.png'><body background='https://example.org/j.png'>",
    f'<marquee onstart="{PWN}">m</marquee><audio src=\'https://example.org/k\' onerror="{PWN}"></audio>',
]
TEX = [
    r"$\href{javascript:window.pwned=1}{x}$",
    r"$\text{<img src=x onerror=window.pwned=1>}$",
    r"$\style{position:fixed}{x}$",
]
LINKS = [
    f"[a](javascript:{PWN})",
    "![a](https://example.org/l.png)",
    "![a](//example.org/m.png)",
    "<https://example.org/>",
]


def shown(**kinds: str) -> dict[str, Any]:
    """An output with these kinds of data: `text_html="…"`."""
    data = {kind.replace("_", "/", 1).replace("svg", "svg+xml"): text for kind, text in kinds.items()}
    return {"output_type": "display_data", "metadata": {}, "data": data}


def hostile() -> nbformat.NotebookNode:
    """A notebook that tries everything, in every place."""
    cells = [new_markdown_cell(text) for text in (*MARKUP, *TEX, *LINKS, EVIL)]
    attached = new_markdown_cell("![a](attachment:a.png) ![b](attachment:b.svg)")
    attached.attachments = {
        "a.png": {"image/png": f'"><script>{PWN}</script>'},
        "b.svg": {"image/svg+xml": base64.b64encode(SVG.encode()).decode()},
    }
    cells += [attached, new_code_cell(f"# {EVIL}\nx = '''{EVIL}'''")]
    outputs: list[Any] = [{"output_type": "stream", "name": EVIL, "text": EVIL}]
    outputs += [{"output_type": "stream", "name": "stderr", "text": f"\x1b[31m{EVIL}\x1b]8;;https://example.org\x07"}]
    outputs += [{"output_type": "error", "ename": EVIL, "evalue": EVIL, "traceback": [EVIL]}]
    for kind in ("text_html", "text_markdown", "text_latex", "text_plain", "image_svg", "application_javascript"):
        outputs += [shown(**{kind: text}) for text in (EVIL, *MARKUP)]
    for kind in ("image_png", "image_jpeg", "image_gif"):
        outputs += [shown(**{kind: text}) for text in (EVIL, "Zm9v", "")]
    outputs.append(shown(image_svg=SVG))
    for place in range(0, len(outputs), 30):
        cell = new_code_cell("x")
        cell.outputs = [nbformat.from_dict(one) for one in outputs[place : place + 30]]
        cells.append(cell)
    notebook: nbformat.NotebookNode = nbformat.from_dict({"cells": cells})
    return notebook


def hostile_report() -> Report:
    """A report every text of which is hostile."""
    cells = [CellReport(number=1, id="x", status="error", seconds=1, error=EVIL)]
    figures: list[Figure] = [
        Accuracy(title=EVIL, hits=1, n=2, low=float("nan"), high=9, threshold=0.5, strict=True),
        confusion(np.array([0]), np.array([0]), [EVIL], title=EVIL),
        Misjudged(title=EVIL, wrong=1, n=1, items=[Item(picture=EVIL, text=EVIL, said=EVIL, right=EVIL)]),
        curves({EVIL: [1.0, 2.0]}, title=EVIL, x=EVIL),
    ]
    check = CheckReport(
        name=EVIL, title=EVIL, status="failed", score=0, max_score=1, message=EVIL, hint=EVIL, figures=figures
    )
    return report(
        title=EVIL,
        submission=EVIL,
        student=EVIL,
        device=EVIL,
        versions={EVIL: EVIL},
        checks=[check],
        execution=ExecutionReport(status="error", cell=1, error=EVIL, cells=cells),
    )


COLOURS = "\x1b[31mred\x1b[32mgreen\x1b[33myellow\x1b[34mblue\x1b[35mpink\n"
MARKDOWN = """# One

## Two

`code` **bold** [link](https://example.org) $x^2$

|a|b|
|-|-|
|1|2|

> quote

```
pre
```
"""


def good() -> tuple[Report, nbformat.NotebookNode, Grade]:
    """A report with every kind of figure and state, and a notebook that shows what notebooks show."""
    right = np.arange(20) % 10
    said = np.where(np.arange(20) % 7 == 0, 3, right)
    digits = [str(one) for one in range(10)]
    sure = np.linspace(0.5, 1, 20)
    figures: list[Figure] = [
        Accuracy(title="accuracy", hits=353, n=400, low=0.847, high=0.91, threshold=0.9, strict=True),
        confusion(said, right, digits),
        misjudged(said, right, digits, pictures=np.arange(20 * 64).reshape(20, 8, 8) % 256, sure=sure),
        misjudged(said[:3], right[:3], digits, texts=["a text", "another", "a third"]),
        curves({"train_loss": [2, 1, 0.5], "val_loss": [2.1, 1.2, 0.9], "more": [1, 1, 1]}, title="Loss", x="epoch"),
    ]
    statuses = ("failed", "passed", "skipped", "error")
    checks = [
        CheckReport(
            name=one,
            title=f"`{one}` is right.",
            status=one,
            score=0,
            max_score=2,
            message="It is `4`.",
            hint="See `x`.",
        )
        for one in statuses
    ]
    checks[0].figures = figures
    outputs = [
        nbformat.from_dict(one)
        for one in (
            {"output_type": "stream", "name": "stdout", "text": COLOURS},
            {"output_type": "stream", "name": "stderr", "text": "a warning"},
            {"output_type": "error", "ename": "E", "evalue": "e", "traceback": ["\x1b[31mKeyError\x1b[0m: 'x'"]},
            shown(text_html="<table><tr><th>a<td>1</table>"),
            shown(image_png=tiny(), text_plain="<Figure>"),
            shown(image_svg=SVG),
            {"output_type": "stream", "name": "stdout", "text": "line\n" * 100},
        )
    ]
    code = new_code_cell('def f(x):  # half\n    """Text."""\n    return print(x / 2)\n\n@f\nclass A: pass', id="a")
    code.outputs = outputs
    notebook = nbformat.from_dict({"cells": [new_markdown_cell(MARKDOWN), code]})
    cells = [CellReport(number=1, id="a", status="error", seconds=1.5, error="Cell 1 raised KeyError: 'x'.")]
    execution = ExecutionReport(status="error", seconds=2, cell=1, error="Cell 1 raised KeyError: 'x'.", cells=cells)
    override = Override(student="Aino", score=3, reason="Ill.", by="L. Lehtori")
    grade = Grade(
        student="Aino", status="failed", score=3, max_score=8, earned=2, penalty=0.5, attempt=2, attempts=2,
        handed_in="2026-01-01T00:00:00+02:00", late_seconds=9000, override=override,
    )  # fmt: skip
    data = DataReport(name="sample", sets=["mnist"])
    return report(checks=checks, student="Aino", execution=execution, score=2, max_score=8, data=data), notebook, grade


@pytest.fixture
def page(tmp_path: Path) -> Callable[..., Path]:
    """Write a page; its path."""

    def write(*arguments: Any, **more: Any) -> Path:
        path = tmp_path / "page.html"
        path.write_text(student_page(*arguments, **more), "utf-8")
        return path

    return write


# ---------------------------------------------------------------------- hostile


@pytest.mark.parametrize("staff", [False, True])
def test_a_hostile_notebook_runs_and_loads_nothing(browser: Driver, page: Callable[..., Path], staff: bool) -> None:
    grade = Grade(
        student=EVIL, status="failed", score=1, max_score=1, handed_in=EVIL, place=EVIL,
        override=Override(student=EVIL, score=1, reason=EVIL, by=EVIL),
    )  # fmt: skip
    path = page(hostile_report(), hostile(), grade, staff)
    seen = opened(browser, path)
    assert seen.console == []
    assert seen.requests == []
    assert "100" in browser.title
    assert browser.title != "pwned"
    assert browser.execute_script("return window.pwned") is None
    assert browser.current_url == path.as_uri()
    found = "return [...document.querySelectorAll(arguments[0])].map(one => one.outerHTML.slice(0, 200))"
    for selector in ("script", "iframe", "object", "embed", "form", "input", "base", "video", "audio", "[style]"):
        assert browser.execute_script(found, selector) == [], selector
    assert browser.execute_script(found, "meta[http-equiv=refresh], link[rel=stylesheet], .cell svg, .cell [id]") == []
    assert len(browser.execute_script(found, "h1")) == len(browser.execute_script(found, "main")) == 1
    links = "return [...document.links].map(one => one.protocol).filter(one => !/^(file|https?|mailto):$/.test(one))"
    assert browser.execute_script(links) == []
    assert browser.execute_script("return document.getElementById('checks').tagName") == "H2"


def test_nothing_in_a_cell_reaches_beyond_it(browser: Driver, page: Callable[..., Path]) -> None:
    opened(browser, page(hostile_report(), hostile()))
    styles = "return [...document.querySelectorAll(arguments[0])].map(one => getComputedStyle(one)[arguments[1]])"
    assert set(browser.execute_script(styles, ".notebook .cell", "contain")) == {"paint"}
    assert set(browser.execute_script(styles, ".notebook *", "position")) == {"static"}
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")


def test_clicking_on_every_link_runs_nothing(browser: Driver, page: Callable[..., Path]) -> None:
    opened(browser, page(hostile_report(), hostile()))
    browser.execute_script(
        "document.querySelectorAll('.cell a').forEach(a => { if (!/^https?:/.test(a.href)) a.click() });"
        "document.querySelectorAll('details').forEach(d => { d.open = !d.open })"
    )
    assert browser.execute_script("return window.pwned") is None


@pytest.mark.parametrize("policy", [True, False])
def test_the_policy_alone_would_stop_scripts_that_got_through(
    browser: Driver, page: Callable[..., Path], policy: bool
) -> None:
    """Cleaning is one lock and the Content-Security-Policy another. Without either the same text does run."""
    path = page(report(), None)
    raw = [one for one in MARKUP if "refresh" not in one][:16]  # no policy is about going elsewhere
    text = path.read_text("utf-8").replace("<main>", f"<main>{''.join(raw)}{SVG}")
    path.write_text(text if policy else text.replace("Content-Security-Policy", "nothing"), "utf-8")
    seen = opened(browser, path)
    assert browser.current_url == path.as_uri()
    assert browser.execute_script("return window.pwned") == (None if policy else 1)
    assert (browser.title == "pwned") != policy
    assert seen.console  # it says what it refused


# ---------------------------------------------------------------------- good


def test_an_svg_is_drawn_as_a_picture(browser: Driver, page: Callable[..., Path]) -> None:
    seen = opened(browser, page(*good()))
    assert (seen.console, seen.requests) == ([], [])
    sizes = browser.execute_script("return [...document.images].map(one => [one.src.slice(5, 15), one.naturalWidth])")
    assert ["image/svg+", 90] in sizes
    assert all(size > 0 for _, size in sizes)


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("staff", [False, True])
def test_it_is_accessible(browser: Driver, axe: Axe, page: Callable[..., Path], colours: Any, staff: bool) -> None:
    scheme(browser, colours)
    opened(browser, page(*good(), staff=staff))
    browser.execute_script("document.querySelectorAll('details').forEach(one => { one.open = true })")
    ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(15, 18, 22)") == (colours == "dark")  # the sheet is applied, and follows the reader
    assert axe(browser) == []


@pytest.mark.parametrize("pixels", [320, 390, 1280])
def test_it_fits_on_a_phone(browser: Driver, page: Callable[..., Path], pixels: int) -> None:
    width(browser, pixels)
    opened(browser, page(*good()))
    browser.execute_script("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= pixels


def test_the_skip_link_is_the_first_thing_and_leads_to_the_checks(browser: Driver, page: Callable[..., Path]) -> None:
    opened(browser, page(*good()))
    focused = browser.switch_to.active_element
    focused.send_keys("\ue004")  # Tab
    assert browser.switch_to.active_element.text == "Skip to the checks"
    browser.switch_to.active_element.send_keys("\ue007")  # Enter
    assert browser.execute_script("return document.activeElement.id") == "checks"


def test_links_lead_to_cells_and_checks(browser: Driver, page: Callable[..., Path]) -> None:
    opened(browser, page(*good()))
    ours = "return [...document.links].filter(one => one.hash)"
    assert len(browser.execute_script(ours)) > 5
    assert browser.execute_script(f"{ours}.filter(one => !document.querySelector(one.hash))") == []
    assert browser.execute_script("return document.querySelectorAll('a[href=\"#cell-1\"]').length") == 2
