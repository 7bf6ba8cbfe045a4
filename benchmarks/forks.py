"""The warm process as it is, but that it writes down where the processor time of each of its forks goes.

`benchmarks/cpu.py` starts it in the place of :mod:`grader.kernel.zygote`; the product knows nothing of it. It lies in
the folder of the sockets, and writes beside itself: a line for each process that ended, as Linux accounts for it, and
what the forks said of the parts meanwhile in a page of memory that they share with this process.
"""

from __future__ import annotations

import cProfile
import json
import marshal
import mmap
import os
import resource
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from grader.kernel import ipython, launch, linux, zygote

PARTS = (
    "fork: put away what is the warm process's",
    "locks",
    "locks: fork into the PID namespace",
    "channels and adaptations",
    "set-up: seeds, devices",
    "cells: messages and the event loop",
    "cells: IPython around them",
    "cells: their own code",
    "questions",
)
_FORKED, _LOCKS, _SECOND, _CHANNELS, _SETUP, _LOOP, _SHELL, _CODE, _QUESTIONS = range(len(PARTS))
_WRITTEN = Path(__file__).with_name("forks.jsonl")
_PROFILED = Path(__file__).with_name("profile").exists()
# In a page: seconds of each part, page faults of each, the number of the first process of the PID namespace, seconds of
# other threads than the main one, the length of the profile.
_FAULTS, _SECOND_PROCESS, _THREADS, _PROFILE = (len(PARTS) * n + m for n, m in ((1, 0), (2, 0), (2, 1), (2, 2)))
_NUMBER = struct.Struct("d")
_HEAD = _NUMBER.size * (_PROFILE + 1)
_ROOM = 4 << 20

pages: dict[int, mmap.mmap] = {}  # by the fork's number
inner: dict[int, int] = {}  # the first process of the PID namespace: whose it is


class Clock:
    """In a fork: the processor time since the last look, put down under one of the parts."""

    def __init__(self) -> None:
        self.page = mmap.mmap(-1, _HEAD + (_ROOM if _PROFILED else 0))
        self.last = self.faults = 0.0
        self.profile = cProfile.Profile(time.thread_time) if _PROFILED else None

    def until_now(self, part: int) -> None:
        """What was used since the last look was used for this part."""
        now, faults = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        put(self.page, part, number(self.page, part) + now - self.last)
        put(self.page, _FAULTS + part, number(self.page, _FAULTS + part) + faults - self.faults)
        put(self.page, _THREADS, now - time.thread_time())
        self.last, self.faults = now, faults

    def begin_anew(self) -> None:
        """In a process that was just forked."""
        self.last = self.faults = 0.0

    def save_profile(self) -> None:
        """The profile so far; nobody knows when this process will be ended."""
        if self.profile is None:
            return
        self.profile.disable()
        self.profile.create_stats()
        stats = marshal.dumps(self.profile.stats)  # type: ignore[attr-defined]
        if len(stats) <= _ROOM:
            self.page[_HEAD : _HEAD + len(stats)] = stats
            put(self.page, _PROFILE, len(stats))
        self.profile.enable()


def number(page: mmap.mmap, place: int) -> float:
    """A number in a page."""
    return float(_NUMBER.unpack_from(page, place * _NUMBER.size)[0])


def put(page: mmap.mmap, place: int, value: float) -> None:
    """Write a number into a page."""
    _NUMBER.pack_into(page, place * _NUMBER.size, value)


clock = Clock()  # in the warm process nobody reads it


def watch() -> None:
    """Put the looks at the clock where one part ends and the next begins."""
    _around(zygote, "_become_kernel", before=lambda: clock.profile and clock.profile.enable())
    _around(launch, "run", before=lambda: clock.until_now(_FORKED))
    _around(launch, "lock_up", lambda: clock.until_now(_FORKED), lambda: clock.until_now(_LOCKS))
    _around(launch, "_go_on_as_first_process", lambda: clock.until_now(_LOCKS), clock_begins_anew)
    _around(ipython.NotebookKernel, "connect", after=lambda: clock.until_now(_CHANNELS))
    _around_coroutine(ipython.NotebookKernel.kernel_class, "dispatch_shell", _LOOP, _SHELL)
    _around_coroutine(ipython.zmqshell.ZMQInteractiveShell, "run_code", _SHELL, _CODE)


