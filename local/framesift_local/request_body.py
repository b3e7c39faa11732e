"""Reads the body of an HTTP request: all of it or nothing, and no more than a port takes."""

from __future__ import annotations

import string
import sys
from collections.abc import Mapping
from http import HTTPStatus
from io import BufferedIOBase

_MAX_LENGTH_DIGITS = 18
_MAX_LINE_BYTES = 8192
_MAX_TRAILERS = 100
_PIECE_BYTES = 1 << 20  # A length may be a lie: memory is taken as the bytes arrive.


class RequestBodyError(ValueError):
    """A body that is cut off, too large, or of no length that can be read.

    Attributes:
        status: What the client gets.
    """

    def __init__(self, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.status = status


def read_body(stream: BufferedIOBase, headers: Mapping[str, str], max_bytes: int) -> bytes:
    r"""Read a request's body; afterwards the connection may carry another request.

    Args:
        stream: Where the body begins.
        headers: The request's headers by lower-case name.
        max_bytes: The largest body that is taken.

    Raises:
        RequestBodyError: It is cut off, too large, or of no length that can be read. The connection is to be closed.

    Example:
        >>> from io import BytesIO
        >>> read_body(BytesIO(b"{}GET /"), {"content-length": "2"}, 100)
        b'{}'
        >>> read_body(BytesIO(b"2;a=b\r\n{}\r\n0\r\n\r\nGET /"), {"transfer-encoding": "chunked"}, 100)
        b'{}'
    """
    coding = headers.get("transfer-encoding")
    if coding is None:
        size_bytes = _parse_size(headers.get("content-length", "0"), string.digits)
        _check_size(size_bytes, max_bytes)
        return _read(stream, size_bytes)
    if coding.strip().lower() != "chunked" or "content-length" in headers:
        raise RequestBodyError("The body's length is not clear: send a Content-Length, or chunks alone.")
    body = bytearray()
    while size_bytes := _read_chunk_size(stream):
        _check_size(len(body) + size_bytes, max_bytes)
        body += _read(stream, size_bytes)
        if _read_line(stream):
            raise RequestBodyError("A chunk is longer than it says.")
    for _ in range(_MAX_TRAILERS + 1):
        if not _read_line(stream):
            return bytes(body)
    raise RequestBodyError("The body has too many trailers.")


def _check_size(size_bytes: int, max_bytes: int) -> None:
    if size_bytes > max_bytes:
        raise RequestBodyError(
            f"The body is larger than the {max_bytes:,} bytes that are taken.", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        )


def _parse_size(text: str, digits: str) -> int:
    text = text.strip()
    if not text or set(text) - set(digits):
        raise RequestBodyError("The body's length is no number.")
    return int(text, len(set(digits.lower()))) if len(text) <= _MAX_LENGTH_DIGITS else sys.maxsize


def _read_chunk_size(stream: BufferedIOBase) -> int:
    return _parse_size(_read_line(stream).partition(";")[0], string.hexdigits)


def _read_line(stream: BufferedIOBase) -> str:
    line = stream.readline(_MAX_LINE_BYTES)
    if not line.endswith(b"\n"):
        raise RequestBodyError("The body is cut off.")
    return line.decode("latin-1").strip()


def _read(stream: BufferedIOBase, size_bytes: int) -> bytes:
    pieces = []
    while size_bytes:
        piece = stream.read(min(size_bytes, _PIECE_BYTES))
        if not piece:
            raise RequestBodyError("The body is cut off.")
        pieces.append(piece)
        size_bytes -= len(piece)
    return b"".join(pieces)
