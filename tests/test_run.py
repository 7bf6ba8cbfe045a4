"""What a check may ask, and what it gets: answers of an honest kernel, and claims of a dishonest one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook, new_output

from grader import run as module
from grader.errors import (
    AnswerMissing,
    BadClaim,
    CallFailed,
    CheckFailed,
    ExerciseError,
    GraderError,
    KernelGone,
    NameMissing,
    SubmissionFault,
    TooSlow,
    WrongKind,
)
from grader.kernel.patience import NotAskedAgain
from grader.kernel.wire import Opaque, tensor
from grader.kernel.wire import module as layers
from grader.run import Run
from grader.workspace import Workspace
from tests.fakes import Claiming, LocalKernel, run_of
from tests.test_wire import almost_nodes, json_values, weigh


def ask(**namespace: Any) -> Run:
    return run_of(LocalKernel(**namespace))


# ---------------------------------------------------------------------- values


def test_values() -> None:
    run = ask(
        n=18, x=0.5, text="a", flag=True, pair=(1, [2]), table={"a": 1}, array=np.eye(2), w=torch.ones(2, 3), f=len
    )
    assert [run.value(name) for name in ("n", "x", "text", "flag", "pair", "table")] == [
        18,
        0.5,
        "a",
        True,
        (1, [2]),
        {"a": 1},
    ]
    assert run.value("array").tolist() == [[1, 0], [0, 1]]
    assert (run.value("w").dtype, run.value("w").shape) == (np.float32, (2, 3))
    assert run.value("f") == Opaque("builtin_function_or_method")


def test_a_value_is_asked_once() -> None:
    kernel = LocalKernel(n=18)
    run = run_of(kernel)
    assert [run.value("n"), run.value("n")] == [18, 18]
    assert len(kernel.requests) == 1


def test_values_that_are_not_there() -> None:
    run = ask(dots=..., nothing=None)
    for _ in range(2):
        with pytest.raises(NameMissing, match=r"`gone` is not defined\."):
            run.value("gone")
        with pytest.raises(AnswerMissing, match=r"`dots` is still `\.\.\.`\."):
            run.value("dots")
        with pytest.raises(AnswerMissing, match=r"`nothing` is None\."):
            run.value("nothing")
    assert [run.has(name) for name in ("gone", "dots", "nothing")] == [False, False, True]


def test_dotted_names() -> None:
    run = ask(model=torch.nn.Linear(3, 4))
    assert run.value("model.in_features") == 3
    assert run.value("model.weight").shape == (4, 3)
    with pytest.raises(NameMissing, match=r"`gone` is not defined"):
        run.value("gone.weight")
    with pytest.raises(SubmissionFault, match="no attribute 'gone'"):
        run.value("model.gone")


def test_arrays() -> None:
    run = ask(rows=[[1, 2], [3, 4]], text="a", w=torch.ones(2, requires_grad=True))
    assert run.array("rows").tolist() == [[1, 2], [3, 4]]
    assert run.array("w").dtype == np.float64
    with pytest.raises(WrongKind, match=r"The matrix is the text 'a', not a number"):
        run.array("text", what="The matrix")


# ---------------------------------------------------------------------- calls


def test_calls() -> None:
    run = ask(
        double=lambda x, times=2: x * times,
        kinds=lambda *xs: [type(x).__name__ for x in xs],
        count=lambda m: sum(p.numel() for p in m.parameters()),
        model=torch.nn.Flatten(),
    )
    assert run.call("double", 3) == 6
    assert run.call("double", [1], times=3) == [1, 1, 1]
    kinds = run.call("kinds", 1, 0.5, "a", None, True, [1], (1,), {"a": 1}, np.eye(2), tensor([1]), layers([("ReLU",)]))
    assert kinds == [
        "int",
        "float",
        "str",
        "NoneType",
        "bool",
        "list",
        "tuple",
        "dict",
        "ndarray",
        "Tensor",
        "Sequential",
    ]
    assert run.call("count", layers([("Linear", 3, 4), ("Linear", 4, 2, {"bias": False})])) == 24
    assert run.call("model.forward", tensor(np.zeros((2, 3, 4)))).shape == (2, 12)


def test_what_is_sent_may_be_written_to() -> None:
    """A student's function that works in place is as good as another."""

    def in_place(x: Any) -> Any:
        x += 1
        return x

    run = ask(f=in_place)
    assert run.call("f", np.zeros(2)).tolist() == [1, 1]
    assert run.call("f", tensor(np.zeros(2))).tolist() == [1, 1]


