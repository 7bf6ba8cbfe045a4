"""What authors type: prove exercises, begin one, hand them out, translate them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from grader.commands.common import (
    AsJson,
    Data,
    Device,
    Sandbox,
    Seed,
    app,
    complaints,
    console,
    device_named,
    exercise_ids,
    near,
)
from grader.errors import UsageError

As = Annotated[
    Literal["jupyter", "marimo", "percent"] | None,
    typer.Option("--as", help="The notebooks' format; that of the exercise's notebook if none.", show_default=False),
]


@app.command()
def validate(
    ids: Annotated[
        list[str] | None,
        typer.Argument(help="Exercises; all if none is named.", show_default=False, autocompletion=exercise_ids),
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
    options = Options(data=data, device=device_named(device), seed=seed, sandbox=sandbox, only=tuple(only or ()))
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
    form: As = None,
) -> None:
    """Begin an exercise: write one that is small, whole and sound, for you to rewrite."""
    from grader.skeleton import new_exercise

    for path in new_exercise(exercise, Path.cwd(), title, fi, name, form or "jupyter"):
        console.print(f"Wrote {near(path)}", soft_wrap=True)
    console.print(f"Prove it with `grade validate {exercise}`.", soft_wrap=True)


@app.command()
def release(
    ids: Annotated[
        list[str] | None,
        typer.Argument(
            help="Exercises; with --bundle all of this course if none is named.",
            show_default=False,
            autocompletion=exercise_ids,
        ),
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="A zip to write: the exercises as students get them.", show_default=False)
    ] = None,
    form: As = None,
) -> None:
    """Write what is made of solutions: starters, and digests of answers; or a bundle of all that students get."""
    from grader.authoring import write_derived
    from grader.bundle import write_bundle
    from grader.exercise import exercise_folders, find_exercise, load

    here = Path.cwd()
    exercises = [find_exercise(one, here) for one in ids or []]
    if bundle is not None:
        exercises = exercises or [load(folder) for folder in exercise_folders(here).values()]
        console.print(f"Wrote {near(write_bundle(exercises, bundle, form))}", soft_wrap=True)
        return
    if not exercises:
        raise UsageError("No exercise is named.", "Name exercises, or write a zip for students with --bundle.")
    for path in (path for one in exercises for path in write_derived(one, form)):
        console.print(f"Wrote {near(path)}", soft_wrap=True)


@app.command()
def translate(
    ids: Annotated[
        list[str] | None,
        typer.Argument(
            help="Exercises, and `grader` for its own texts; all if none is named.",
            show_default=False,
            autocompletion=exercise_ids,
        ),
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
