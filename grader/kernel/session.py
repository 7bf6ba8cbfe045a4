"""One notebook's kernel, from its start to its end: run the cells, answer the checks, leave nothing behind.

The kernel is talked to from an event loop in a thread of its own, and watched by another
(:class:`~grader.kernel.watchdog.Watchdog`); everything public here is called from ordinary code.
"""

from __future__ import annotations

import asyncio
import functools
import importlib.resources
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Any, TypeVar

import nbformat
from jupyter_client.manager import AsyncKernelManager

from grader.errors import GradingError, KernelStartError, UsageError
from grader.exercise import Budget
from grader.kernel import sandbox, wire
from grader.kernel.client import BoundedClient, Meter
from grader.kernel.execution import CellOutcome, NotebookRunner
from grader.kernel.provisioner import KernelProvisioner, clean_environment
from grader.kernel.watchdog import Watchdog
from grader.workspace import remove

if TYPE_CHECKING:
    from grader.kernel.warm import Warm

T = TypeVar("T")

STARTUP_S = 120.0
_ANSWER_BYTES = 40_000_000
_ANSWER_MESSAGES = 5_000


@dataclass(frozen=True)
class Settings:
    """How a notebook is run.

    Attributes
    ----------
    device
        What the notebook may see: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    seed
        Set for ``random``, NumPy and torch before the first cell.
    sandbox
        ``auto``: with every layer that this system offers; ``strict``: not without one; ``off``: with none.
    warm
        The process to fork kernels from; without one each imports everything itself.
    """

    device: str = "auto"
    seed: int = 0
    sandbox: sandbox.Mode = "auto"
    warm: Warm | None = None


@dataclass(frozen=True)
class Answer:
    """What the kernel sent in answer to one request: still to be decoded, still only a claim."""

    content: dict[str, Any]
    buffers: Sequence[wire.Buffer] = ()


@dataclass
class Facts:
    """What the kernel said of itself before any of the notebook's code ran."""

    device: str = "cpu"
    versions: dict[str, str] = field(default_factory=dict)
    layers: list[str] = field(default_factory=list)


