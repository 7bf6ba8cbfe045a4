"""The command `grade`: arguments, one call, an exit code."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
import typer.core
from rich.console import Console

from grader.errors import GraderError, UsageError

if TYPE_CHECKING:
    from grader.grading import Options

# No markup: a folder may be named `[red]`.
console = Console(highlight=False, soft_wrap=False, markup=False)
complaints = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


class _GradeByDefault(typer.core.TyperGroup):
    """`grade PATH` is `grade notebook PATH`: what is no command is taken for a path."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        options_alone = {"--help", "-h", "--version", "--install-completion", "--show-completion"}
        if args and args[0] not in self.commands and args[0] not in options_alone:
            args = ["notebook", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_GradeByDefault,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Grade notebooks of a deep-learning course.\n\n`grade exercises/110` grades one notebook: an exercise folder, "
    "a solution folder, or a notebook file.",
)
data_app = typer.Typer(no_args_is_help=True, help="The real data sets: what is here, fetch them, add your own copies.")
app.add_typer(data_app, name="data")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")]
Device = Annotated[str, typer.Option(help="What the notebook may use: auto, cpu, cuda, cuda:N or mps.")]
Data = Annotated[
    Literal["auto", "full", "sample"],
    typer.Option(help="full: the real sets; sample: embedded ones; auto: full if here."),
]
Lang = Annotated[Literal["en", "fi"], typer.Option(help="Language of the exercises' titles.")]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of every random number.")]
Sandbox = Annotated[
    Literal["auto", "strict", "off"],
    typer.Option(help="auto: every layer of isolation that this system offers; strict: not without one; off: none."),
]
ExerciseId = Annotated[
    str | None,
    typer.Option("--exercise", help="Exercise that the notebook is for, where the path does not tell."),
]


def _device(device: str) -> str:
    kind, colon, number = device.partition(":")
    if kind not in ("auto", "cpu", "cuda", "mps") or (colon and not (kind == "cuda" and number.isdigit())):
        raise UsageError(f"There is no device {device!r}.", "Use auto, cpu, cuda, cuda:N or mps.")
    return device


def _settings(device: str, data: Any, lang: str, seed: int, sandbox: Any) -> Options:
    from grader.grading import Options

    return Options(data=data, device=_device(device), seed=seed, language=lang, sandbox=sandbox)


@app.command()
def notebook(
    path: Annotated[
        Path, typer.Argument(help="An exercise folder, a solution folder, or a notebook.", show_default=False)
    ],
    exercise: ExerciseId = None,
    as_json: AsJson = False,
    device: Device = "auto",
    data: Data = "auto",
    lang: Lang = "en",
    seed: Seed = 0,
    sandbox: Sandbox = "auto",
) -> None:
    """Grade one notebook (`grade PATH` for short)."""
    from grader.exercise import find_target
    from grader.grading import grade
    from grader.keeping import keep
    from grader.progress import CellProgress
    from grader.render.console import render
    from grader.submission import Submission

    target = find_target(path, exercise)
    options = _settings(device, data, lang, seed, sandbox)
    with CellProgress(complaints, quiet=as_json) as progress:
        graded = grade(Submission(target.notebook), target.exercise, options, progress.say)
    kept = keep(graded, target.notebook)
    if as_json:
        print(json.dumps(graded.report.model_dump(mode="json"), indent=2))
    else:
        console.print(render(graded.report, _near(kept) if kept else ""))
    raise typer.Exit(graded.report.exit_code)


def _near(path: Path) -> str:
    """A path as the person would type it from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


@app.command("list")
def list_exercises(as_json: AsJson = False, lang: Lang = "en") -> None:
    """List the exercises."""
    from rich.table import Table

    from grader.exercise import describe, every_exercise
    from grader.text import number

    found = [describe(one, lang) for one in every_exercise(Path.cwd())]
    if not found:
        raise UsageError("There are no exercises here.", "Go to the folder that holds `exercises/`.")
    if as_json:
        print(json.dumps(found, indent=2))
        return
    table = Table("Exercise", "Title", "Points", "Data", box=None, header_style="bold")
    for one in found:
        table.add_row(one["id"], one["title"], number(one["points"]), ", ".join(one["data"]))
    console.print(table)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Tell what this machine has: versions, devices, data, isolation."""
    from grader.doctor import examine, render

    found = examine()
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        console.print(render(found))


