"""Text from notebooks, made safe to show."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.text import count, listed, number, percent, plain, size


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("a\x1b[31mred\x1b[0m", "ared"),
        ("\x1b]0;a new title\x07after", "after"),
        ("\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("wiped\x1b[2J\x1b[H", "wiped"),
        ("\x1bcreset", "reset"),
        ("over\rwritten", "overwritten"),
        ("bell\x07 back\x08space nul\x00", "bell backspace nul"),
        ("\x9b31mC1", "31mC1"),
        ("txt.\u202egpj", "txt.gpj"),
        ("\u2066isolated\u2069", "isolated"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("  folded \n white\tspace ", "folded white space"),
        ("line\u2028separator", "line separator"),
        ("äö日本語", "äö日本語"),
        ("", ""),
    ],
)
def test_a_sentence_keeps_its_letters_and_nothing_else(raw: str, shown: str) -> None:
    assert plain(raw) == shown


def test_output_keeps_its_lines() -> None:
    assert plain("a\r\n\tb\x1b[1m\n", lines=True) == "a\n\tb\n"


@pytest.mark.parametrize("value", [None, 3, b"bytes", ["list"], object()])
def test_what_is_no_text_is_named_not_asked(value: object) -> None:
    assert plain(value) == f"<{type(value).__name__}>"


class Lying(str):
    """A text that would say something else."""

    def __str__(self) -> str:
        raise AssertionError("was asked")

    __repr__ = __format__ = __str__


def test_a_subclass_of_str_is_not_asked() -> None:
    assert plain(Lying("x")) == "<Lying>"


@given(st.text(), st.integers(1, 60), st.booleans())
def test_nothing_unprintable_is_left_and_the_limit_holds(text: str, limit: int, lines: bool) -> None:
    shown = plain(text, limit, lines)
    assert len(shown) <= limit
    assert all(unicodedata.category(c)[0] != "C" or (lines and c in "\n\t") for c in shown)
    assert "\x1b" not in shown
    shown.encode("utf-8")


def test_cut_text_shows_that_it_was_cut() -> None:
    assert plain("a" * 1_000_000, 10) == "a" * 9 + "…"
    assert plain("a" * 10, 10) == "a" * 10


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.1 + 0.2, "0.3"), (18.0, "18"), (1e-12, "1e-12"), (float("nan"), "nan"), (float("-inf"), "-inf")],
)
def test_number(value: float, shown: str) -> None:
    assert number(value) == shown


def test_words_for_numbers() -> None:
    assert (count(1, "check"), count(2, "check"), count(0, "check")) == ("1 check", "2 checks", "0 checks")
    assert count(12_345, "entry", "entries") == "12,345 entries"
    assert percent(0.97251, 1) == "97.3 %"
    assert percent(0.95, 0) == "95 %"
    assert [listed(names) for names in ([], ["a"], ["a", "b"], ("a", "b", "c"))] == ["", "a", "a and b", "a, b and c"]


@pytest.mark.parametrize(
    ("n", "shown"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_000, "1.0 kB"), (20_000_000, "20 MB"), (4_200_000_000, "4.2 GB")],
)
def test_size(n: float, shown: str) -> None:
    assert size(n) == shown
