"""Values as data: round trips, and what a hostile kernel may send."""

from __future__ import annotations

import json
import math
import sys
import tracemalloc
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.errors import BadClaim
from grader.kernel import probe, wire
from grader.kernel.wire import Opaque, decode, encode, module, tensor

# ---------------------------------------------------------------------- round trips

numbers = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
arrays = hnp.arrays(
    st.sampled_from(sorted(wire.DTYPES)), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
)
keys = st.text() | st.integers() | st.none() | st.booleans() | st.tuples(st.integers(), st.text())
plain_values = st.recursive(
    numbers | arrays,
    lambda inner: (
        st.lists(inner, max_size=4) | st.lists(inner, max_size=4).map(tuple) | st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=12,
)


def same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return all(map(same, one, other)) and all(map(same, one.values(), other.values()))
    if isinstance(one, float):
        return (math.isnan(one) and math.isnan(other)) or (
            one == other and math.copysign(1, one) == math.copysign(1, other)
        )
    return bool(one == other)


@given(plain_values)
def test_what_the_kernel_encodes_the_grader_decodes(value: Any) -> None:
    encoder = probe.Encoder()
    node = json.loads(json.dumps(encoder.encode(value)))
    assert same(decode(node, encoder.buffers), value)


@given(plain_values)
def test_what_a_check_sends_arrives(value: Any) -> None:
    buffers: list[bytes] = []
    node = json.loads(json.dumps(encode(value, buffers)))
    assert same(probe.decode(node, buffers, "cpu"), value)


@pytest.mark.parametrize(
    ("value", "arrives"),
    [(np.int64(3), 3), (np.float32(0.5), 0.5), (np.bool_(True), True), (np.str_("a"), "a"), (np.array(2.5)[()], 2.5)],
)
def test_numpy_scalars_arrive_as_plain_numbers(value: Any, arrives: Any) -> None:
    assert same(decode(encode(value, []), []), arrives)


def test_arrays_of_another_byte_order_or_layout_arrive_the_same() -> None:
    for array in (np.arange(6, dtype=">f4").reshape(2, 3), np.arange(12.0).reshape(3, 4).T[::2], np.zeros((0, 3))):
        buffers: list[bytes] = []
        np.testing.assert_array_equal(decode(encode(array, buffers), buffers), array)


def test_a_decoded_array_is_nobody_elses() -> None:
    buffer = bytearray(np.zeros(3).tobytes())
    array = decode(["a", "<f8", [3], 0], [buffer])
    buffer[:] = b"\xff" * len(buffer)
    assert array.tolist() == [0, 0, 0]
    assert array.flags.writeable


def test_arguments_of_torchs_own() -> None:
    buffers: list[bytes] = []
    made = probe.decode(encode([tensor([1, 2], "int64"), tensor(np.eye(2))], buffers), buffers, "cpu")
    assert [str(one.dtype) for one in made] == ["torch.int64", "torch.float64"]
    network = probe.decode(
        encode(module([("Linear", 3, 4), ("ReLU",), ("Linear", 4, 2, {"bias": False})]), []), [], "cpu"
    )
    assert [tuple(p.shape) for p in network.parameters()] == [(4, 3), (4,), (2, 4)]


def made(described: Any) -> Any:
    """The module that a description arrives as."""
    return probe.decode(encode(module(described), []), [], "cpu")


def test_modules_of_every_build() -> None:
    assert type(made(("Linear", 3, 4))).__name__ == "Linear"
    parts = {
        "words": ("Embedding", 5, 3, {"frozen": True}),
        "blocks": ("ModuleList", [("Linear", 3, 3, {"frozen": ["weight"]}), ("ReLU",)]),
        "heads": ("ModuleDict", {"a": ("Sequential", [("Linear", 3, 2, {"dtype": "float16"})])}),
        "out": ("Linear", 3, 5, {"bias": False}),
        "scale": ("Parameter", [2, 1]),
        "nothing": ("Parameter", [0, 7]),
        "mask": ("Buffer", [4], {"dtype": "bool", "persistent": False}),
        "steps": ("Buffer", [], {"dtype": "int64"}),
    }
    network = made(("Network", parts, {"tied": {"out.weight": "words.weight"}}))
    assert network.out.weight is network.words.weight
    named = {name: (tuple(p.shape), str(p.dtype)[6:], p.requires_grad) for name, p in network.named_parameters()}
    assert named == {
        "scale": ((2, 1), "float32", True),
        "nothing": ((0, 7), "float32", True),
        "words.weight": ((5, 3), "float32", False),
        "blocks.0.weight": ((3, 3), "float32", False),
        "blocks.0.bias": ((3,), "float32", True),
        "heads.a.0.weight": ((2, 3), "float16", True),
        "heads.a.0.bias": ((2,), "float16", True),
    }
    assert {name: str(b.dtype)[6:] for name, b in network.named_buffers()} == {"mask": "bool", "steps": "int64"}
    assert "mask" not in network.state_dict()
    with pytest.raises(TypeError, match="not iterable"):
        list(network)


def test_a_module_in_another_type() -> None:
    network = made(("Sequential", [("Linear", 2, 2), ("BatchNorm1d", 2)], {"dtype": "bfloat16", "frozen": True}))
    assert {str(t.dtype)[6:] for t in network.state_dict().values()} == {"bfloat16", "int64"}
    assert not any(p.requires_grad for p in network.parameters())


@pytest.mark.parametrize(
    "value", [object(), Fraction(1, 3), {1, 2}, b"x", np.array(["a"]), np.array([1j]), Opaque("X")]
)
def test_a_check_sends_plain_data_only(value: Any) -> None:
    with pytest.raises(TypeError, match="cannot send"):
        encode(value, [])


# ---------------------------------------------------------------------- claims

PLAIN = (type(None), bool, int, float, str, Opaque)


def weigh(value: Any) -> int:
    """Bytes of a value that `decode` gave; fails if anything in it is not plain."""
    if type(value) is np.ndarray:
        assert value.dtype in wire.DTYPES.values()
        return value.nbytes
    if type(value) in (list, tuple):
        return 8 + sum(weigh(item) for item in value)
    if type(value) is dict:
        return 8 + sum(weigh(k) + weigh(v) for k, v in value.items())
    assert type(value) in PLAIN
    return sys.getsizeof(value)


tags = st.sampled_from(["z", "b", "i", "f", "s", "l", "t", "d", "a", "o", "T", "M", "", "zz"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | tags,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=25,
)
hex_floats = st.from_regex(r"-?0x[01]\.[0-9a-f]{1,13}p[+-][0-9]{1,4}", fullmatch=True) | st.sampled_from(["inf", "nan"])
sizes = (
    st.integers(-2, 5) | st.integers() | st.sampled_from([2**31, 2**63, wire.MAX_BYTES]) | st.booleans() | st.floats()
)
almost_nodes = st.recursive(
    st.just(["z"])
    | st.tuples(st.just("b"), st.booleans() | st.integers()).map(list)
    | st.tuples(st.just("i"), st.from_regex(r"-?[0-9]{1,30}", fullmatch=True) | st.text(max_size=5)).map(list)
    | st.tuples(st.just("f"), hex_floats | st.text(max_size=5)).map(list)
    | st.tuples(st.just("s"), st.text()).map(list)
    | st.tuples(st.just("o"), st.text(max_size=300)).map(list)
    | st.tuples(
        st.just("a"),
        st.sampled_from([*sorted(wire.DTYPES), "|O", ">f4", "<c8", "|V8", "<U4", "object"]),
        st.lists(sizes, max_size=18),
        st.integers(-1, 4) | st.booleans(),
    ).map(list)
    | json_values,
    lambda inner: (
        st.tuples(st.sampled_from(["l", "t"]), st.lists(inner, max_size=5)).map(list)
        | st.tuples(st.just("d"), st.lists(st.lists(inner, min_size=1, max_size=3), max_size=4)).map(list)
    ),
    max_leaves=20,
)


@settings(max_examples=400)
@given(almost_nodes | json_values, st.lists(st.binary(max_size=64), max_size=3))
def test_any_claim_is_plain_data_or_refused(node: Any, buffers: list[bytes]) -> None:
    sent = len(json.dumps(node)) + sum(map(len, buffers))
    try:
        value = decode(node, buffers)
    except BadClaim:
        return
    # Arrays may share buffers, within the limit; nothing else grows.
    assert weigh(value) <= 100 * sent + wire.MAX_BYTES // 1000


MALFORMED: dict[str, Any] = {
    "no list": {"z": 1},
    "empty": [],
    "text": "z",
    "unknown": ["x", 1],
    "too long": ["z", 1],
    "bool that is none": ["b", 1],
    "int that is none": ["i", "1_000"],
    "int with a sign": ["i", "+1"],
    "int in other digits": ["i", "１２"],
    "int of JSON": ["i", 12],
    "int without end": ["i", "9" * 4001],
    "int and a line": ["i", "12\n"],
    "float of JSON": ["f", 1.5],
    "float in decimal": ["f", "1.5"],
    "float too large": ["f", "0x1.0p+9999"],
    "float without end": ["f", "0x1." + "0" * 10_000 + "p+0"],
    "text of JSON": ["s", 3],
    "object type": ["o", 3],
    "object with a long name": ["o", "x" * 201],
    "list that is none": ["l", "abc"],
    "dict that is none": ["d", {"a": 1}],
    "dict with a pair that is none": ["d", [[["s", "a"]]]],
    "dict with a list as key": ["d", [[["l", []], ["z"]]]],
    "dict with an array as key": ["d", [[["a", "|i1", [1], 0], ["z"]]]],
    "dict with a nested tuple as key": ["d", [[["t", [["t", []]]], ["z"]]]],
    "array of objects": ["a", "|O", [1], 0],
    "array of records": ["a", "<f4,<f4", [1], 0],
    "array of another byte order": ["a", ">f4", [1], 0],
    "array without such a buffer": ["a", "|i1", [8], 1],
    "array with a negative buffer": ["a", "|i1", [8], -1],
    "array with a true buffer": ["a", "|i1", [8], True],
    "array too short for its shape": ["a", "|i1", [9], 0],
    "array too long for its shape": ["a", "|i1", [7], 0],
    "array with a negative axis": ["a", "|i1", [-8], 0],
    "array with two negative axes": ["a", "|i1", [-2, -4], 0],
    "array with a true axis": ["a", "|i1", [8, True], 0],
    "array with a float axis": ["a", "|i1", [8.0], 0],
    "array with too many axes": ["a", "|i1", [8] + [1] * 16, 0],
    "empty array with rows by the million": ["a", "|i1", [12_000_000, 0], 1],
    "empty array with endless axes": ["a", "|i1", [0] + [64_000_000] * 5, 1],
    "argument": ["T", ["a", "|i1", [8], 0]],
    "module": ["M", []],
}


@pytest.mark.parametrize("node", MALFORMED.values(), ids=MALFORMED)
def test_malformed_claims(node: Any) -> None:
    for outer in (node, ["l", [node]], ["d", [[["s", "k"], node]]]):
        with pytest.raises(BadClaim):
            decode(outer, [b"12345678"])
    if node != ["a", "|i1", [8], 1]:
        with pytest.raises(BadClaim):
            decode(node, [b"12345678", b""])


def test_nesting_is_limited() -> None:
    node: Any = ["z"]
    for _ in range(wire.MAX_DEPTH):
        node = ["l", [node]]
    decode(node, [])
    for deeper in (1, 5_000):
        for _ in range(deeper):
            node = ["l", [node]]
        with pytest.raises(BadClaim):
            decode(node, [])


def test_parts_and_texts_are_limited() -> None:
    with pytest.raises(BadClaim):
        decode(["l", [["z"]] * wire.MAX_NODES], [])
    with pytest.raises(BadClaim):
        decode(["l", [["s", "x" * 1_000_000]] * 3], [])
    with pytest.raises(BadClaim):
        decode(["l", [["i", "9" * 4_000]] * 501], [])


LONG = [k * (2**61 - 1) for k in range(10_000)]  # all of one hash


@pytest.mark.parametrize(
    "node",
    [
        ["d", [[["i", str(k)], ["z"]] for k in LONG]],
        ["d", [[["t", [["i", str(k)]]], ["z"]] for k in LONG]],
        ["d", [[["t", [["i", str(k % 9)], ["b", True]]], ["l", [["i", str(k)]]]] for k in LONG]],
        ["l", [["i", str(k)] for k in LONG]],  # a set of them takes a minute
        ["l", [["d", [[["i", str(k)], ["z"]]]] for k in LONG]],
    ],
)
def test_keys_of_one_hash_are_refused_at_once(node: Any) -> None:
    # Counted by comparisons, of which there is one for each pair of keys that have the same hash.
    with pytest.raises(BadClaim):
        decode(node, [])


def test_honest_keys_and_long_numbers_pass() -> None:
    honest = {"a": 1, -1: 2, -2: 3, 0.5: 4, (1, 2): 5, 10**30: 2**100, True: 3}
    assert decode(encode(honest, []), []) == honest
    many = {k: str(k) for k in range(-20_000, 20_000)} | {k / 7: 0 for k in range(1, 5000)}
    assert decode(encode(many, []), []) == many


def test_numbers_of_small_types_are_counted() -> None:
    """A byte becomes eight as soon as it is compared."""
    decode(["a", "|i1", [wire.MAX_NUMBERS], 0], [bytes(wire.MAX_NUMBERS)])
    with pytest.raises(BadClaim):
        decode(["a", "|i1", [wire.MAX_NUMBERS + 1], 0], [bytes(wire.MAX_NUMBERS + 1)])


def test_many_arrays_of_one_buffer_are_limited() -> None:
    """A claim of a few kilobytes must not become gigabytes."""
    buffer = bytes(1_000_000)
    node = ["l", [["a", "|i1", [len(buffer)], 0]] * 10_000]
    tracemalloc.start()
    try:
        with pytest.raises(BadClaim):
            decode(node, [buffer])
        assert tracemalloc.get_traced_memory()[1] < 2 * wire.MAX_BYTES
    finally:
        tracemalloc.stop()


def test_buffers_are_limited_even_unused() -> None:
    with pytest.raises(BadClaim):
        decode(["z"], [memoryview(bytes(1_000_000))] * 65)


def test_what_an_object_is_called_is_cleaned() -> None:
    assert decode(["o", "Evil\x1b[2J\u202e"], []) == Opaque("Evil")
    assert Opaque("Evil").told() == "an object of type Evil"
