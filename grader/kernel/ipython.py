"""The kernel that notebooks run in: ipykernel's, in two steps, and without what only people at a screen need.

The first step needs no socket, no thread and no folder: the warm process takes it once for all its forks. Left out
are the heartbeat, the control channel, subshells and the debugger. Tried with ipykernel 7.
"""

from __future__ import annotations

import asyncio
import atexit
import importlib
import io
import logging
import os
import signal
import subprocess
import sys
import threading
import types
from typing import Any

_NO_DEBUGGER = "debugpy"


def _leave_out_the_debugger() -> None:
    """Nobody steps through a notebook here, and debugpy is slow to import."""
    there = sys.modules.get(_NO_DEBUGGER)
    sys.modules[_NO_DEBUGGER] = None  # type: ignore[assignment]
    import ipykernel.debugger  # noqa: F401 - it remembers that there is none

    if there is None:
        del sys.modules[_NO_DEBUGGER]
    else:
        sys.modules[_NO_DEBUGGER] = there


_leave_out_the_debugger()

from ipykernel import kernelapp, zmqshell  # noqa: E402
from ipykernel.ipkernel import IPythonKernel  # noqa: E402
from IPython.core.application import BaseIPythonApplication  # noqa: E402
from traitlets.config import Config  # noqa: E402
from traitlets.utils.importstring import import_item  # noqa: E402
from zmq.constants import SocketType  # noqa: E402
from zmq.sugar.context import Context  # noqa: E402

from grader.kernel import elsewhere, home, objects, quick, rehearsal, tripwires  # noqa: E402
from grader.kernel.line import BEGUN, ENDED, Line  # noqa: E402
from grader.kernel.outputs import Publisher, Stream  # noqa: E402

set_handler: Any = vars(importlib.import_module("_signal"))["signal"]  # what `signal.signal` calls, without its names
_OWN_THREAD = sys.platform == "win32"  # there ipykernel's own thread publishes


class _MainThread:
    """In the place of a thread for the shell channel: there is none, and cells run in the main one."""

    parent_thread = threading.main_thread()

    def __bool__(self) -> bool:
        return False


class _Kernel(IPythonKernel):  # type: ignore[misc]
    _supports_kernel_subshells = False
    _execute_sleep = 0  # for what is still on its way through ipykernel's own thread
    line: Line

    def pre_handler_hook(self) -> None:
        """As ipykernel's own, but without looking up names of signals and handlers, which takes most of the time."""
        self.saved_sigint_handler = set_handler(signal.SIGINT, signal.default_int_handler)

    def post_handler_hook(self) -> None:
        """The same."""
        set_handler(signal.SIGINT, self.saved_sigint_handler)

    # Not `super()` in here: a notebook may have put something in its place.

    async def dispatch_shell(self, *args: Any, **options: Any) -> None:
        """Do what a message asks for; greet who has subscribed meanwhile."""
        await IPythonKernel.dispatch_shell(self, *args, **options)
        if not _OWN_THREAD:
            self.iopub_thread.welcome()

    async def execute_request(self, stream: Any, ident: Any, parent: Any) -> None:
        """Run a cell and reply; with a sign before and after, whatever becomes of both."""
        line = self.line
        line.sign(BEGUN)
        try:
            await IPythonKernel.execute_request(self, stream, ident, parent)
        finally:
            line.sign(ENDED)

    async def do_execute(
        self, code: str, *args: Any, cell_meta: Any = None, cell_id: Any = None, **options: Any
    ) -> Any:
        """Run a cell; with a sign after it, since the reply takes some steps yet."""
        try:
            return await IPythonKernel.do_execute(self, code, *args, cell_meta=cell_meta, cell_id=cell_id, **options)
        finally:
            self.line.sign(ENDED)