class KernelSession:
    """A kernel in a scratch folder.

    Use as a context manager; on leaving, the kernel and all that it started are dead.

    Raises
    ------
    KernelStartError
        No kernel came up.
    UsageError
        The device asked for is not there.
    """

    def __init__(self, scratch: Path, settings: Settings, budget: Budget) -> None:
        self.scratch = scratch
        self.settings = settings
        self.budget = budget
        self.facts = Facts()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="kernel-loop", daemon=True)
        within = settings.warm.folder if settings.warm is not None else None
        self._runtime = Path(tempfile.mkdtemp(prefix="grade-", dir=within)).resolve()
        self._cell = sandbox.build_cell(scratch, self._runtime, budget, settings.device, settings.sandbox)
        self._provisioner = KernelProvisioner(self._cell, self._runtime / "log", settings.warm)
        self._watchdog = Watchdog(self._provisioner, budget, scratch, self._cell.sockets)
        self._manager: AsyncKernelManager | None = None
        self._client: BoundedClient | None = None
        self._ended = False

    # ------------------------------------------------------------------ life

    def __enter__(self) -> KernelSession:
        self._thread.start()
        try:
            self._do(self._start())
        except BaseException:
            self.close()
            raise
        self._watchdog.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the kernel, at once and with everything that it started."""
        if self._ended:
            return
        self._ended = True
        self._watchdog.close()
        self._provisioner.destroy()
        with suppress(Exception):
            self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        if not self._thread.is_alive():
            self._loop.close()
        if self._watchdog.group is not None:
            self._watchdog.group.remove()
        remove(self._runtime)

    @property
    def alive(self) -> bool:
        """Whether the kernel's process is still there."""
        process = self._provisioner.process
        return not self._ended and process is not None and process.poll() is None

    @property
    def peak_memory(self) -> int:
        """Most bytes that the kernel and its children were seen to hold."""
        return self._watchdog.peak_memory

    def _do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _start(self) -> None:
        manager = AsyncKernelManager(
            connection_file=str(self._cell.sockets / "kernel.json"),
            client_class="grader.kernel.client.BoundedClient",
            # Sockets in a folder of our own: no port that another process could take or connect to.
            **({"transport": "ipc", "ip": str(self._cell.sockets / "k")} if sys.platform != "win32" else {}),
        )
        self._provisioner.parent = manager
        manager.provisioner = self._provisioner
        manager.session.key = secrets.token_hex(32).encode()
        self._manager = manager
        try:
            await manager.start_kernel(cwd=str(self.scratch), env=clean_environment(self.scratch, self.settings.device))
            client = manager.client()
            self._client = client
            client.start_channels(stdin=False, hb=False)
            await client.wait_for_ready(timeout=STARTUP_S)
            client.allow_stdin = False
            layers = self._cell.told().layers  # written before any of the notebook's code ran
            self._provisioner.settle(contained=layers.get("namespaces") == "")
            if self.settings.sandbox != "off":
                layers[sandbox.GROUP] = self._bound()
            sandbox.insist(layers, self.settings.sandbox)
            await self._install_probe()
            self.facts.layers = sandbox.held(layers)
        except (RuntimeError, OSError) as error:
            raise KernelStartError(
                f"The notebook's kernel did not start ({self._provisioner.last_words() or error}).",
                "Run `grade doctor`; `python -m ipykernel --version` must work in the same environment.",
            ) from error

    def _bound(self) -> str:
        """Put the processes into a control group; what is in the way of it, or ""."""
        try:
            self._watchdog.group = sandbox.control_group(self.budget)
        except OSError as error:
            return str(error)
        self._watchdog.group.add(self._provisioner.pids())
        return ""

    async def _stop(self) -> None:
        if self._client is not None:
            self._client.stop_channels()
        if self._manager is not None:
            process = self._provisioner.process
            deadline = time.monotonic() + 5
            while process is not None and process.poll() is None and time.monotonic() < deadline:
                await asyncio.sleep(0.01)
            with suppress(Exception):
                await self._manager.cleanup_resources()
        # Whoever pressed Ctrl-C left a cell running: asyncio complains about tasks that nobody ends.
        unfinished = asyncio.all_tasks() - {asyncio.current_task()}
        for task in unfinished:
            task.cancel()
        if unfinished:
            await asyncio.wait(unfinished, timeout=2)

    async def _install_probe(self) -> None:
        assert self._client is not None
        reply = await self._client.execute(
            f"exec(compile({probe_source()!r}, '<grader>', 'exec'), "
            "{'__name__': '_grader_probe', 'get_ipython': get_ipython})",
            silent=True,
            store_history=False,
            allow_stdin=False,
            reply=True,
            timeout=STARTUP_S,
        )
        if reply["content"].get("status") != "ok":
            raise KernelStartError(
                f"The kernel cannot load torch ({reply['content'].get('evalue', '')}).", "Run `grade doctor`."
            )
        answer = await self._ask({"do": "setup", "seed": self.settings.seed, "device": self.settings.device}, [])
        facts = wire.decode(answer.content["ok"], answer.buffers)
        self.facts = Facts(facts["device"], facts["versions"])
        wanted = self.settings.device.partition(":")[0]
        if wanted not in ("auto", self.facts.device):
            raise UsageError(f"There is no {wanted} device here.", "Use --device cpu, or --device auto.")

    # ------------------------------------------------------------------ work

    def execute(
        self,
        notebook: nbformat.NotebookNode,
        stop_on_error: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[CellOutcome]:
        """Run the notebook's code cells from top to bottom, within their budgets; fill in their outputs.

        Parameters
        ----------
        stop_on_error
            Do not run what follows a failing cell.
        progress
            Called with the number of each code cell, from 1, and how many there are, as it starts.
        """
        assert self._manager is not None
        assert self._client is not None
        runner = NotebookRunner(notebook, self._manager, self._client, self._watchdog)
        return self._do(runner.run(self.budget, self.facts.device, stop_on_error, progress))

    def ask(self, request: dict[str, Any], buffers: list[bytes], seconds: float | None = None) -> Answer:
        """Ask the probe in the kernel. The answer is a claim.

        Raises
        ------
        TimeoutError
            It did not answer within `seconds` (default: the exercise's ``answer_s``); it was interrupted.
        MemoryError
            It took more memory than it may, and was killed.
        ConnectionError
            The kernel is dead.
        """
        if not self.alive:
            raise ConnectionError
        with self._watchdog.limit(seconds or self.budget.answer_s, "answer"):
            try:
                answer = self._do(self._ask(request, buffers))
            except ConnectionError:
                answer = None
        alarm = self._watchdog.take_alarm()
        if alarm == "memory":
            raise MemoryError
        if alarm:
            raise TimeoutError
        if answer is None:
            raise ConnectionError
        return answer

    async def _ask(self, request: dict[str, Any], buffers: list[bytes]) -> Answer:
        client = self._client
        assert client is not None
        client.meter(Meter(_ANSWER_BYTES, _ANSWER_MESSAGES))
        message = client.session.msg("grader_request", request)
        client.session.send(client.shell_channel.socket, message, buffers=buffers)
        drain = asyncio.ensure_future(self._drain())
        try:
            while True:
                try:
                    reply = await client.shell_channel.get_msg(timeout=0.2)
                except Empty:
                    if not self.alive:
                        raise ConnectionError from None
                    continue
                if (
                    reply["parent_header"].get("msg_id") == message["header"]["msg_id"]
                    and reply["msg_type"] == "grader_reply"
                ):
                    return Answer(reply["content"], reply.get("buffers", []))
        finally:
            drain.cancel()
            client.meter(None)

    async def _drain(self) -> None:
        """Take away what the notebook's functions print while they are asked: nobody looks at it."""
        assert self._client is not None
        while True:
            await self._client.iopub_channel.get_msg(timeout=None)


@functools.cache
def probe_source() -> str:
    """The probe's text, as it is sent to the kernel."""
    try:
        return importlib.resources.files("grader.kernel").joinpath("probe.py").read_text("utf-8")
    except OSError as error:
        raise GradingError("The grader's installation is not whole.", "Install it again.") from error
