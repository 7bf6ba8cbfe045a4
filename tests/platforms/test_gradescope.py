"""Gradescope's `results.json`, read back by a strict reader of its documentation."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from grader.platforms import gradescope
from grader.report import Report
from tests.platforms.grades import HOSTILE, SECRET, checks, report

Visibility = Literal["hidden", "after_due_date", "after_published", "visible"]
Form = Literal["text", "html", "simple_format", "md", "ansi"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Test(_Strict):
    """A test, as the documentation has it."""

    __test__ = False
    score: FiniteFloat | None = None
    max_score: FiniteFloat | None = None
    status: Literal["passed", "failed"] | None = None
    name: str = ""
    name_format: Form = "text"
    number: str = ""
    output: str = ""
    output_format: Form = "text"
    tags: list[str] = []
    visibility: Visibility = "visible"
    extra_data: dict[str, Any] = {}


class Results(_Strict):
    """`results.json`, as the documentation has it; a score is needed at the top or in each test."""

    score: FiniteFloat | None = None
    execution_time: Annotated[int, Field(ge=0)] | None = None
    output: str = ""
    output_format: Form = "text"
    test_output_format: Form = "text"
    test_name_format: Form = "text"
    visibility: Visibility = "visible"
    stdout_visibility: Visibility = "hidden"
    extra_data: dict[str, Any] = {}
    tests: list[Test] = []

    @property
    def graded(self) -> bool:
        return self.score is not None or (bool(self.tests) and all(test.score is not None for test in self.tests))


class Whole(Results):
    """One that Gradescope takes a grade from."""

    @model_validator(mode="after")
    def _has_a_score(self) -> Whole:
        assert self.graded
        return self


def read(made: Report) -> Whole:
    return Whole.model_validate_json(gradescope.as_json(gradescope.results(made)))


def test_the_score_is_the_reports() -> None:
    found = read(report())
    assert (found.score, found.execution_time) == (3, 12)
    assert sum(test.max_score or 0 for test in found.tests) == 10
    assert sum(test.score or 0 for test in found.tests) == 3
    assert [test.status for test in found.tests] == ["passed", "failed", "failed", "failed"]
    assert found.tests[1].output == "Failed\nIt is 2, not 3.\nHint: Count."
    assert found.tests[2].output == "Not judged\nNot judged."


def test_students_see_nothing_of_hidden_checks() -> None:
    found = read(report())
    assert [test.visibility for test in found.tests] == ["visible", "visible", "visible", "hidden"]
    seen = json.dumps([found.output, [test.model_dump() for test in found.tests if test.visibility != "hidden"]])
    assert SECRET not in seen
    assert "4711" not in gradescope.as_json(gradescope.results(report()))
    assert found.stdout_visibility == "hidden"


@pytest.mark.parametrize("made", [report(status="ungraded"), report(status="ungraded", checks=[])])
def test_what_was_not_graded_gets_no_grade_rather_than_zero(made: Report) -> None:
    found = Results.model_validate_json(gradescope.as_json(gradescope.results(made)))
    assert not found.graded
    assert "costs you no points" in found.output


def test_the_sample_is_told() -> None:
    assert "sample" in read(report(data={"name": "sample", "sets": ["mnist"]})).output
    assert "sample" not in read(report()).output


def test_it_speaks_the_reports_language() -> None:
    assert "12,3" in read(report(language="fi")).output


@pytest.mark.parametrize("text", [*HOSTILE, "\ud800", "\x00"])
def test_any_text_can_be_written(text: str) -> None:
    check = checks(text)[1].model_copy(update={"title": text, "hint": text})
    found = read(report(title=text, checks=[check], execution={"status": "error", "error": text}))
    assert found.tests[0].output_format == found.tests[0].name_format == "text"
    assert "\x1b" not in found.tests[0].output
    if text.isprintable():
        assert (found.tests[0].name, text in found.tests[0].output) == (text, True)
