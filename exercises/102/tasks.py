"""The data sets and the networks that are to solve them, and what to say of a model that is no such network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from grader.checks import Run, expect, fail, ngettext, tr

from .activations import identity
from .networks import Network, read_network
from .points import Points, answers_of, circle, exclusive_or, spiral
from .unlisted import read_with_any_activation


@dataclass(frozen=True)
class Task:
    """A data set and the networks that are to solve it: `depth` hidden layers, each of `width` units."""

    name: str
    data: Callable[[np.random.Generator, int], Points]
    depth: int
    width: range

    @property
    def bounds(self) -> dict[str, int]:
        """The least and the most units of a hidden layer, as fields of a text."""
        return {"least": self.width.start, "most": self.width.stop - 1}

    def network(self, run: Run) -> Network:
        """The network behind the name; fails where the model is no such network."""
        parameters = run.parameters(self.name)
        expect(
            bool(parameters),
            tr("`{name}` has no parameters, so it is no network.", name=self.name),
            ngettext(
                "Asked is an nn.Module with one hidden layer of {least} to {most} units.",
                "Asked is an nn.Module with four hidden layers of {least} to {most} units.",
                self.depth,
                **self.bounds,
            ),
        )
        expect(
            all(np.isfinite(array).all() for array in parameters.values()),
            tr("`{name}` has weights that are NaN or infinite.", name=self.name),
            tr("Its training has blown up: a smaller learning rate may help."),
        )
        xs, answers = self._asked(run, 300)
        network = read_network(parameters, self.depth, self.width, xs, answers)
        if network is None and self.depth == 1:
            network = read_with_any_activation(parameters, self.width, *self._asked(run, 4000))
        if network is None:
            self._explain(parameters)
        straight = [str(i + 1) for i, one in enumerate(network.activations) if one is identity]
        expect(
            not straight,
            tr(
                "`{name}` has no activation function after hidden layer {layers}.",
                name=self.name,
                layers=", ".join(straight),
            ),
            tr("Two linear layers with nothing between them are one linear layer: put an activation there."),
        )
        return network

    def _asked(self, run: Run, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Points where the data lie and somewhat beyond, so that no model can tell which, and its answers to them."""
        xs = np.concatenate([self.data(run.rng, n // 2).xs, run.rng.uniform(-8, 8, size=(n // 2, 2))])
        xs = run.rng.permutation(xs.astype(np.float32))
        return xs, answers_of(run, self.name, xs)

    def _explain(self, parameters: dict[str, np.ndarray]) -> NoReturn:
        """Fail with the reason why the model is not the network that was asked for."""
        hidden = self._units(parameters)
        asked = ngettext(
            "Asked are one hidden layer of {least} to {most} units.",
            "Asked are four hidden layers of {least} to {most} units.",
            self.depth,
            **self.bounds,
        )
        if hidden is not None and len(hidden) != self.depth:
            layers = ngettext(
                "`{name}` has {n} hidden layer, not {asked}.",
                "`{name}` has {n} hidden layers, not {asked}.",
                len(hidden),
                name=self.name,
                asked=self.depth,
            )
            fail(layers, asked)
        if hidden is not None and not all(n in self.width for n in hidden):
            units = ngettext(
                "Units in the hidden layer of `{name}`: {units}.",
                "Units in the hidden layers of `{name}`: {units}.",
                len(hidden),
                name=self.name,
                units=", ".join(map(str, hidden)),
            )
            fail(units, asked)
        fail(
            ngettext(
                "`{name}` does not answer what a network with its weights and one hidden layer of {least} to {most} "
                "units answers.",
                "`{name}` does not answer what a network with its weights and four hidden layers of {least} to {most} "
                "units answers.",
                self.depth,
                name=self.name,
                **self.bounds,
            ),
            tr(
                "Use linear layers with an activation function between them and nothing else: no features made by "
                "hand, no scaling, no normalisation, and a logit as the answer."
            ),
        )

    def _units(self, parameters: dict[str, np.ndarray]) -> list[int] | None:
        """Units of the hidden layers, as far as the shapes tell: in the order of definition."""
        weights = [array for key, array in parameters.items() if array.ndim == 2 and key.endswith("weight")]
        weights = weights or [array for array in parameters.values() if array.ndim == 2 and min(array.shape) > 1]
        inputs = 2
        outputs: list[int] = []
        for array in weights:
            if not outputs and inputs not in array.shape:
                fail(
                    tr("The first layer of `{name}` takes {n} inputs, not 2.", name=self.name, n=array.shape[1]),
                    tr("The two coordinates go in as they are, without features made by hand."),
                )
            if inputs not in array.shape:
                return None
            inputs = array.shape[0] if array.shape[1] == inputs else array.shape[1]
            outputs.append(inputs)
        # Bare weights may end in one of one output, left out above because biases look the same.
        return outputs[:-1] if outputs and outputs[-1] <= 2 else outputs


XOR = Task("xor_model", exclusive_or, depth=1, width=range(2, 5))
CIRCLE = Task("circle_model", circle, depth=1, width=range(2, 5))
SPIRAL = Task("spiral_model", spiral, depth=4, width=range(2, 9))
