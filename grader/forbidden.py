"""What the text of an exercise may forbid, by a word for each: the vocabulary of ``run.call(…, forbid=("softmax",))``.

An entry says how the forbidden thing is recognised, whichever way it is called, and what to do instead. It is data:
what acts on it in the notebook's process is :mod:`grader.kernel.tripwires`, which gets these texts and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grader.errors import ExerciseError
from grader.language import mark

# Frameworks beside torch that bring everything along.
_FRAMEWORKS = ("tensorflow", "keras", "jax", "flax", "onnxruntime", "mxnet", "paddle", "mindspore", "tinygrad")


@dataclass(frozen=True)
class Forbidden:
    """One thing that a text forbids.

    Attributes
    ----------
    operations
        Regular expressions for the names of PyTorch's operations, without ``aten::`` and overload; whole names.
    modules
        Python's: ``"package.module"`` for everything that is defined in it and below, ``"module:name"`` for one
        function or class.
    graphs
        Whether autograd's graphs are meant: no operation may be followed.
    instead
        What the student is told to do.
    """

    operations: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    graphs: bool = False
    instead: str = ""


WORDS = {
    # backward(), torch.autograd, torch.func, forward mode; tensors whose operations are followed.
    "autograd": Forbidden(
        operations=("_make_dual",),
        modules=("autograd", "sklearn.neural_network", *_FRAMEWORKS),
        graphs=True,
        instead=mark(
            "Compute with plain tensors only, none with `requires_grad`; `.detach()` gives one that autograd ignores."
        ),
    ),
    # softmax and its logarithm; what is built with them (attention), too. exp(z - logsumexp(z)) is the formula itself.
    "softmax": Forbidden(
        operations=(
            r".*softmax.*",
            r".*logcumsumexp",
            r".*scaled_dot_product_.*",
            r".*multi_head_.*",
            r".*transformer_encoder_layer.*",
        ),
        modules=(
            "scipy.special:softmax",
            "scipy.special:log_softmax",
            "sklearn.utils.extmath:softmax",
            "torch.distributions",
            *_FRAMEWORKS,
        ),
        instead=mark("Write it yourself, with exponentials, logarithms and sums."),
    ),
    # The losses of classification: their softmax has a word of its own.
    "cross_entropy": Forbidden(
        operations=(r".*cross_entropy.*", r".*nll_loss.*"),
        modules=("sklearn.metrics:log_loss", "torch.distributions", *_FRAMEWORKS),
        instead=mark("Write the loss yourself, with logarithms and sums."),
    ),
    # Layers and cells of recurrent networks.
    "recurrent": Forbidden(
        operations=(r".*rnn.*", r".*lstm.*", r".*gru(_.*)?"),
        modules=("torch.ao.nn.quantizable", *_FRAMEWORKS),  # an LSTM of layers nn.Linear
        instead=mark("Build it of products of matrices, sums, tanh and the sigmoid."),
    ),
    # Whatever counts right and wrong answers, or agreement.
    "metrics": Forbidden(
        modules=(
            "sklearn.metrics",
            "torchmetrics",
            "torcheval",
            "ignite.metrics",
            "scipy.stats",
            "statsmodels",
            "pandas:crosstab",
            "nltk.metrics",
            "imblearn.metrics",
            "evaluate",
            "pycm",
            "krippendorff",
            *_FRAMEWORKS,
        ),
        instead=mark("Count yourself, and write the formula down."),
    ),
    # A container that runs its layers by itself.
    "sequential": Forbidden(
        modules=("torch.nn.modules.container:Sequential.forward",),
        instead=mark("Compute layer by layer yourself."),
    ),
}


def nodes(words: Sequence[str]) -> list[dict[str, Any]]:
    """The entries for these words, as they travel to the notebook's process.

    Raises
    ------
    ExerciseError
        The vocabulary has no such word.
    """
    unknown = [word for word in words if word not in WORDS]
    if unknown or isinstance(words, str):
        raise ExerciseError(f"A check forbids {words!r}.", f"It may forbid a tuple of these words: {', '.join(WORDS)}.")
    return [
        {
            "word": word,
            "operations": list(WORDS[word].operations),
            "modules": list(WORDS[word].modules),
            "graphs": WORDS[word].graphs,
        }
        for word in words
    ]
