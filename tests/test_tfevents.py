"""TensorBoard's event files: written by torch's own writer, written by an enemy, damaged on the way."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader import tfevents
from grader.errors import SubmissionFault
from grader.tfevents import Scalar, masked_crc, scalars

pytest.importorskip("tensorboard")

QUICK = settings(max_examples=300, deadline=2000, suppress_health_check=[HealthCheck.too_slow])


def written(folder: Path, write: Callable[[Any], None]) -> bytes:
    """The event file of a `SummaryWriter`."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        write(writer)
    (file,) = folder.glob("*tfevents*")
    return file.read_bytes()


def record(data: bytes) -> bytes:
    """A record as TFRecord frames it."""
    header = struct.pack("<Q", len(data))
    return header + struct.pack("<I", masked_crc(header)) + data + struct.pack("<I", masked_crc(data))


def field(number: int, value: int | bytes, kind: int | None = None) -> bytes:
    """A field of a protocol buffer: a whole number, or bytes with their length before them."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    length = varint(len(value)) if kind is None else b""
    return varint(number << 3 | (2 if kind is None else kind)) + length + value


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def event(step: int, *values: bytes) -> bytes:
    return field(2, step) + field(5, b"".join(field(1, value) for value in values))


def simple(tag: bytes, value: float) -> bytes:
    return field(1, tag) + field(2, struct.pack("<f", value), kind=5)


# ---------------------------------------------------------------------- what torch writes


def test_the_checksum() -> None:
    """The check value of CRC-32C, unmasked: 0xE3069283 for the nine digits."""
    crc = 0xE3069283
    assert masked_crc(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@pytest.mark.parametrize(
    "options", [{}, {"new_style": True}, {"double_precision": True}, {"new_style": True, "double_precision": True}]
)
def test_scalars_of_torchs_own_writer(tmp_path: Path, options: dict[str, bool]) -> None:
    def write(writer: Any) -> None:
        for step in range(1, 6):
            writer.add_scalar("loss/train", 1 / step, step, **options)
            writer.add_scalar("loss/häviö", torch.tensor(-2.5 * step), step, **options)

    found = scalars(written(tmp_path, write), "events")
    assert [(one.tag, one.step) for one in found[::2]] == [("loss/train", n) for n in range(1, 6)]
    assert [one.value for one in found[::2]] == pytest.approx([1 / n for n in range(1, 6)], rel=1e-6)
    assert [(one.tag, one.value) for one in found[1::2]] == [("loss/häviö", -2.5 * n) for n in range(1, 6)]
    assert all(1.7e9 < one.time < 1e10 for one in found)


def test_other_things_that_are_logged_are_left_alone(tmp_path: Path) -> None:
    def write(writer: Any) -> None:
        writer.add_text("note", "a text")
        writer.add_histogram("weights", np.arange(100))
        writer.add_image("picture", np.zeros((3, 200, 200)))
        writer.add_image("noise", np.random.default_rng(0).random((3, 300, 300)))
        writer.add_scalar("only", float("nan"), -3)

    raw = written(tmp_path, write)
    assert len(raw) > tfevents.MAX_SCALARS
    (one,) = scalars(raw, "events")
    assert (one.tag, one.step) == ("only", -3)
    assert math.isnan(one.value)


def test_an_empty_file_holds_nothing() -> None:
    assert scalars(b"", "events") == []


# ---------------------------------------------------------------------- what else may be in such a file


def test_numbers_in_every_dress() -> None:
    def tensor(*parts: bytes) -> bytes:
        return field(1, b"t") + field(8, b"".join(parts))

    floats, doubles = field(1, 1), field(1, 2)
    half = struct.pack("<f", 0.5), struct.pack("<d", 0.5)
    good = [
        simple(b"t", 0.5),
        tensor(floats, field(5, half[0])),
        tensor(floats, field(5, half[0], kind=5)),
        tensor(floats, field(4, half[0])),
        tensor(doubles, field(6, half[1])),
        tensor(doubles, field(6, half[1], kind=1)),
        tensor(doubles, field(4, half[1])),
    ]
    for value in good:
        assert scalars(record(event(7, value)), "events") == [Scalar("t", 7, 0.5, 0.0)]
    others = [
        tensor(floats, field(5, half[0] * 2)),
        tensor(doubles, field(5, half[0])),
        tensor(field(1, 7), field(8, b"text")),
        tensor(floats),
        field(1, b"t"),
        b"",
    ]
    assert scalars(record(event(7, *others)), "events") == []


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"PNG", "ends in the middle of record 1"),
        (b"no event file at all", "no sound header"),
        (record(b"")[:-1], "ends in the middle"),
        (record(event(1, simple(b"t", 1))) + record(event(2, simple(b"t", 1)))[:20], "middle of record 2"),
        (record(event(1, simple(b"t", 1)))[:-1] + b"\0", "checksum of record 1"),
        (record(b"\xff" * 30), "has no end"),
        (record(field(5, b"abc")[:-1]), "no protocol buffer"),
        (record(field(5, b"", kind=3)), "no protocol buffer"),
        (record(event(1, field(1, b"x" * 600))), "too long"),
        (struct.pack("<QI", 2**63, masked_crc(struct.pack("<Q", 2**63))), "ends in the middle"),
        (record(b"") * (tfevents.MAX_RECORDS + 1), "more than 100,000 records"),
        (record(event(1, *[b""] * 1500)) * 800, "more numbers than"),
        (bytes(tfevents.MAX_BYTES + 1), "too large"),
    ],
    ids=lambda one: one.replace(" ", "-") if isinstance(one, str) else "",
)
def test_files_that_cannot_be_read(raw: bytes, says: str) -> None:
    with pytest.raises(SubmissionFault) as caught:
        scalars(raw, "events")
    assert says in caught.value.message
    assert caught.value.message.endswith(".")


# ---------------------------------------------------------------------- the enemy's


def reads_or_says_why(raw: bytes) -> None:
    try:
        found = scalars(raw, "runs/\x1b[2J/events")
    except SubmissionFault as fault:
        said = fault.message
        assert said.isprintable()
        assert len(said) < 300
        return
    for one in found:
        assert (type(one.tag), type(one.step), type(one.value), type(one.time)) == (str, int, float, float)
        assert -(2**63) <= one.step < 2**63
    assert len(found) <= len(raw)


@QUICK
@given(st.binary(max_size=300))
def test_any_bytes(raw: bytes) -> None:
    reads_or_says_why(raw)


@QUICK
@given(st.lists(st.binary(max_size=100), max_size=5))
def test_any_records(records: list[bytes]) -> None:
    reads_or_says_why(b"".join(record(data) for data in records))


FIELDS = st.recursive(
    st.binary(max_size=20) | st.integers(0, 2**64 - 1),
    lambda inner: st.lists(st.tuples(st.integers(1, 9), inner), max_size=4),
    max_leaves=12,
)


def packed(fields: Any) -> bytes:
    """Nested fields as a message."""
    if isinstance(fields, bytes):
        return fields
    return b"".join(field(number, one if isinstance(one, int | bytes) else packed(one)) for number, one in fields)


@QUICK
@given(st.lists(st.tuples(st.integers(1, 9), FIELDS), max_size=5))
def test_any_messages(fields: list[tuple[int, Any]]) -> None:
    reads_or_says_why(record(packed(fields)))


@QUICK
@given(st.data())
def test_good_files_damaged_on_the_way(data: st.DataObject) -> None:
    raw = bytearray(b"".join(record(event(n, simple(b"loss", n / 2))) for n in range(4)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    reads_or_says_why(bytes(raw))
