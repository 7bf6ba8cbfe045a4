"""The probe, asked in this process: honest values in every dress, and objects that lie."""

from __future__ import annotations

import builtins
import collections
import enum
import types
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from grader.errors import CallFailed, SubmissionFault, WrongKind
from grader.kernel import probe
from grader.kernel.wire import MAX_BYTES, MAX_DEPTH, Opaque, tensor
from grader.run import Run
from tests.fakes import LocalKernel, run_of
from tests.test_wire import weigh


def ask(**namespace: Any) -> Run:
    return run_of(LocalKernel(**namespace))


def value(one: Any) -> Any:
    """A value as it arrives at a check."""
    return run_of(LocalKernel(holder=types.SimpleNamespace(it=one))).value("holder.it")


# ---------------------------------------------------------------------- tensors and arrays


@pytest.mark.parametrize(
    ("dtype", "arrives"),
    [
        (torch.float64, "<f8"),
        (torch.float32, "<f4"),
        (torch.float16, "<f2"),
        (torch.bfloat16, "<f4"),
        (torch.int64, "<i8"),
        (torch.int32, "<i4"),
        (torch.int16, "<i2"),
        (torch.int8, "|i1"),
        (torch.uint8, "|u1"),
        (torch.bool, "|b1"),
    ],
    ids=str,
)
def test_tensors_of_every_dtype(dtype: torch.dtype, arrives: str) -> None:
    given = value(torch.tensor([[0, 1, 1]]).to(dtype))
    assert (given.dtype, given.shape, given.tolist()) == (np.dtype(arrives), (1, 3), [[0, 1, 1]])


def test_tensors_in_every_state() -> None:
    base = torch.arange(6.0).reshape(2, 3)
    given = {
        "with gradient": base.clone().requires_grad_() * 1,
        "parameter": nn.Parameter(base),
        "transposed": base.T.contiguous().T,
        "strided": torch.arange(12.0).reshape(2, 6)[:, ::2] / 2,
        "sparse": base.to_sparse(),
        "conjugated": torch.complex(base, base).conj().real,
        "expanded": torch.tensor([[0.0], [1.0]]).expand(2, 3),
    }
    for name, one in given.items():
        expected = [[0, 0, 0], [1, 1, 1]] if name == "expanded" else [[0, 1, 2], [3, 4, 5]]
        assert value(one).tolist() == expected, name
    assert value(torch.tensor(3.5)).shape == ()
    assert value(torch.zeros(0, 3)).shape == (0, 3)
    assert value(torch.nn.functional.one_hot(torch.tensor([1]))).tolist() == [[0, 1]]


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i8", "u4", "?", ">f8", ">i2"])
def test_arrays_of_every_dtype(dtype: str) -> None:
    given = value(np.array([0, 1], dtype))
    assert given.tolist() == [0, 1]
    assert given.dtype.kind == np.dtype(dtype).kind


def test_arrays_that_hold_no_numbers() -> None:
    assert value(np.array(["a", "b"])) == ["a", "b"]
    assert value(np.array([1, "b", None], object)) == [1, "b", None]
    assert value(np.array([1j])) == Opaque("ndarray of complex128")
    assert value(torch.tensor([1j])) == Opaque("Tensor of complex64")
    assert value(np.array([complex(1, float("nan"))])) == Opaque("ndarray of complex128")
    assert isinstance(value(np.zeros(2, "f4,f4")), Opaque)
    assert isinstance(value(np.array(["2026-01-01"], "M8[D]")), Opaque)
    assert value(np.array([1.5], np.longdouble)).tolist() == [1.5]


# ---------------------------------------------------------------------- numbers, texts, containers


class Colour(enum.IntEnum):
    RED = 1


class Text(str):
    """A text that says something else."""

    def __str__(self) -> str:
        return "forged"

    __repr__ = __format__ = __str__


class Number(int):
    """A number that says something else."""

    def __repr__(self) -> str:
        return "forged"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


