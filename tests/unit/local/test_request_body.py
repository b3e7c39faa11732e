"""A body is read whole, or refused; none takes more memory than what has arrived."""

from __future__ import annotations

import io
import tracemalloc

import pytest

from framesift_local.request_body import RequestBodyError, read_body

CHUNKED = {"transfer-encoding": "chunked"}


@pytest.mark.parametrize(
    ("headers", "sent", "body"),
    [
        ({}, b"next", b""),
        ({"content-length": "0"}, b"next", b""),
        ({"content-length": " 3 "}, b"abcnext", b"abc"),
        (CHUNKED, b"0\r\n\r\nnext", b""),
        (CHUNKED, b"3\r\nabc\r\n2;name=value\r\nde\r\n0\r\nSum: 1\r\n\r\nnext", b"abcde"),
        ({"transfer-encoding": " Chunked"}, b"A\r\n0123456789\r\n0\r\n\r\nnext", b"0123456789"),
    ],
)
def test_what_is_whole_is_read_to_its_end(headers: dict[str, str], sent: bytes, body: bytes) -> None:
    stream = io.BytesIO(sent)
    assert read_body(stream, headers, 100) == body
    assert stream.read() == b"next"


@pytest.mark.parametrize("length", ["-1", "x", "", "1e3", "²", "1_0", "+1", "0x1", "1,1"])
def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    with pytest.raises(RequestBodyError) as refused:
        read_body(io.BytesIO(b"abc"), {"content-length": length}, 100)
    assert refused.value.status == 400


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"zz\r\n", b"-5\r\nabc", b"0x2\r\nab", b"1_0\r\nab", b"2\r\nabc\r\n"])
def test_chunks_that_lie_are_refused(sent: bytes) -> None:
    with pytest.raises(RequestBodyError) as refused:
        read_body(io.BytesIO(sent), CHUNKED, 100)
    assert refused.value.status == 400


@pytest.mark.parametrize("headers", [{"content-length": "9"}, CHUNKED], ids=str)
def test_a_body_that_is_cut_off_is_refused(headers: dict[str, str]) -> None:
    whole = b"9\r\n123456789\r\n" if headers is CHUNKED else b"12345678"
    for end in range(len(whole) + 1):
        with pytest.raises(RequestBodyError):
            read_body(io.BytesIO(whole[:end]), headers, 100)


@pytest.mark.parametrize("coding", ["gzip", "gzip, chunked", "identity", ""])
def test_a_coding_that_is_not_known_is_refused(coding: str) -> None:
    with pytest.raises(RequestBodyError, match="not clear"):
        read_body(io.BytesIO(b"0\r\n\r\n"), {"transfer-encoding": coding}, 100)


def test_two_lengths_are_refused() -> None:
    with pytest.raises(RequestBodyError, match="not clear"):
        read_body(io.BytesIO(b"0\r\n\r\n"), {**CHUNKED, "content-length": "5"}, 100)


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        ({"content-length": "101"}, b"x" * 101),
        ({"content-length": "9" * 5000}, b"x"),
        (CHUNKED, b"65\r\n" + b"x" * 101),
        (CHUNKED, b"32\r\n" + b"x" * 50 + b"\r\n33\r\n" + b"x" * 51),
        (CHUNKED, b"fffffffffffffffffffff\r\n"),
    ],
    ids=str,
)
def test_what_is_too_large_is_refused_by_its_length(headers: dict[str, str], sent: bytes) -> None:
    with pytest.raises(RequestBodyError, match="larger than the 100 bytes") as refused:
        read_body(io.BytesIO(sent), headers, 100)
    assert refused.value.status == 413


def test_trailers_without_end_are_refused() -> None:
    with pytest.raises(RequestBodyError, match="trailers"):
        read_body(io.BytesIO(b"0\r\n" + b"a: b\r\n" * 1000), CHUNKED, 100)


@pytest.mark.parametrize(
    ("headers", "sent"), [({"content-length": str(5 << 30)}, b"x"), (CHUNKED, b"%x\r\nx" % (5 << 30))], ids=str
)
def test_a_length_that_is_a_lie_takes_no_memory(headers: dict[str, str], sent: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(RequestBodyError, match="cut off"):
            read_body(io.BytesIO(sent), headers, 5 << 30)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 4 << 20
