"""What is wrong with a record, in words of our own."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError, field_validator

from grader.record import Frozen, first_fault


class Inner(Frozen):
    size: Annotated[int, Field(gt=0, le=9)] = 1


class Outer(Frozen):
    name: Annotated[str, Field(pattern="^[a-z]+$")] = "a"
    names: tuple[str, ...] = ()
    share: float = 0.0
    on: bool = True
    inner: Inner = Inner()
    many: dict[str, int] = {}
    kind: Literal["one", "other"] = "one"

    @field_validator("share")
    @classmethod
    def of_all(cls, share: float) -> float:
        if share > 1:
            raise ValueError("a share is at most 1")
        return share


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"named": 1}, "`named` is nothing that is known here"),
        ({"name": 3}, "`name` is 3, not a text"),
        ({"name": "A b"}, '`name` is "A b", which has characters that do not belong there, or not those that do'),
        ({"names": "W1"}, '`names` is "W1", not a list'),
        ({"names": ["a", 2]}, "`names.2` is 2, not a text"),
        ({"share": "much"}, '`share` is "much", not a number'),
        ({"share": 2}, "`share`: a share is at most 1"),
        ({"on": "perhaps"}, '`on` is "perhaps", not true or false'),
        ({"inner": 3}, "`inner` is 3, not a table"),
        ({"inner": {"size": 0}}, "`inner.size` is 0; it has to be above 0"),
        ({"inner": {"size": 10}}, "`inner.size` is 10; it has to be at most 9"),
        ({"inner": {"size": 1.5}}, "`inner.size` is 1.5, not a whole number"),
        ({"many": [1]}, "`many` is [1], not a table"),
        ({"kind": "third"}, "`kind` is \"third\", not 'one' or 'other'"),
    ],
)
def test_what_is_wrong(content: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(content)
    assert first_fault(caught.value) == said


def test_what_is_missing() -> None:
    class Needs(Frozen):
        title: str

    with pytest.raises(ValidationError) as caught:
        Needs.model_validate({})
    assert first_fault(caught.value) == "`title` is missing"


def test_what_was_written_is_told_without_its_tricks() -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({"kind": "\x1b[31m" + "x" * 500})
    assert len(first_fault(caught.value)) < 120
    assert "\x1b" not in first_fault(caught.value)
