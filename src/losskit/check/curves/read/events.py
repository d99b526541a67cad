"""TensorBoard's event files.

TensorBoard itself brings a web server and gRPC; scalars are a small part of its format: records
of a length, a checksum, the bytes of a protocol buffer and another checksum, and of the buffer
five fields.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from losskit.check.curves.read.chunks import Chunk, LogError, from_rows

__all__ = ["read"]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LARGEST = 2**31
_LONGEST = 10
"""Bytes of a number of 64 bits, of which each holds 7."""


def read(paths: Sequence[Path]) -> Iterator[Chunk]:
    """Give the scalars of event files, those of a folder in the order of their names."""
    parents = {path.parent for path in paths}
    # As Keras writes them: one folder for training, one for validation, the same tags in both.
    prefixes = [f"{path.parent.name}/" if len(parents) > 1 else "" for path in paths]
    return from_rows(
        {tag if tag == "step" else prefix + tag: number for tag, number in row.items()}
        for prefix, path in zip(prefixes, paths, strict=True)
        for row in _scalars(path)
    )


def _scalars(path: Path) -> Iterator[dict[str, Any]]:
    for record in _records(path):
        try:
            step, values = 0, []
            for field, wire, content in _fields(record):
                if field == 2 and wire == _VARINT:
                    step = content
                elif field == 5 and wire == _BYTES:
                    values += [_value(value) for at, _, value in _fields(content) if at == 1]
        except (IndexError, struct.error, UnicodeDecodeError):
            raise LogError(f"{str(path)!r} is damaged: a record is no event") from None
        row = {tag: number for tag, number in values if tag and number is not None}
        if row:
            yield {"step": step} | row


def _records(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while head := file.read(12):
            if len(head) < 12:
                return
            (length,) = struct.unpack("<Q", head[:8])
            if length > _LARGEST:
                raise LogError(f"{str(path)!r} is no event file, or is damaged")
            record = file.read(length)
            # A training that goes on may be writing its last record.
            if len(record) < length or len(file.read(4)) < 4:
                return
            yield record


def _value(message: bytes) -> tuple[str, float | None]:
    """Return tag and number of a value of a summary; None where it is no scalar."""
    tag, number = "", None
    for field, wire, content in _fields(message):
        if field == 1 and wire == _BYTES:
            tag = content.decode()
        elif field == 2 and wire == _FIXED32:
            (number,) = struct.unpack("<f", content)
        elif field == 8 and wire == _BYTES:
            number = _tensor(content)
    return tag, number


def _tensor(message: bytes) -> float | None:
    """Return the number of a tensor of one, as TensorFlow 2 writes scalars."""
    kind, raw = 0, b""
    for field, wire, content in _fields(message):
        if field == 1 and wire == _VARINT:
            kind = content
        elif (field in (4, 5, 6) and wire == _BYTES) or (field, wire) in (
            (5, _FIXED32),
            (6, _FIXED64),
        ):
            raw = content
    formats = {1: ("<f", 4), 2: ("<d", 8)}
    layout, size = formats.get(kind, ("", 0))
    return float(struct.unpack(layout, raw)[0]) if layout and len(raw) == size else None


def _fields(message: bytes) -> Iterator[tuple[int, int, Any]]:
    """Give number, wire type and content of each field of a protocol buffer."""
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        wire = key & 7
        content: int | bytes
        if wire == _VARINT:
            content, at = _varint(message, at)
        else:
            if wire == _BYTES:
                size, at = _varint(message, at)
            else:
                size = {_FIXED64: 8, _FIXED32: 4}.get(wire, -1)
            if size < 0 or at + size > end:
                raise IndexError
            content, at = message[at : at + size], at + size
        yield key >> 3, wire, content


def _varint(message: bytes, at: int) -> tuple[int, int]:
    number = 0
    for index in range(_LONGEST):
        byte = message[at + index]
        number |= (byte & 127) << 7 * index
        if byte < 128:
            return number, at + index + 1
    raise IndexError
