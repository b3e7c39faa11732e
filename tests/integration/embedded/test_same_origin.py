"""Web pages of other origins reach every port of this machine; none of them gets through."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest

FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "http://localhost.evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Host": "rebound.example"},
    {"Host": "rebound.example:80"},
    {"Host": ""},
]
PLAIN_TEXT = {"Content-Type": "text/plain"}  # What a page may send without asking first.


def call(url, method="GET", body=None, **headers):
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize("where", ["endpoint", "api_url"])
def test_a_foreign_page_is_refused_on_each_port(aws, where, headers):
    assert call(getattr(aws, where), **headers)[0] == 403


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_foreign_page_gets_no_token(aws, headers):
    body = json.dumps({"username": "eve", "groups": ["admins"]}).encode()
    status, _, answer = call(f"{aws.endpoint}/_embedded/token", "POST", body, **PLAIN_TEXT, **headers)
    assert status == 403
    assert b"eyJ" not in answer


def test_a_foreign_page_uploads_and_deletes_nothing(aws):
    aws.put("published/kept.json")
    bucket = f"{aws.endpoint}/{aws.outputs['BucketName']}"
    assert call(f"{bucket}/published/kept.json", "DELETE", Origin="https://evil.example")[0] == 403
    assert call(f"{bucket}/uploads/a/b.mp4", "POST", b"x", **PLAIN_TEXT, Origin="https://evil.example")[0] == 403
    assert aws.keys("published/kept.json") == ["published/kept.json"]
    assert aws.keys("uploads/a/b.mp4") == []


@pytest.mark.parametrize("path", ["reset", "", "data.json", "seed?a=1", "config"])
def test_moto_s_own_controls_are_gone(aws, path):
    aws.put("kept/by-the-reset")
    for method in ("GET", "POST"):
        assert call(f"{aws.endpoint}/moto-api/{path}", method, b"" if method == "POST" else None)[0] == 404
    assert aws.keys("kept/by-the-reset") == ["kept/by-the-reset"]


def test_pages_of_its_own_api_may_read_from_s3(aws):
    url = aws.client("s3").generate_presigned_url("list_objects_v2", {"Bucket": aws.outputs["BucketName"]})
    status, headers, _ = call(url, Origin=aws.api_url, **{"Sec-Fetch-Site": "same-site"})
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, aws.api_url)


def test_a_page_that_a_person_opened_themselves_is_answered(aws):
    assert call(f"{aws.api_url}/v1/top10/dance", **{"Sec-Fetch-Site": "none"})[0] == 200
    assert call(f"{aws.api_url}/v1/top10/dance", **{"Sec-Fetch-Site": "same-origin"})[0] == 200


def test_a_secret_that_could_not_be_written_leaves_the_one_that_was_kept(starts):
    aws = starts()
    secrets = aws.client("secretsmanager")
    (name,) = [each["Name"] for each in secrets.list_secrets()["SecretList"]][:1]
    secrets.put_secret_value(SecretId=name, SecretString="cookies")
    with pytest.raises(secrets.exceptions.ResourceNotFoundException):
        secrets.put_secret_value(SecretId="nowhere", SecretString="{}")
    aws.kill()
    again = starts()
    assert again.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"] == "cookies"


@pytest.mark.parametrize("where", ["/_embedded/token", "/v1/submitjob"])
def test_json_that_is_nested_too_deeply_is_a_bad_request(aws, where):
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=a/20261120/ap-northeast-2/batch/aws4_request"}
    headers = {} if where.startswith("/_embedded") else signed
    assert call(f"{aws.endpoint}{where}", "POST", b"[" * 100_000, **headers)[0] == 400


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}"])
def test_control_requests_that_are_malformed_are_bad_requests(aws, body):
    assert call(f"{aws.endpoint}/_embedded/token", "POST", body)[0] == 400
