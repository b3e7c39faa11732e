"""Requests of pages of other origins are refused on each port; those of programs are not."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from framesift_local.aws.runtime_api import Answer as RuntimeAnswer
from framesift_local.aws.runtime_api import RuntimeApi
from framesift_local.same_origin import refuse_foreign
from framesift_local.standins.service import Answer, Request, StandIn

FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Host": "rebound.example"},
    {"Host": "[::1"},
]


class Silent(StandIn):
    """A stand-in that answers everything."""

    def answer(self, request: Request) -> Answer:
        return Answer.of(request.json())


@pytest.fixture
def stand_in() -> Iterator[Silent]:
    with Silent() as started:
        yield started


@pytest.fixture
def runtime_api() -> Iterator[RuntimeApi]:
    api = RuntimeApi("arn:aws:lambda:ap-northeast-2:123456789012:function:f")
    yield api
    api.close()


def status(url: str, method: str, body: bytes | None = None, **headers: str) -> int:
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_stand_ins_and_their_controls_refuse_foreign_pages(stand_in: Silent, headers: dict[str, str]) -> None:
    assert status(f"{stand_in.url}/anything", "GET", **headers) == HTTPStatus.FORBIDDEN
    orders = json.dumps({"fault": "slow"}).encode()
    assert status(f"{stand_in.url}/faults", "PUT", orders, **headers) == HTTPStatus.FORBIDDEN
    assert stand_in.requests == []


def test_programs_and_a_stand_in_s_own_pages_are_answered(stand_in: Silent) -> None:
    assert status(f"{stand_in.url}/", "POST", b"{}") == HTTPStatus.OK
    assert status(f"{stand_in.url}/", "POST", b"{}", Origin=stand_in.url) == HTTPStatus.OK


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_the_runtime_api_refuses_foreign_pages(runtime_api: RuntimeApi, headers: dict[str, str]) -> None:
    url = f"http://{runtime_api.address}/2018-06-01/runtime"
    assert status(f"{url}/init/error", "POST", b"{}", **headers) == HTTPStatus.FORBIDDEN
    assert status(f"{url}/invocation/next", "GET", **headers) == HTTPStatus.FORBIDDEN
    answers: list[RuntimeAnswer] = []
    caller = threading.Thread(target=lambda: answers.append(runtime_api.invoke(b"1", 10)))
    caller.start()
    event = runtime_api.next_event()
    assert event is not None
    request_id = event[1]["Lambda-Runtime-Aws-Request-Id"]
    assert status(f"{url}/invocation/{request_id}/response", "POST", b"2", **headers) == HTTPStatus.FORBIDDEN
    assert status(f"{url}/invocation/{request_id}/response", "POST", b"3") == HTTPStatus.ACCEPTED
    caller.join()
    assert answers == [RuntimeAnswer(b"3")]


def test_a_trusted_origin_may_call_from_the_same_site() -> None:
    headers = {"host": "127.0.0.1:1", "origin": "http://127.0.0.1:2", "sec-fetch-site": "same-site"}
    assert refuse_foreign(headers) is not None
    assert refuse_foreign(headers, {"http://127.0.0.1:2"}) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8787", "LOCALHOST:1", "[::1]:80"])
def test_names_of_this_machine(host: str) -> None:
    assert refuse_foreign({"host": host}) is None