@pytest.mark.parametrize(
    ("given", "arrives"),
    [
        (18, 18),
        (-(10**30), -(10**30)),
        (True, True),
        (0.1, 0.1),
        (float("inf"), float("inf")),
        (Colour.RED, 1),
        (Number(7), 7),
        (Text("honest"), "honest"),
        (Fraction(1, 4), 0.25),
        (Decimal("0.5"), 0.5),
        ("lone \ud800", "lone ?"),
        (None, None),
        (range(3), [0, 1, 2]),
        ({2, 1}, [1, 2]),
        (frozenset({"b", "a"}), ["a", "b"]),
        (collections.deque([1, 2]), [1, 2]),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.values(), [1]),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (collections.defaultdict(list, {1: [2]}), {1: [2]}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (collections.namedtuple("P", "x y")(1, 2), (1, 2)),
        ({(1, "a"): 2, None: 3, 0.5: 4, True: 5}, {(1, "a"): 2, None: 3, 0.5: 4, True: 5}),
        (torch.Size([2, 3]), (2, 3)),
        ([[], (), {}], [[], (), {}]),
    ],
    ids=lambda one: type(one).__name__,
)
def test_plain_data(given: Any, arrives: Any) -> None:
    got = value([given])[0]
    assert type(got) is type(arrives)
    assert got == arrives


