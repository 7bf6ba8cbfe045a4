"""The command `grade`: arguments, one call, an exit code."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
import typer.core
from rich.console import Console

from grader import manual
from grader.errors import GraderError, UsageError
from grader.language import mark, preferred, speak, tr

if TYPE_CHECKING:
    from grader.grading import Graded, Options

# No markup: a folder may be named `[red]`.
console = Console(highlight=False, soft_wrap=False, markup=False)
complaints = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


class _GradeByDefault(typer.core.TyperGroup):
    """`grade PATH` is `grade notebook PATH`: what is no command is taken for a path."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        options_alone = {"--help", "-h", "--version", "--install-completion", "--show-completion"}
        if args and args[0] not in self.commands and args[0] not in options_alone:
            args = ["notebook", *args]
        manual.open_at(self, args)
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_GradeByDefault,
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
    Literal["auto", "full", "sample"],
    typer.Option(help=mark("full: the real sets; sample: embedded ones; auto: full if here.")),
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
    typer.Option("--exercise", help=mark("Exercise that the notebook is for, where the path does not tell.")),
]


def _device(device: str) -> str:
    kind, colon, number = device.partition(":")
    if kind not in ("auto", "cpu", "cuda", "mps") or (colon and not (kind == "cuda" and number.isdigit())):
        raise UsageError(
            tr("There is no device {device}.", device=repr(device)), tr("Use auto, cpu, cuda, cuda:N or mps.")
        )
    return device


def _settings(device: str, data: Any, lang: str | None, seed: int, sandbox: Any) -> Options:
    from grader.grading import Options

    return Options(data=data, device=_device(device), seed=seed, language=lang or preferred(), sandbox=sandbox)


@app.command()
def notebook(
    path: Annotated[
        Path, typer.Argument(help=mark("An exercise folder, a solution folder, or a notebook."), show_default=False)
    ],
    exercise: ExerciseId = None,
    as_json: AsJson = False,
    device: Device = "auto",
    data: Data = "auto",
    lang: Lang = None,
    seed: Seed = 0,
    sandbox: Sandbox = "auto",
    watch: Annotated[
        bool, typer.Option("--watch", help=mark("Grade again on every save, until Ctrl-C; with --json a line each."))
    ] = False,
    show: Annotated[bool, typer.Option("--open", help=mark("Open the report's page in the browser."))] = False,
) -> None:
    """Grade one notebook (`grade PATH` for short)."""
    from grader.exercise import find_target
    from grader.grading import grade
    from grader.keeping import PAGE, keep
    from grader.progress import CellProgress
    from grader.render.console import render
    from grader.submission import Submission
    from grader.text import plain

    target = find_target(path, exercise)
    options = _settings(device, data, lang, seed, sandbox)

    shown: list[Path] = []

    def tell(graded: Graded) -> None:
        kept = keep(graded, target.notebook)
        if as_json:
            print(json.dumps(graded.report.model_dump(mode="json"), indent=None if watch else 2), flush=True)
        else:
            console.print(render(graded.report, _near(kept) if kept else ""))
        if show and kept and kept not in shown:  # once: whoever watches reloads it
            shown.append(kept)
            _open(kept / PAGE)

    if watch:
        from grader.watch import watch_target

        def found(what: Graded | str) -> None:
            if not as_json:
                console.rule(time.strftime("%X"), align="left")
            if isinstance(what, str):
                complaints.print(what)
            else:
                tell(what)

        name = plain(target.notebook.name)
        complaints.print(tr("Watching {file}: save it to have it graded again; Ctrl-C ends this.", file=name))
        watch_target(target, options, found)  # until Ctrl-C
    with CellProgress(complaints, quiet=as_json) as progress:
        graded = grade(Submission(target.notebook), target.exercise, options, progress.say)
    tell(graded)
    raise typer.Exit(graded.report.exit_code)


