"""`grade`, as it is typed, in a process of its own: a fork of one that has imported what the command takes.

To import it takes a second or two of a processor, and the tests type hundreds of commands. Each has its own folder,
environment and streams, and ends as a program ends. What hangs on how a process starts (`python -m`, what is imported
when, signals to a terminal's group) is for processes that are started anew: :func:`anew`.
"""

from __future__ import annotations

import atexit
import importlib
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
GRADE = [sys.executable, "-m", "grader.cli"]
# What commands import when they need it, which needs neither torch nor a catalogue.
_IMPORTED = (
    *("batch.command", "batch.comment", "batch.dry_run", "batch.override", "batch.pages", "bundle", "course.command"),
    *("doctor", "foreign", "grading", "platforms.export", "render.console", "render.html", "status", "validation"),
)
_LARGEST = 200_000
_FIRST = 3


def anew(
    *arguments: str | Path,
    cwd: Path | None = None,
    stdin: bytes = b"",
    environment: Mapping[str, str] = os.environ,
    timeout: float = 200,
) -> subprocess.CompletedProcess[bytes]:
    """The command in a process that is started for it; its streams are no terminals."""
    return subprocess.run(
        [*GRADE, *map(str, arguments)],
        cwd=cwd,
        env=environment,
        input=stdin,
        capture_output=True,
        timeout=timeout,
        check=False,
    )


def typed(
    *arguments: str | Path,
    cwd: Path | None = None,
    stdin: bytes = b"",
    environment: Mapping[str, str] = os.environ,
    timeout: float = 200,
) -> subprocess.CompletedProcess[bytes]:
    """The command in a fork; all else is as in :func:`anew`.

    Raises
    ------
    subprocess.TimeoutExpired
        The command, and the process that it is a fork of, are ended.
    """
    if sys.platform != "linux":
        return anew(*arguments, cwd=cwd, stdin=stdin, environment=environment, timeout=timeout)
    words = [*map(str, arguments)]
    asked = {"words": words, "folder": str(cwd or Path.cwd()), "environment": dict(environment)}
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        process, line = _server()
        line.settimeout(timeout)
        socket.send_fds(line, [json.dumps(asked).encode()], [one.fileno() for one in (given, out, err)])
        try:
            answer = line.recv(100)
        except TimeoutError:
            process.kill()
            _server.cache_clear()
            raise subprocess.TimeoutExpired(words, timeout) from None
        for one in (out, err):
            one.seek(0)
        return subprocess.CompletedProcess([*GRADE, *words], int(answer), out.read(), err.read())


def text(done: subprocess.CompletedProcess[bytes]) -> subprocess.CompletedProcess[str]:
    """What it said, as text."""
    out, err = (io.TextIOWrapper(io.BytesIO(one), encoding="utf-8").read() for one in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


@cache
def _server() -> tuple[subprocess.Popen[bytes], socket.socket]:
    """The process whose forks the commands are, and a line to it; it ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        program = [sys.executable, "-m", __name__, str(theirs.fileno())]
        # Consoles that are made at import keep the width that is told then.
        outside = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        process = subprocess.Popen(program, cwd=ROOT, env=outside, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return process, ours


def _serve(line: socket.socket) -> dict[str, object]:
    """Fork for each command; this comes back in the forks alone, with what was asked."""
    from grader.kernel import linux

    while True:
        packet, descriptors, _, _ = socket.recv_fds(line, _LARGEST, 3)
        if not packet:
            sys.exit()
        child = os.fork()
        if child == 0:
            linux.die_with_parent()
            for target, source in enumerate(descriptors):
                os.dup2(source, target)
            line.detach()
            os.closerange(_FIRST, os.sysconf("SC_OPEN_MAX"))
            return dict(json.loads(packet))
        for one in descriptors:
            os.close(one)
        _, status = os.waitpid(child, 0)
        line.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(words: list[str], folder: str, environment: dict[str, str]) -> None:
    """Be as a process is that was started for this command."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    encoding, _, errors = environment.get("PYTHONIOENCODING", "").partition(":")
    sys.stdin = open(0, encoding=encoding or None, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding=encoding or None, errors=errors or "strict", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, encoding or None, "backslashreplace", closefd=False)  # noqa: SIM115
    sys.argv[1:] = words


def main() -> None:
    """Serve; in a fork, the command."""
    from grader import cli

    for name in _IMPORTED:
        importlib.import_module(f"grader.{name}")
    with socket.socket(fileno=int(sys.argv[1])) as line:
        asked = _serve(line)
    _become(**asked)  # type: ignore[arg-type]
    sys.argv[0] = str(cli.__file__)
    cli.main()


if __name__ == "__main__":
    main()