def raising(error: BaseException) -> Callable[..., Any]:
    def function(*_: Any) -> Any:
        raise error

    return function


class Silent(Exception):
    """Its text is an error of its own."""

    def __str__(self) -> str:
        raise ValueError("no text")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("bad\x1b[2J shape"), r"^`f\(…\)` raised ValueError: bad shape\.$"),
        (KeyError(), r"^`f\(…\)` raised KeyError: no message\.$"),
        (SystemExit("passed"), r"raised SystemExit: passed"),
        (GeneratorExit(), r"raised GeneratorExit"),
        (Silent(), r"raised Silent: no message"),
        (RecursionError("too deep"), r"raised RecursionError"),
        (MemoryError(), r"raised MemoryError"),
        (Exception("x" * 5000), r"raised Exception: x{200,300}…\.$"),
    ],
)
def test_a_call_that_raises(error: BaseException, told: str) -> None:
    with pytest.raises(CallFailed, match=told) as caught:
        ask(f=raising(error)).call("f", 1)
    assert caught.value.hint


def test_a_step_is_judged_by_itself_where_one_before_it_is_wrong() -> None:
    kernel = LocalKernel(words=lambda text, sep=" ": text)
    kernel.namespace["count"] = lambda texts: [len(kernel.namespace["words"](text, sep=" ")) for text in texts]
    run = run_of(kernel)
    pairs = {"words": [("a b", ["a", "b"]), ("c", ["c"])]}
    assert run.call("count", ["a b", "c", "not given"], given=pairs) == [2, 1, 9]
    assert run.call("count", ["a b", "c"]) == [3, 1]  # its own again
    kernel.namespace["count"] = lambda texts: 1 / 0
    with pytest.raises(CallFailed):
        run.call("count", [], given=pairs)
    assert run.call("words", "a b") == "a b"


@pytest.mark.parametrize(
    ("source", "fine"),
    [
        ("lambda rows: [row[::-1] for row in rows]", True),
        ("lambda rows: [row.pop() for row in rows]", False),
        ("lambda rows: rows.sort() or 1", False),
        ("lambda rows: (rows.append(1), rows.pop())", True),
    ],
)
def test_a_function_may_have_to_leave_what_it_is_given(source: str, fine: bool) -> None:
    run = run_of(LocalKernel(f=eval(source)))
    run.call("f", [[3, 1], [2]])
    if fine:
        run.call("f", [[3, 1], [2]], unchanged=True)
    else:
        with pytest.raises(CheckFailed, match="changes what it is given"):
            run.call("f", [[3, 1], [2]], unchanged=True)
    with pytest.raises(CheckFailed, match="changes"):
        run_of(LocalKernel(f=lambda x: x.add_(1))).call("f", tensor(np.ones(3)), unchanged=True)


def test_calls_that_cannot_be() -> None:
    run = ask(n=3, f=lambda x: x, stop=raising(KeyboardInterrupt()))
    with pytest.raises(NameMissing):
        run.call("gone", 1)
    with pytest.raises(WrongKind, match=r"`n` cannot be used: it is a int, which cannot be called\."):
        run.call("n", 1)
    with pytest.raises(CallFailed, match="TypeError"):
        run.call("f", 1, 2)
    with pytest.raises(TooSlow, match=r"`stop\(…\)` took too long"):
        run.call("stop")
    with pytest.raises(TypeError, match="cannot send"):
        run.call("f", object())


# ---------------------------------------------------------------------- predictions


class Predictions:
    """A kernel that answers batches with what `answer(batch)` gives."""

    alive = True

    def __init__(self, answer: Callable[[np.ndarray], Any]) -> None:
        self.local = LocalKernel(f=answer)
        self.sizes: list[int] = []
        self.asked: list[int | None] = []

    def ask(self, request: dict[str, Any], buffers: list[bytes], seconds: float | None = None) -> Any:
        self.sizes.append(request["inputs"][2][0] if request["inputs"][0] == "a" else len(request["inputs"][1]))
        self.asked.append(request["layout"])
        return self.local.ask(request, buffers, seconds)