def _open(page: Path) -> None:
    """Open a page in the browser; where there is none, say where the page lies."""
    import webbrowser

    if not webbrowser.open(page.absolute().as_uri()):
        complaints.print(tr("No browser could be opened. The page is {page}", page=_near(page)))


def _near(path: Path) -> str:
    """A path as the person would type it from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


@app.command("list")
def list_exercises(as_json: AsJson = False, lang: Lang = None) -> None:
    """List the exercises."""
    from rich.table import Table

    from grader.exercise import describe, every_exercise
    from grader.text import number

    found = [describe(one, lang or preferred()) for one in every_exercise(Path.cwd())]
    if not found:
        raise UsageError(tr("There are no exercises here."), tr("Go to the folder that holds `exercises/`."))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    table = Table(tr("Exercise"), tr("Title"), tr("Points"), tr("Data"), box=None, header_style="bold")
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
    rules: Annotated[
        Path | None,
        typer.Option(
            help="Your rules (TOML): deadline, lateness, which attempt counts. Otherwise rules.toml in the results."
        ),
    ] = None,
    device: Device = "auto",
    data: Data = "full",
    lang: Lang = None,
    seed: Seed = 0,
    sandbox: Sandbox = "auto",
) -> None:
    """Grade a whole class; the same command again goes on where it stopped, and grades what is new or changed."""
    from grader.batch.command import Class, run

    found = Class(exercise, submissions, results, workers, fresh, scheduler, rules)
    code = run(found, _settings(device, data, lang, seed, sandbox), console, complaints)
    raise typer.Exit(code)


@app.command()
def override(
    results: Annotated[Path, typer.Argument(help="The folder that `grade batch` wrote to.", show_default=False)],
    student: Annotated[str, typer.Argument(help="The name, as in the gradebook.", show_default=False)],
    score: Annotated[float | None, typer.Argument(help="The points that are to count.", show_default=False)] = None,
    reason: Annotated[str, typer.Option(help="Why; it is shown wherever the grade is.", show_default=False)] = "",
    undo: Annotated[bool, typer.Option("--remove", help="Take the override back.")] = False,
) -> None:
    """Give a student's grade by hand: it is kept, with its reason, however often the class is graded."""
    from grader.batch.by_hand import change

    for sentence in change(results, student, score, reason, undo):
        console.print(sentence, soft_wrap=True)


@app.command()
def report(
    results: Annotated[Path, typer.Argument(help="The folder that `grade batch` wrote to.", show_default=False)],
    show: Annotated[bool, typer.Option("--open", help="Open the class's page in the browser.")] = False,
) -> None:
    """Write the pages of a class again: one of the class, two of each student, the teacher's and the student's view."""
    from grader.batch.pages import write_pages

    with complaints.status("Writing the pages") as status:
        index = write_pages(results, status.update)
    console.print(f"Wrote {_near(index)}", soft_wrap=True)
    if show:
        _open(index)


@app.command()
def export(
    what: Annotated[
        Literal["moodle", "moodle-feedback", "canvas", "gradescope", "gradescope-autograder", "junit", "github", "csv"],
        typer.Argument(metavar="FORMAT", help="The platform's format.", show_default=False),
    ],
    source: Annotated[
        str,
        typer.Argument(
            metavar="RESULTS",
            help="A folder of results; a report.json, or - for one on standard input; for gradescope-autograder an "
            "exercise.",
            show_default=False,
        ),
    ],
    sheet: Annotated[
        Path | None,
        typer.Option(help="Moodle's grading worksheet or Canvas's gradebook, as downloaded.", show_default=False),
    ] = None,
    output: Annotated[
        str, typer.Option("--output", "-o", help="File to write, or - for standard output.", show_default=False)
    ] = "",
    assignment: Annotated[
        str, typer.Option(help="Which of Canvas's assignments, where it is not clear.", show_default=False)
    ] = "",
    lang: Lang = None,
) -> None:
    """Write grades in the format of a platform: Moodle, Canvas, Gradescope, JUnit, GitHub, CSV."""
    from grader.batch.export import Export, run

    one = Export(what, source, sheet, output, assignment, lang or preferred())
    raise typer.Exit(run(one, console, complaints))


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
    console.print(tr("Real data sets in {folder}", folder=data_root()), soft_wrap=True)
    width = max(len(tr("here")), len(tr("not here"))) + 2
    for name, one in DATASETS.items():
        state = tr("here") if here[name] else tr("not here")
        console.print(f"  {name:<10}{state:<{width}}{tr(one.title)}")
    missing = [name for name in DATASETS if not here[name] and DATASETS[name].fetchable]
    if missing:
        console.print(
            tr(
                "Get what is not here with `grade data fetch {name}`; until then the embedded sample is used.",
                name=missing[0],
            )
        )


