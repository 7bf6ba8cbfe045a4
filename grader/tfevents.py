"""Numbers that a notebook logged for TensorBoard, read from its event files.

An event file is a sequence of records, each framed by its length and checksums (TFRecord); a record is a protocol
buffer, of which only what leads to a scalar is looked at: Event, Summary, Value, TensorProto. TensorBoard's own
reader would bring protobuf's parser and half of TensorBoard into the grader's process, and open the files by their
names; this one gets bytes that are read already, and gives numbers or a
:class:`~grader.errors.SubmissionFault`.

Notes
-----
https://www.tensorflow.org/tutorials/load_data/tfrecord and tensorboard/compat/proto/{event,summary,tensor}.proto
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from grader.errors import SubmissionFault
from grader.language import grouped, tr
from grader.text import plain, size

MAX_BYTES = 20_000_000
MAX_RECORDS = 100_000
# No record of scalars is longer: what is, holds pictures, histograms or a graph, and is left alone.
MAX_SCALARS = 4_000
# Bytes of all records that are looked into: a second's work, and some forty thousand scalars.
MAX_LOOKED_AT = 2_000_000
MAX_TAG = 500

Field = tuple[int, int | bytes]  # its number, and a whole number or what it holds


class Scalar(NamedTuple):
    """A number that ``writer.add_scalar(tag, value, step)`` wrote, and when (seconds since 1970)."""

    tag: str
    step: int
    value: float
    time: float


class _Damaged(Exception):
    """The bytes are no event file; the text says why."""


def scalars(raw: bytes, name: str) -> list[Scalar]:
    """Scalars of an event file, in the order in which they were written.

    Parameters
    ----------
    name
        What the file is called, for messages.

    Raises
    ------
    SubmissionFault
        It is too large, damaged, or no event file.
    """
    if len(raw) > MAX_BYTES:
        raise SubmissionFault(
            tr("The event file {file} is too large ({size}).", file=plain(name), size=size(len(raw))),
            tr("Log scalars only."),
        )
    try:
        return [scalar for record in _records(raw) for scalar in _event(record)]
    except _Damaged as damaged:
        raise SubmissionFault(
            tr("The event file {file} cannot be read: {reason}.", file=plain(name), reason=damaged),
            tr("Write it with `SummaryWriter` alone, and call `writer.close()` at the end."),
        ) from None


# ---------------------------------------------------------------------- the frames


def _records(raw: bytes) -> Iterator[bytes]:
    at, number, room = 0, 0, MAX_LOOKED_AT
    while at < len(raw):
        number += 1
        if number > MAX_RECORDS:
            raise _Damaged(tr("it has more than {n} records", n=grouped(MAX_RECORDS)))
        header = raw[at : at + 12]
        length, check = struct.unpack("<QI", header) if len(header) == 12 else (len(raw), 0)
        end = at + 12 + length + 4
        if len(header) == 12 and check != masked_crc(header[:8]):
            raise _Damaged(tr("record {number} has no sound header", number=number))
        if end > len(raw):
            raise _Damaged(tr("it ends in the middle of record {number}", number=number))
        if length <= MAX_SCALARS:
            room -= length
            if room < 0:
                raise _Damaged(tr("it holds more numbers than anybody can look at"))
            data = raw[at + 12 : end - 4]
            if raw[end - 4 : end] != struct.pack("<I", masked_crc(data)):
                raise _Damaged(tr("the checksum of record {number} is wrong", number=number))
            yield data
        at = end


def _crc_table() -> list[int]:
    table = []
    for entry in range(256):
        for _ in range(8):
            entry = entry >> 1 ^ (0x82F63B78 if entry & 1 else 0)
        table.append(entry)
    return table


_TABLE = _crc_table()


def masked_crc(data: bytes) -> int:
    """CRC-32C (Castagnoli), masked as TFRecord does it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


# ---------------------------------------------------------------------- the protocol buffers


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(data[at : at + 10]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at + place + 1
    raise _Damaged(tr("a number in it has no end"))


def _fields(data: bytes) -> Iterator[Field]:
    """Fields of one message: varints as whole numbers, all others as their bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        length = {1: 8, 5: 4}.get(kind)
        if kind == 2:
            length, at = _varint(data, at)
        if length is None or number == 0 or length > len(data) - at:
            raise _Damaged(tr("a part of it is no protocol buffer"))
        yield number, data[at : at + length]
        at += length


def _event(data: bytes) -> Iterator[Scalar]:
    time, step, summaries = 0.0, 0, []
    for field in _fields(data):
        match field:
            case 1, bytes(eight) if len(eight) == 8:
                (time,) = struct.unpack("<d", eight)
            case 2, int(number):
                step = number - (number >> 63 << 64)  # an int64 with a sign
            case 5, bytes(summary):
                summaries.append(summary)
    for summary in summaries:
        for field in _fields(summary):
            match field:
                case 1, bytes(one):
                    tag, value = _value(one)
                    if value is not None:
                        yield Scalar(tag, step, value, time)


def _value(data: bytes) -> tuple[str, float | None]:
    """Tag and number of a `Summary.Value`; None if it is no scalar."""
    tag, value = "", None
    for field in _fields(data):
        match field:
            case 1, bytes(text):
                if len(text) > MAX_TAG:
                    raise _Damaged(tr("a tag in it is too long"))
                tag = text.decode("utf-8", "replace")
            case 2, bytes(four) if len(four) == 4:  # simple_value
                (value,) = struct.unpack("<f", four)
            case 8, bytes(tensor):
                value = _tensor(tensor)
    return tag, value


def _tensor(data: bytes) -> float | None:
    """The one number of a `TensorProto` of floats or doubles, however it is kept; None for any other."""
    kinds = {1: "f", 2: "d"}
    kind, content, numbers = 0, b"", {1: b"", 2: b""}
    for field in _fields(data):
        match field:
            case 1, int(dtype):
                kind = dtype
            case 4, bytes(raw):
                content = raw
            case 5, bytes(raw):
                numbers[1] += raw
            case 6, bytes(raw):
                numbers[2] += raw
    if kind not in kinds:
        return None
    raw = numbers[kind] or content
    if len(raw) != struct.calcsize(kinds[kind]):
        return None
    (value,) = struct.unpack(f"<{kinds[kind]}", raw)
    return float(value)
