"""Exercise 100: how many parameters a network has, counted by hand, by a formula and by PyTorch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from grader.checks import CallFailed, Run, check, expect_answer, expect_call, module, module_told, tr

from . import modules
from .networks import count, usual_counts

Network = tuple[int, int | list[int], int]  # inputs, hidden units or layers of them, outputs

LAYER_BY_LAYER = tr("Go from layer to layer: each unit has a weight for everything that comes in, and a bias.")


@check(points=2, hint=tr("Count every arrow in the picture."))
def chapter_network_is_right(run: Run) -> None:
    """`chapter_network` is the number of parameters of the chapter's network."""
    expect_answer(run, "chapter_network")


@check(points=3, hint=tr("Draw the constants into the picture, and count its arrows again."))
def figure_3_6_is_right(run: Run) -> None:
    """`figure_3_6` is the number of parameters of the model in figure 3.6."""
    expect_answer(run, "figure_3_6")


@check(points=2)
def one_hidden_layer_is_counted(run: Run) -> None:
    """`count_parameters` is right for one hidden layer, given as a number."""
    _expect_counted(run, [(inputs, hidden, outputs) for inputs, hidden, outputs in [_sizes(run, 3) for _ in range(3)]])


@check(points=2)
def many_hidden_layers_are_counted(run: Run) -> None:
    """`count_parameters` is right for several hidden layers, given as a list."""
    networks: list[Network] = []
    for layers in (1, 2, 3, 5, 9):
        inputs, outputs, *hidden = _sizes(run, layers + 2)
        networks.append((inputs, hidden, outputs))
    # A size that comes twice trips a loop that looks a layer up by its size.
    inputs, outputs, first, twice = _sizes(run, 4)
    networks.append((inputs, [first, twice, twice], outputs))
    # An odd number beyond 2²⁴, which float32 cannot hold, of a network that is still small enough to be built.
    low, high = [2200, 2100, 2], [2400, 2200, 9]
    inputs, large, outputs = (int(size) for size in 2 * run.rng.integers(low, high) + [0, 1, 0])
    _expect_counted(run, [*networks, (inputs, [large], outputs)])


@check(points=1)
def no_hidden_layer_is_counted(run: Run) -> None:
    """`count_parameters` is right for no hidden layer, given as an empty list."""
    _expect_counted(run, [(inputs, [], outputs) for inputs, outputs in [_sizes(run, 2) for _ in range(3)]])


@check(points=2, hint=LAYER_BY_LAYER)
def mlp_is_right(run: Run) -> None:
    """`mlp_parameters` is the number of parameters of the MLP of chapter 110."""
    expect_answer(run, "mlp_parameters")


@check(points=1, hint=tr("Each of the units has a weight for each input, and a bias."))
def dense_16_is_right(run: Run) -> None:
    """`dense_16` is the number of parameters of `Dense(16)` on 50 inputs."""
    expect_answer(run, "dense_16")


@check(points=1, hint=tr("How many numbers does the layer before it give?"))
def dense_1_is_right(run: Run) -> None:
    """`dense_1` is the number of parameters of the `Dense(1)` after it."""
    expect_answer(run, "dense_1")


@check(points=1, hint=tr("The table has a row for each word, and nothing else."))
def embedding_is_right(run: Run) -> None:
    """`embedding` is the number of parameters of `Embedding(10000, 16)`."""
    expect_answer(run, "embedding")


@check(points=2)
def linear_layers_are_counted(run: Run) -> None:
    """`count_module` is right for `Linear` layers, with and without a bias."""
    _expect_modules_counted(run, modules.linear(*_small_sizes(run)))


@check(points=2, needs=linear_layers_are_counted)
def other_layers_are_counted(run: Run) -> None:
    """`count_module` is right for layers of other kinds, and for modules of any build."""
    _expect_modules_counted(run, modules.other_layers(*_small_sizes(run)))
    _expect_modules_counted(run, modules.any_build(*_small_sizes(run)))


@check(points=1, needs=linear_layers_are_counted)
def frozen_parameters_are_left_out(run: Run) -> None:
    """`count_module` leaves frozen parameters out."""
    _expect_modules_counted(run, modules.frozen(*_small_sizes(run)))


def _sizes(run: Run, n: int, most: int = 400) -> list[int]:
    """Different sizes of layers: with equal ones a wrong formula may be right by chance."""
    return [int(size) for size in run.rng.choice(np.arange(2, most), size=n, replace=False)]


def _small_sizes(run: Run) -> list[int]:
    return _sizes(run, 3, modules.MOST_UNITS)


def _expect_counted(run: Run, networks: Sequence[Network]) -> None:
    """`count_parameters` of these networks, with a hint where the number betrays the mistake."""
    run.foresee("count_parameters", networks)
    for inputs, hidden, outputs in networks:
        sizes = [inputs, *([hidden] if isinstance(hidden, int) else hidden), outputs]
        args = [inputs, hidden, outputs]
        expect_call(run, "count_parameters", args, count(sizes), LAYER_BY_LAYER, usual=usual_counts(sizes))


def _expect_modules_counted(run: Run, counted: Iterable[modules.Counted]) -> None:
    """`count_module` of each of these modules."""
    counted = list(counted)
    run.foresee("count_module", [[module(described)] for described, _, _ in counted])
    for described, right, hint in counted:
        layers = module_told(described)
        what = tr("`count_module` of {layers}", layers=layers)
        try:
            expect_call(run, "count_module", [module(described)], right, hint, what=what)
        except CallFailed as fault:
            message = tr("{error} It was asked about {layers}.", error=fault.message, layers=layers)
            raise CallFailed(message, hint) from None