@app.command()
def batch(
    exercise: Annotated[Path, typer.Argument(help="The exercise's folder, or its id.", show_default=False)],
    submissions: Annotated[
        Path,
        typer.Argument(help="A folder or an archive: notebooks, a folder a student, Moodle's, Canvas's, nbgrader's."),
    ],
    results: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")] = Path("results"),
    workers: Annotated[
        int | None, typer.Option(min=1, help="Notebooks at a time; as many as cores and memory allow.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Grade everything again.")] = False,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Grade on a Dask cluster: tcp://HOST:PORT of its scheduler, or local for one started here."),
    ] = None,
    device: Device = "auto",
    data: Data = "full",
    lang: Lang = "en",
    seed: Seed = 0,
    sandbox: Sandbox = "auto",
) -> None:
    """Grade a whole class; the same command again goes on where it stopped, and grades what is new or changed."""
    from grader.batch.command import Class, run

    found = Class(exercise, submissions, results, workers, fresh, scheduler)
    code = run(found, _settings(device, data, lang, seed, sandbox), console, complaints)
    raise typer.Exit(code)


@app.command()
def validate(
    ids: Annotated[
        list[str] | None, typer.Argument(help="Exercises; all if none is named.", show_default=False)
    ] = None,
    as_json: AsJson = False,
    device: Device = "auto",
    data: Data = "auto",
    seed: Seed = 0,
    sandbox: Sandbox = "auto",
    only: Annotated[list[str] | None, typer.Option(help="Only these checks, and what they need.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Notebooks at a time.")] = 2,
) -> None:
    """Prove exercises: full marks for the reference, none for the starter, exactly its checks lost for each mistake."""
    from grader.exercise import every_exercise, find_exercise
    from grader.grading import Options
    from grader.validation import as_data, render, validate_all

    here = Path.cwd()
    exercises = [find_exercise(one, here) for one in ids] if ids else every_exercise(here)
    if not exercises:
        raise UsageError("There are no exercises here.", "Go to the folder that holds `exercises/`.")
    options = Options(data=data, device=_device(device), seed=seed, sandbox=sandbox, only=tuple(only or ()))
    say = None if as_json else lambda text: complaints.print(text, style="dim")
    results = validate_all(exercises, options, workers, say)
    if as_json:
        print(json.dumps([as_data(result) for result in results], indent=2))
    else:
        for result in results:
            console.print(render(result))
    raise typer.Exit(0 if all(result.sound for result in results) else 1)


@app.command()
def new(
    exercise: Annotated[str, typer.Argument(metavar="ID", help="Its id: a number, or a word.", show_default=False)],
    title: Annotated[str, typer.Option(help="Its title.", show_default=False)] = "",
    fi: Annotated[str, typer.Option(help="Its title in Finnish.", show_default=False)] = "",
    name: Annotated[
        str, typer.Option(help="What the notebook is called, after the id; taken from the title.", show_default=False)
    ] = "",
) -> None:
    """Begin an exercise: write one that is small, whole and sound, for you to rewrite."""
    from grader.skeleton import new_exercise

    for path in new_exercise(exercise, Path.cwd(), title, fi, name):
        console.print(f"Wrote {_near(path)}", soft_wrap=True)
    console.print(f"Prove it with `grade validate {exercise}`.", soft_wrap=True)


@app.command()
def release(
    ids: Annotated[
        list[str] | None,
        typer.Argument(help="Exercises; with --bundle all of this course if none is named.", show_default=False),
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="A zip to write: the exercises as students get them.", show_default=False)
    ] = None,
) -> None:
    """Write the starters of exercises from their reference notebooks, or a bundle of all that students get."""
    from grader.authoring import write_starter
    from grader.bundle import write_bundle
    from grader.exercise import exercise_folders, find_exercise, load

    here = Path.cwd()
    exercises = [find_exercise(one, here) for one in ids or []]
    if bundle is not None:
        exercises = exercises or [load(folder) for folder in exercise_folders(here).values()]
        console.print(f"Wrote {_near(write_bundle(exercises, bundle))}", soft_wrap=True)
        return
    if not exercises:
        raise UsageError("No exercise is named.", "Name exercises, or write a zip for students with --bundle.")
    for one in exercises:
        console.print(f"Wrote {_near(write_starter(one))}", soft_wrap=True)


