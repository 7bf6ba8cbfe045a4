"""The command `grade`: arguments, one call, an exit code."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any, NoReturn

import typer

from grader import usage
from grader.commands.common import app, complaints
from grader.errors import GraderError
from grader.language import mark, speak, tr
from grader.limits import tight

# Importing these is what puts their commands on the command line, in the order of the help.
# isort: off
from grader.commands import student, teacher, author, imports, data

# isort: on

__all__ = ["app", "author", "data", "imports", "main", "student", "teacher"]


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"grade {version('grader')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help=mark("Print the version."))
    ] = False,
) -> None:
    """Grade notebooks of a deep-learning course."""


# Of the command-line library's own errors typer exports only this one's subclass.
_CommandError: Any = typer.BadParameter.__base__


@contextmanager
def endings() -> Iterator[list[int]]:
    """Meanwhile SIGTERM and SIGHUP end a command as Ctrl-C does, with all that it started; which one came, in a list.

    What is ignored (`nohup`) stays so.
    """
    heard: list[int] = []
    before = {one: signal.getsignal(one) for one in _ENDINGS}

    def hear(number: int, _: object) -> NoReturn:
        for one in _ENDINGS:  # what is being swept away is not to be left half done
            signal.signal(one, signal.SIG_IGN)
        heard.append(number)
        raise KeyboardInterrupt

    with suppress(ValueError):  # in a thread that is not the main one
        for one in _ENDINGS:
            if before[one] is not signal.SIG_IGN:
                signal.signal(one, hear)
    try:
        yield heard
    finally:
        with suppress(ValueError):
            for one in _ENDINGS:
                signal.signal(one, before[one])


_ENDINGS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


def main() -> None:
    """Entry point of the command `grade`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ✓ gets a question mark, not a traceback
    with endings() as heard:
        code = exit_code()
    sys.exit(128 + heard[0] if heard and code == 130 else code)


def exit_code() -> int:
    """Do what was asked for; how that ended."""
    try:
        speak(usage.asked_for(sys.argv[1:]))
        code = app(standalone_mode=False, prog_name="grade") or 0
        if code == 130:  # Ctrl-C, as typer tells it
            _stopped()
    except GraderError as error:
        complaints.print(f"{error.message} {error.advice}".strip())
        code = error.exit_code
    except _CommandError as error:
        if error.format_message():  # without arguments the help has been printed, and nothing is left to say
            complaints.print(usage.complaint(error))
        code = 2
    except (KeyboardInterrupt, typer.Abort):  # as older versions of it do
        _stopped()
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 1
    except Exception as error:  # the grader's own fault, and not to be taken for "graded, not everything passed"
        if os.environ.get("GRADER_DEBUG"):
            raise
        complaints.print(_what_failed(error))
        code = 3
    return int(code)


def _stopped() -> None:
    with suppress(OSError):  # the terminal may be gone
        complaints.print(tr("Stopped."))


# Errors of a process that may not have more of something.
_STARVED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EFBIG)


def _what_failed(error: Exception) -> str:
    """What to say of an error that nobody thought of."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        return tr(
            "A file cannot be written ({error}). Make room on the disk, and run the same command again: "
            "what was graded before is kept.",
            error=error.strerror,
        )
    told = f"{type(error).__name__}: {error}"
    starved = isinstance(error, MemoryError) or getattr(error, "errno", 0) in _STARVED or "new thread" in told
    if starved and (limits := tight()):
        return tr("The grader itself failed ({error}). Nothing was graded.", error=told) + " " + limits
    return tr(
        "The grader itself failed ({error}). Nothing was graded; please report it with what GRADER_DEBUG=1 prints.",
        error=told,
    )


if __name__ == "__main__":
    main()
