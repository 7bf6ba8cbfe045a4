"""Stand-ins for the notebook's kernel: the probe in this very process, and one that claims what it is told to."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import numpy as np

from grader.chance import random_for
from grader.kernel import objects, probe, tripwires
from grader.kernel.execution import CellOutcome
from grader.kernel.session import Facts
from grader.run import Run
from grader.workspace import Workspace


@dataclass
class Reply:
    """An answer as it came."""

    content: dict[str, Any]
    buffers: list[bytes] = field(default_factory=list)


class LocalKernel:
    """The probe itself, asked without a wire or a process between: honest, and quick."""

    alive = True

    def __init__(self, **namespace: Any) -> None:
        self.namespace = namespace
        self.requests: list[dict[str, Any]] = []
        self._answer = probe.answering(namespace, tripwires.tripwires, objects.answering)

    def ask(self, request: dict[str, Any], buffers: list[bytes], seconds: float | None = None) -> Reply:
        request = json.loads(json.dumps(request))
        self.requests.append(request)
        content, answered = self._answer(request, list(buffers))
        return Reply(json.loads(json.dumps(content)), answered)


class Claiming:
    """A kernel that answers every question with the same claim, or raises."""

    def __init__(self, claim: Any, buffers: list[bytes] | None = None, alive: bool = True) -> None:
        self.claim = claim
        self.buffers = buffers or []
        self.alive = alive

    def ask(self, request: dict[str, Any], buffers: list[bytes], seconds: float | None = None) -> Reply:
        if isinstance(self.claim, Exception) or (isinstance(self.claim, type) and issubclass(self.claim, Exception)):
            self.alive = False
            raise self.claim
        return Reply(self.claim, self.buffers)


def run_of(kernel: Any, workspace: Workspace | None = None, notebook: Any = None, data: Any = "small") -> Run:
    """A run that asks this kernel."""
    notebook = notebook or nbformat.v4.new_notebook()
    return Run(kernel, notebook, workspace, data, _random)  # type: ignore[arg-type]


def _random(purpose: str) -> np.random.Generator:
    """As of a run; outside of a check the same in every test."""
    return random_for(0, b"")(purpose) if purpose else np.random.default_rng(0)


class FakeSession:
    """In place of a `KernelSession`: outcomes as told, then the questions go to `kernel`."""

    def __init__(self, kernel: Any = None, outcomes: list[CellOutcome] | None = None, act: Any = None) -> None:
        self.kernel = kernel or LocalKernel()
        self.outcomes = outcomes or [CellOutcome(1, "one", "ok", 0.5)]
        self.act: Callable[[Path], None] = act or (lambda folder: None)
        self.facts = Facts("cpu", {"torch": "2"})
        self.peak_memory = 123
        self.folders: list[Path] = []
        self.open = False

    def __call__(self, scratch: Path, *_: object) -> Any:
        self.folders.append(scratch)
        return self._entered()

    @contextmanager
    def _entered(self) -> Iterator[FakeSession]:
        self.open = True
        try:
            yield self
        finally:
            self.open = False

    @property
    def alive(self) -> bool:
        return bool(self.open and self.kernel.alive)

    def execute(
        self,
        notebook: Any,
        stop_on_error: bool = False,
        progress: Callable[[int, int], None] | None = None,
        until: int | None = None,
        seconds: float | None = None,
        printed: Callable[[int, int, str], object] | None = None,
        pauses: object = (),
        pause: object = None,
        instead: object = None,
    ) -> list[CellOutcome]:
        for outcome in self.outcomes:
            if progress is not None:
                progress(outcome.number, len(self.outcomes))
        self.act(self.folders[-1])
        return self.outcomes

    def ending(self) -> None:
        """It never ends by itself."""

    def ask(self, request: dict[str, Any], buffers: list[bytes], seconds: float | None = None) -> Any:
        assert self.open, "the kernel was asked after it had ended"
        return self.kernel.ask(request, buffers, seconds)


class Terminal(io.StringIO):
    """Standard input at which somebody sits."""

    def isatty(self) -> bool:
        return True
