"""A Dask cluster as a crew: the grader's side of it.

Workers need this package and nothing else. The scheduler needs not even that: it never looks into what travels.

A notebook is handed to one process of one worker, and Dask itself never hands it on. What becomes of it when that
process dies is decided in :func:`grader.workers.schedule.grade_class`, for a cluster as for this machine.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import secrets
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, InvalidStateError, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from itertools import count
from typing import Any, TypeVar

from grader.errors import GradingError, UsageError
from grader.grading import Options
from grader.scratch import remove, scratch_folder
from grader.text import listed, plain
from grader.workers.crew import Needs, Step, end_everything, usual_workers

try:
    import dask
    from distributed import Client, KilledWorker, LocalCluster, Security
    from distributed.comm import connect

    from grader.workers.seats import Member, Order, Replaced, carry_out, introduce, leave
except ImportError as missing:
    raise UsageError(
        f"Grading on a cluster needs the package {missing.name}, which is not installed here.",
        "Install it with `pip install 'grader[cluster]'`.",
    ) from None

T = TypeVar("T")

_CONNECT_S = 5
_COME_S = 10.0  # for a worker to come ...
_JOIN_S = 30.0  # ... and for all that have come to tell of themselves
_ALONE_S = 60.0  # for another one, when the last has gone
_LEAVE_S = 10.0
_LOOK_EVERY_S = 0.5


# ---------------------------------------------------------------------- one worker


@dataclass(frozen=True)
class _Work:
    """What the cluster is to do: what each notebook takes, and how many at a time; None for as many as have room."""

    needs: Needs
    memory_mb: float
    at_once: int | None


def _carrier() -> Callable[[str, bytes], Any]:
    """The function that workers are asked to call.

    It is defined in here so that it travels as a whole: a worker without this package, or with another version of it,
    can still say so, and the scheduler need not have it at all.
    """

    def carried(wanted: str, call: bytes) -> Any:
        import pickle
        from importlib.metadata import PackageNotFoundError, version

        try:
            here = version("grader")
        except PackageNotFoundError:
            here = ""
        if here != wanted:
            return here
        function, arguments = pickle.loads(call)
        return [function(*arguments)]

    return carried


class _Unfit(Exception):
    """The worker cannot be used; the text says why, as the end of a sentence."""


class _Worker:
    """A worker: what it told of itself, and the seats that it has.

    Attributes
    ----------
    gone
        It is not there any more, or Dask has another process in its place.
    takes
        Whether it does what is sent to it: one that is short of memory, or about to leave, does not.
    """

    def __init__(self, client: Client, address: str, threads: int, options: Options) -> None:
        self.address = plain(address)
        self.threads = threads
        self.gone = False
        self.takes = True
        self.seats: list[_Seat] = []
        self.needs: Needs | None = None
        self._executor = client.get_executor(workers=[address], allow_other_workers=False, pure=False, retries=0)
        self.told = self.ask(introduce, options.device, options.sandbox)

    def ask(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Have it call a function of this package; :meth:`answer` reads what comes."""
        future: Future[Any] = self._executor.submit(_carrier(), version("grader"), pickle.dumps((function, arguments)))
        return future

    @staticmethod
    def answer(future: Future[Any]) -> Any:
        """What the function gave."""
        answer = future.result()
        if isinstance(answer, str):
            here = f"version {plain(answer, 40)} of the grader" if answer else "no grader"
            raise _Unfit(f"has {here}, and this is {version('grader')}")
        return answer[0]

    def member(self) -> Member:
        """Who it is.

        Raises
        ------
        _Unfit
        """
        try:
            found: Member = self.answer(self.told)
        except _Unfit:
            raise
        except Exception as error:  # another Python, another Dask, half an installation
            raise _Unfit(f"cannot be asked ({type(error).__name__}: {plain(str(error), 100)})") from None
        return found

    def employ(self, work: _Work, topic: str, numbers: Iterator[int]) -> None:
        """Give it as many seats as it has room for; its threads are shared among them."""
        member = self.member()
        room = usual_workers(work.memory_mb, self.threads, member.available)
        self.needs = work.needs
        if self.needs.threads is None and self.threads > room:  # Dask itself sees to it that one is one
            self.needs = replace(self.needs, threads=self.threads // room)
        order = partial(Order, member.process, self.needs, room, topic)
        self.seats = [_Seat(self, order, number) for _, number in zip(range(room), numbers, strict=False)]

    def lose(self) -> None:
        """It is not there any more."""
        self.gone = True
        for seat in self.seats:
            seat.lose()


class _Seat(Executor):
    """Room for one notebook on a worker."""

    def __init__(self, worker: _Worker, order: Callable[..., Order], number: int) -> None:
        self.worker = worker
        self.number = number
        self._order = order
        self._running: dict[Future[Any], Future[Any]] = {}

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have a process of the worker call a function; `BrokenExecutor` if either dies, or the worker leaves."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        inner = self.worker.ask(carry_out, self._order(self.number, (fn, args, kwargs)))
        self._running[future] = inner
        inner.add_done_callback(partial(self._settle, future))
        return future

    def lose(self) -> None:
        """What it had is broken, and Dask is not to go on with it."""
        while self._running:
            future, inner = self._running.popitem()
            with suppress(InvalidStateError):
                future.set_exception(BrokenExecutor("The worker is gone."))
            inner.cancel()

    def _settle(self, future: Future[Any], inner: Future[Any]) -> None:
        if inner.cancelled():
            self.worker.gone = True  # or it is the scheduler: who looks next will see, and breaks what was running
            return
        self._running.pop(future, None)
        with suppress(InvalidStateError):
            try:
                future.set_result(self.worker.answer(inner))
            except (KilledWorker, Replaced) as error:
                self.worker.gone = True
                future.set_exception(BrokenExecutor(str(error)))
            except Exception as error:
                future.set_exception(error)


# ---------------------------------------------------------------------- all of them


class Cluster:
    """The workers of a scheduler.

    Parameters
    ----------
    tell
        For what there is to be said while notebooks are graded.

    Attributes
    ----------
    device
        ``cpu``, ``cuda`` or ``mps``: what notebooks will see on every worker.
    broken
        Promises of the sandbox that some worker cannot keep.

    Raises
    ------
    UsageError
        There are no workers, or one of them cannot grade as this machine would.
    """

    def __init__(self, client: Client, address: str, options: Options, tell: Callable[[str], object]) -> None:
        self.device = ""
        self.broken: list[str] = []
        self._client = client
        self._address = plain(address)
        self._options = options
        self._tell = tell
        self._work: _Work | None = None
        self._asked: dict[str, _Worker] = {}
        self._members: dict[str, _Worker] = {}
        self._unfit: set[str] = set()
        self._seats: list[_Seat] = []
        self._numbers = count()
        self._steps: deque[tuple[int, Step]] = deque()
        self._topic = f"grader-{secrets.token_hex(8)}"
        self._looked = self._manned = 0.0
        self._join()

    def _join(self) -> None:
        """Wait for the workers that are there to tell who they are."""
        begun = time.monotonic()
        self._look()
        while self._asked or not self._members:
            if time.monotonic() - begun > (_JOIN_S if self._asked else _COME_S):
                break
            time.sleep(0.05)
            self._look()
        if not self._members:
            none = "has no workers" if not self._asked else "has no workers that answer"
            raise UsageError(f"The scheduler at {self._address} {none}.", f"Start some: `dask worker {self._address}`.")

    # ------------------------------------------------------------------ who is there

    def _look(self) -> None:
        """Who has come, and who has gone."""
        there = self._there()
        self._unfit &= there.keys()
        for group in (self._asked, self._members):
            for address in [one for one, worker in group.items() if worker.gone or one not in there]:
                group.pop(address).lose()
        for address, (threads, takes) in there.items():
            if address in self._members:
                self._members[address].takes = takes
            elif takes and address not in self._asked.keys() | self._unfit:
                self._asked[address] = _Worker(self._client, address, threads, self._options)
        for address in [one for one, worker in self._asked.items() if worker.told.done()]:
            worker = self._asked.pop(address)
            try:
                self._admit(worker)
                self._members[address] = worker
            except _Unfit as why:
                self._unfit.add(address)
                if self._work is None:
                    raise UsageError(f"The worker {worker.address} {why}.", "Change that, or stop it.") from None
                self._tell(f"The worker {worker.address} {why}: it is left out.")
        self._looked = time.monotonic()

    def _there(self) -> dict[str, tuple[int, bool]]:
        """The workers' addresses, how many threads each has, and whether it takes what is sent to it."""
        try:
            found = self._client.scheduler_info(n_workers=-1)["workers"]
        except Exception as error:  # whatever a lost connection looks like
            raise GradingError(
                f"The scheduler at {self._address} is gone ({type(error).__name__}).",
                "Start it again, and run the same command again: it goes on from here.",
            ) from error
        return {address: (info["nthreads"], info["status"] == "running") for address, info in found.items()}

    def _admit(self, worker: _Worker) -> None:
        member = worker.member()
        if self.device not in ("", member.device):
            raise _Unfit(f"would grade on {member.device}, another on {self.device}: --device names one")
        known = set(member.broken) if self._work is None and self._options.sandbox != "strict" else set(self.broken)
        if not known.issuperset(member.broken):
            raise _Unfit(f"cannot keep these promises: {listed(member.broken)}")
        self.device = member.device
        self.broken += [promise for promise in member.broken if promise not in self.broken]
        if self._work is not None:
            worker.employ(self._work, self._topic, self._numbers)
            self._seats += worker.seats

    # ------------------------------------------------------------------ as a crew

    @contextmanager
    def crew(self, needs: Needs, memory_mb: float, at_once: int | None) -> Iterator[Cluster]:
        """The workers at work; afterwards they put away what they needed for it.

        Parameters
        ----------
        needs
            Where `threads` is None, each worker shares its own among its notebooks.
        memory_mb
            Of each notebook.
        at_once
            Notebooks at a time; None for as many as the workers have room for.
        """
        work = _Work(needs, memory_mb, at_once)
        self._work, self._manned = work, time.monotonic()
        self._client.subscribe_topic(self._topic, self._hear)
        for worker in self._members.values():
            worker.employ(work, self._topic, self._numbers)
        # One notebook for each worker first, then the second ones.
        rounds = [(place, seat) for worker in self._members.values() for place, seat in enumerate(worker.seats)]
        self._seats = [seat for _, seat in sorted(rounds, key=lambda pair: pair[0])]
        try:
            yield self
        finally:
            left = [
                worker.ask(leave, worker.needs, len(worker.seats))
                for worker in self._members.values()
                if not worker.gone
            ]
            wait(left, _LEAVE_S)

    def executors(self) -> Sequence[Executor]:
        """A seat for each notebook that may be graded at a time.

        Raises
        ------
        GradingError
            The scheduler is gone, or all workers are, and none has come.
        """
        now = time.monotonic()
        if now - self._looked > _LOOK_EVERY_S:
            self._look()
        self._seats = [seat for seat in self._seats if not seat.worker.gone]
        if self._seats:
            self._manned = now
        elif now - self._manned > _ALONE_S:
            raise GradingError(
                f"The scheduler at {self._address} has no workers any more.",
                "Start some, and run the same command again: it goes on from here.",
            )
        assert self._work is not None
        return [seat for seat in self._seats[: self._work.at_once] if seat.worker.takes]

    def steps(self) -> Iterator[tuple[Executor, Step]]:
        """What they did last, where it is anything new."""
        seats = {seat.number: seat for seat in self._seats}
        while self._steps:
            number, step = self._steps.popleft()
            if number in seats:
                yield seats[number], step

    def abandon(self) -> None:
        """What they do is not wanted any more."""
        for seat in self._seats:
            seat.lose()

    def _hear(self, event: tuple[float, list[Any]]) -> None:
        number, *step = event[1]
        self._steps.append((number, Step(*step)))


# ---------------------------------------------------------------------- schedulers


@contextmanager
def cluster_at(address: str, options: Options, tell: Callable[[str], object]) -> Iterator[Cluster]:
    """The cluster of a scheduler somewhere.

    Raises
    ------
    UsageError
        There is no scheduler, or its workers cannot be used.
    """
    with _quiet():
        try:
            asyncio.run(_reach(address))
        except Exception as error:  # of an address that is none Dask raises whatever comes
            raise UsageError(
                f"No scheduler answers at {plain(address)} ({type(error).__name__}).",
                "Start one with `dask scheduler`, and name its address, tcp://HOST:8786; or name `local`.",
            ) from None
        with (
            dask.config.set({"distributed.comm.timeouts.connect": f"{2 * _CONNECT_S} s"}),
            Client(address, set_as_default=False) as client,
        ):
            yield Cluster(client, address, options, tell)


async def _reach(address: str) -> None:
    """See whether somebody is there: a client that has not reached anybody does not end without complaints."""
    security = Security().get_connection_args("client")
    async with asyncio.timeout(2 * _CONNECT_S):  # who speaks something else would be waited for without end
        comm = await connect(address, timeout=_CONNECT_S, **security)
        await comm.close()


@contextmanager
def own_cluster(number: int, options: Options, tell: Callable[[str], object]) -> Iterator[Cluster]:
    """A cluster of this machine, with room for so many notebooks, for as long as it is needed."""
    with _quiet(), ExitStack() as stack:
        folder = scratch_folder()
        stack.callback(remove, folder)
        stack.enter_context(dask.config.set({"temporary-directory": str(folder)}))
        cluster = LocalCluster(
            n_workers=1,  # so that there is one warm process, and notebooks on a GPU know of each other
            threads_per_worker=number,
            dashboard_address=None,
            # Whoever can talk to a worker can have it do anything: other users of this machine, and notebooks.
            security=True,
            protocol="tls://",
            memory_limit=None,  # the notebooks' memory is bounded for each
            env={"TMPDIR": str(folder)},
            silence_logs=logging.CRITICAL,
        )
        stack.callback(cluster.close)
        client = stack.enter_context(Client(cluster, set_as_default=False))
        try:
            yield Cluster(client, cluster.scheduler_address, options, tell)
        except BaseException:
            end_everything()  # workers wait for the notebooks that they have, and nobody else does
            raise


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask from talking to the teacher, who is told in our own words, and from keeping all that it has sent."""
    for name in ("distributed", *(name for name in logging.root.manager.loggerDict if name.startswith("distributed."))):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    settings = {
        "distributed.admin.large-graph-warning-threshold": "1 GB",  # of what lies beside a notebook it would complain
        "distributed.admin.low-level-log-length": 10,  # it keeps so many messages, and all that travels is in them
    }
    with warnings.catch_warnings(), dask.config.set(settings):
        warnings.filterwarnings("ignore", module="distributed")
        yield
