"""The Runtime API takes a body whole or not at all."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from framesift_local.aws.runtime_api import PREFIX, Answer, RuntimeApi


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    started = RuntimeApi("arn:aws:lambda:ap-northeast-2:123456789012:function:f")
    yield started
    started.close()


def post(api: RuntimeApi, path: str, rest: bytes) -> bytes:
    host, _, port = api.address.partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(f"POST {PREFIX}{path} HTTP/1.1\r\nHost: {api.address}\r\n".encode() + rest)
        connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").readline()


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: -1\r\n\r\n{}",
        b"Content-Length: x\r\n\r\n{}",
        b"Content-Length: 9\r\n\r\n{}",
        b"Content-Length: 999999999999\r\n\r\n{}",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        b"Transfer-Encoding: chunked\r\n\r\n9\r\n{}",
        b"Transfer-Encoding: chunked\r\n\r\nffffffffff\r\n{}",
    ],
    ids=lambda rest: rest.decode()[:60],
)
def test_a_body_that_is_no_whole_one_settles_nothing(
    api: RuntimeApi, rest: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    answers: list[Answer] = []
    caller = threading.Thread(target=lambda: answers.append(api.invoke(b"1", 20)))
    caller.start()
    event = api.next_event()
    assert event is not None
    response = f"invocation/{event[1]['Lambda-Runtime-Aws-Request-Id']}/response"
    assert post(api, response, rest).split()[1] in {b"400", b"413"}
    assert post(api, response, b"Transfer-Encoding: chunked\r\n\r\n1\r\n2\r\n0\r\n\r\n").split()[1] == b"202"
    caller.join()
    assert answers == [Answer(b"2")]
    assert capfd.readouterr().err == ""