class NotebookKernel(kernelapp.IPKernelApp):  # type: ignore[misc]
    """ipykernel's application: :meth:`prepare`, then :meth:`connect` in the process that runs the notebook."""

    kernel_class = _Kernel

    def prepare(self, probe: types.CodeType) -> None:
        """Build all that needs neither sockets nor threads.

        Parameters
        ----------
        probe
            :mod:`grader.kernel.probe`, compiled: its file is out of reach by the time that it is needed.
        """
        BaseIPythonApplication.initialize(self, [])
        self.init_pdb()
        if not _OWN_THREAD:
            self.iopub_thread = Publisher(self.session)
            self.iopub_socket = self.iopub_thread.background_socket
            self.init_io()
        self.kernel = self.kernel_class.instance(
            parent=self,
            session=self.session,
            iopub_thread=self.iopub_thread,
            iopub_socket=self.iopub_socket,
            shell_channel_thread=_MainThread(),
            log=self.log,
            profile_dir=self.profile_dir,
            user_ns=self.user_ns,
        )
        self.init_shell()
        self.init_gui_pylab()
        self.init_extensions()
        self.init_code()
        if sys.platform != "win32":
            zmqshell.system = home.answering(run_command)
        home.make_lenient(self.shell)
        home.answer_programs()
        quick.leave_plain_cells(self.shell)
        quick.transform_once(self.shell)
        quick.await_where_it_is_said(self.shell)
        quick.read_dates_quickly()
        quick.look_at_parameters_once()
        quick.name_cells_quickly()
        quick.pack_quickly(self.session)
        self.kernel.shell.enable_gui = _no_windows
        elsewhere.adapt()
        self._probe: dict[str, Any] = {"__name__": "_grader_probe"}
        exec(probe, self._probe)

    def connect(self, connection_file: str, line: Line, said: dict[str, str], packages: dict[str, list[str]]) -> None:
        """Open the channels, and the line to the grader; say on it that all is ready.

        Parameters
        ----------
        said
            What is told to notebooks that look for what is not here.
        packages
            Those that the exercise allows and forbids.
        """
        self.connection_file = connection_file
        self.load_connection_file()
        self.session.pid = os.getpid()
        asyncio.set_event_loop(asyncio.new_event_loop())
        self.init_sockets()
        self.init_signal()
        kernel = self.kernel
        kernel.line = line
        kernel.shell_stream = quick.DirectStream(self.shell_socket)
        if _OWN_THREAD:
            self.init_io()
            kernel.iopub_thread, kernel.iopub_socket = self.iopub_thread, self.iopub_socket
            kernel.shell.displayhook.pub_socket = kernel.shell.display_pub.pub_socket = self.iopub_socket
        kernel._stdout, kernel._stderr = sys.stdout, sys.stderr
        self.displayhook.get_execution_count = lambda: kernel.execution_count
        elsewhere.settle(kernel.shell)
        elsewhere.stand_in(said)
        add_own_modules()
        home.arrive(os.getcwd(), said, packages)  # noqa: PTH109
        tripwires.hold_anomaly_mode()
        self._probe["install"](kernel.shell, line, tripwires.tripwires, objects.answering)
        line.send("ready")

    def init_sockets(self) -> None:
        """Open the channels on which cells come and outputs go. None for input, since nobody answers that."""
        self.context = context = Context()
        atexit.register(self.close)
        self.shell_socket = context.socket(SocketType.ROUTER)
        self.shell_socket.linger = 1000
        self.shell_port: int = self._bind_socket(self.shell_socket, self.shell_port)
        self.shell_socket.router_handover = 1
        self.init_iopub(context)

    def init_iopub(self, context: Any) -> None:
        if _OWN_THREAD:
            super().init_iopub(context)
            return
        socket = context.socket(SocketType.XPUB)
        socket.linger = 1000
        self.iopub_port: int = self._bind_socket(socket, self.iopub_port)
        publisher = self.iopub_thread
        publisher.connect(socket)
        for stream in publisher.streams:
            stream.redirect(echo=stream is sys.stderr)  # the log, for who cannot start
        publisher.start()
        asyncio.get_event_loop().add_reader(socket.fd, publisher.welcome)

    def init_io(self) -> None:
        if _OWN_THREAD:
            super().init_io()
            return
        sys.stdout = Stream(self.session, self.iopub_thread, "stdout")
        sys.stderr = Stream(self.session, self.iopub_thread, "stderr")
        sys.displayhook = self.displayhook = import_item(str(self.displayhook_class))(self.session, self.iopub_socket)
        self.patch_io()


def _no_windows(gui: str | None = None) -> None:
    """There is no screen for an event loop to draw on; `%gui` changes nothing."""


def build(probe: types.CodeType) -> NotebookKernel:
    """The application, prepared."""
    sys.path[:] = [path for path in sys.path if path]
    config = Config({"HistoryManager": {"enabled": False}})
    application: NotebookKernel = NotebookKernel.instance(config=config)
    application.log.setLevel(logging.WARNING)  # or each message of the kernel's is made into a line that nobody reads
    application.prepare(probe)
    return application


def warm_up(application: NotebookKernel) -> None:
    """Do what notebooks do, so that what is built at first use is there for all forks."""
    rehearsal.rehearse(application)
    if "matplotlib" in sys.modules:  # it asks for the shell as it is imported, and here it may have been there before
        application.shell.enable_matplotlib("inline")


def add_own_modules() -> None:
    """Let modules that lie beside the notebook be imported: as in Jupyter after Python's own, before packages."""
    packages = [n for n, path in enumerate(sys.path) if os.path.basename(path).endswith("-packages")]  # noqa: PTH119
    sys.path.insert(packages[0] if packages else 0, "")


def run_command(command: str) -> Any:
    """Run `!command` of a cell and show what it prints; its exit status.

    IPython's own way wants a pseudo-terminal. There is none in the sandbox, nor anybody who types into one.
    """
    from IPython.utils.process import process_handler

    def show(child: subprocess.Popen[bytes]) -> int:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.close()
        for line in io.TextIOWrapper(child.stdout, encoding="utf-8", errors="replace", newline=""):
            print(line, end="", flush=True)
        return child.wait()

    return process_handler(command, show, subprocess.STDOUT)
