"""What students type: grade a notebook, list the exercises, look at the machine."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from grader.commands import common
from grader.commands.common import (
    AsJson,
    Data,
    Device,
    ExerciseId,
    Lang,
    Sandbox,
    Seed,
    app,
    complaints,
    console,
    exercise_ids,
    near,
    open_page,
    settings,
)
from grader.commands.offer import offer_real_data
from grader.errors import UsageError
from grader.language import mark, preferred, tr

if TYPE_CHECKING:
    from grader.exercise import Exercise
    from grader.grading import Graded


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
    from grader.dotgrade import keep
    from grader.exercise import find_target
    from grader.grading import grade
    from grader.progress import CellProgress
    from grader.render.console import render
    from grader.result_files import PAGE
    from grader.submission import Submission
    from grader.text import plain

    target = find_target(path, exercise)
    follow = (complaints.is_terminal and not as_json) or common.standing.say is not None
    options = replace(settings(device, data, lang, seed, sandbox), follow=follow)
    if target.told:
        complaints.print(target.told)
    if data == "auto" and not as_json:
        offer_real_data(target.exercise.description.data)

    shown: list[Path] = []

    def tell(graded: Graded) -> None:
        if as_json:
            print(json.dumps(graded.report.model_dump(mode="json"), indent=None if watch else 2), flush=True)
        kept = keep(graded, target.notebook)
        if not as_json:
            console.print(render(graded.report, near(kept) if kept else ""))
        if show and kept and kept not in shown:  # once: whoever watches reloads it
            shown.append(kept)
            open_page(kept / PAGE)

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
        watch_target(target, options, found, lambda: CellProgress(complaints, quiet=as_json))  # until Ctrl-C
    with CellProgress(complaints, quiet=as_json) as progress:
        options = replace(options, warm=common.standing.warm(target.exercise, options) or options.warm)
        say = common.standing.say or progress.say
        graded = grade(Submission(target.notebook), target.exercise, options, say)
    tell(graded)
    raise typer.Exit(graded.report.exit_code)


@app.command("list")
def list_exercises(as_json: AsJson = False, lang: Lang = None) -> None:
    """List the exercises."""
    from rich.table import Table

    from grader.exercise import describe, elsewhere
    from grader.text import listed, number, plain

    found = [describe(one, lang or preferred()) for one in _exercises_here()]
    if as_json:
        print(json.dumps(found, indent=2))
        return
    table = Table(tr("Exercise"), tr("Title"), tr("Points"), tr("Data"), box=None, header_style="bold")
    for one in found:
        table.add_row(one["id"], one["title"], number(one["points"]), ", ".join(one["data"]))
    console.print(table)
    for folder, names in elsewhere(Path.cwd()).items():
        told = tr(
            "Found by their ids, too, from {folder}: {names}.", folder=plain(str(folder), 400), names=listed(names)
        )
        console.print(told, style="dim", markup=False)


def _exercises_here() -> list[Exercise]:
    """The exercises of this course; where this is none, those that can be found from here.

    Raises
    ------
    UsageError
        There are none.
    """
    from grader.exercise import every_exercise

    found = every_exercise(Path.cwd())
    if not found:
        raise UsageError(tr("There are no exercises here."), tr("Go to the folder that holds `exercises/`."))
    return found


@app.command()
def status(as_json: AsJson = False, lang: Lang = None) -> None:
    """Tell where you stand in the course: what is passed, what is open, what comes next."""
    from grader.status import render
    from grader.status import status as find

    found = find(_exercises_here(), lang or preferred())
    if as_json:
        print(json.dumps(found.model_dump(mode="json"), indent=2))
    else:
        console.print(render(found))


@app.command()
def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help=mark("The shell."), show_default=False)],
) -> None:
    """Print what makes a shell complete commands, options and exercises."""
    from typer._completion_shared import get_completion_script  # what its `--show-completion` prints, of any shell

    print(get_completion_script(prog_name="grade", complete_var="_GRADE_COMPLETE", shell=shell))


@app.command()
def doctor(
    exercise: Annotated[
        str | None,
        typer.Option(
            "--exercise",
            help=mark("Tell what this exercise needs, too."),
            show_default=False,
            autocompletion=exercise_ids,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell what this machine has: versions, devices, packages, data, isolation."""
    from grader.doctor import examine, render
    from grader.exercise import find_exercise

    found = examine()
    if exercise is not None:
        from grader.doctor import examine_for

        one = find_exercise(exercise, Path.cwd())
        found["exercise"] = examine_for(one.id, one.imports, one.description.data)
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        console.print(render(found))
