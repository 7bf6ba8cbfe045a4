"""Questions that go along with the one before them: each way to the notebook's process and back takes its time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from grader.kernel import wire

_MOST = 50  # questions that go along with one


class Reply(Protocol):
    """An answer as it came: JSON, and raw buffers."""

    @property
    def content(self) -> dict[str, Any]: ...

    @property
    def buffers(self) -> Sequence[wire.Buffer]: ...


class Kernel(Protocol):
    """The seam to the notebook's kernel: the one thing that unit tests replace."""

    @property
    def alive(self) -> bool: ...

    def ask(self, request: dict[str, Any], buffers: list[bytes], seconds: float | None = None) -> Reply: ...


@dataclass(frozen=True)
class Question:
    """What is asked, with its raw buffers."""

    request: dict[str, Any]
    buffers: list[bytes]

    @property
    def key(self) -> tuple[str, tuple[bytes, ...]]:
        """Equal for what asks the same."""
        return json.dumps(self.request), tuple(self.buffers)


@dataclass(frozen=True)
class _Answer:
    content: dict[str, Any]
    buffers: Sequence[wire.Buffer]


@dataclass
class Ahead:
    """What is going to be asked, and the answers to it that have come already.

    The notebook's process answers what comes along as long as that takes no time to speak of. The rest, and all where
    it says something else than that, is asked in its turn, as if nothing had been foreseen.
    """

    _waiting: list[Question] = field(default_factory=list)
    _there: list[tuple[Question, Reply]] = field(default_factory=list)

    def foresee(self, questions: Sequence[Question]) -> None:
        """Have these go along with the first of them, once that is asked."""
        self._waiting, self._there = [*questions[: _MOST + 1]], []

    def forget(self) -> None:
        """Nothing is foreseen, and no answer is there."""
        self.foresee([])

    def ask(self, kernel: Kernel, question: Question, seconds: float | None) -> Reply:
        """The answer to a question, which may be there. Raises what asking the kernel does."""
        if not self._waiting and not self._there:
            return kernel.ask(question.request, question.buffers, seconds)
        key = question.key
        for number, (asked, reply) in enumerate(self._there):
            if asked.key == key:
                del self._there[number]
                return reply
        if seconds is not None or not self._waiting or self._waiting[0].key != key:
            return kernel.ask(question.request, question.buffers, seconds)
        more, self._waiting = self._waiting[1:], []
        along = [[one.request, len(one.buffers)] for one in more]
        buffers = [*question.buffers, *(buffer for one in more for buffer in one.buffers)]
        reply = kernel.ask({**question.request, "ahead": along}, buffers)
        return self._parted(reply, more)

    def _parted(self, reply: Reply, more: list[Question]) -> Reply:
        """The answer to the question itself; those to the others are kept, if they are answers."""
        content = {name: value for name, value in reply.content.items() if name != "ahead"}
        said = reply.content.get("ahead")
        if type(said) is not list or len(said) > len(more):
            return _Answer(content, reply.buffers)
        answers: list[tuple[dict[str, Any], int]] = []
        for one in said:
            match one:
                case [dict() as its_content, int(number)] if type(number) is int and number >= 0:
                    answers.append((its_content, number))
                case _:
                    return _Answer(content, reply.buffers)
        end = len(reply.buffers) - sum(number for _, number in answers)
        if end < 0:
            return _Answer(content, reply.buffers)
        own = reply.buffers[:end]
        for asked, (its_content, number) in zip(more, answers, strict=False):
            self._there.append((asked, _Answer(its_content, reply.buffers[end : end + number])))
            end += number
        return _Answer(content, own)
