"""What a question forbids is found whichever way it is called, and what is allowed is left alone."""

from __future__ import annotations

import functools
import subprocess
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special
import scipy.stats
import sklearn.metrics
import torch
import torch.autograd.forward_ad as fw
from sklearn.metrics import cohen_kappa_score as kappa_by_another_name
from torch import nn
from torch.nn import functional as F
from torch.nn.functional import log_softmax as log_soft

from grader.errors import CallFailed, CheckFailed, ExerciseError
from grader.forbidden import WORDS
from grader.grading import Graded
from grader.kernel import tripwires
from grader.kernel.wire import tensor
from grader.run import Run
from tests.fakes import LocalKernel, run_of

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:FutureWarning", "ignore:.*torch.jit.*:DeprecationWarning")


def ask(function: Any) -> Run:
    return run_of(LocalKernel(f=function))


def script(function: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own: it prefers torch.compile
        return torch.jit.script(function)


POOL: ThreadPoolExecutor


@pytest.fixture(scope="module", autouse=True)
def as_in_a_kernel() -> Iterator[None]:
    """What comes before the first cell, and a thread that was started before any question.

    xdist may leave the module and come back to it: each time with a thread of its own.
    """
    global POOL
    own = torch.set_anomaly_enabled
    tripwires.hold_anomaly_mode()
    POOL = ThreadPoolExecutor(1)
    POOL.submit(int).result()
    yield
    POOL.shutdown()
    torch.set_anomaly_enabled = torch._C.set_anomaly_enabled = own


def elsewhere(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, in a thread that was started before the question."""
    return lambda *args: POOL.submit(function, *args).result()


def in_a_new_thread(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any) -> Any:
        found: list[Any] = []

        def work() -> None:
            with suppress(tripwires.Tripped):
                found.append(function(*args))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return found

    return lambda *args: run(*args)[0]


# ---------------------------------------------------------------------- autograd

W = torch.ones(2, requires_grad=True)


def leaf(x: Any) -> Any:
    return torch.as_tensor(x).detach().clone().requires_grad_()


def squared(x: Any) -> Any:
    return (x * x).sum()


def backward(x: Any) -> Any:
    x = leaf(x)
    squared(x).backward()
    return x.grad


def backward_against_all_odds(x: Any) -> Any:
    with torch.inference_mode(False), torch.enable_grad():
        return backward(x)


def backward_unwatched(x: Any) -> Any:
    before = torch.is_anomaly_enabled()
    torch.set_anomaly_enabled(False)
    try:
        return backward(x)
    finally:
        torch.set_anomaly_enabled(before)


def backward_untold(x: Any) -> Any:
    """Whatever is raised on the way is swallowed, and the slopes are worked out after all."""
    try:
        return backward(x)
    except RuntimeError:
        return 2 * x


class Square(torch.autograd.Function):
    """A function with a backward of its own."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return (x * x).sum()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return 2 * ctx.saved_tensors[0] * grads[0]


def custom_function(x: Any) -> Any:
    x = leaf(x)
    Square.apply(x).backward()
    return x.grad


def along_axes(x: Any) -> Any:
    slopes = []
    for direction in torch.eye(2):
        with fw.dual_level():
            slopes.append(fw.unpack_dual(squared(fw.make_dual(x, direction))).tangent)
    return torch.stack(slopes)


def lazily(x: Any) -> Any:
    """Nothing is computed before somebody looks."""

    class Later:
        def __array__(self, *_: Any, **__: Any) -> Any:
            return backward(x).numpy()

    return Later()


grad_by_another_name = torch.autograd.grad
compiled_before = torch.compile(torch.func.grad(squared), backend="aot_eager")


@script
def scripted_grad(x: torch.Tensor) -> torch.Tensor:
    x = x.detach().requires_grad_(True)
    (found,) = torch.autograd.grad([(x * x).sum()], [x])
    assert found is not None
    return found


WITH_AUTOGRAD = {
    "backward": backward,
    "an alias of grad": lambda x: grad_by_another_name(squared(y := leaf(x)), y)[0],
    "the engine": lambda x: torch.autograd.Variable._execution_engine.run_backward(
        (squared(y := leaf(x)),), (torch.ones(()),), False, False, (y,), allow_unreachable=True, accumulate_grad=False
    )[0],
    "func.grad": torch.func.grad(squared),
    "func.vjp": lambda x: torch.func.vjp(squared, x)[1](torch.ones(()))[0],
    "func.jacfwd": torch.func.jacfwd(squared),
    "func.jvp": lambda x: torch.stack([torch.func.jvp(squared, (x,), (axis,))[1] for axis in torch.eye(2)]),
    "forward mode": along_axes,
    "functional.jacobian": lambda x: torch.autograd.functional.jacobian(squared, x),
    "Function": custom_function,
    "walking the graph": lambda x: squared(leaf(x)).grad_fn.next_functions[0][0](torch.ones(2))[0] * 2,
    "scripted": scripted_grad,
    "compiled": compiled_before,
    "compiled, in a thread": elsewhere(compiled_before),
    "another thread": in_a_new_thread(backward),
    "a pool": elsewhere(backward),
    "forward mode in a pool": elsewhere(along_axes),
    "modes changed": backward_against_all_odds,
    "modes changed in a pool": elsewhere(backward_against_all_odds),
    "anomaly mode switched off": backward_unwatched,
    "anomaly mode switched off in a pool": elsewhere(backward_unwatched),
    "swallowed": backward_untold,
    "only when it is looked at": lazily,
    "made outside": lambda x: 2 * torch.as_tensor(x) * W,
}
BY_HAND = {
    "numpy": lambda x: 2 * np.asarray(x),
    "torch": lambda x: 2 * torch.as_tensor(x),
    "made outside, not followed": lambda x: 2 * torch.as_tensor(x) * W.detach(),
    "no_grad": torch.no_grad()(lambda x: 2 * torch.as_tensor(x) * W),
    "inference_mode": torch.inference_mode()(lambda x: 2 * torch.as_tensor(x).clone() * W),
    "vmap": torch.vmap(lambda x: 2 * x),
    "a parameter made, filled and detached": lambda x: nn.Parameter(2 * x).detach().double(),
    "a module that is not followed": lambda x: (
        nn.Linear(1, 1, dtype=x.dtype).requires_grad_(False)(x[:, None])[:, 0] * 0 + 2 * x
    ),
    "dual numbers of one's own": lambda x: torch.stack(
        [(x.to(torch.complex128) + 1e-30j * e).square().sum().imag / 1e-30 for e in torch.eye(2)]
    ),
    "dtypes, and back": lambda x: x.double().numpy().astype(np.float32).tolist() and 2 * x.half().float(),
    "in a thread": in_a_new_thread(lambda x: 2 * x),
    "in a pool": elsewhere(lambda x: 2 * x),
    "a library imported": lambda x: __import__("torch.autograd.functional") and 2 * x,
    "compiled": torch.compile(lambda x: 2 * x, backend="eager"),
}


@pytest.mark.parametrize("how", BY_HAND)
def test_slopes_worked_out_by_hand(how: str) -> None:
    assert ask(BY_HAND[how]).call("f", tensor([1.0, 2.0]), forbid=("autograd",)) == pytest.approx(np.array([2, 4]))


@pytest.mark.parametrize("how", WITH_AUTOGRAD)
def test_slopes_that_autograd_had_a_part_in(how: str) -> None:
    run = ask(WITH_AUTOGRAD[how])
    with pytest.raises(CheckFailed, match=r"`f\(…\)` makes use of autograd\."):
        run.call("f", tensor([1.0, 2.0]), forbid=("autograd",))
    assert run.call("f", tensor([1.0, 2.0])).tolist() == [2, 4], "where nothing is forbidden, it is as before"


def test_a_function_that_raises_leaves_all_as_it_was() -> None:
    def failing() -> None:
        raise ValueError("no luck")

    with pytest.raises(CallFailed, match="no luck"):
        ask(failing).call("f", forbid=tuple(WORDS))
    assert backward(torch.ones(2)).tolist() == [2, 2]
    assert not torch.is_anomaly_enabled()
    assert torch.softmax(torch.zeros(2), 0).tolist() == [0.5, 0.5]
    assert sklearn.metrics.accuracy_score([1], [1]) == 1


def test_anomaly_mode_stays_the_notebooks_own() -> None:
    with torch.autograd.set_detect_anomaly(True):
        ask(lambda: 1).call("f", forbid=("autograd",))
        assert torch.is_anomaly_enabled()
        assert torch.is_anomaly_check_nan_enabled()
    assert not torch.is_anomaly_enabled()


# ---------------------------------------------------------------------- softmax and cross-entropy

made_before = nn.Softmax(dim=-1)
compiled_softmax = torch.compile(lambda x: x.softmax(-1), backend="eager")


@script
def scripted_softmax(x: torch.Tensor) -> torch.Tensor:
    return torch.softmax(x, -1)


def handed_over(x: Any) -> Any:
    """A tensor class of one's own, whose conversion computes."""
    return torch.from_numpy(scipy.special.softmax(x.numpy(), axis=-1))


WITH_SOFTMAX = {
    "torch.softmax": lambda x: torch.softmax(x, -1),
    "a method": lambda x: x.softmax(-1),
    "an alias of log_softmax": lambda x: log_soft(x, -1).exp(),
    "a module": made_before,
    "F": lambda x: F.softmax(x, dim=-1),
    "softmin": lambda x: F.softmin(-x, dim=-1),
    "logcumsumexp": lambda x: (x - x.logcumsumexp(-1)[..., -1:]).exp(),
    "special": lambda x: torch.special.log_softmax(x, -1).exp(),
    "ops.aten": lambda x: torch.ops.aten._softmax.default(x, -1, False),
    "out": lambda x: torch.softmax(x, -1, out=torch.empty_like(x)),
    "mkldnn": lambda x: x.to_mkldnn().softmax(-1).to_dense(),
    "followed": lambda x: x.clone().requires_grad_().softmax(-1),
    "inference mode": torch.inference_mode()(lambda x: x.clone().softmax(-1)),
    "vmap": torch.vmap(lambda row: row.softmax(-1)),
    "attention": lambda x: F.scaled_dot_product_attention(
        x[:, None, :, None], torch.ones(len(x), 1, 1, 1), torch.ones(len(x), 1, 1, 1)
    ).squeeze() * 0 + torch.softmax(x, -1),
    "a distribution": lambda x: torch.distributions.Categorical(logits=x).probs,
    "cross-entropy": lambda x: torch.stack(
        [(-F.cross_entropy(x, torch.full((len(x),), k), reduction="none")).exp() for k in range(x.shape[-1])], -1
    ),
    "scripted": scripted_softmax,
    "compiled": compiled_softmax,
    "another thread": in_a_new_thread(made_before),
    "a pool": elsewhere(lambda x: x.softmax(-1)),
    "scipy": handed_over,
    "scipy in a pool": elsewhere(handed_over),
}  # fmt: skip
BY_HAND_SOFTMAX = {
    "exp and sum": lambda x: torch.exp(x) / torch.exp(x).sum(-1, keepdim=True),
    "stable": lambda x: (e := (x - x.max(-1, keepdim=True).values).exp()) / e.sum(-1, keepdim=True),
    "numpy": lambda x: (e := np.exp(x.numpy())) / e.sum(-1, keepdims=True),
    "scipy's exp": lambda x: (e := scipy.special.expm1(x.numpy()) + 1) / e.sum(-1, keepdims=True),
    "followed": lambda x: (e := nn.Parameter(x).exp()) / e.sum(-1, keepdim=True),
    "linear layers": lambda x: (
        (e := nn.Linear(3, 3)(x).mul(0).add(x).exp()) / e.matmul(torch.ones(3, 1))
    ),
    "a module of one's own by that name": lambda x: Softmax()(x),
}  # fmt: skip


class Softmax(nn.Module):
    """A softmax by hand."""

    def forward(self, x: Any) -> Any:
        with torch.autograd.profiler.record_function("softmax"):
            e = x.exp()
        return e / e.sum(-1, keepdim=True)


LOGITS = np.array([[1.0, 2.0, 0.0], [0.5, -1.0, 0.0]], np.float32)


@pytest.mark.parametrize("how", WITH_SOFTMAX)
def test_softmax_of_a_library(how: str) -> None:
    run = ask(WITH_SOFTMAX[how])
    with pytest.raises(CheckFailed, match=r"`f\(…\)` calls `(torch|scipy\.special)\.[\w.]+`, which the text forbids"):
        run.call("f", tensor(LOGITS), forbid=("softmax",))
    right = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
    assert run.call("f", tensor(LOGITS)) == pytest.approx(right, rel=1e-3)


@pytest.mark.parametrize("how", BY_HAND_SOFTMAX)
def test_softmax_by_hand(how: str) -> None:
    right = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
    found = ask(BY_HAND_SOFTMAX[how]).call("f", tensor(LOGITS), forbid=("softmax", "cross_entropy"))
    assert found == pytest.approx(right, rel=1e-5)


LABELS = torch.tensor([1, 0])
WITH_CROSS_ENTROPY = {
    "F": lambda x: F.cross_entropy(x, LABELS),
    "a module": lambda x: nn.CrossEntropyLoss()(x, LABELS),
    "nll_loss": lambda x: F.nll_loss((x.exp() / x.exp().sum(1, keepdim=True)).log(), LABELS),
    "a pool": elsewhere(lambda x: F.cross_entropy(x, LABELS)),
    "ops.aten": lambda x: torch.ops.aten.cross_entropy_loss(x, LABELS),
    "scikit-learn": lambda x: sklearn.metrics.log_loss([1, 0], x.exp() / x.exp().sum(1, keepdim=True)),
}


@pytest.mark.parametrize("how", WITH_CROSS_ENTROPY)
def test_cross_entropy_of_a_library(how: str) -> None:
    with pytest.raises(CheckFailed, match="which the text forbids"):
        ask(WITH_CROSS_ENTROPY[how]).call("f", tensor(LOGITS), forbid=("cross_entropy",))


# ---------------------------------------------------------------------- recurrent layers

rnn, lstm, gru = nn.RNN(3, 4), nn.LSTM(3, 4).requires_grad_(False), nn.GRU(3, 4)
flat = [w.detach() for w in lstm.parameters()]
scripted_cell = script(nn.LSTMCell(3, 4))
WITH_RECURRENT = {
    "RNN": lambda x: rnn(x)[0],
    "RNN of ReLU": lambda x: nn.RNN(3, 4, nonlinearity="relu")(x)[0],
    "LSTM": lambda x: lstm(x)[0],
    "GRU": lambda x: gru(x)[0],
    "two layers, both directions": lambda x: nn.LSTM(3, 4, 2, bidirectional=True)(x)[0],
    "RNNCell": lambda x: nn.RNNCell(3, 4)(x),
    "LSTMCell": lambda x: nn.LSTMCell(3, 4)(x)[0],
    "GRUCell": lambda x: nn.GRUCell(3, 4)(x),
    "no_grad": torch.no_grad()(lambda x: nn.GRUCell(3, 4)(x)),
    "inference mode": torch.inference_mode()(lambda x: nn.LSTMCell(3, 4)(x.clone())[0]),
    "torch.lstm": lambda x: torch.lstm(
        x[:, None], (torch.zeros(1, 1, 4), torch.zeros(1, 1, 4)), flat, True, 1, 0.0, False, False, False
    )[0],
    "torch.lstm_cell": lambda x: torch.lstm_cell(x, (torch.zeros(len(x), 4), torch.zeros(len(x), 4)), *flat)[0],
    "torch.rnn_tanh_cell": lambda x: torch.rnn_tanh_cell(x, torch.zeros(len(x), 4), *rnn.parameters()),
    "_VF": lambda x: torch._VF.gru_cell(x, torch.zeros(len(x), 4), *gru.parameters()),
    "ops.aten": lambda x: torch.ops.aten.lstm_cell(x, [torch.zeros(len(x), 4), torch.zeros(len(x), 4)], *flat)[0],
    "scripted": lambda x: scripted_cell(x)[0],
    "a packed sequence": lambda x: rnn(nn.utils.rnn.pack_sequence([x]))[0].data,
    "a pool": elsewhere(lambda x: lstm(x)[0]),
}
BY_HAND_RECURRENT = {
    "a cell": lambda x: torch.tanh(x @ flat[0][:4].T + flat[2][:4]),
    "a network made to look at its weights": lambda x: x @ next(nn.LSTM(3, 4).parameters())[:4].T,
    "linear layers": lambda x: torch.tanh(nn.Linear(3, 4)(x)),
    "padding": lambda x: nn.utils.rnn.pad_sequence([x, x[:1]]),
}


@pytest.mark.parametrize("how", WITH_RECURRENT)
def test_recurrent_layers_of_a_library(how: str) -> None:
    with pytest.raises(CheckFailed, match=r"`f\(…\)` calls `torch\.\w+`, which the text forbids"):
        ask(WITH_RECURRENT[how]).call("f", tensor(LOGITS), forbid=("recurrent",))


@pytest.mark.parametrize("how", BY_HAND_RECURRENT)
def test_recurrent_layers_by_hand(how: str) -> None:
    assert ask(BY_HAND_RECURRENT[how]).call("f", tensor(LOGITS), forbid=("recurrent",)).shape[-1] in (3, 4)


# ---------------------------------------------------------------------- Python's libraries


def imported_meanwhile(*names: str) -> Callable[..., Any]:
    """A function that imports the library only when it is asked."""

    def function(right: Any, predicted: Any) -> Any:
        kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith(names)}
        parent = sys.modules["sklearn"]
        try:
            from sklearn.metrics import cohen_kappa_score

            return cohen_kappa_score(right, predicted)
        finally:
            sys.modules.update(kept)
            parent.metrics = kept["sklearn.metrics"]  # type: ignore[attr-defined]

    return function


def merely_imported(right: Any, predicted: Any) -> Any:
    from sklearn.metrics import confusion_matrix, roc_auc_score  # noqa: F401

    assert scipy.stats.norm is not None
    assert repr(confusion_matrix)
    return 1.0


WITH_METRICS = {
    "a name in a module": lambda a, b: sklearn.metrics.cohen_kappa_score(a, b),
    "another name": lambda a, b: kappa_by_another_name(a, b),
    "partial": functools.partial(sklearn.metrics.cohen_kappa_score, weights=None),
    "what stands behind the decorator": sklearn.metrics.cohen_kappa_score.__wrapped__,
    "a pool": elsewhere(kappa_by_another_name),
    "imported meanwhile": imported_meanwhile("sklearn.metrics"),
    "through another": lambda a, b: sum(map(float, sklearn.metrics.confusion_matrix(a, b).ravel())),
    "scipy.stats": lambda a, b: scipy.stats.pearsonr(a, b).statistic,
    "a class": lambda a, b: sklearn.metrics.ConfusionMatrixDisplay(np.eye(2)).confusion_matrix,
}


@pytest.mark.parametrize("how", WITH_METRICS)
def test_metrics_of_a_library(how: str) -> None:
    run = ask(WITH_METRICS[how])
    with pytest.raises(CheckFailed, match=r"`f\(…\)` calls `(sklearn\.metrics|scipy\.stats)\.\w+`, which the text"):
        run.call("f", [0, 1, 1], [0, 1, 0], forbid=("metrics",))
    run.call("f", [0, 1, 1], [0, 1, 0])


def test_a_library_that_is_merely_imported() -> None:
    assert ask(merely_imported).call("f", [0, 1], [0, 1], forbid=("metrics",)) == 1
    assert ask(lambda: np.linalg.norm([3.0, 4.0])).call("f", forbid=("metrics",)) == 5


def test_one_function_of_a_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of pandas crosstab is meant, wherever it comes from; a method, a property and a class have their traps too."""
    pandas = types.ModuleType("pandas")

    def crosstab(*args: Any, bins: int = 2) -> int:
        return bins

    pandas.crosstab, pandas.unique = crosstab, lambda xs: sorted(set(xs))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    with pytest.raises(CheckFailed, match=r"calls `pandas\.crosstab`"):
        ask(crosstab).call("f", [1], [2], forbid=("metrics",))
    assert ask(crosstab).call("f", [1], [2]) == 2
    assert ask(pandas.unique).call("f", [2, 1], forbid=("metrics",)) == [1, 2]


def test_classes_of_a_library(monkeypatch: pytest.MonkeyPatch) -> None:
    torchmetrics = types.ModuleType("torchmetrics")
    source = """
import functools
class Kappa:
    def __init__(self): self.n = 0
    def __repr__(self): return "Kappa"
    def update(self, *_): super().__init__(); self.n += 1
    @property
    def value(self): return self.n
    @staticmethod
    def compute(): return 1
"""
    exec(source, torchmetrics.__dict__)
    monkeypatch.setitem(sys.modules, "torchmetrics", torchmetrics)
    kappa = torchmetrics.Kappa()
    for way in (torchmetrics.Kappa, kappa.update, lambda: kappa.value, kappa.compute):
        with pytest.raises(CheckFailed, match=r"calls `torchmetrics\.Kappa`"):
            ask(way).call("f", forbid=("metrics",))
    assert ask(lambda: repr(kappa)).call("f", forbid=("metrics",)) == "Kappa"
    kappa.update()
    assert kappa.value == kappa.compute() == 1


# ---------------------------------------------------------------------- other processes

CELLS = '''
import multiprocessing, os, subprocess, sys, threading, time
from concurrent.futures import ProcessPoolExecutor
import torch
from torch import nn

def slopes(x):
    x = torch.as_tensor(x).clone().requires_grad_()
    (x * x).sum().backward()
    return x.grad.numpy()

def with_a_fork(x):
    """The child writes what it found into a pipe."""
    came, goes = os.pipe()
    if os.fork() == 0:
        try:
            os.write(goes, slopes(x).tobytes())
        finally:
            os._exit(0)
    os.close(goes)
    os.wait()
    return list(memoryview(os.read(came, 1000)).cast("f"))

helper = ProcessPoolExecutor(1, multiprocessing.get_context("fork"))
assert helper.submit(slopes, torch.ones(2)).result().tolist() == [2, 2]

def with_a_helper(x):
    """The helper was there before the question."""
    task = helper.submit(slopes, x)
    try:
        return task.result(timeout=2)
    except TimeoutError:
        return "nobody answered"

def with_a_program(x):
    return float(subprocess.run([sys.executable, "-c", "print(2)"], capture_output=True).stdout)

def with_a_spawned_process(x):
    process = multiprocessing.get_context("spawn").Process(target=print)
    process.start()
    process.join()
    return 2

def by_hand(x):
    return 2 * x
'''
CHECKS = """
from grader.checks import *

def asked(run, name):
    return run.call(name, tensor([1.0, 2.0], "float32"), forbid=("autograd",))

@check(points=1)
def by_hand(run):
    "By hand."
    expect(asked(run, "by_hand").tolist() == [2, 4], "wrong")

@check(points=1)
def fork(run):
    "A fork."
    found = asked(run, "with_a_fork")
    expect(found == [], f"{found}")

@check(points=1)
def helper(run):
    "A helper."
    found = asked(run, "with_a_helper")
    expect(found != "nobody answered", "nobody answered")

@check(points=1)
def helper_goes_on(run):
    "It is there again."
    expect(run.call("with_a_helper", tensor([1.0, 2.0], "float32")).tolist() == [2, 4], "wrong")

@check(points=1)
def program(run):
    "Another program."
    asked(run, "with_a_program")

@check(points=1)
def spawned(run):
    "Another process."
    asked(run, "with_a_spawned_process")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_other_processes_have_no_part_in_it(grade_cells: Callable[..., Graded]) -> None:
    report = grade_cells(CELLS, checks=CHECKS, answer_s=60).report
    found = {check.name: (check.status, check.message) for check in report.checks}
    assert found["by_hand"][0] == found["helper_goes_on"][0] == found["fork"][0] == "passed", found
    assert found["helper"] == ("failed", "nobody answered")
    assert "starts another program (`subprocess.Popen`)" in found["program"][1]
    assert "starts another program (`multiprocessing.util.spawnv_passfds`)" in found["spawned"][1]


def test_where_there_is_no_namespace_children_are_stopped() -> None:
    with subprocess.Popen([sys.executable, "-c", "print(input())"], stdin=-1, stdout=-1, text=True) as child:

        def state() -> str:
            return Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0]

        if sys.platform == "linux":
            assert ask(state).call("f", forbid=("softmax",)) == "T"
        assert child.communicate("again", timeout=60)[0] == "again\n"


