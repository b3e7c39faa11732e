"""A form uploads what its link allows, and nothing else; a part that comes too late is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.s3.models import S3Backend
from moto.s3.responses import S3Response

from framesift import aws
from framesift.storage.direct import DirectUploads
from framesift_local.aws.patching import original, replace
from framesift_local.aws.upload_checks import check_uploads

KEY, BODY = "incoming/parts/1", b"four"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of a server that checks uploads."""
    check_uploads()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    aws.forget_clients()
    aws.s3().create_bucket(Bucket="forms", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"})
    yield "forms"
    urllib3.request("POST", f"http://{host}:{port}/moto-api/reset")
    server.stop()
    aws.forget_clients()
    for owner, name in ((S3Response, "_bucket_response_post"), (S3Backend, "upload_part")):
        replace(owner, name, original(owner, name))


def send(url: str, fields: dict[str, str], body: bytes = BODY) -> tuple[int, str]:
    content: dict[str, Any] = {**fields, "file": ("file", body, "application/octet-stream")}
    answer = urllib3.request("POST", url, fields=content, redirect=False)
    return answer.status, answer.data.decode()


def test_what_the_link_allows_is_taken(bucket: str) -> None:
    form = DirectUploads(bucket, 60).form(KEY, len(BODY), "image/png")
    assert send(form.url, form.fields)[0] == 204
    assert aws.s3().get_object(Bucket=bucket, Key=KEY)["Body"].read() == BODY
    assert send(form.url, {**form.fields, "x-ignore-me": "1"})[0] == 204
    aws.s3().delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": KEY}]})
    assert "Contents" not in aws.s3().list_objects_v2(Bucket=bucket), "deleting many is a POST, too"


@pytest.mark.parametrize(
    ("changed", "body", "why"),
    [
        ({}, BODY + b"!", "5 bytes, not 4 to 4"),
        ({"key": "published/latest/x"}, BODY, "key"),
        ({"Content-Type": "text/html"}, BODY, "content-type"),
        ({"success_action_redirect": "http://elsewhere/"}, BODY, "Extra input fields: success_action_redirect"),
        ({"acl": "public-read"}, BODY, "Extra input fields: acl"),
        ({"policy": "bm90IEpTT04="}, BODY, "cannot be read"),
        ({"policy": None}, BODY, "'policy' is missing"),
    ],
)
def test_what_it_does_not_allow_is_refused(bucket: str, changed: dict[str, str | None], body: bytes, why: str) -> None:
    form = DirectUploads(bucket, 60).form(KEY, len(BODY), "image/png")
    fields = {name: value for name, value in {**form.fields, **changed}.items() if value is not None}
    status, said = send(form.url, fields, body)
    assert status == 403
    assert why in said
    assert "Contents" not in aws.s3().list_objects_v2(Bucket=bucket)


def test_a_link_that_has_expired_is_refused(bucket: str) -> None:
    form = DirectUploads(bucket, -1).form(KEY, len(BODY), "image/png")
    assert send(form.url, form.fields)[0] == 403


def test_a_prefix_is_a_condition_of_its_own(bucket: str) -> None:
    made = aws.s3().generate_presigned_post(bucket, "a/${filename}", Conditions=[["starts-with", "$key", "a/"]])
    for key, status in (("a/1", 204), ("b/1", 403)):
        # The condition on the exact key, which the client adds for a key with a variable, is a prefix as well.
        assert send(made["url"], {**made["fields"], "key": key})[0] == status, key


def test_a_part_of_an_upload_that_is_gone_is_refused(bucket: str) -> None:
    begun = aws.s3().create_multipart_upload(Bucket=bucket, Key=KEY)["UploadId"]
    link = DirectUploads(bucket, 60).part_link(KEY, begun, 1, 0, len(BODY))
    assert urllib3.request("PUT", link.url, body=BODY).status == 200
    aws.s3().abort_multipart_upload(Bucket=bucket, Key=KEY, UploadId=begun)
    late = urllib3.request("PUT", link.url, body=BODY)
    assert (late.status, b"NoSuchUpload" in late.data) == (404, True)
