"""The decorator that authors use."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import grader.checks
from grader.checks import Check, check
from grader.errors import ExerciseError


@check(points=2, hint="Look again.")
def first(run: object) -> str:
    """The title. It is one line.

    The rest is for authors.
    """
    return f"saw {run}"


@check(points=1.5, needs=[first, "other"], when="ended")
def second(run: object) -> None:
    """Second."""


@check(points=1, needs=first)
def third(run: object) -> None:
    """Third."""


def test_a_check_is_its_function_and_what_is_said_of_it() -> None:
    assert (first.name, first.title, first.points) == ("first", "The title. It is one line.", 2)
    assert (first.needs, first.hint, first.when) == ((), "Look again.", "live")
    assert first(SimpleNamespace()) == "saw namespace()"  # type: ignore[arg-type]


def test_needs_are_names_whether_given_as_text_or_as_checks() -> None:
    assert second.needs == ("first", "other")
    assert second.when == "ended"
    assert third.needs == ("first",)


@pytest.mark.parametrize("points", [0, -1, float("nan")])
def test_points_are_above_zero(points: float) -> None:
    with pytest.raises(ExerciseError, match="points"):
        check(points=points)(first.function)


@pytest.mark.parametrize("text", [None, "", "   \n  "])
def test_a_check_without_a_text_for_the_student_is_refused(text: str | None) -> None:
    def silent(run: object) -> None: ...

    silent.__doc__ = text
    with pytest.raises(ExerciseError, match=r"`silent` has no docstring"):
        check(points=1)(silent)


def test_a_moment_that_never_comes_is_refused() -> None:
    with pytest.raises(ExerciseError, match="when='end'"):
        check(points=1, when="end")(first.function)  # type: ignore[arg-type]


def test_authors_get_what_the_guide_promises(repository) -> None:  # type: ignore[no-untyped-def]
    guide = (repository / "docs" / "authoring.md").read_text("utf-8")
    for name in grader.checks.__all__:
        assert hasattr(grader.checks, name)
        assert name in guide or name in {"Check", "ClosedAnswer"}, f"{name} is not in docs/authoring.md"
    assert isinstance(first, Check)
