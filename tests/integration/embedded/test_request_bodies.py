"""A request that is cut off or lies about its length changes nothing, and costs an answer."""

from __future__ import annotations

import socket

import pytest

LIES = [
    b"Content-Length: -1\r\n\r\nabc",
    b"Content-Length: abc\r\n\r\nabc",
    b"Content-Length: 1_0\r\n\r\n0123456789",
    b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nabc",
    b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
]
CUT_OFF = [
    b"Content-Length: 100\r\n\r\nabc",
    b"Transfer-Encoding: chunked\r\n\r\n64\r\nabc",
    b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    # werkzeug alone fills the rest of such a chunk with zeros: this one with a terabyte of them.
    b"Transfer-Encoding: chunked\r\n\r\n%x\r\nabc" % (4 << 30),
    b"Transfer-Encoding: chunked\r\n\r\n10000000000\r\nabc",
]


def send(url: str, path: str, rest: bytes) -> bytes:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(f"PUT {path} HTTP/1.1\r\nHost: {host}:{port}\r\n".encode() + rest)
        connection.shutdown(socket.SHUT_WR)  # As when the client is killed.
        return connection.makefile("rb").readline()


@pytest.mark.parametrize("rest", LIES + CUT_OFF, ids=lambda rest: rest.decode()[:60])
def test_an_object_is_written_whole_or_not_at_all(aws, rest):
    answer = send(aws.endpoint, f"/{aws.outputs['BucketName']}/lies/object", rest)
    assert answer.split()[1] in {b"400", b"413"}
    assert aws.keys("lies/") == []
    assert b"Traceback" not in (aws.data_dir / "stderr.log").read_bytes()


@pytest.mark.parametrize("rest", LIES + CUT_OFF, ids=lambda rest: rest.decode()[:60])
def test_the_api_refuses_it(aws, rest):
    assert send(aws.api_url, "/v1/top10/dance", rest).split()[1] in {b"400", b"413"}


def test_chunks_that_are_whole_are_an_object(aws):
    rest = b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    assert send(aws.endpoint, f"/{aws.outputs['BucketName']}/chunks/object", rest).split()[1] == b"200"
    answer = aws.client("s3").get_object(Bucket=aws.outputs["BucketName"], Key="chunks/object")
    assert answer["Body"].read() == b"abcde"


def test_an_upload_whose_client_dies_leaves_what_was_there(aws):
    aws.put("kept/object", b"before")
    path = f"/{aws.outputs['BucketName']}/kept/object"
    assert send(aws.endpoint, path, b"Content-Length: 9\r\n\r\nafter").split()[1] == b"400"
    answer = aws.client("s3").get_object(Bucket=aws.outputs["BucketName"], Key="kept/object")
    assert answer["Body"].read() == b"before"
