"""Closed answers: one right value, known to the grader only as a salted digest.

Neither the starter nor the checks give the answer away, and the usual wrong answers are recognised too,
each with a hint of its own. The digest is slow on purpose (scrypt), since answers are small numbers; it
keeps an answer from being read, not from being searched for with a program.

The teacher writes them into `solutions/ID/answers.toml`, which nobody hands out::

    [hints]
    biases = "The biases are missing."

    [shallow]                                    # what the notebook calls it
    right = 18                                   # a number, or lists of numbers
    wrong = [[12, "biases"], [9, "That is one layer only."]]

    [edges]
    parts = [0.5, -1, 2]                         # several values, each to be found by itself

    [returns]
    begins = "logit"                             # a word, however it ends

``grade release`` writes `exercises/ID/answers.toml` from it: the same with digests in place of the values. Where both
are present and the one is not made of the other, nothing is graded: marks would hang on answers that the teacher has
corrected since.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, ValidationError

from grader.errors import ExerciseError
from grader.record import Frozen, first_fault

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
    """A right value as a digest, and the digests of usual wrong ones with their hints.

    Attributes
    ----------
    right
        "" where there are only `parts`.
    parts
        Digests of several values, each of which may be looked for by itself.
    letters
        How many of the first letters of a word are known; 0 where the answer is no word.
    """

    salt: str
    right: str
    wrong: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    letters: int = 0

    def matches(self, value: float | np.ndarray) -> bool:
        """Whether `value` is the right one."""
        return hmac.compare_digest(digest(self.salt, value), self.right)

    def begins(self, word: str) -> bool:
        """Whether `word` is one word that begins as the right one does: "synapse", say, "synapses" or "synapsi"."""
        return word.isalpha() and self.matches(_letters(word[: self.letters]))

    def hint(self, value: float | np.ndarray) -> str:
        """The hint for this wrong value, or nothing."""
        return self.wrong.get(digest(self.salt, value), "")

    def part(self, value: float | np.ndarray) -> int | None:
        """Which of the parts `value` is, as a number; None if it is none of them."""
        found = digest(self.salt, value)
        return self.parts.index(found) if found in self.parts else None


def _letters(word: str) -> np.ndarray:
    """A word as numbers."""
    return np.frombuffer(word.encode("utf-8", "replace"), np.uint8)


# ---------------------------------------------------------------------- the two files

_NAME = r"^[\w-]{1,80}$"
_DIGEST = rf"^[0-9a-f]{{{_DIGITS}}}$"
Digest = Annotated[str, Field(pattern=_DIGEST)]
Name = Annotated[str, Field(pattern=_NAME)]
Text = Annotated[str, Field(min_length=1)]


class _Secret(Frozen):
    """A table of `solutions/ID/answers.toml`."""

    right: Any = None
    wrong: tuple[tuple[Any, Text], ...] = ()
    parts: tuple[Any, ...] = ()
    begins: Annotated[str, Field(pattern="^[a-z]*$")] = ""


class _Public(Frozen):
    """A table of `exercises/ID/answers.toml`."""

    right: Digest | None = None
    wrong: Mapping[Digest, Text] = {}
    parts: tuple[Digest, ...] = ()
    letters: Annotated[int, Field(ge=0)] = 0


_FILE = "answers.toml"


def read_answers(exercise: str, folder: Path, solutions: Path | None = None) -> dict[str, ClosedAnswer]:
    """The closed answers of an exercise, from the file of digests in its folder; none where there is no file.

    Parameters
    ----------
    solutions
        Where the answers themselves lie, on the teacher's machine.

    Raises
    ------
    ExerciseError
        The file says something wrong (most likely the answers themselves), or is not made of the answers.
    """
    path, secret = folder / _FILE, solutions / _FILE if solutions is not None else None
    there = path.is_file()
    if secret is not None and secret.is_file() and not (there and _source_in(path) == _source_of(exercise, secret)):
        raise ExerciseError(
            f"{path} is not made of {secret} as this is now.", f"Write it anew with `grade release {exercise}`."
        )
    if not there:
        return {}
    hints, tables = _read(path)
    answers = {}
    for name, table in tables.items():
        try:
            one = _Public.model_validate(table)
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors()[0]["loc"])
            raise ExerciseError(
                f"{path}: `{name}.{where}` is no digest.",
                f"Write the answers into solutions/{exercise}/{_FILE}; `grade release {exercise}` writes this file.",
            ) from None
        wrong = {digest: hints.get(hint, hint) for digest, hint in one.wrong.items()}
        answers[name] = ClosedAnswer(f"{exercise}-{name}", one.right or "", wrong, one.parts, one.letters)
    return answers


def hints_in(path: Path) -> Iterator[str]:
    """The texts for students in a file of answers, for the catalogue."""
    hints, tables = _read(path)
    yield from hints.values()
    for table in tables.values():
        wrong = table.get("wrong", {})
        told = wrong.values() if isinstance(wrong, dict) else (one[1] for one in wrong)
        yield from (hint for hint in told if hint not in hints)


def digests_of(exercise: str, solutions: Path) -> str:
    """The file of digests of an exercise, as text, from the answers beside its solution; "" where there are none.

    Raises
    ------
    ExerciseError
        The file says something wrong.
    """
    path = solutions / _FILE
    if not path.is_file():
        return ""
    hints, tables = _read(path)
    lines = [
        f"# Digests of the answers in solutions/{exercise}/{_FILE}, written by `grade release {exercise}`.",
        f"{_SOURCE} = {_quoted(_source_of(exercise, path))}",
    ]
    if hints:
        lines += ["", "[hints]", *(f"{name} = {_quoted(text)}" for name, text in hints.items())]
    for name, table in tables.items():
        try:
            secret = _Secret.model_validate(table)
        except ValidationError as error:
            raise ExerciseError(
                f"{path}: in [{name}] {first_fault(error)}.",
                'An answer has `right = …`, `parts = [value, …]` or `begins = "…"`; '
                "it may have `wrong = [[value, hint], …]`.",
            ) from None
        if (secret.right is not None) + bool(secret.begins) + bool(secret.parts) != 1:
            raise ExerciseError(f"{path}: `{name}` has neither `right` nor `parts`, or both.", "Give it one of them.")
        if nameless := [hint for _, hint in secret.wrong if hint not in hints and " " not in hint]:
            raise ExerciseError(
                f"{path}: `{name}` has the hint {nameless[0]!r}, which [hints] does not have.",
                "Write it there, or a sentence in its place.",
            )

        def made(value: Any, name: str = name) -> str:
            try:
                if not _is_table(value):
                    raise TypeError
                return digest(f"{exercise}-{name}", np.asarray(value, dtype=np.float64))
            except (TypeError, ValueError):
                raise ExerciseError(
                    f"{path}: {value!r} in `{name}` is no number and no table of numbers.", "Correct it."
                ) from None

        wrong = [made(value) for value, _ in secret.wrong]
        if secret.right is not None:
            wrong.insert(0, made(secret.right))
        if len(set(wrong)) < len(wrong):
            raise ExerciseError(
                f"{path}: `{name}` has one number twice, among the right and the wrong ones.", "Leave one of them out."
            )
        lines += ["", f"[{name}]"]
        if secret.right is not None:
            lines.append(f"right = {_quoted(made(secret.right))}")
        if secret.begins:
            lines += [f"right = {_quoted(made(_letters(secret.begins)))}", f"letters = {len(secret.begins)}"]
        if secret.parts:  # in an order that tells nothing
            lines += ["parts = [", *(f"    {_quoted(one)}," for one in sorted(map(made, secret.parts))), "]"]
        if secret.wrong:
            lines += ["", f"[{name}.wrong]", *(f"{made(value)} = {_quoted(hint)}" for value, hint in secret.wrong)]
    return "\n".join(lines) + "\n"


# The slow digest of the teacher's file: it tells that the answers have changed, and not what they are.
_SOURCE = "source"


def _source_of(exercise: str, path: Path) -> str:
    try:
        text = path.read_text("utf-8")
    except (OSError, ValueError):  # told where it is read
        return ""
    return _digest(f"{exercise} {_SOURCE}", text)


def _source_in(path: Path) -> str | None:
    found = _content(path).get(_SOURCE)
    return found if type(found) is str else None


def _is_table(value: Any) -> bool:
    """Whether a value of a TOML file is a number, or lists of numbers; a letter's number, too."""
    if isinstance(value, list):
        return all(map(_is_table, value))
    return isinstance(value, np.ndarray) or type(value) in (int, float)


def _quoted(text: str) -> str:
    """A TOML string: JSON's are such, but for what no hint holds."""
    return json.dumps(text, ensure_ascii=False)


def _read(path: Path) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """The hints that have a name, and the answers."""
    content = _content(path)
    if type(content.pop(_SOURCE, "")) is not str:
        raise ExerciseError(f"{path}: no answer can be called `{_SOURCE}`.", "Give it another name.")
    hints = content.pop("hints", {})
    if type(hints) is not dict or not all(type(one) is str for one in hints.values()):
        raise ExerciseError(f"{path}: `hints` are not all texts.", 'Give each a name: `biases = "…"`.')
    if (other := next((name for name, one in content.items() if type(one) is not dict), None)) is not None:
        raise ExerciseError(f"{path}: `{other}` is no table.", f"Write it as [{other}] with `right = …` below.")
    return hints, content


def _content(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ExerciseError(f"{path} cannot be read: {error.strerror}.", "Check your access to it.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ExerciseError(f"{path} is no TOML: {error}.", "Correct it.") from None
