"""One client cannot keep the others out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from framesift import aws
from framesift.settings import load_settings
from framesift.table import Records

from .conftest import CLAIMS, CONTEXT, Answer, an_event


@pytest.fixture
def ask_as(ask: Callable[..., Answer], records: Records, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """Ask from an address, and as a user where one is named; three requests a minute are allowed."""
    monkeypatch.setenv("FRAMESIFT_API__CLIENT_REQUESTS_PER_MINUTE", "3")
    monkeypatch.setattr("time.time", lambda: 1_763_712_045.0)
    load_settings.cache_clear()
    from framesift.api.app import app

    def ask_as(address: str, user: str = "") -> Answer:
        event = an_event("GET", "/v1/openapi.json", claims=CLAIMS | {"sub": user} if user else None)
        event["requestContext"]["http"]["sourceIp"] = address
        answer = app.resolve(event, CONTEXT)
        headers = {name.lower(): value for name, value in answer["headers"].items()}
        return Answer(answer["statusCode"], headers, answer["body"])

    return ask_as


def statuses(ask_as: Callable[..., Answer], *clients: tuple[str, ...]) -> list[int]:
    return [ask_as(*client).status for client in clients]


def test_a_client_over_the_limit_is_told_when_to_go_on_and_others_are_answered(ask_as: Callable[..., Answer]) -> None:
    assert statuses(ask_as, *[("203.0.113.7",)] * 3) == [200, 200, 200]
    refused = ask_as("203.0.113.7")
    assert (refused.status, refused.headers["content-type"]) == (429, "application/problem+json")
    assert refused.headers["retry-after"] == "15"
    assert refused.json["type"] == "urn:framesift:problem:client-limit"
    assert "go on in 15 s" in refused.json["detail"]
    assert statuses(ask_as, ("203.0.113.8",)) == [200]


def test_the_next_minute_is_another_one(ask_as: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch) -> None:
    assert statuses(ask_as, *[("203.0.113.7",)] * 4)[-1] == 429
    monkeypatch.setattr("time.time", lambda: 1_763_712_060.0)
    assert ask_as("203.0.113.7").status == 200


def test_users_behind_one_address_are_told_apart(ask_as: Callable[..., Answer]) -> None:
    assert statuses(ask_as, *[("203.0.113.7", "ann")] * 4)[-1] == 429
    assert statuses(ask_as, ("203.0.113.7", "bob"), ("203.0.113.7",)) == [200, 200]
    assert ask_as("198.51.100.1", "ann").status == 429


def test_addresses_of_one_ipv6_network_are_one_client(ask_as: Callable[..., Answer]) -> None:
    assert statuses(ask_as, *[(f"2001:db8:1:2::{number}",) for number in range(4)])[-1] == 429
    assert ask_as("2001:db8:1:3::1").status == 200


def test_no_address_is_recorded_and_the_counters_expire(ask_as: Callable[..., Answer], records: Records) -> None:
    ask_as("203.0.113.7")
    (record,) = aws.dynamodb().scan(TableName=records.name)["Items"]
    assert "203.0.113.7" not in json.dumps(record)
    assert int(record["expires_at"]["N"]) > 1_763_712_045


def test_zero_counts_nothing(ask: Callable[..., Answer], aws_on_moto: Any) -> None:
    # There is no table: a request that came to counting would fail.
    assert {ask("/v1/openapi.json").status for _ in range(5)} == {200}
