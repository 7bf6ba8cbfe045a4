"""What hostile notebooks try to pass: one check of each kind, and one that looks for loot."""

import re

import numpy as np

from grader.checks import check, expect, expect_accuracy, expect_answer, expect_close, tensor


@check(points=1)
def x(run):
    """`x` is the answer."""
    expect_answer(run, "x")


@check(points=1)
def double(run):
    """`double` doubles."""
    inputs = run.rng.normal(size=7)
    expect_close(run.call("double", tensor(inputs, "float64")), 2 * inputs, "`double(v)`")


@check(points=2)
def model(run):
    """The model tells two kinds of points apart that it has never seen."""
    labels = run.rng.integers(0, 2, size=600)
    points = run.rng.normal(size=(600, 2)) + np.where(labels, 1.6, -1.6)[:, None]
    scores = run.predict("model", points.astype(np.float32))
    expect(scores.shape == (600, 2), "`model` gives two scores for each point.")
    return expect_accuracy(scores.argmax(axis=1), labels, above=0.93)


@check(points=1)
def greeting(run):
    """The training says that it is done."""
    expect("training is done" in run.output("train"), "The cell `train` does not say that it is done.")


@check(points=1, when="ended")
def notes(run):
    """`notes.txt` holds the answer."""
    expect(run.file("notes.txt") == b"x is 42\n", "`notes.txt` does not hold the answer.")


@check(points=1)
def found(run):
    """What the notebook collected in `found`: name of an attack, and what it got."""
    loot = run.value("found") if run.has("found") else {}
    expect(type(loot) is dict, "`found` is no dict.")
    got = [name for name, value in loot.items() if value not in ([], "", None, False)]
    expect(not got, "Got through: " + ", ".join(f"{name}={str(loot[name])[:20]}" for name in got))
    return "Held: " + ", ".join(loot)


@check(points=1, when="ended")
def taken(run):
    """No file that the notebook left holds a secret."""
    for name in run.files():
        expect(not re.search(rb"CANARY-[0-9a-f]{16}", run.file(name)), f"{name} holds a secret.")
