"""Requests that lie about their length cost an answer."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from framesift_local.standins.service import Answer, Request, StandIn


class Silent(StandIn):
    """A stand-in that answers everything."""

    def answer(self, request: Request) -> Answer:
        return Answer.of({"bytes": len(request.body)})


@pytest.fixture
def stand_in() -> Iterator[Silent]:
    with Silent() as started:
        yield started


@pytest.mark.parametrize("length", ["-1", "x", "", "1e3", "²", "9" * 14, "9" * 5000])
def test_a_length_that_cannot_be_is_refused_at_once(stand_in: Silent, length: str) -> None:
    host, port = stand_in.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        request = f"POST /any HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {length}\r\n\r\nabc"
        connection.sendall(request.encode("latin-1"))
        answer = connection.recv(100)
    assert answer.startswith(b"HTTP/1.1 413 " if length.startswith("9") else b"HTTP/1.1 400 ")
