"""No log holds a secret, also where a program lets everything log at DEBUG: canaries are sent, and looked for."""

from __future__ import annotations

import logging
from datetime import date

import boto3
import httpx
import pytest
from moto import mock_aws

import framesift
from framesift.wire_logs import hide_wire_logs
from framesift_local.standins.youtube import YoutubeStandIn

CANARY = "canary-5f2e"


@pytest.fixture
def everything(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """The lines of every logger, with the root logger at DEBUG."""
    assert framesift.__version__  # Its import hides the wire.
    caplog.set_level(logging.DEBUG)
    return caplog


def keep_a_secret() -> None:
    with mock_aws():
        client = boto3.client("secretsmanager", region_name="ap-northeast-2", aws_secret_access_key=CANARY,
                              aws_access_key_id="key", aws_session_token=CANARY)  # fmt: skip
        client.create_secret(Name="session", SecretString=CANARY)
        assert client.get_secret_value(SecretId="session")["SecretString"] == CANARY


def test_no_secret_is_logged_by_aws_s_client(everything: pytest.LogCaptureFixture) -> None:
    keep_a_secret()
    assert CANARY not in everything.text


def test_no_key_is_logged_by_the_http_client(everything: pytest.LogCaptureFixture) -> None:
    with YoutubeStandIn(date(2026, 11, 20), videos=1, key=CANARY) as service:
        for where in ({"headers": {"X-Goog-Api-Key": CANARY}}, {"params": {"key": CANARY}}):
            answer = httpx.get(f"{service.api_url}/videos?chart=mostPopular&regionCode=KR", **where)
            assert answer.status_code in {200, 400}
    assert CANARY not in everything.text


def test_who_asks_for_the_wire_gets_it() -> None:
    library = logging.getLogger("botocore")
    before = library.level
    try:
        library.setLevel(logging.DEBUG)
        hide_wire_logs()
        assert library.level == logging.DEBUG
    finally:
        library.setLevel(before)
