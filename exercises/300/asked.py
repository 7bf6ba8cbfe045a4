"""What is asked of the notebook's functions, and the pairs that they give.

A student may work with tensors of either precision or with NumPy: what a function is sent is tried in each form.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from grader.checks import (
    CallFailed,
    Run,
    arrays,
    expect,
    formed,
    ngettext,
    numeric,
    refuse_placeholder,
    tensors,
    tensors32,
    told,
    tr,
)

from .networks import Layer, Task, task

Form = Callable[[np.ndarray], Any]
FORMS: tuple[Form, ...] = (tensors, tensors32, arrays)


def asked(run: Run, name: str, *args: Any, seconds: float | None = None) -> Any:
    """What a function gives for these arguments, in the form of them that it can work with."""
    tried = "step" if name == "train" else name  # `train` may give back at once what it is given
    form = run.once_for(("form", tried), lambda: form_of(run, tried))
    return in_form(run, name, form, *args, seconds=seconds)


def in_form(run: Run, name: str, form: Form, *args: Any, seconds: float | None = None) -> Any:
    """The same, in this form; only `gradients` has to do without autograd."""
    forbid = ("autograd",) if name == "gradients" else ()
    return run.call(name, *(formed(one, form) for one in args), seconds=seconds, forbid=forbid)


def form_of(run: Run, name: str) -> Form:
    """The first form in which a function gives anything, else the first one.

    It is tried with networks that are never asked about again: nothing can be kept from a question that it refuses.
    """
    for form in FORMS:
        one = task(run.rng, [3, 4, 2], 5)
        args = {
            "forward": (one.layers, one.xs),
            "loss": (one.outputs(), one.targets),
            "gradients": one.parts,
            "step": (*one.parts, 0.1),
        }[name]
        with contextlib.suppress(CallFailed):
            in_form(run, name, form, *args)
            return form
    return FORMS[0]


def named(function: str, one: Task) -> str:
    """How messages name a question about a task."""
    return tr("`{function}` of {task}", function=function, task=one.told)


def asked_pairs(
    run: Run, name: str, one: Task, *more: float, what: str = "", seconds: float | None = None
) -> list[Layer]:
    """What a function gives for a task: a pair for each layer, of its shapes."""
    return pairs(asked(run, name, *one.parts, *more, seconds=seconds), what or named(name, one), one.sizes)


def pairs(value: Any, what: str, sizes: Sequence[int] | None = None) -> list[Layer]:
    """A list of pairs (table, row), as layers and their slopes are; of a network of these sizes, if they are given."""
    hint = tr("It is a list with a pair for each layer: a table like `W` and a row like `b`.")
    refuse_placeholder(value, what)
    message = tr("{what} is {found}, not a list of pairs.", what=what, found=told(value))
    expect(isinstance(value, list | tuple), message, hint)
    wanted = len(value) if sizes is None else len(sizes) - 1
    items, layers = ngettext("{n} item", "{n} items", len(value)), ngettext("{n} layer", "{n} layers", wanted)
    message = tr("{what} has {items} for {layers}.", what=what, items=items, layers=layers)
    expect(len(value) == wanted > 0, message, hint)
    return [pair_of(pair, what, number, sizes, hint) for number, pair in enumerate(value, 1)]


def pair_of(pair: Any, what: str, number: int, sizes: Sequence[int] | None, hint: str) -> Layer:
    """The pair of this layer, counted from 1."""
    message = tr("Item {number} of {what} is {found}, not a pair.", number=number, what=what, found=told(pair))
    expect(isinstance(pair, list | tuple), message, hint)
    message = tr("Item {number} of {what} has {n} parts, not 2.", number=number, what=what, n=len(pair))
    expect(len(pair) == 2, message, hint)
    table, row = (
        numeric(part, tr("{name} {number} in {what}", name=name, number=number, what=what))
        for part, name in zip(pair, "Wb", strict=True)
    )
    if row.ndim == 2 and row.size == max(row.shape):  # (1, n) and (n, 1) are the same n numbers
        row = row.ravel()
    fits = table.ndim == 2 and row.shape == table.shape[:1]
    right = table.shape if sizes is None else (sizes[number], sizes[number - 1])
    shapes = {"what": what, "table": table.shape, "row": row.shape, "number": number}
    expect(
        fits and table.shape == right,
        tr("{what} has shapes {table} and {row} for layer {number}, whose weights are {asked}.", asked=right, **shapes)
        if sizes
        else tr("{what} has shapes {table} and {row} for layer {number}.", **shapes),
        tr("Each pair belongs to one layer, in the order of the layers, and has the shapes of its W and b."),
    )
    expect(
        np.isfinite(table).all() and np.isfinite(row).all(),
        tr("{what} holds NaN or infinite numbers for layer {number}.", what=what, number=number),
    )
    return table, row