@pytest.mark.parametrize(
    ("n", "batch", "sizes"),
    [(5, 500, [5]), (500, 500, [500]), (501, 500, [250, 251]), (1000, 500, [500, 500]), (7, 3, [2, 2, 3]), (1, 1, [1])],
)
def test_batches_are_about_equal_so_that_none_is_of_one_input(n: int, batch: int, sizes: list[int]) -> None:
    kernel = Predictions(lambda x: x.squeeze())
    inputs = np.arange(2.0 * n).reshape(n, 2, 1)
    predicted = run_of(kernel).predict("f", inputs, batch) if n > 1 else None
    if predicted is not None:
        np.testing.assert_array_equal(predicted, inputs.squeeze(-1))
        assert kernel.sizes == sizes
        assert kernel.asked[0] is None
        assert len(set(kernel.asked[1:])) <= 1


def test_texts_are_inputs_too() -> None:
    kernel = Predictions(lambda texts: [len(text) for text in texts])
    assert run_of(kernel).predict("f", ["a", "bb", "", "dddd"], batch=3).tolist() == [1, 2, 0, 4]
    assert kernel.sizes == [2, 2]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda x: 7, r"gives one number for 4 inputs\."),
        (lambda x: x[:3], r"gives 3 answers for 4 inputs\."),
        (lambda x: x.mean(), r"gives one number"),
        (lambda x: [], r"gives 0 answers"),
        (lambda x: "abcd", r"is the text 'abcd'"),
        (lambda x: ["a"] * len(x), r"is the text 'a'"),
        (lambda x: None, r"is None"),
        (lambda x: ..., r"is still `\.\.\.`"),
        (lambda x: [[0]] * 3 + [[0, 1]], r"rows have different lengths"),
        (lambda x: {"logits": x}, r"is a dict"),
        (lambda x: 1 / 0, r"raised ZeroDivisionError"),
        (lambda x: (yield), r"is an object of type generator"),
    ],
)
def test_predictions_that_are_none(answer: Any, told: str) -> None:
    with pytest.raises(SubmissionFault, match=told):
        ask(f=answer).predict("f", np.zeros((4, 2)))


def test_answers_of_another_shape_from_batch_to_batch() -> None:
    sizes = iter((2, 3))
    with pytest.raises(SubmissionFault, match="different shape from batch to batch"):
        ask(f=lambda x: np.zeros((len(x), next(sizes)))).predict("f", np.zeros((4, 2)), batch=2)


def test_answers_in_all_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PREDICTED", 100)
    run = ask(f=lambda x: np.zeros((len(x), 30)))
    assert run.predict("f", np.zeros((3, 2)), batch=1).shape == (3, 30)
    with pytest.raises(SubmissionFault, match="gives more than 100 numbers"):
        run.predict("f", np.zeros((4, 2)), batch=1)


def test_predictions_of_nothing_are_the_authors_mistake() -> None:
    for inputs in (np.zeros((0, 3)), []):
        with pytest.raises(ExerciseError):
            ask(f=len).predict("f", inputs)


# ---------------------------------------------------------------------- modules


def test_parameters() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    run = ask(model=network, n=3)
    assert run.shapes("model") == {"0.weight": (4, 3), "0.bias": (4,), "2.weight": (2, 4), "2.bias": (2,)}
    parameters = run.parameters("model")
    assert list(parameters) == list(run.shapes("model"))
    np.testing.assert_array_equal(parameters["2.bias"], network[2].bias.detach().numpy())
    for question in (run.shapes, run.parameters):
        with pytest.raises(WrongKind, match=r"`n` cannot be used: it is a int, not an nn\.Module"):
            question("n")
        with pytest.raises(NameMissing):
            question("gone")


# ---------------------------------------------------------------------- what the notebook left


