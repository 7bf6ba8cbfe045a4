"""What the commands share: the command line itself, its streams, and the options that mean the same everywhere."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
import typer.core
from rich.console import Console

from grader import usage
from grader.errors import UsageError
from grader.language import mark, preferred, tr
from grader.text import plain

if TYPE_CHECKING:
    from grader.exercise import Exercise
    from grader.grading import Options
    from grader.judging import Progress
    from grader.kernel.warm import Warm


class Complaints(Console):
    """Standard error. Where nobody reads it any more, all goes on without a word.

    Rich would end the process, in whichever thread: one that a kernel's cells are run in, say.
    """

    def on_broken_pipe(self) -> None:
        self.quiet = True


# No markup: a folder may be named `[red]`.
console = Console(highlight=False, soft_wrap=False, markup=False)
complaints = Complaints(stderr=True, highlight=False, soft_wrap=True, markup=False)


class Standing:
    """What a process has that is there for one command after another (:mod:`grader.serving`): else there is none of it.

    Attributes
    ----------
    say
        Who is told how far a notebook has got, instead of the terminal.
    """

    say: Progress | None = None

    def warm(self, exercise: Exercise, options: Options) -> Warm | None:
        """The process to fork a kernel from."""
        return None


standing = Standing()


def exercise_ids(incomplete: str = "") -> list[str]:
    """The ids of the exercises that can be found from here, as a shell offers them."""
    from grader.exercise import ids_near

    return [id_ for id_ in ids_near(Path.cwd()) if id_.startswith(incomplete)]


class GradeByDefault(typer.core.TyperGroup):
    """`grade PATH` is `grade notebook PATH`: what is no command is taken for a path."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        options_alone = {"--help", "-h", "--version", "--install-completion", "--show-completion"}
        if args and args[0] not in self.commands and args[0] not in options_alone:
            self._suggest(args[0])
            args = ["notebook", *args]
        usage.open_at(self, args)
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """What a shell offers for the first word: commands, and exercises, since `grade 110` grades one."""
        found: list[Any] = super().shell_complete(ctx, incomplete)
        kind = type(super().shell_complete(ctx, "")[0])  # typer keeps it to itself
        return found + [kind(id_) for id_ in exercise_ids(incomplete)]

    def _suggest(self, word: str) -> None:
        """Say which command a word is nearly, where there is no such path.

        Raises
        ------
        UsageError
        """
        close = difflib.get_close_matches(word, self.commands, n=1)
        if close and word.isalpha() and not os.path.lexists(word):  # else it is meant as a path
            raise UsageError(
                tr("There is no command {word}.", word=plain(word)), tr("Did you mean `grade {name}`?", name=close[0])
            )


app = typer.Typer(
    cls=GradeByDefault,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=mark(
        "Grade notebooks of a deep-learning course.\n\n`grade exercises/110` grades one notebook: an exercise folder, "
        "a solution folder, or a notebook file."
    ),
)
data_app = typer.Typer(
    no_args_is_help=True, help=mark("The real data sets: what is here, fetch them, add your own copies.")
)
app.add_typer(data_app, name="data")

AsJson = Annotated[bool, typer.Option("--json", help=mark("Print JSON, and nothing else, on standard output."))]
Device = Annotated[str, typer.Option(help=mark("What the notebook may use: auto, cpu, cuda, cuda:N or mps."))]
Data = Annotated[
    Literal["auto", "full", "sample", "small"],
    typer.Option(
        help=mark(
            "full: the real sets; sample: embedded ones; auto: full if here; small: a part of the sample, for authors."
        )
    ),
]
Lang = Annotated[
    Literal["en", "fi"] | None,
    typer.Option(help=mark("Language of what students read; without it, that of your system or of GRADER_LANG.")),
]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help=mark("Seed of every random number."))]
Sandbox = Annotated[
    Literal["auto", "strict", "off"],
    typer.Option(
        help=mark("auto: every layer of isolation that this system offers; strict: not without one; off: none.")
    ),
]
ExerciseId = Annotated[
    str | None,
    typer.Option(
        "--exercise",
        help=mark("Exercise that the notebook is for, where the path does not tell."),
        autocompletion=exercise_ids,
    ),
]


def device_named(device: str) -> str:
    """The device as it was typed, if there can be such a one."""
    kind, colon, number = device.partition(":")
    if kind not in ("auto", "cpu", "cuda", "mps") or (colon and not (kind == "cuda" and number.isdigit())):
        raise UsageError(
            tr("There is no device {device}.", device=repr(device)), tr("Use auto, cpu, cuda, cuda:N or mps.")
        )
    return device


def settings(device: str, data: Any, lang: str | None, seed: int, sandbox: Any) -> Options:
    """How to grade, from what was typed."""
    from grader.grading import Options

    return Options(data=data, device=device_named(device), seed=seed, language=lang or preferred(), sandbox=sandbox)


def open_page(page: Path) -> None:
    """Open a page in the browser; where there is none, say where the page lies."""
    import webbrowser

    if not webbrowser.open(page.absolute().as_uri()):
        complaints.print(tr("No browser could be opened. The page is {page}", page=near(page)))


def open_address(address: str) -> None:
    """Open a secret address in the browser, by a file of the user's own: others see what commands are started with."""
    import atexit
    import html

    from grader.scratch import remove, scratch_folder

    folder = scratch_folder()
    atexit.register(remove, folder)
    page = folder / "open.html"
    page.touch(0o600)
    page.write_text(f'<!doctype html><meta http-equiv="refresh" content="0; url={html.escape(address)}">', "utf-8")
    open_page(page)


def near(path: Path) -> str:
    """A path as the person would type it from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