@app.command()
def translate(
    ids: Annotated[
        list[str] | None,
        typer.Argument(help="Exercises, and `grader` for its own texts; all if none is named.", show_default=False),
    ] = None,
) -> None:
    """Bring the translations (`fi.po`) of exercises up to date with their checks, and tell what they lack."""
    from grader.catalogues import TRANSLATED, texts_of, texts_of_grader, update
    from grader.exercise import exercise_folders, find_exercise, load

    here = Path.cwd()
    if ids:
        texts = [texts_of_grader() if one == "grader" else texts_of(find_exercise(one, here)) for one in ids]
    else:
        texts = [texts_of_grader(), *(texts_of(load(folder)) for folder in exercise_folders(here).values())]
    faults = [fault for one in texts for language in TRANSLATED for fault in update(one, language)]
    for fault in faults:
        console.print(fault, soft_wrap=True)
    raise typer.Exit(1 if faults else 0)


@data_app.command("status")
def data_status(as_json: AsJson = False) -> None:
    """Tell which real data sets are on this machine, and where."""
    from grader.datasets import DATASETS, data_root

    here = {name: one.full_is_here() for name, one in DATASETS.items()}
    if as_json:
        print(json.dumps({"folder": str(data_root()), "sets": here}, indent=2))
        return
    console.print(f"Real data sets in {data_root()}", soft_wrap=True)
    for name, one in DATASETS.items():
        console.print(f"  {name:<10}{'here' if here[name] else 'not here':<10}{one.title}")
    missing = [name for name in DATASETS if not here[name] and DATASETS[name].fetchable]
    if missing:
        console.print(
            f"Get what is not here with `grade data fetch {missing[0]}`; until then the embedded sample is used."
        )


@data_app.command("fetch")
def data_fetch(
    names: Annotated[
        list[str] | None, typer.Argument(help="Data sets; all that may be had so if none is named.", show_default=False)
    ] = None,
) -> None:
    """Download real data sets."""
    from grader.datasets import DATASETS, data_root

    unknown = [name for name in names or [] if name not in DATASETS]
    if unknown:
        raise UsageError(f"There is no data set {unknown[0]!r}.", f"The data sets are {', '.join(DATASETS)}.")
    for name in names or [name for name, one in DATASETS.items() if one.fetchable]:
        if DATASETS[name].full_is_here():
            console.print(f"{name} is already in {data_root()}", soft_wrap=True)
        else:
            DATASETS[name].fetch()
            console.print(f"{name} is now in {data_root()}", soft_wrap=True)


@data_app.command("add")
def data_add(
    paths: Annotated[list[Path], typer.Argument(help="Archives or folders of real data sets.", show_default=False)],
) -> None:
    """Take real data sets from files or folders of your own."""
    from grader.datasets import DATASETS, data_root
    from grader.text import plain

    for path in paths:
        if not path.exists():
            raise UsageError(f"There is no {plain(str(path))}.", "Name an archive or a folder.")
        known = [one for one in DATASETS.values() if one.recognises(path)]
        if not known:
            raise UsageError(
                f"{plain(str(path))} is no data set of this course.",
                f"The data sets are {', '.join(DATASETS)}.",
            )
        for one in known:
            one.add(path)
            console.print(f"{one.name} is now in {data_root()}", soft_wrap=True)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"grade {version('grader')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Grade notebooks of a deep-learning course."""


# Of the command-line library's own errors typer exports only this one's subclass.
_CommandError: Any = typer.BadParameter.__base__


def main() -> None:
    """Entry point of the command `grade`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ✓ gets a question mark, not a traceback
    try:
        code = app(standalone_mode=False) or 0
        if code == 130:  # Ctrl-C, as typer tells it
            complaints.print("Stopped.")
    except GraderError as error:
        complaints.print(f"{error.message} {error.advice}".strip())
        code = error.exit_code
    except _CommandError as error:
        if error.format_message():  # without arguments the help has been printed, and nothing is left to say
            complaints.print(f"{error.format_message().rstrip('.')}. See `grade --help`.")
        code = 2
    except (KeyboardInterrupt, typer.Abort):  # as older versions of it do
        complaints.print("Stopped.")
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 1
    except Exception as error:  # the grader's own fault, and not to be taken for "graded, not everything passed"
        if os.environ.get("GRADER_DEBUG"):
            raise
        complaints.print(
            f"The grader itself failed ({type(error).__name__}: {error}). Nothing was graded; "
            "please report it with what GRADER_DEBUG=1 prints."
        )
        code = 3
    sys.exit(code)


if __name__ == "__main__":
    main()
