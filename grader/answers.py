"""Closed answers: one right value, known to the grader only as a salted digest.

Neither the starter nor the checks give the answer away, and the usual wrong answers are recognised too,
each with a hint of its own. The digest is slow on purpose (scrypt), since answers are small numbers; it
keeps an answer from being read, not from being searched for with a program.

Make digests with ``python -m grader.answers SALT VALUE``.
"""

from __future__ import annotations

import ast
import hashlib
import hmac
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from grader.errors import ExerciseError

_DIGITS = 32


def canonical(value: float | np.ndarray) -> str:
    """One text for all ways to write a number or an array: shape, then four significant digits each."""
    array = np.asarray(value, dtype=np.float64)
    return f"{array.shape}:{','.join(_number(x) for x in array.ravel().tolist())}"


def _number(x: float) -> str:
    """Whole numbers stay whole: 235146 must not be taken for 235100; nor must 0.1 + 0.2 - 0.3 for more than 0."""
    whole = round(x)
    return str(whole) if abs(x - whole) <= 1e-9 * max(1.0, abs(x)) else f"{x:.4g}"


def digest(salt: str, value: float | np.ndarray) -> str:
    """Salted digest of a value, 32 hexadecimal digits."""
    return _digest(salt, canonical(value))


# Digests are slow on purpose, and a whole class gives the same answers.
_MOST_KNOWN = 2000
_known: dict[tuple[str, str], str] = {}


def known_digests() -> dict[tuple[str, str], str]:
    """The digests that were computed in this process, so that another may be told of them."""
    return dict(_known)


def learn_digests(computed: dict[tuple[str, str], str]) -> None:
    """Take over digests that another process of the grader's has computed."""
    if len(_known) + len(computed) > _MOST_KNOWN:
        _known.clear()
    _known.update(computed)


def _digest(salt: str, text: str) -> str:
    found = _known.get((salt, text))
    if found is None:
        salted = f"grader:{salt}".encode()
        found = hashlib.scrypt(text.encode(), salt=salted, n=2**11, r=8, p=1, dklen=_DIGITS // 2).hex()
        learn_digests({(salt, text): found})
    return found


@dataclass(frozen=True)
class ClosedAnswer:
    """A right value as a digest, and the digests of usual wrong ones with their hints."""

    salt: str
    right: str
    wrong: Mapping[str, str] = field(default_factory=dict)

    def matches(self, value: float | np.ndarray) -> bool:
        """Whether `value` is the right one."""
        return hmac.compare_digest(digest(self.salt, value), self.right)

    def hint(self, value: float | np.ndarray) -> str:
        """The hint for this wrong value, or nothing."""
        return self.wrong.get(digest(self.salt, value), "")


def closed_answer(salt: str, right: str, wrong: Mapping[str, str] | None = None) -> ClosedAnswer:
    """A closed answer from the digests that ``python -m grader.answers`` printed.

    Raises
    ------
    ExerciseError
        Something given is no such digest (most likely the answer itself).
    """
    for one in (right, *(wrong or {})):
        if len(one) != _DIGITS or not set(one) <= set("0123456789abcdef"):
            raise ExerciseError(
                f"{one!r} in the closed answer {salt!r} is no digest.",
                "Make one with `python -m grader.answers SALT VALUE`.",
            )
    return ClosedAnswer(salt, right, dict(wrong or {}))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m grader.answers SALT VALUE")
    print(digest(sys.argv[1], np.asarray(ast.literal_eval(sys.argv[2]), dtype=np.float64)))
