"""What teachers type: grade a class, give a grade by hand, write the pages, export grades."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from grader.commands.common import (
    Data,
    Device,
    Lang,
    Sandbox,
    Seed,
    app,
    complaints,
    console,
    device_named,
    exercise_ids,
    near,
    open_address,
    open_page,
    settings,
)
from grader.errors import GraderError, UsageError
from grader.language import preferred

if TYPE_CHECKING:
    pass


@app.command()
def batch(
    exercise: Annotated[
        Path,
        typer.Argument(
            metavar="[EXERCISE]",
            autocompletion=exercise_ids,
            help="The exercise's folder, or its id; leave it out for a course.",
            show_default=False,
        ),
    ],
    submissions: Annotated[
        Path | None,
        typer.Argument(
            metavar="SUBMISSIONS",
            help="A folder or an archive: notebooks, a folder a student, Moodle's, Canvas's, nbgrader's. "
            "Of a course: a folder with such a one for each exercise, or nbgrader's.",
            show_default=False,
        ),
    ] = None,
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
    groups: Annotated[
        Path | None,
        typer.Option(help="Who hands in together (CSV: group, student). Otherwise groups.csv in the results."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STUDENT",
            help="Grade this student's again and nobody else's, with another --seed if you like; may be repeated.",
            show_default=False,
        ),
    ] = None,
    dry: Annotated[
        bool,
        typer.Option("--dry-run", help="Tell whose points, verdict or checks would change; write nothing."),
    ] = False,
    device: Device = "auto",
    data: Data = "full",
    lang: Lang = None,
    seed: Seed = 0,
    sandbox: Sandbox = "auto",
) -> None:
    """Grade a class, or all exercises of a course; the same command again grades what is new or changed."""
    from grader.batch.ahead import warmed_ahead

    with warmed_ahead(results, device_named(device), fresh) if scheduler is None else nullcontext() as warm:
        from grader.batch.command import Class, run
        from grader.batch.dry_run import dry_run

        options = settings(device, data, lang, seed, sandbox)
        where = exercise, submissions or exercise, results
        found = Class(*where, workers, fresh, scheduler, rules, groups, tuple(only or ()), dry)
        if submissions is None:
            from grader.course.batch import run_course
            from grader.course.command import present, written
            from grader.grades.course_rules import course_rules

            course_by = course_rules(None, results)  # before anything is graded: what is wrong with them is told now
            try:
                code = run_course(found, options, console, complaints, warm)
            except BaseException:
                if not dry:
                    with suppress(GraderError):  # what ended it is what has to be said
                        written(results, course_by, Console(quiet=True), in_haste=True)
                raise
            if not dry:
                console.rule("The course", align="left")
                try:
                    course_by = course_rules(None, results)
                except UsageError:  # changed meanwhile: the classes' pages lead to the course's all the same
                    written(results, course_by, Console(quiet=True), in_haste=True)
                    raise
                present(results, course_by, console)
        else:
            code = (dry_run if dry else run)(found, options, console, complaints, warm)
    raise typer.Exit(code)


@app.command()
def course(
    results: Annotated[
        Path, typer.Argument(help="The folder that `grade batch` wrote a course's results to.", show_default=False)
    ],
    rules: Annotated[
        Path | None,
        typer.Option(
            help="Weights, pass mark, best of, scale (TOML). Otherwise course.toml in the results.", show_default=False
        ),
    ] = None,
    canvas: Annotated[
        Path | None,
        typer.Option(help="Canvas's gradebook, as exported: fill in every exercise's column.", show_default=False),
    ] = None,
    moodle: Annotated[
        Path | None,
        typer.Option(
            help="Moodle's gradebook, as exported, or a grading worksheet for the course's percent: fill it in.",
            show_default=False,
        ),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT=TITLE",
            help="What a column of the sheet is called, where that cannot be told: name, email, total, an exercise's "
            "id (Moodle's gradebook), id, name (Canvas); of a worksheet as in grade export.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        str, typer.Option("--output", "-o", help="Where the filled gradebook goes.", show_default=False)
    ] = "",
    show: Annotated[bool, typer.Option("--open", help="Open the course's page in the browser.")] = False,
) -> None:
    """Make one gradebook and one page of all exercises of a course."""
    from grader.course.command import fill_canvas, fill_moodle, present
    from grader.grades.course_rules import course_rules
    from grader.platforms.export import Export
    from grader.platforms.sheets import columns_typed

    if canvas is not None and moodle is not None:
        raise UsageError("Two sheets would go into one file.", "Give one command for Canvas and one for Moodle.")
    said = columns_typed(columns or [])
    if said and canvas is None and moodle is None:
        raise UsageError("There is no sheet of which --columns could tell.", "Name it with --canvas or --moodle.")
    said_rules = course_rules(rules, results)
    index, found = present(results, said_rules, console)
    code = 0
    if canvas is not None:
        code = fill_canvas(results, said_rules, canvas, output, said, console, complaints)
    if moodle is not None:
        one = Export("moodle", str(results), moodle, output, columns=said, of_course=True)
        code = fill_moodle(results, said_rules, found, one, console, complaints)
    if show:
        open_page(index)
    raise typer.Exit(code)


@app.command()
def override(
    results: Annotated[Path, typer.Argument(help="The folder that `grade batch` wrote to.", show_default=False)],
    student: Annotated[str, typer.Argument(help="The name, as in the gradebook.", show_default=False)] = "",
    score: Annotated[float | None, typer.Argument(help="The points that are to count.", show_default=False)] = None,
    reason: Annotated[str, typer.Option(help="Why; it is shown wherever the grade is.", show_default=False)] = "",
    undo: Annotated[bool, typer.Option("--remove", help="Take the override back.")] = False,
    past: Annotated[bool, typer.Option("--history", help="Tell what was given by hand before.")] = False,
) -> None:
    """Give a student's grade by hand: it is kept, with its reason, however often the class is graded."""
    from grader.batch.override import change, history

    for sentence in history(results, student) if past else change(results, student, score, reason, undo):
        console.print(sentence, soft_wrap=True)