def test_outputs() -> None:
    cells = [new_code_cell("print(1)", id="first"), new_code_cell("x", id="second"), new_code_cell("", id="third")]
    cells[0].outputs = [
        new_output("stream", name="stdout", text="accuracy: \x1b[31m0.9\x1b[0m\n"),
        new_output("stream", name="stderr", text="warned"),
    ]
    cells[1].outputs = [
        new_output("execute_result", {"text/plain": "3"}),
        new_output("display_data", {"image/png": "aGk="}),
        new_output("error", ename="E", evalue="v", traceback=[]),
    ]
    run = run_of(LocalKernel(), notebook=new_notebook(cells=cells))
    assert run.output() == "accuracy: 0.9\n\nwarned\n3"
    assert run.output("second") == "3"
    assert run.output("third") == run.output("nowhere") == ""


def test_files_are_read_when_the_process_has_ended_and_not_before(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text("{}")
    with Workspace(tmp_path / "a.ipynb", (), "sample") as workspace:
        run = run_of(LocalKernel(x=3), workspace)
        (workspace.folder / "plot.png").write_bytes(b"png")
        for question in (lambda: run.file("plot.png"), run.files):
            with pytest.raises(ExerciseError, match="while its process is alive"):
                question()
        run.ended = True
        assert run.files("*.png") == ["plot.png"]
        assert run.file("plot.png") == b"png"
        with pytest.raises(SubmissionFault, match=r"wrote no file named other\.png"):
            run.file("other.png")
        for question in (lambda: run.value("x"), lambda: run.has("x"), lambda: run.call("x"), lambda: run.shapes("x")):
            with pytest.raises(ExerciseError, match="after it has ended"):
                question()


# ---------------------------------------------------------------------- what only the grader has


def test_what_is_computed_once() -> None:
    run = ask()
    calls = []

    def compute(given: Run) -> int:
        assert given is run
        calls.append("compute")
        return len(calls)

    def fault(given: Run) -> int:
        calls.append("fault")
        raise SubmissionFault("no")

    assert [run.once(compute), run.once(compute)] == [1, 1]
    for _ in range(2):
        with pytest.raises(SubmissionFault, match=r"^no$"):
            run.once(fault)
    assert calls == ["compute", "fault"]
    assert run.once(lambda given: 7) == 7


def test_a_fault_of_the_graders_is_not_remembered_as_the_students() -> None:
    run = ask()

    def broken(given: Run) -> None:
        raise KeyError("x")

    for _ in range(2):
        with pytest.raises(KeyError):
            run.once(broken)


def test_heldout_data_is_the_same_for_all_checks_and_no_part_of_what_is_visible() -> None:
    run = ask()
    heldout, visible = run.heldout("mnist"), run.visible("mnist")
    assert run.heldout("mnist") is heldout
    seen = {image.tobytes() for image in visible.pixels}
    assert not any(image.tobytes() in seen for image in heldout.pixels)
    with pytest.raises(GraderError):
        run.heldout("nothing")


# ---------------------------------------------------------------------- claims

QUESTIONS: dict[str, Callable[[Run], Any]] = {
    "value": lambda run: run.value("x"),
    "dotted": lambda run: run.value("x.y"),
    "array": lambda run: run.array("x"),
    "has": lambda run: run.has("x"),
    "call": lambda run: run.call("x", 1),
    "predict": lambda run: run.predict("x", np.zeros((4, 2)), batch=2),
    "predict texts": lambda run: run.predict("x", ["a", "b"]),
    "parameters": lambda run: run.parameters("x"),
    "shapes": lambda run: run.shapes("x"),
}

contents = (
    st.builds(lambda node: {"ok": node}, almost_nodes)
    | st.builds(lambda a, n: {"ok": ["t", [a, ["i", str(n)]]]}, almost_nodes, st.integers())
    | st.builds(lambda node: {"ok": ["l", [node]]}, almost_nodes)
    | st.builds(lambda k, node: {"ok": ["d", [[["s", k], node]]]}, st.text(), almost_nodes)
    | st.fixed_dictionaries(
        {},
        optional={
            "error": st.sampled_from(["missing", "unusable", "interrupted", "raised"]) | json_values,
            "type": json_values,
            "text": json_values,
            "line": json_values,
        },
    )
)


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
@settings(max_examples=60)
@given(content=contents, buffers=st.lists(st.binary(max_size=32), max_size=2))
def test_any_claim_is_an_answer_or_the_submissions_fault(
    question: Callable[[Run], Any], content: dict[str, Any], buffers: list[bytes]
) -> None:
    """Anything else would make a hostile submission "ungraded" instead of failed."""
    with suppress(SubmissionFault):
        weigh(question(run_of(Claiming(content, buffers))))


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
@pytest.mark.parametrize(
    ("error", "fault", "told"),
    [
        (TimeoutError, TooSlow, "took too long"),
        (NotAskedAgain(30), TooSlow, "did not answer within 30 s before, and was not asked again"),
        (MemoryError, KernelGone, "more memory"),
        (ConnectionError, KernelGone, "is dead"),
    ],
)
def test_kernels_that_do_not_answer(question: Callable[[Run], Any], error: Any, fault: Any, told: str) -> None:
    with pytest.raises(fault, match=told):
        question(run_of(Claiming(error)))


@pytest.mark.parametrize(
    "claim",
    [["l", [["b", False]]], ["l", []], ["b", True], ["l", [["i", "1"]]], ["l", [["a", "|b1", [2], 0]]], ["s", "True"]],
)
def test_only_a_plain_yes_is_a_yes(claim: Any) -> None:
    assert run_of(Claiming({"ok": claim}, [b"\x01\x01"])).has("x") is False


def test_forged_shapes() -> None:
    for shape in (
        ["l", [["i", "-1"]]],
        ["l", [["f", "0x1.0p+1"]]],
        ["t", [["i", "1"]]],
        ["i", "3"],
        ["l", [["b", True]]],
    ):
        with pytest.raises(BadClaim):
            run_of(Claiming({"ok": ["d", [[["s", "w"], shape]]]})).shapes("x")


# ---------------------------------------------------------------------- what training adjusts


def test_weights_are_found_wherever_a_model_keeps_them() -> None:
    layers_of = [torch.nn.Linear(3, 2), torch.nn.Linear(2, 1)]
    network = torch.nn.Sequential(*layers_of)
    raw = torch.randn(3, 1, requires_grad=True)
    known = np.ones((5, 3))

    def around(x: Any) -> Any:
        return network(x)

    def by_hand(x: Any) -> Any:
        return x @ raw

    def looked_up(x: Any) -> Any:
        return known[: len(x), 0]

    run = ask(module=network, f=around, items={"a": layers_of}, g=by_hand, nothing=looked_up)
    right = [(1,), (1, 2), (2,), (2, 3)]
    for name in ("module", "f", "items"):
        shapes, adjusted = run.weights(name)
        assert (sorted(shapes), adjusted) == (right, True), name
    assert run.weights("g") == ([(3, 1)], True)
    assert run.weights("nothing") == ([(5, 3)], False)


def test_without_its_weights_a_network_knows_nothing_and_has_them_back_afterwards() -> None:
    network = torch.nn.Linear(3, 2)
    kept = network.weight.detach().clone()
    run = ask(model=network)
    inputs = np.ones((4, 3), np.float32)
    assert not run.predict("model", inputs, without="weights").any()
    assert torch.equal(network.weight, kept)
    assert run.predict("model", inputs).any()


LSTMS = [(layers, both) for layers in (1, 2) for both in (False, True)]


@pytest.mark.parametrize(("layers", "both"), LSTMS)
@pytest.mark.parametrize("first", [True, False], ids=["rows first", "steps first"])
def test_without_its_states_an_lstm_has_read_nothing(layers: int, both: bool, first: bool) -> None:
    lstm = torch.nn.LSTM(3, 4, layers, batch_first=first, bidirectional=both)
    run = ask(output=lambda x: steps(lstm(steps(x))[0]), last=lambda x: lstm(steps(x))[1][0][-1])

    def steps(x: torch.Tensor) -> torch.Tensor:
        return x if first else x.transpose(0, 1)

    inputs = np.random.default_rng(0).normal(size=(5, 7, 3)).astype(np.float32)
    for name in ("output", "last"):
        usual = run.predict(name, inputs)
        assert not run.predict(name, inputs, without="states").any()
        others = run.predict(name, inputs, without="own states")
        assert np.array_equal(others, np.roll(usual, 1, axis=0))  # each has another row's
        assert np.array_equal(run.predict(name, inputs), usual)


@pytest.mark.parametrize("both", [False, True])
def test_packed_rows_lose_their_states_too(both: bool) -> None:
    lstm = torch.nn.LSTM(3, 4, batch_first=True, bidirectional=both)
    lengths = torch.tensor([3, 7, 1, 2, 5])

    def packed(x: torch.Tensor) -> Any:
        return lstm(torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))

    run = ask(
        output=lambda x: torch.nn.utils.rnn.pad_packed_sequence(packed(x)[0], batch_first=True)[0],
        last=lambda x: packed(x)[1][0][-1],
    )
    inputs = np.random.default_rng(0).normal(size=(5, 7, 3)).astype(np.float32)
    assert not run.predict("output", inputs, without="states").any()
    usual, others = (run.predict("last", inputs, **kind) for kind in ({}, {"without": "own states"}))
    assert np.array_equal(others, np.roll(usual, 1, axis=0))
    # What is padded stays padded.
    usual, others = (run.predict("output", inputs, **kind) for kind in ({}, {"without": "own states"}))
    assert others.shape == usual.shape
    assert np.array_equal(others[1, :3], usual[0, :3])
    assert not others[1, 3:].any()


