"""What a client sends, or what a route lacks, is answered without a look inside."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from framesift.storage import S3Store
from framesift.table import Records
from tests.conftest import BUCKET
from tests.unit.api.conftest import CLAIMS, Answer, publish

Ask = Callable[..., Answer]


@pytest.mark.usefixtures("records")
@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 100_000, "[" * 900 + "]" * 900])
@pytest.mark.parametrize("path", ["/v1/takedowns", "/v1/reviews/2026-11-20.popular.v1.0"])
def test_deeply_nested_json_is_refused(ask: Ask, path: str, body: str):
    answer = ask(path, "POST", body=body, claims=CLAIMS)
    assert answer.status in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.usefixtures("records")
def test_a_number_of_thousands_of_digits_is_the_body_s_fault(ask: Ask):
    answer = ask("/v1/takedowns", "POST", body='{"id": ' + "9" * 6000 + "}", claims=CLAIMS)
    assert (answer.status, answer.json["type"]) == (400, "urn:framesift:problem:unreadable-body")


@pytest.mark.usefixtures("records")
def test_what_is_nested_beyond_reading_has_its_problem(ask: Ask):
    answer = ask("/v1/takedowns", "POST", body="[" * 100_000, claims=CLAIMS)
    assert (answer.status, answer.json["type"]) == (400, "urn:framesift:problem:unreadable-body")
    assert "deeply nested" in answer.json["detail"]


def test_a_missing_published_file_does_not_name_the_bucket(ask: Ask, store: S3Store, records: Records):
    key = publish(store, records, "2026-11-20", ["7301"])
    store.delete([key])
    for path in ("/v1/top10/dance", "/v1/top10/dance/diff"):
        answer = ask(path)
        assert (answer.status, answer.json["type"]) == (404, "urn:framesift:problem:not-found")
        assert BUCKET not in answer.body
        assert "s3://" not in answer.body


@pytest.mark.usefixtures("records")
@pytest.mark.parametrize("encoded", ["@@@", base64.b64encode(b"\xff\xfe{}").decode()])
def test_a_body_that_is_no_text_is_refused(encoded: str):
    from framesift.api.app import app
    from tests.unit.api.conftest import CONTEXT, an_event

    event = an_event("POST", "/v1/takedowns", body=encoded, claims=CLAIMS) | {"isBase64Encoded": True}
    assert app.resolve(event, CONTEXT)["statusCode"] in (400, 422)


@pytest.mark.usefixtures("records")
@pytest.mark.parametrize("half", ["\\ud800", "\\uDFFF", "\\ud83d \\ude00"])
def test_half_of_a_character_is_refused(ask: Ask, half: str):
    body = f'{{"source": "tiktok", "id": "7301", "why": "{half}"}}'
    answer = ask("/v1/takedowns", "POST", body=body, claims=CLAIMS)
    assert answer.status == 422
    assert answer.body.encode()


@pytest.mark.usefixtures("records")
@pytest.mark.parametrize("why", ["\\ud83d\\ude00", "the text \\\\ud800"])
def test_whole_characters_and_what_only_looks_like_half_of_one_are_taken(ask: Ask, why: str):
    body = f'{{"source": "tiktok", "id": "7301", "why": "{why}"}}'
    assert ask("/v1/takedowns", "POST", body=body, claims=CLAIMS).json["type"] == "urn:framesift:problem:not-found"