@app.command()
def comment(
    results: Annotated[Path, typer.Argument(help="The folder that `grade batch` wrote to.", show_default=False)],
    student: Annotated[str, typer.Argument(help="The name, as in the gradebook.", show_default=False)] = "",
    text: Annotated[str, typer.Argument(help="What the student is to read.", show_default=False)] = "",
    check: Annotated[str, typer.Option(help="Of this check; else of the whole work.", show_default=False)] = "",
    points: Annotated[
        float | None, typer.Option(help="Points to add, or, below 0, to take.", show_default=False)
    ] = None,
    item: Annotated[
        str, typer.Option(help="Keep words and points under this name, or use those kept.", show_default=False)
    ] = "",
    same: Annotated[
        bool, typer.Option("--same-answer", help="Of everybody whose answer is wrong in the same way, too.")
    ] = False,
    remove: Annotated[
        int | None, typer.Option(help="Take back the comment of this number.", show_default=False)
    ] = None,
) -> None:
    """Say something of a student's work, with points or without; with no words, tell what was said."""
    from grader.batch.comment import Saying, take_back, told
    from grader.batch.comment import comment as say

    if remove is not None:
        sentences = take_back(results, remove)
    elif not (text or item or check or same or points is not None):
        sentences = told(results, student)
    else:
        sentences = say(results, Saying(student, text, check, points, item, same))
    for sentence in sentences:
        console.print(sentence, soft_wrap=True, markup=False)


@app.command()
def serve(
    results: Annotated[
        Path,
        typer.Argument(help="The folder that `grade batch` wrote to, of a class or a course.", show_default=False),
    ],
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="The port of this machine; 0 takes any that is free.")
    ] = 0,
    show: Annotated[bool, typer.Option("--open", help="Open the pages in the browser.")] = False,
) -> None:
    """Show the pages in the browser, with forms for overrides and comments, to you on this machine alone."""
    try:
        from grader.web.server import serve as run
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn"):
            raise
        raise UsageError(f"{error.name} is not installed.", "Install it: pip install 'grader[serve]'.") from None

    def told(address: str) -> None:
        console.print(f"Open {address}", soft_wrap=True)
        console.print("It is for you alone: whoever has the address can change grades. Ctrl-C ends it.", soft_wrap=True)
        if show:
            open_address(address)

    run(results, port, told)


@app.command()
def report(
    results: Annotated[Path, typer.Argument(help="The folder that `grade batch` wrote to.", show_default=False)],
    show: Annotated[bool, typer.Option("--open", help="Open the class's page in the browser.")] = False,
) -> None:
    """Write the pages of a class again: one of the class, two of each student, the teacher's and the student's view."""
    from grader.batch.pages import write_pages

    with complaints.status("Writing the pages") as status:
        index = write_pages(results, status.update)
    console.print(f"Wrote {near(index)}", soft_wrap=True)
    if show:
        open_page(index)


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
        typer.Option(
            help="Moodle's grading worksheet or Canvas's gradebook, as downloaded; for csv a class list.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        str, typer.Option("--output", "-o", help="File to write, or - for standard output.", show_default=False)
    ] = "",
    assignment: Annotated[
        str, typer.Option(help="Which of Canvas's assignments, where it is not clear.", show_default=False)
    ] = "",
    columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT=TITLE",
            help="What a column of the sheet is called, where that cannot be told: id, name, email, group, grade, "
            "maximum, changeable, feedback (Moodle), id, name (Canvas).",
            show_default=False,
        ),
    ] = None,
    lang: Lang = None,
) -> None:
    """Write grades in the format of a platform: Moodle, Canvas, Gradescope, JUnit, GitHub, CSV."""
    from grader.platforms.export import Export, run
    from grader.platforms.sheets import columns_typed

    one = Export(what, source, sheet, output, assignment, lang or preferred(), columns_typed(columns or []))
    raise typer.Exit(run(one, console, complaints))