def test_a_cell_in_a_loop_loses_its_states() -> None:
    cell = torch.nn.LSTMCell(3, 4)

    def loop(x: torch.Tensor) -> torch.Tensor:
        state = (torch.zeros(len(x), 4), torch.zeros(len(x), 4))
        for step in x.unbind(1):
            state = cell(step, state)
        return state[0]

    run = ask(model=loop)
    inputs = np.random.default_rng(0).normal(size=(5, 7, 3)).astype(np.float32)
    assert run.predict("model", inputs).all()
    assert not run.predict("model", inputs, without="states").any()
    changed = run.predict("model", inputs, without="own states") - run.predict("model", inputs)
    assert np.abs(changed).max(axis=1).min() > 1e-3


def test_one_step_without_a_state_is_no_reading_and_is_left_alone() -> None:
    cell, lstm = torch.nn.LSTMCell(3, 4), torch.nn.LSTM(3, 4, batch_first=True)
    run = ask(cell=lambda x: cell(x)[0], lstm=lambda x: lstm(x[:, None])[0][:, 0])
    inputs = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    for name in ("cell", "lstm"):
        usual = run.predict(name, inputs)
        for without in ("states", "own states"):
            assert np.array_equal(run.predict(name, inputs, without=without), usual)


def test_nor_is_the_same_at_every_step_or_a_step_from_zeros() -> None:
    cell, lstm = torch.nn.LSTMCell(3, 4), torch.nn.LSTM(3, 4, batch_first=True)
    zeros = torch.zeros(5, 4)
    run = ask(
        cell=lambda x: cell(x, (zeros, zeros))[0],
        lstm=lambda x: lstm(x[:, None], (zeros[None], zeros[None]))[0][:, 0],
        repeated=lambda x: lstm(x[:, None].expand(-1, 6, -1))[1][0][0],
    )
    inputs = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    for name in ("cell", "lstm", "repeated"):
        assert np.array_equal(run.predict(name, inputs, without="own states"), run.predict(name, inputs))


def test_several_things_may_be_refused() -> None:
    run = ask(pair=lambda x: (x, 2 * x))
    inputs = np.ones((4, 3), np.float32)
    assert run.predict("pair", inputs).shape == (4, 3)
    with pytest.raises(SubmissionFault, match="2 things, not one"):
        run.predict("pair", inputs, several=False)


@pytest.mark.parametrize("claim", [["i", "3"], ["d", []], ["t", [["l", [["s", "x"]]], ["b", True]]]])
def test_claims_about_the_training_are_parsed_strictly(claim: Any) -> None:
    run = run_of(Claiming({"ok": claim}))
    for ask_for in (run.trained, lambda: run.weights("model")):
        with pytest.raises(BadClaim):
            ask_for()
