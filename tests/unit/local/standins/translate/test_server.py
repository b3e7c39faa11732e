"""The stand-in, as plain HTTP."""

from __future__ import annotations

import httpx
import pytest

from framesift.errors import PortInUseError
from framesift_local.standins.service import Fault
from framesift_local.standins.translate import TranslateStandIn


@pytest.fixture(scope="module")
def stand_in():
    with TranslateStandIn() as stand_in:
        yield stand_in


DETECT = "/v3/projects/p/locations/global:detectLanguage"


def call(stand_in: TranslateStandIn, message: object, path: str = DETECT, method: str = "POST"):
    answer = httpx.request(method, stand_in.url + path, json=message, timeout=10)
    return answer.status_code, answer.json()


@pytest.mark.parametrize("path", [DETECT, "/v3/projects/p:detectLanguage"])
def test_tells_a_language_as_google_does(stand_in: TranslateStandIn, path: str):
    status, answer = call(stand_in, {"content": "오늘의 먹방입니다", "mimeType": "text/plain"}, path)
    assert status == 200
    assert answer == {"languages": [{"languageCode": "ko", "confidence": 1.0}]}


@pytest.mark.parametrize(
    ("message", "path", "status"),
    [
        ({}, "/v3/projects/p:detectLanguage", 400),
        ({"content": ""}, "/v3/projects/p:detectLanguage", 400),
        ({"content": 7}, "/v3/projects/p:detectLanguage", 400),
        ({"content": "a" * 30_721}, "/v3/projects/p:detectLanguage", 400),
        ([], "/v3/projects/p:detectLanguage", 400),
        ({"content": "hello"}, "/v3/projects/p:translateText", 404),
    ],
)
def test_refuses_what_google_refuses(stand_in: TranslateStandIn, message: object, path: str, status: int):
    assert call(stand_in, message, path)[0] == status


def test_is_told_over_http_to_misbehave_for_some_requests(stand_in: TranslateStandIn):
    assert call(stand_in, {"fault": "quota", "requests": 1, "after": 1}, "/faults", "PUT")[0] == 200
    answers = [call(stand_in, {"content": "hello to everyone"}) for _ in range(3)]
    assert [status for status, _ in answers] == [200, 403, 200]
    assert answers[1][1]["error"]["message"] == "Daily Limit Exceeded"


def test_refuses_a_fault_that_it_does_not_know(stand_in: TranslateStandIn):
    assert call(stand_in, {"fault": "earthquake"}, "/faults", "PUT")[0] == 400


def test_stopping_does_not_wait_for_slow_answers():
    with TranslateStandIn() as stand_in:
        stand_in.misbehave(Fault.SLOW, delay_s=60)


def test_a_port_in_use_is_named(stand_in: TranslateStandIn):
    port = int(stand_in.url.rpartition(":")[2])
    with pytest.raises(PortInUseError, match=rf"Port {port} of 127\.0\.0\.1 is in use"):
        TranslateStandIn(port).start()