def test_numpy_scalars_are_arrays_of_no_axes() -> None:
    for given in (np.float32(0.5), np.int64(3), np.bool_(True)):
        got = value(given)
        assert (got.shape, got.item()) == ((), given.item())
    assert value(np.str_("a")) == "a"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (1 + 2j, "complex"),
        (..., "ellipsis"),
        (len, "builtin_function_or_method"),
        (lambda x: x, "function"),
        (nn.Linear, "type"),
        (nn.Linear(1, 1), "Linear"),
        (b"bytes", "bytes"),
        (object(), "object"),
        ((n for n in [1]), "generator"),
        (np.complex64(1j), "complex64 of complex64"),
        (types.ModuleType("x"), "module"),
        (type("x" * 5000, (), {})(), "x" * 99 + "…"),
        (type("Evil\x1b[2J", (), {})(), "Evil"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_other_objects_are_known_by_their_type_only(given: Any, name: str) -> None:
    assert value([given]) == [Opaque(name)]


def test_a_complex_number_without_an_imaginary_part_is_real() -> None:
    assert value([2 + 0j, -1.5 - 0j]) == [2.0, -1.5]
    for given in (np.complex64(2), np.roots([1, -4, 4]).astype(complex), torch.tensor([2 + 0j, 2])):
        got = value(given)
        assert got.dtype.kind == "f"
        assert (got == 2).all()


def test_what_is_too_large_or_too_deep_is_said_so() -> None:
    loop: list[Any] = []
    loop += [loop, loop]
    deep: Any = 0
    for _ in range(probe.MAX_DEPTH + 1):
        deep = [deep]
    odd = np.empty(1, object)
    odd[0] = odd
    for given, told in (
        (loop, "nested more than"),
        (deep, "nested more than"),
        (np.zeros(9_000_000), "9,000,000 elements, too many"),
        (torch.zeros(9_000_000, dtype=torch.float64), "9,000,000 elements, too many"),
        (torch.zeros(1).expand(100_000_000), "too many to look at"),
        ([np.zeros(5_000_000), np.zeros(5_000_000)], "too many to look at"),
        (range(10**12), "more than 100,000 items"),
        ([0] * 100_001, "more than 100,000 items"),
        ("x" * 2_000_000, "texts are too long"),
        (["x" * 600_000] * 2, "texts are too long"),
    ):
        with pytest.raises(WrongKind, match=told):
            value(given)
    with pytest.raises(SubmissionFault):
        value(odd)


def test_what_the_probe_sends_the_grader_reads() -> None:
    """The limits of the two sides: what passes here passes there."""
    deep: Any = 0
    for _ in range(probe.MAX_DEPTH):
        deep = [deep]
    value(deep)
    assert probe.MAX_DEPTH < MAX_DEPTH
    assert len(value([0] * 99_990)) == 99_990
    assert probe.MAX_BYTES == MAX_BYTES
    assert value(np.zeros(MAX_BYTES // 8)).nbytes == MAX_BYTES
    assert len(value("x" * 1_000_000)) == 1_000_000


# ---------------------------------------------------------------------- lies


class Liar:
    """Equal to everything, whatever it is asked."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        return 3

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self

    def __float__(self) -> float:
        return 18.0

    __int__ = __index__ = lambda self: 18
    __class__ = property(lambda self: int)  # type: ignore[assignment]


class Endless:
    """Never stops giving."""

    def __iter__(self) -> Iterator[int]:
        while True:
            yield 1


class EndlessMapping(collections.abc.Mapping):  # type: ignore[type-arg]
    """A mapping whose items never end."""

    def __getitem__(self, key: Any) -> Any:
        return key

    def __iter__(self) -> Iterator[int]:
        return iter(range(10**9))

    def __len__(self) -> int:
        return 1


class Raising:
    """Raises whatever is done to it."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(f"asked for {name}")


class Array:
    """An array by its own word."""

    def __init__(self, given: Any) -> None:
        self.given = given

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.given


class Listed(list):  # type: ignore[type-arg]
    """A list that says something else of itself."""

    def __iter__(self) -> Iterator[int]:
        return iter([18])

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: Any) -> int:
        return 18


class Patched(torch.Tensor):
    """A tensor that is always equal."""

    @classmethod
    def __torch_function__(cls, function: Any, kinds: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in (torch.Tensor.eq, torch.Tensor.__eq__):
            return torch.tensor(True)
        return super().__torch_function__(function, kinds, args, kwargs or {})


def test_objects_that_lie_arrive_as_what_they_are() -> None:
    """A claim may be anything; what counts is that it is compared here, as plain data."""
    for lie in (Liar(), [Liar()], {"a": Liar()}):
        weigh(value(lie))
    assert value(Endless()) == Opaque("Endless")
    assert value(Listed([1, 2])) == [1, 2]
    assert value(torch.tensor([1.0, 2.0]).as_subclass(Patched)).tolist() == [1, 2]
    assert value(Array(np.ones(2))).tolist() == [1, 1]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Array("text"),
        lambda: Array(Liar()),
        Raising,
        lambda: [Raising()],
        lambda: {"a": Raising()},
        EndlessMapping,
    ],
)
def test_objects_that_fail_are_the_submissions_fault(make: Any) -> None:
    with suppress(SubmissionFault):
        value(make())


def test_keys_that_are_no_keys() -> None:
    class Key:
        pass

    with pytest.raises(SubmissionFault):
        value({Key(): 1})
    with pytest.raises(SubmissionFault):
        value({frozenset({1}): 1})


# ---------------------------------------------------------------------- predictions

IMAGES = np.random.default_rng(0).normal(size=(7, 1, 4, 4)).astype("float32")


class Classifier(nn.Module):
    """A convolution, dropout and a linear layer: wants images of shape (N, 1, 4, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 2, 3)
        self.dropout = nn.Dropout(0.5)
        self.linear = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(self.dropout(self.convolution(x).flatten(1)))


def expected(model: nn.Module, inputs: Any = None) -> np.ndarray:
    model.eval()
    with torch.no_grad():
        return np.asarray(model(torch.as_tensor(IMAGES if inputs is None else inputs)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16], ids=str)
def test_models_of_any_precision(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    model = Classifier().to(dtype)
    predicted = ask(model=model).predict("model", IMAGES)
    assert predicted.dtype == np.float64
    np.testing.assert_allclose(predicted, expected(Classifier.float(model)), atol=0.1)


def test_every_layout_of_images() -> None:
    torch.manual_seed(0)
    flat, square = nn.Linear(16, 3), nn.Sequential(nn.Linear(4, 2), nn.Flatten(), nn.Linear(8, 3))
    run = ask(
        image=Classifier().eval(),
        flat=flat,
        square=lambda x: square(x) if x.ndim == 3 else 1 / 0,
        array=lambda x: np.asarray(x).reshape(len(x), -1).sum(1),
        only_array=lambda x: x.astype("float64").reshape(-1, 16).sum(1) if isinstance(x, np.ndarray) else 1 / 0,
        flat_array=lambda x: x @ np.ones(16) if isinstance(x, np.ndarray) else 1 / 0,
        listing=lambda x: [float(one.sum()) for one in x],
    )
    rows = IMAGES.reshape(7, 16)
    np.testing.assert_allclose(run.predict("flat", IMAGES), expected(flat, rows), rtol=1e-5)
    np.testing.assert_allclose(run.predict("square", IMAGES), expected(square, IMAGES[:, 0]), rtol=1e-5)
    assert run.predict("image", IMAGES).shape == (7, 3)
    for name in ("array", "only_array", "flat_array", "listing"):
        np.testing.assert_allclose(run.predict(name, IMAGES), rows.sum(1), rtol=1e-4, atol=1e-5)


def test_the_layout_of_the_first_batch_is_kept() -> None:
    kernel = LocalKernel(model=nn.Linear(16, 3))
    run_of(kernel).predict("model", IMAGES, batch=3)
    layouts = [request["layout"] for request in kernel.requests]
    assert layouts[0] is None
    assert len(set(layouts[1:])) == 1
    assert layouts[1] is not None


def test_anything_that_predicts() -> None:
    class Object:
        def predict(self, x: Any) -> Any:
            return np.asarray(x)[:, 0] * 2

    class Forward:
        def forward(self, x: Any) -> Any:
            return x[:, 0] * 2

    inputs = np.arange(6.0).reshape(3, 2)
    run = ask(
        o=Object(),
        f=Forward(),
        dotted=types.SimpleNamespace(inner=Object()),
        network=nn.Linear(2, 1),
        function=lambda x: x[:, 0] * 2,
        tuples=lambda x: tuple(x[:, 0] * 2),
        n=3,
    )
    for name in ("o", "f", "o.predict", "dotted.inner", "function", "tuples"):
        assert run.predict(name, inputs).tolist() == [0, 4, 8], name
    with pytest.raises(WrongKind, match="`n` cannot be used: it is a int, which cannot be called"):
        run.predict("n", inputs)


@pytest.mark.parametrize("n", [2, 3, 7])
def test_a_recurrent_model_answers_with_its_output_and_not_its_state(n: int) -> None:
    """Two inputs are as many as the tuple (output, state) has parts."""
    torch.manual_seed(0)
    inputs = np.random.default_rng(1).normal(size=(n, 5, 4)).astype("float32")
    for model in (nn.LSTM(4, 6, batch_first=True), nn.GRU(4, 6, batch_first=True)):
        answer = expected_output(model, inputs)
        run = ask(model=model, last=lambda x, model=model: (model(x)[0][:, -1], None))
        np.testing.assert_allclose(run.predict("model", inputs), answer, rtol=1e-5)
        np.testing.assert_allclose(run.predict("last", inputs), answer[:, -1], rtol=1e-5)


def expected_output(model: nn.Module, inputs: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(model(torch.as_tensor(inputs))[0])


def test_predictions_are_made_in_eval_mode_without_gradients_and_leave_no_trace() -> None:
    model = nn.Sequential(Classifier(), nn.BatchNorm1d(3))
    model.train()
    model[0].dropout.eval()
    before = {name: one.clone() for name, one in model.state_dict().items()}
    seen: list[tuple[bool, bool]] = []
    model.register_forward_hook(lambda *_: seen.append((model.training, torch.is_grad_enabled())))
    run = ask(model=model)
    np.testing.assert_array_equal(run.predict("model", IMAGES), run.predict("model", IMAGES))
    assert set(seen) == {(False, False)}
    assert (model.training, model[0].training, model[0].dropout.training, model[1].training) == (
        True,
        True,
        False,
        True,
    )
    assert all(torch.equal(one, before[name]) for name, one in model.state_dict().items())
    assert torch.is_grad_enabled()


def test_the_mode_is_restored_when_the_model_raises() -> None:
    model = nn.Linear(3, 3).train()
    with pytest.raises(CallFailed):
        ask(model=model).predict("model", IMAGES)
    assert model.training
    assert torch.is_grad_enabled()


def test_batches_make_no_difference() -> None:
    model = Classifier()
    run = ask(model=model)
    whole = run.predict("model", IMAGES)
    for batch in (2, 3, 6):
        np.testing.assert_allclose(run.predict("model", IMAGES, batch=batch), whole, rtol=1e-5, atol=1e-6)


def test_the_first_error_is_told_and_not_that_of_the_last_layout_tried() -> None:
    def picky(x: Any) -> Any:
        raise ValueError(f"no {type(x).__name__} of shape {tuple(x.shape)}")

    with pytest.raises(CallFailed, match=r"no Tensor of shape \(7, 1, 4, 4\)"):
        ask(f=picky).predict("f", IMAGES)


def test_inputs_are_the_functions_own_and_the_next_try_sees_them_whole() -> None:
    def destructive(x: Any) -> Any:
        flat = x.reshape(len(x), -1)
        total = flat.sum(1)
        flat *= 0
        if x.ndim > 2:
            raise ValueError("another layout, please")
        return total

    np.testing.assert_allclose(ask(f=destructive).predict("f", IMAGES), IMAGES.reshape(7, -1).sum(1), rtol=1e-5)


def test_whole_numbers_stay_whole() -> None:
    run = ask(f=lambda x: x * 1 if not x.is_floating_point() else x * 0)
    assert run.predict("f", np.arange(6).reshape(3, 2)).tolist() == [[0, 1], [2, 3], [4, 5]]


def test_a_model_without_parameters_and_one_with_odd_ones() -> None:
    class Odd:
        parameters = 3

        def __call__(self, x: Any) -> Any:
            return x * 2

    run = ask(relu=nn.ReLU(), odd=Odd())
    inputs = np.array([[-1.0], [2.0]])
    assert run.predict("relu", inputs).tolist() == [[0], [2]]
    assert run.predict("odd", inputs).tolist() == [[-2], [4]]


# ---------------------------------------------------------------------- names of the notebook's own


def test_names_that_shadow_builtins_do_not_trip_the_probe() -> None:
    shadow = dict.fromkeys(("list", "len", "print", "isinstance", "type", "str", "torch", "np", "getattr"))
    run = ask(**shadow, xs=[1, 2], f=lambda x: [x])
    assert run.value("xs") == [1, 2]
    assert run.call("f", 1) == [1]
    assert run.has("list")


def test_patched_builtins_do_not_reach_the_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has copies of its own, made before the first cell."""
    kernel = LocalKernel(xs=[1, (2,), {"a": 3}])
    used = {"isinstance", "issubclass", "getattr", "hasattr", "callable", "type", "len", "sorted", "str", "list"}
    assert used <= set(vars(probe))
    with monkeypatch.context() as patch:
        for name in ("sorted", "callable", "hasattr"):
            patch.setattr(builtins, name, None)
        content = kernel.ask({"do": "value", "name": "xs"}, []).content
    assert content == LocalKernel(xs=[1, (2,), {"a": 3}]).ask({"do": "value", "name": "xs"}, []).content


def test_faults_of_the_grader_are_no_silence() -> None:
    """Even a request that nobody knows is answered."""
    reply = LocalKernel(x=3).ask({"do": "nothing", "name": "x"}, [])
    assert reply.content["error"] == "raised"


@pytest.mark.parametrize(
    "function",
    [lambda x: (x + torch.ones(3)).tolist(), lambda x: x.numpy().sum(), lambda x: np.asarray(x) * 2],
    ids=["own tensors", "numpy", "asarray"],
)
def test_what_is_written_for_the_cpu_alone_is_asked_there(monkeypatch: pytest.MonkeyPatch, function: Any) -> None:
    monkeypatch.setattr(probe, "setup", lambda *_: {"device": "meta"})  # a device that is not the CPU
    kernel = LocalKernel(function=function, on_device=lambda x: str(x.device), breaks=lambda x: x.nothing)
    kernel.ask({"do": "setup", "seed": 0, "device": "auto"}, [])
    run = run_of(kernel)
    run.call("function", tensor(np.ones(3)))
    assert run.call("on_device", tensor(np.ones(3))) == "meta"
    with pytest.raises(CallFailed, match="nothing"):
        run.call("breaks", tensor(np.ones(3)))
