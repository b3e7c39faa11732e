"""`framesift local token` for somebody whom the user pool refuses."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from framesift.address import Address
from framesift.cli import connection
from framesift_local.standins.service import Answer, Loopback, Request
from tests.unit.cli.conftest import framesift

OUTPUTS = {"BucketName": "bucket", "TableName": "table", "StateMachineArn": "arn"}


class Refusing(Loopback):
    """An embedded AWS that knows nobody."""

    def respond(self, request: Request) -> Answer | None:
        assert request.path == "/_embedded/token"
        return Answer(HTTPStatus.BAD_REQUEST, b"Username should be an email.", "text/plain")


def test_a_refusal_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with Refusing() as aws:
        address = Address(endpoint=aws.url, api_url=aws.url, region="ap-northeast-2", pid=1, outputs=OUTPUTS)
        monkeypatch.setattr(connection, "find_running", lambda _: address)
        assert framesift("local", "token", "[nobody]") == 65
    said = capsys.readouterr().err
    assert "InvalidUserError: There is no token for '[nobody]': Username should be an email." in said
