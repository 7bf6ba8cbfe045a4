"""`grade data`: the real data sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.commands.common import AsJson, console, data_app
from grader.errors import UsageError
from grader.language import mark, tr

if TYPE_CHECKING:
    pass


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
