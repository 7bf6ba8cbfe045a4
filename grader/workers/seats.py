"""What a worker of a Dask cluster does: it has a crew of its own, and hands on to it what it is asked.

A notebook that takes the process down which grades it leaves the worker alone.
"""

from __future__ import annotations

import atexit
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil
from distributed import Status, get_worker

from grader.kernel import sandbox
from grader.workers.crew import Machine, Needs, Process, device_class

_LOOK_EVERY_S = 0.2
_AT_WORK = (Status.running, Status.paused, Status.closing_gracefully)


@dataclass(frozen=True)
class Member:
    """What a worker tells of itself when it joins.

    Attributes
    ----------
    process
        Which process it is: one that takes its place under its address is another.
    device
        ``cpu``, ``cuda`` or ``mps``.
    broken
        Promises of the sandbox that cannot be kept there.
    """

    process: str
    device: str
    available: float
    broken: tuple[str, ...]


class Replaced(BrokenExecutor):
    """Another process has taken a worker's place under its address."""


_PROCESS = secrets.token_hex(8)


def introduce(device: str, mode: sandbox.Mode) -> Member:
    """What there is to know of this worker."""
    layers = {} if mode == "off" else sandbox.examine(device).layers
    broken = sandbox.broken_promises(layers)
    return Member(_PROCESS, device_class(device), float(psutil.virtual_memory().available), tuple(broken))


# ---------------------------------------------------------------------- its crew


class _Place:
    """A crew that is kept from one notebook to the next.

    Attributes
    ----------
    idle
        Its processes that have nothing to do.
    ends
        Whether it is put away as soon as all of them are idle.
    """

    def __init__(self, needs: Needs, number: int) -> None:
        self.crew = Machine(needs, number, socket.gethostname()).__enter__()
        self.idle = list(self.crew.executors())
        self.ends = False


_places: dict[tuple[Needs, int], _Place] = {}
_placing = threading.Condition()


@contextmanager
def _process(needs: Needs, number: int) -> Iterator[Process]:
    """A process that has nothing to do, of a crew of so many."""
    with _placing:
        if (needs, number) not in _places:
            _places[needs, number] = _Place(needs, number)
        place = _places[needs, number]
        place.ends = False
        _placing.wait_for(lambda: place.idle)  # another teacher may use this worker, too
        process = place.idle.pop()
    try:
        yield process
    finally:
        with _placing:
            place.idle.append(process)
            _placing.notify()
            _put_away(needs, number)


def leave(needs: Needs, number: int) -> None:
    """Put the crew away as soon as nobody's notebooks are with it."""
    with _placing:
        if (needs, number) in _places:
            _places[needs, number].ends = True
            _put_away(needs, number)


def _put_away(needs: Needs, number: int) -> None:
    place = _places[needs, number]
    if place.ends and len(place.idle) == number:
        _places.pop((needs, number)).crew.__exit__()


@atexit.register
def _leave_all() -> None:
    while _places:
        _places.popitem()[1].crew.__exit__()


@dataclass(frozen=True)
class Order:
    """A function to be called by a process of a worker's crew.

    Attributes
    ----------
    worker
        The process that it is meant for: no other one will have it.
    number
        How many processes the crew has.
    topic, seat
        Under which name to tell how far it is.
    """

    worker: str
    needs: Needs
    number: int
    topic: str
    seat: int
    call: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


def carry_out(order: Order) -> Any:
    """Have it called, for as long as somebody waits for it."""
    if order.worker != _PROCESS:  # Dask hands on what another process had, which lived at the same address
        raise Replaced
    worker = get_worker()
    key = worker.get_current_task()
    fn, args, kwargs = order.call
    with _process(order.needs, order.number) as process:
        future = process.submit(fn, *args, **kwargs)
        while not wait([future], _LOOK_EVERY_S).done:
            if (step := process.step()) is not None:
                worker.log_event(order.topic, [order.seat, step.what, step.number, step.of])
            task = worker.state.tasks.get(key)
            wanted = task is not None and task.state == "executing"  # else it is cancelled, or who asked is gone
            if not wanted or worker.status not in _AT_WORK:
                leave(order.needs, order.number)
                process.stop()
        return future.result()