@data_app.command("fetch")
def data_fetch(
    names: Annotated[
        list[str] | None,
        typer.Argument(help=mark("Data sets; all that may be had so if none is named."), show_default=False),
    ] = None,
) -> None:
    """Download real data sets."""
    from grader.datasets import DATASETS, data_root

    unknown = [name for name in names or [] if name not in DATASETS]
    if unknown:
        raise UsageError(
            tr("There is no data set {name}.", name=repr(unknown[0])),
            tr("The data sets are {names}.", names=", ".join(DATASETS)),
        )
    for name in names or [name for name, one in DATASETS.items() if one.fetchable]:
        if DATASETS[name].full_is_here():
            console.print(tr("{name} is already in {folder}", name=name, folder=data_root()), soft_wrap=True)
        else:
            DATASETS[name].fetch()
            console.print(tr("{name} is now in {folder}", name=name, folder=data_root()), soft_wrap=True)


@data_app.command("add")
def data_add(
    paths: Annotated[
        list[Path], typer.Argument(help=mark("Archives or folders of real data sets."), show_default=False)
    ],
) -> None:
    """Take real data sets from files or folders of your own."""
    from grader.datasets import DATASETS, data_root
    from grader.text import plain

    for path in paths:
        if not path.exists():
            raise UsageError(tr("There is no {path}.", path=plain(str(path))), tr("Name an archive or a folder."))
        known = [one for one in DATASETS.values() if one.recognises(path)]
        if not known:
            raise UsageError(
                tr("{path} is no data set of this course.", path=plain(str(path))),
                tr("The data sets are {names}.", names=", ".join(DATASETS)),
            )
        for one in known:
            one.add(path)
            console.print(tr("{name} is now in {folder}", name=one.name, folder=data_root()), soft_wrap=True)


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


def main() -> None:
    """Entry point of the command `grade`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ✓ gets a question mark, not a traceback
    try:
        speak(manual.asked_for(sys.argv[1:]))
        code = app(standalone_mode=False) or 0
        if code == 130:  # Ctrl-C, as typer tells it
            complaints.print(tr("Stopped."))
    except GraderError as error:
        complaints.print(f"{error.message} {error.advice}".strip())
        code = error.exit_code
    except _CommandError as error:
        if error.format_message():  # without arguments the help has been printed, and nothing is left to say
            complaints.print(manual.complaint(error))
        code = 2
    except (KeyboardInterrupt, typer.Abort):  # as older versions of it do
        complaints.print(tr("Stopped."))
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 1
    except Exception as error:  # the grader's own fault, and not to be taken for "graded, not everything passed"
        if os.environ.get("GRADER_DEBUG"):
            raise
        complaints.print(
            tr(
                "The grader itself failed ({error}). Nothing was graded; "
                "please report it with what GRADER_DEBUG=1 prints.",
                error=f"{type(error).__name__}: {error}",
            )
        )
        code = 3
    sys.exit(code)


if __name__ == "__main__":
    main()
