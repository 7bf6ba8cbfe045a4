"""The executed notebook on a page: what it shows is shown, what it would do is not done, and none is too large."""

from __future__ import annotations

import base64
import html
import io
import re
import time
from html.parser import HTMLParser
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from PIL import Image

from grader.render.html.cleaning import drawing, markup, picture, printed
from grader.render.html.formulas import formula
from grader.render.html.notebook import MOST_BYTES, MOST_PICTURES, Shown, coloured, shown_cells
from grader.render.html.prose import rendered
from grader.report import CellReport, ExecutionReport

RAN = ExecutionReport(status="ok")


def tiny(kind: str = "PNG") -> str:
    """A picture of one pixel, in base64."""
    file = io.BytesIO()
    Image.new("RGB", (1, 1)).save(file, kind)
    return base64.b64encode(file.getvalue()).decode("ascii")


class Tags(HTMLParser):
    """Every element and attribute of some HTML, as a browser finds them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def names(self) -> set[str]:
        return {tag for tag, _ in self.found}

    def attributes(self) -> set[str]:
        return {name for _, attributes in self.found for name in attributes}


def harmless(text: str) -> None:
    """Nothing in it runs, loads from outside, or has a name or a style."""
    tags = Tags(text)
    assert not tags.names() & {"script", "style", "iframe", "object", "form", "input", "base", "meta", "link", "svg"}
    assert not {name for name in tags.attributes() if name.startswith("on") or name in ("id", "style", "srcset")}
    for tag, attributes in tags.found:
        assert (attributes.get("src") or "data:image/").startswith("data:image/")
        assert (attributes.get("href") or "https://").startswith(("https://", "http://", "mailto:"))
        if tag not in ("span", "pre", "p", "em", "code"):
            assert "class" not in attributes, (tag, attributes)


def cells(*made: nbformat.NotebookNode, execution: ExecutionReport = RAN) -> list[Shown]:
    return list(shown_cells(nbformat.from_dict({"cells": list(made)}), execution))


def code_cell(*outputs: Any) -> nbformat.NotebookNode:
    """A code cell with these outputs, whatever they are."""
    cell = new_code_cell("x")
    cell.outputs = [nbformat.from_dict(one) for one in outputs]
    return cell


def outputs(*made: Any) -> list[str]:
    """Outputs of one code cell, as the page shows them."""
    (cell,) = cells(code_cell(*made))
    return [str(one) for one in cell.outputs]


def data(**kinds: Any) -> Any:
    """An output with these kinds of data: `text_html="…"`."""
    named = {kind.replace("_", "/", 1).replace("svg", "svg+xml"): value for kind, value in kinds.items()}
    return nbformat.from_dict({"output_type": "display_data", "metadata": {}, "data": named})


def stream(text: str, name: str = "stdout") -> Any:
    return new_output("stream", name=name, text=text)


# ---------------------------------------------------------------------- cells


def test_cells_are_numbered_and_told_how_they_ended() -> None:
    report = CellReport(number=2, id="b", status="error", seconds=1.5, error="Cell 2 raised KeyError.")
    made = cells(
        new_markdown_cell("# Title"),
        new_code_cell("x = 1", id="a"),
        new_code_cell("y", id="b"),
        execution=ExecutionReport(status="error", cells=[report]),
    )
    assert [(cell.number, cell.report) for cell in made] == [(None, None), (1, None), (2, report)]
    assert made[2].anchor == "cell-2"


def test_code_is_coloured_and_says_what_it_said() -> None:
    source = 'def f(x):  # half\n    return x / 2 < 3 and "</pre><script>"\n'
    made = coloured(source)
    assert '<span class="hk">def</span>' in made
    assert '<span class="hc"># half</span>' in made
    assert "<script>" not in made
    assert html.unescape(re.sub(r"<[^>]*>", "", made)) == source


@given(st.text())
def test_no_source_is_lost_or_becomes_markup(source: str) -> None:
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    made = coloured(source)
    assert Tags(made).names() <= {"span"}
    assert html.unescape(re.sub(r"<[^>]*>", "", made)) == source


# ---------------------------------------------------------------------- markdown


def test_markdown() -> None:
    made = rendered("# One\n\n## Two\n\n**bold** `a<b` and <OOV>\n\n|a|b|\n|-:|-|\n|1|2|\n\n- item")
    assert "<h3>One</h3>" in made
    assert "<h4>Two</h4>" in made
    assert "<strong>bold</strong> <code>a&lt;b</code> and &lt;OOV&gt;" in made
    assert '<td align="right">1</td>' in made
    assert "<li>item</li>" in made


def test_markdown_may_hold_harmless_html() -> None:
    made = rendered("<details><summary>More</summary>\n\nHidden *text*.\n\n</details>")
    assert "<details><summary>More</summary>" in made
    assert "<em>text</em>" in made


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>",
        "text <script>alert(1)</script> text",
        "<img src=x onerror=alert(1)>",
        "text <img src=x onerror=alert(1)>",
        "[a](javascript:alert(1))",
        "<a href=' javascript:alert(1)'>a</a>",
        "<a href='data:text/html,<script>alert(1)</script>'>a</a>",
        "![a](https://example.org/a.png)",
        "<img src='https://example.org/a.png'>",
        "<div style='position:fixed;inset:0' id=checks class=card>over</div>",
        "<style>body{display:none}</style>",
        "</style><base href='https://example.org'><meta http-equiv=refresh content='0;url=https://example.org'>",
        "<svg onload=alert(1)><foreignObject><script>alert(1)</script></foreignObject></svg>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",
        "<form action='https://example.org'><input name=a><button>go</button></form>",
        "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
        '<div title="\n\n$x$ onmouseover=alert(1)">',
        "$\\text{<script>alert(1)</script>}$ $\\href{javascript:alert(1)}{x}$ $\\style{position:fixed}{x}$",
        "</div></div></section></main></body></html>",
        "![a](data:image/svg+xml;base64,PHN2Zz48L3N2Zz4=)",
        "![a](data:image/png;base64,not-a-picture)",
    ],
)
def test_markdown_that_is_harmful_is_harmless(source: str) -> None:
    harmless(rendered(source))


def test_what_is_opened_in_a_cell_is_closed_in_it() -> None:
    made = rendered("<b>bold</b></div></section> after <i>open\n\n<details>\n\nend")
    assert "</div>" not in made
    for tag in ("i", "b", "p", "details"):
        assert made.count(f"<{tag}>") == made.count(f"</{tag}>") > 0


def test_pictures_of_a_cell_are_shown_and_those_elsewhere_told() -> None:
    attachments = {"my picture.png": {"image/png": tiny()}, "fake.png": {"image/png": "Zm9v"}}
    made = rendered(
        "![one](attachment:my%20picture.png) ![two](attachment:fake.png) ![three](https://a.b/c.png)", attachments
    )
    assert f'<img src="data:image/png;base64,{tiny()}" alt="one">' in made
    assert made.count("<img") == 1
    assert "two" in made
    assert re.search('<a href="https://a.b/c.png"[^>]*>three</a>', made)


@given(st.text(alphabet=st.sampled_from("<>\"'&$`*[]()!/=-_\\ \nabimgscriptonerror"), max_size=80))
def test_any_markdown_is_harmless(source: str) -> None:
    harmless(rendered(source))


# ---------------------------------------------------------------------- formulas


def test_formulas() -> None:
    made = rendered(r"Inline $x_1$ and" "\n\n$$\\begin{aligned}a&=b\\\\c&=d\\end{aligned}$$")
    assert '<math display="inline"><mrow><msub><mi>x</mi><mn>1</mn></msub></mrow></math>' in made
    assert made.count("<mtr>") == 2
    assert '<math display="block">' in made


def test_no_formula_is_put_into_a_tag() -> None:
    made = rendered('<details><abbr title="\n\n$x$\n\n<div>">text</abbr></details>')
    harmless(made)
    assert "<abbr title=" in made
    assert "<math" not in made


@pytest.mark.parametrize(
    "tex",
    [
        r"\frac{1}{",
        "{" * 1000 + "}" * 1000,
        "x" * 3000,
        r"\newcommand{\a}{\b\b\b\b}\newcommand{\b}{\c\c\c\c}\a",
        r"\def\a{\a\a}\a",
        r"a \over b" * 90,
    ],
    ids=["unfinished", "deep", "long", "macros", "definitions", "nested fractions"],
)
def test_tex_that_cannot_be_converted_stays_as_it_is(tex: str) -> None:
    assert formula(tex) == f'<code class="tex">{tex}</code>'


@pytest.mark.parametrize(
    "tex",
    [
        r"\text{<script>alert(1)</script>}",
        r"\href{javascript:alert(1)}{x}",
        r"\style{position:fixed}{x} \class{card}{y}",
        r'\textcolor{red" onclick="alert(1)}{z}',
        r"\hspace{99999em} \rule{1000em}{1000em} x",
    ],
)
def test_formulas_hold_neither_styles_nor_links_nor_great_lengths(tex: str) -> None:
    made = formula(tex)
    harmless(made)
    assert Tags(made).attributes() <= {"display", "class"}, made


# ---------------------------------------------------------------------- outputs


def test_output_of_a_stream_is_one_text_as_a_terminal_leaves_it() -> None:
    told = outputs(
        stream("10 %\r"), stream("100 %\n"), stream("a < b\n\x1b[31mred\x1b[0m \x1b[2Jgone"), stream("no", "stderr")
    )
    assert told == [
        '<pre class="stdout">100 %\na &lt; b\n<span class="ansi-1">red</span> gone</pre>',
        '<pre class="stderr">no</pre>',
    ]


def test_an_error_is_told_with_its_traceback() -> None:
    error = {
        "output_type": "error",
        "ename": "KeyError",
        "evalue": "<b>",
        "traceback": ["\x1b[0;31mKeyError\x1b[0m", "<b>"],
    }
    assert outputs(nbformat.from_dict(error)) == [
        '<pre class="fault"><span class="ansi-1">KeyError</span>\n&lt;b&gt;</pre>'
    ]
    bare = {"output_type": "error", "ename": "KeyError", "evalue": "<b>", "traceback": []}
    assert outputs(nbformat.from_dict(bare)) == ['<pre class="fault">KeyError: &lt;b&gt;</pre>']


def test_a_table_survives() -> None:
    (made,) = outputs(
        data(
            text_html="<style scoped>.dataframe{}</style><table border=1 class=dataframe style='position:fixed'>"
            "<thead><tr><th colspan=2 onclick=alert(1)>a</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>",
            text_plain="a 1",
        )
    )
    assert '<table><thead><tr><th colspan="2">a</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>' in made
    assert "dataframe" not in made


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF"])
def test_pictures_are_shown(kind: str) -> None:
    (made,) = outputs(data(**{f"image_{kind.lower()}": tiny(kind)}, text_plain="<Figure size 640x480 with 1 Axes>"))
    assert made == f'<img src="data:image/{kind.lower()};base64,{tiny(kind)}" alt="Picture that the cell drew">'


def test_base64_may_have_line_breaks() -> None:
    (made,) = outputs(data(image_png="\n".join(tiny()[place : place + 10] for place in range(0, len(tiny()), 10))))
    assert tiny() in made


@pytest.mark.parametrize("broken", ["", "!!!", "Zm9v", tiny("GIF"), '"><script>alert(1)</script>', 7, None, ["a"]])
def test_what_is_no_picture_is_not_shown_as_one(broken: Any) -> None:
    assert picture("image/png", broken) is None
    assert outputs(data(image_png=broken, text_plain="instead")) == ["<pre>instead</pre>"]


def test_an_svg_is_a_picture_in_which_nothing_runs() -> None:
    svg = "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(1)</script></svg>"
    (made,) = outputs(data(image_svg=svg))
    assert Tags(made).names() == {"img"}
    assert "alert" not in made
    assert drawing("no drawing") is None


def test_latex_markdown_and_plain_text() -> None:
    assert "<math" in outputs(data(text_latex="$$x^2$$"))[0]
    assert "<strong>b</strong>" in outputs(data(text_markdown="**b** <script>"))[0]
    assert outputs(data(text_plain="array([1])", application_javascript="alert(1)")) == ["<pre>array([1])</pre>"]
    assert outputs(data(application_javascript="alert(1)")) == []


@given(st.text(alphabet=st.sampled_from("<>\"'&=/ -!abimgsrconerrstyle\x00"), max_size=80))
def test_any_html_is_harmless(text: str) -> None:
    harmless(markup(text))


@given(st.text(alphabet=st.sampled_from("\x1b[]0123456789;m\r\n<b\x07\u202e\ud800")))
def test_whatever_is_printed_is_text(text: str) -> None:
    made = printed(text)
    assert Tags(made).names() <= {"span"}
    assert not set(made) & set("\x1b\r\x07\u202e\ud800")


def test_colours_end_where_they_are_ended() -> None:
    assert printed("\x1b[1;32ma\x1b[0mb") == '<span class="ansi-2 ansi-bold">a</span>b'
    assert printed("\x1b[38;5;31ma\x1b[39mb") == "ab"


@pytest.mark.parametrize(
    "output",
    [
        {"output_type": "stream", "name": "stdout"},
        {"output_type": "odd"},
        {"output_type": "error"},
        {"output_type": "display_data", "data": []},
    ],
)
def test_odd_outputs_break_nothing(output: dict[str, Any]) -> None:
    harmless("".join(outputs(nbformat.from_dict(output))))


# ---------------------------------------------------------------------- limits


def test_a_long_output_is_cut_in_its_middle() -> None:
    (made,) = outputs(stream("begin" + "x" * 1_000_000 + "end"))
    assert len(made) < 21_000
    assert "begin" in made
    assert "end</pre>" in made
    assert "980 kB are left out here" in made


def test_many_lines_are_folded() -> None:
    (made,) = outputs(stream("line\n" * 200))
    assert made.startswith("<details><summary>200 lines of output</summary>")


def test_many_outputs_are_counted() -> None:
    told = outputs(*(data(text_plain=str(place)) for place in range(200)))
    assert "160 more outputs are not shown here" in told[-1]


def test_too_many_pictures_are_left_out() -> None:
    pictures = [code_cell(*[data(image_png=tiny())] * 30) for _ in range(5)]
    shown = "".join(str(output) for cell in cells(*pictures) for output in cell.outputs)
    assert shown.count("<img") == MOST_PICTURES
    assert "A picture is left out here" in shown


def test_a_table_that_is_too_large_gives_way_to_its_text() -> None:
    table = "<table>" + "<tr><td>1</td></tr>" * 50_000 + "</table>"
    assert outputs(data(text_html=table, text_plain="1 1 1")) == ["<pre>1 1 1</pre>"]
    assert "too large" in outputs(data(text_html=table))[0]


HUGE = {
    "code": lambda: [new_code_cell("x = 'y'\n" * 20_000) for _ in range(200)],
    "short cells of code": lambda: [new_code_cell("x = [1, 'y', None]  # z\n" * 40) for _ in range(2000)],
    "markdown": lambda: [new_markdown_cell("*a* [b](https://c.d) `e`\n\n" * 5000) for _ in range(200)],
    "brackets": lambda: [new_markdown_cell("[" * 20_000) for _ in range(200)],
    "formulas": lambda: [new_markdown_cell(" ".join(f"$x_{{{a}{b}}}$" for b in range(900))) for a in range(200)],
    "outputs": lambda: [code_cell(*[stream("é<" * 50_000), data(text_plain="x" * 10**6)] * 20) for _ in range(100)],
    "tables": lambda: [code_cell(*[data(text_html="<td>" * 45_000)]) for _ in range(100)],
    "nested": lambda: [code_cell(*[data(text_html="<b><i><u>" * 20_000)]) for _ in range(20)],
    "colours": lambda: [code_cell(*[stream("\x1b[31ma\x1b[32mb" * 20_000)] * 2) for _ in range(200)],
}


@pytest.mark.parametrize("kind", HUGE)
def test_however_large_a_notebook_is_its_part_of_the_page_is_not_and_takes_no_long_time(kind: str) -> None:
    made = HUGE[kind]()
    begun = time.process_time()
    shown = cells(*made)
    spent = time.process_time() - begun
    size = sum(len(piece.encode()) for cell in shown for piece in (cell.source, *cell.outputs))
    assert size < 1.01 * MOST_BYTES
    assert spent < 30  # a few seconds; what it must not be is minutes
    assert len(shown) < len(made) or size < MOST_BYTES


def test_what_does_not_fit_is_told() -> None:
    shown = cells(*[new_code_cell("x = 'y'\n" * 2000) for _ in range(500)])
    assert re.search(r"\d+ more cells are not shown here", shown[-1].source)


def test_the_second_time_nothing_is_rendered_again(repository: Any) -> None:
    path = repository / "exercises" / "100" / "100_parameters.ipynb"
    first = cells(*nbformat.read(path, as_version=4).cells)
    second = cells(*nbformat.read(path, as_version=4).cells)
    assert all(one.source is other.source for one, other in zip(first, second, strict=True))
