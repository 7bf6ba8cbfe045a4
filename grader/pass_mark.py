"""The pass mark, and the words for what points come to: full marks, passed, not passed."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from grader.language import mark

Verdict = Literal["full", "passed", "failed", "ungraded", "missing", "pending"]

# Share of the points possible from which on it is passed, where neither exercise nor rules say another.
USUAL = 0.5
WORDS: dict[str, str] = {
    "full": mark("full marks"),
    "passed": mark("passed"),
    "failed": mark("not passed"),
    "ungraded": mark("not graded"),
    "missing": mark("missing"),
    "pending": mark("pending"),
}
PASSED: frozenset[Verdict] = frozenset({"full", "passed"})
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?) ?%")


def _share(value: Any) -> float:
    told = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if told is None or float(told[1]) > 100:
        raise ValueError('say "60 %" (of the points possible)')
    return float(told[1]) / 100


PassMark = Annotated[float, BeforeValidator(_share)]


def verdict(status: str, score: float | None, of: float, pass_mark: float) -> Verdict:
    """What the points come to; without points, the status.

    Parameters
    ----------
    pass_mark
        Share of the points possible from which on it is passed.
    """
    if score is None:
        return status  # type: ignore[return-value]
    if score >= of - 1e-9:
        return "full"
    return "passed" if score >= pass_mark * of - 1e-9 else "failed"
