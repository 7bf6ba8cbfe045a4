"""The page of docs/ that compares points says what was measured."""

from __future__ import annotations

from tests.foreign.scores_page import PAGE, page


def test_the_page_of_scores_is_what_the_fixtures_say() -> None:
    assert PAGE.read_text("utf-8") == page(), "python -m tests.foreign.scores_page writes it anew"
