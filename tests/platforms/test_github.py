"""GitHub's summary and annotations, read back as GitHub reads them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt

from grader.platforms import github
from grader.text import plain
from tests.platforms.grades import HOSTILE, SECRET, checks, entry, report


class Table(HTMLParser):
    """The cells of a page's only table; whatever else is in it but known elements is a fault."""

    KNOWN = frozenset({"h2", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "br", "code"})

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.KNOWN, tag
        assert not attrs
        if tag == "tr":
            self.rows.append([])
        self.cell = tag in ("td", "th") or (self.cell and tag in ("br", "code"))
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "br":
            self.rows[-1][-1] += "\n"

    def handle_endtag(self, tag: str) -> None:
        self.cell = self.cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.cell:
            self.rows[-1][-1] += data.replace("\N{WORD JOINER}", "")


def table(summary: str) -> list[list[str]]:
    """The rows of the summary's table, as a reader of GitHub's Markdown shows them."""
    reader = Table()
    # Linkify stands for GitHub's own: it makes links of what only looks like an address. HTML is let through.
    html = MarkdownIt("gfm-like", {"linkify": False, "html": True}).render(summary)
    reader.feed(html)
    return reader.rows


def annotation(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command: its name, its properties and its message, unescaped as the runner does it."""
    assert "\n" not in line
    assert "\r" not in line
    match = re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line)
    assert match, line
    properties = dict(part.split("=", 1) for part in match[2].split(",")) if match[2] else {}
    assert set(properties) <= {"file", "title", "line", "col"}
    return match[1], {name: unquote(value) for name, value in properties.items()}, unquote(match[3])


def test_the_summary_has_a_row_a_check() -> None:
    summary = github.summary_of_report(report())
    rows = table(summary)
    assert rows[0] == ["Check", "Outcome", "Points", "What was found"]
    assert rows[2] == ["x is three.", "❌ failed", "0/2", "It is 2, not 3.\nHint: Count."]
    assert "<code>x</code>" in MarkdownIt("gfm-like", {"linkify": False}).render(summary)
    assert "3 of 10 points" in summary


def test_hidden_checks_stay_hidden() -> None:
    told = github.summary_of_report(report()) + "\n".join(github.annotations_of_report(report()))
    assert SECRET not in told
    assert "4711" not in told
    assert table(github.summary_of_report(report()))[4][:3] == ["A check of your teacher's own", "❌ failed", "0/4"]


def test_what_did_not_pass_is_annotated() -> None:
    lines = [annotation(line) for line in github.annotations_of_report(report(), "110/a.ipynb")]
    assert lines[0] == ("error", {"file": "110/a.ipynb", "title": "`x` is three."}, "It is 2, not 3.\nHint: Count.")
    assert [level for level, _, _ in lines] == ["error", "notice", "error"]


def test_a_run_that_broke_off_is_annotated_first() -> None:
    made = report(execution={"status": "error", "error": "Cell 3 raised, at the end: 100 % wrong."})
    assert annotation(github.annotations_of_report(made)[0])[2] == "Cell 3 raised, at the end: 100 % wrong."


@pytest.mark.parametrize(
    "text",
    [*HOSTILE, "a `|` b", "`a\\` | `b`", "\\| x", "![x](https://x/y.png)", "https://x.example", "<!--", "&lt;", "$x$"],
)
def test_hostile_text_is_shown_and_nothing_else(text: str) -> None:
    check = checks(text)[1].model_copy(update={"title": text, "hint": ""})
    made = report(title=text, checks=[check])
    wanted = re.sub("`([^`|\\\\]+)`", r"\1", plain(text))
    assert table(github.summary_of_report(made))[1] == [wanted, "❌ failed", "0/2", wanted]
    (line,) = github.annotations_of_report(made, f"{text}.ipynb")
    assert annotation(line) == ("error", {"file": f"{text}.ipynb", "title": plain(text)}, plain(text))


def test_a_class_has_a_row_a_student() -> None:
    entries = [entry(plain(name), 3, late_seconds=60, reason=plain(name)) for name in HOSTILE]
    entries.append(entry("Eve", None))
    rows = table(github.summary_of_class(entries, "110 Digits"))
    assert rows[1:-1] == [
        [plain(name, 80), "not passed", "3/10", "late", f"by hand: {plain(name)}"] for name in HOSTILE
    ]
    assert rows[-1] == ["Eve", "not graded", "", "", ""]
    assert annotation(github.annotations_of_class(entries)[0])[1] == {"title": "Eve is not graded"}


def test_github_takes_no_more_than_a_mebibyte() -> None:
    entries = [entry(f"{number} {'ä' * 70}", 3) for number in range(9000)]
    summary = github.summary_of_class(entries, "110")
    assert 900_000 < len(summary.encode()) < 2**20
    assert summary.endswith("…\n")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/work/repo/a/b.ipynb", "a/b.ipynb"),
        ("/work/other/b.ipynb", ""),
        ("a/b.ipynb", "a/b.ipynb"),
        ("../b.ipynb", ""),
    ],
)
def test_annotations_name_files_of_the_repository_only(path: str, told: str) -> None:
    assert github.path_within(path, "/work/repo") == told