def clock_begins_anew() -> None:
    """In the first process of the PID namespace."""
    clock.begin_anew()
    if clock.profile:
        clock.profile.clear()


def _around(
    owner: Any, name: str, before: Callable[[], Any] = lambda: None, after: Callable[[], Any] = lambda: None
) -> None:
    function = getattr(owner, name)

    def watched(*args: Any, **options: Any) -> Any:
        before()
        try:
            return function(*args, **options)
        finally:
            after()

    setattr(owner, name, watched)


def _around_coroutine(owner: Any, name: str, outside: int, inside: int) -> None:
    function = getattr(owner, name)

    async def watched(*args: Any, **options: Any) -> Any:
        clock.until_now(outside)
        try:
            return await function(*args, **options)
        finally:
            clock.until_now(inside)

    setattr(owner, name, watched)


def watch_questions(application: Any) -> None:
    """The same for what the probe answers."""
    answering = application._probe["answering"]

    def watched_answering(*args: Any) -> Any:
        answer = answering(*args)

        def watched(content: dict[str, Any], buffers: list[Any]) -> Any:
            clock.until_now(_LOOP)
            try:
                return answer(content, buffers)
            finally:
                clock.until_now(_SETUP if content["do"] == "setup" else _QUESTIONS)
                clock.save_profile()

        return watched

    application._probe["answering"] = watched_answering


def fork_and_note(fork: Callable[[], int] = os.fork) -> int:
    """`os.fork`, in the warm process and in a fork of it."""
    global clock
    if os.getpid() != warm:
        pid = fork()
        if pid:
            clock.until_now(_SECOND)
            put(clock.page, _SECOND_PROCESS, pid)
        return pid
    clock = Clock()
    pid = fork()
    if pid:
        pages[pid] = clock.page
    return pid


def wait_and_note(pid: int, options: int) -> tuple[int, int]:
    """`os.waitpid`: write down what a fork took, with what it waited for itself."""
    pid, status, used = os.wait4(pid, options)
    note(pid, used)
    with suppress(ChildProcessError):
        while (orphan := os.wait4(-1, os.WNOHANG))[0]:  # its first process in a PID namespace, where it was killed
            note(orphan[0], orphan[2])
    return pid, status


def note(pid: int, used: Any) -> None:
    """Write a line."""
    page = pages.pop(pid, None)
    row: dict[str, Any] = {"pid": inner.pop(pid, pid), "user": used.ru_utime, "system": used.ru_stime}
    row |= {"faults": used.ru_minflt, "warm": time.process_time()}
    if page is not None:
        row["parts"] = [number(page, part) for part in range(len(PARTS))]
        row["part_faults"] = [number(page, _FAULTS + part) for part in range(len(PARTS))]
        row["threads"] = number(page, _THREADS)
        inner[int(number(page, _SECOND_PROCESS))] = pid
        if length := int(number(page, _PROFILE)):
            _WRITTEN.with_name(f"{pid}.profile").write_bytes(page[_HEAD : _HEAD + length])
    with _WRITTEN.open("a") as file:
        file.write(json.dumps(row) + "\n")


def main() -> None:
    watch()
    guard, build, last = zygote.guard, ipython.build, zygote.keep

    def guard_and_go_on(lock: int) -> None:
        global warm
        guard(lock)
        warm = os.getpid()
        os.fork = fork_and_note

    def build_and_watch(*args: Any) -> Any:
        application = build(*args)
        watch_questions(application)
        return application

    def then_wait_for_forks() -> None:
        last()
        linux.adopt_orphans()  # who is killed may leave behind the first process of its PID namespace
        os.waitpid = wait_and_note

    zygote.guard, ipython.build, zygote.keep = guard_and_go_on, build_and_watch, then_wait_for_forks
    zygote.main()


warm = 0  # number of the warm process

if __name__ == "__main__":
    sys.modules["forks"] = sys.modules[__name__]
    main()