# ---------------------------------------------------------------------- the vocabulary


def test_words_that_nobody_knows() -> None:
    for words in (("sofmax",), "softmax"):
        with pytest.raises(ExerciseError, match="forbids"):
            ask(int).call("f", forbid=words)


def test_predictions_may_forbid_as_well() -> None:
    run = ask(made_before)
    with pytest.raises(CheckFailed, match=r"`f\(…\)` calls `torch\.softmax`"):
        run.predict("f", LOGITS, forbid=("softmax",))
    assert run.predict("f", LOGITS).shape == (2, 3)


def test_sequential() -> None:
    model = nn.Sequential(nn.Linear(3, 2))
    with pytest.raises(CheckFailed, match="Sequential"):
        ask(lambda x: model(x)).call("f", tensor(LOGITS), forbid=("sequential",))
    assert ask(lambda x: model[0](x)).call("f", tensor(LOGITS), forbid=("sequential",)).shape == (2, 2)


def test_the_line_of_the_notebook_is_told(grade_cells: Callable[..., Graded]) -> None:
    checks = """
from grader.checks import *

@check(points=1)
def softmax_by_hand(run):
    "By hand."
    run.call("softmax", tensor([1.0, 2.0], "float32"), forbid=("softmax",))
"""
    cell = "import torch\ndef softmax(x):\n    found = torch.softmax(x, 0)\n    return found"
    (check,) = grade_cells(cell, checks=checks).report.checks
    line = "`found = torch.softmax(x, 0)`"
    assert check.message == f"`softmax(…)` calls `torch.softmax` in the line {line}, which the text forbids."
    assert check.hint == WORDS["softmax"].instead


@pytest.mark.parametrize("claim", [{"word": 3, "what": ["a"]}, {"word": "softmax", "what": "<b>"}, {}])
def test_claims_about_what_was_found(claim: dict[str, Any]) -> None:
    from tests.fakes import Claiming

    with pytest.raises(Exception, match="cannot be read"):
        run_of(Claiming({"error": "forbidden", **claim})).call("f", forbid=("softmax",))


def test_every_operation_that_is_named_is_there() -> None:
    for word, entry in WORDS.items():
        if entry.operations:
            assert tripwires._matching(entry.operations), word
