"""A minimal Protocol Buffers parser, to inspect an ONNX file before a library loads it."""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10


class ProtobufError(ValueError):
    """The bytes are not a valid message."""


def read_fields(message: bytes | memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Iterate over a message's fields: each field's number, and its integer or bytes.

    Args:
        message: The message's bytes; a field's bytes are a view into them.

    Raises:
        ProtobufError: If they are not a valid message.
    """
    view = memoryview(message)
    position = 0
    while position < len(view):
        key, position = _varint(view, position)
        wire = key & 7
        if wire == _VARINT:
            value, position = _varint(view, position)
            yield key >> 3, value
            continue
        if wire == _BYTES:
            size, position = _varint(view, position)
        elif wire in {_FIXED32, _FIXED64}:
            size = 4 if wire == _FIXED32 else 8
        else:
            raise ProtobufError(f"byte {position} is of no known kind")
        if position + size > len(view):
            raise ProtobufError("it ends in the middle of a field")
        yield key >> 3, view[position : position + size]
        position += size


def _varint(view: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for count, byte in enumerate(view[position : position + _MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * count)
        if not byte & 0x80:
            return value, position + count + 1
    raise ProtobufError("it ends in the middle of a number")
