"""The handlers at work under the very policies of their roles: a missing permission fails here, not on AWS."""

from __future__ import annotations

import importlib
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from pydantic import SecretStr

from containers.vision.main import main as run_job
from framesift import aws, keys
from framesift.contracts import Clip, CrawlOutput, Media, Run, StageInput
from framesift.detection import open_detector
from framesift.errors import TooManyFailedItemsError
from framesift.pipeline.youtube.predict import predict_items
from framesift.settings import CustomVisionSettings, load_settings
from framesift.storage import S3Store, write_manifest
from framesift.table import Records
from framesift_local.standins.customvision import CustomVisionStandIn, vision
from framesift_local.standins.customvision import account as standin_account
from framesift_local.standins.customvision.server import PREDICTION_KEY, TRAINING_KEY

EVENTS = Path(__file__).parents[1] / "fixtures" / "events"
CONTEXT = SimpleNamespace(
    function_name="f",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:ap-northeast-2:123456789012:function:f",
    aws_request_id="52fdfc07-2182-154f-163f-5f0f9a621d72",
)
_READS_OBJECT = {"GetObject": "s3:GetObject", "HeadObject": "s3:GetObject"}
_WRITES_OBJECT = {"PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"}


def asked(service: str, operation: str, call: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What IAM decides about when a client calls: action, resource, and the key of its condition."""
    if service == "dynamodb":
        return [(f"dynamodb:{operation}", "Table", pk) for pk in _partition_keys(operation, call)]
    if operation.startswith("ListObjects"):
        return [("s3:ListBucket", "Bucket", call.get("Prefix", ""))]
    if operation == "DeleteObjects":
        return [("s3:DeleteObject", f"Bucket/{each['Key']}", "") for each in call["Delete"]["Objects"]]
    decisions = []
    if operation == "CopyObject":
        decisions = [("s3:GetObject", f"Bucket/{call['CopySource']['Key']}", "")]
    if operation in _READS_OBJECT:
        action = "s3:GetObjectVersion" if call.get("VersionId") else "s3:GetObject"
        return [(action, f"Bucket/{call['Key']}", "")]
    assert operation in _WRITES_OBJECT | {"CopyObject"}, operation
    return [*decisions, ("s3:PutObject", f"Bucket/{call['Key']}", "")]


def _partition_keys(operation: str, call: dict[str, Any]) -> list[str]:
    if operation == "Query":
        return [call["ExpressionAttributeValues"][":pk"]["S"]]
    if operation == "BatchWriteItem":
        return [each["PutRequest"]["Item"]["pk"]["S"] for many in call["RequestItems"].values() for each in many]
    return [(call.get("Key") or call["Item"])["pk"]["S"]]


def is_allowed(statements: list[Any], action: str, resource: str, key: str) -> bool:
    return any(
        action in statement["actions"]
        and any(fnmatchcase(resource, pattern) for pattern in statement["resources"])
        and _matches(statement["conditions"], key)
        for statement in statements
    )


def _matches(conditions: dict[str, Any], key: str) -> bool:
    patterns = [
        pattern
        for operator in ("StringLike", "ForAllValues:StringLike")
        for wanted in conditions.get(operator, {}).values()
        for pattern in ([wanted] if isinstance(wanted, str) else wanted)
    ]
    return not conditions or any(fnmatchcase(key, pattern) for pattern in patterns)


class Account:
    """A bucket and a table whose clients obey the policy of the role that acts."""

    def __init__(self, store: S3Store, records: Records, statements: dict[str, list[Any]]) -> None:
        self.store, self.records = store, records
        self._statements = statements
        self._role: str | None = None
        self.denied: list[str] = []
        for service in ("s3", "dynamodb"):
            client = getattr(aws, service)()
            client.meta.events.register(f"provide-client-params.{service}", self._check)

    def _check(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if self._role is None:
            return
        for action, resource, key in asked(model.service_model.service_name, model.name, params):
            if not is_allowed(self._statements[self._role], action, resource, key):
                self.denied.append(f"{self._role}: {action} on {resource} {key}")

    @contextmanager
    def acting_as(self, role: str) -> Iterator[None]:
        self._role = role
        try:
            yield
        finally:
            self._role = None

    def invoke(self, name: str, event: dict[str, Any]) -> dict[str, Any]:
        handler = importlib.import_module(f"functions.{name}.handler").handler
        with self.acting_as(name):
            return handler(event, CONTEXT)


@pytest.fixture
def account(pipeline: Any, store: S3Store, records: Records, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setenv("FRAMESIFT_PLATFORM__BUCKET", store.bucket)
    monkeypatch.setenv("FRAMESIFT_PLATFORM__TABLE", records.name)
    load_settings.cache_clear()
    statements = {name: pipeline.statements(function["Role"]) for name, function in pipeline.functions().items()}
    job = next(iter(pipeline.of_type("AWS::Batch::JobDefinition").values()))
    statements["vision"] = pipeline.statements(job["ContainerProperties"]["JobRoleArn"])
    account = Account(store, records, statements)
    yield account
    assert account.denied == []
    load_settings.cache_clear()


def begin(account: Account, **start: Any) -> dict[str, Any]:
    event = {"start": start, "execution_arn": "arn:1", "started_at": "2026-11-20T15:00:00Z"}
    return account.invoke("begin_run", event)


def some_clips(account: Account, run: Run, category: str, role: str) -> list[Clip]:
    """Clips with images, collected as the source's function does."""
    clips = []
    with account.acting_as(role):
        for number in range(12):  # More than a list holds.
            noise = Image.frombytes("RGB", (96, 96), random.Random(number).randbytes(96 * 96 * 3))
            image = BytesIO()
            noise.resize((200, 300)).save(image, "JPEG")
            key = keys.media(run, category, str(number), "jpg")
            account.store.put(key, image.getvalue(), "image/jpeg")
            media = Media(
                key=key, sha256=f"{number:064}", content_type="image/jpeg", size_bytes=1, width=200, height=300
            )
            clips.append(
                Clip(
                    source=run.source,
                    category=category,
                    id=str(number),
                    url=f"https://www.tiktok.com/@a/video/{number}",
                    title="오늘의 춤 영상",
                    views=1000,
                    collected_at=datetime(2026, 11, 20, tzinfo=UTC),
                    media=media,
                )
            )
        manifest = keys.manifest(run, category, "collected")
        write_manifest(account.store, manifest, clips)
        assert list(account.store.list(keys.media_prefix(run, category)))
        collected = CrawlOutput(scope=category, manifest_key=manifest, items=len(clips), seen=len(clips))
        account.records.stages.end(run, "collect", category, collected.model_dump_json())
    return clips


def test_a_day_of_tiktok_needs_no_more_than_its_roles_allow(account: Account):
    began = begin(account, source="tiktok", date="2026-11-20", categories=["dance"])
    run, category = Run.model_validate(began["run"]), {"run": began["run"], "scope": "dance"}
    some_clips(account, run, "dance", "crawl_category")
    stage = {"run": began["run"], "scopes": ["dance"]}

    plan = account.invoke("plan_analysis", stage)
    with account.acting_as("vision"):
        assert run_job(plan["job_spec_uri"]) == 0
    assert account.invoke("curate_category", category)["ranked"] > 0
    assert account.invoke("publish_lists", stage)["lists"]
    assert account.invoke("archive_run", stage)["objects"] > 0
    collected = account.records.stages.output(run, "collect", "dance")
    end = {**stage, "collected": [json.loads(collected)], "planned_compute": "cpu", "analyzed_on": "cpu"}
    assert account.invoke("finish_run", {**end, "execution_arn": "arn:1"})["status"] == "SUCCEEDED"

    api: Callable[[dict[str, Any]], dict[str, Any]] = lambda event: account.invoke("serve_api", event)  # noqa: E731
    assert api(json.loads((EVENTS / "serve_api.get_top10.json").read_text()))["statusCode"] == 200
    assert api(json.loads((EVENTS / "serve_api.post_takedown.json").read_text()))["statusCode"] == 200


def test_a_run_that_was_cut_off_is_recorded_with_what_the_role_allows(account: Account):
    began = begin(account, source="tiktok", date="2026-11-20")

    account.invoke("fail_run", {"stage": "execution", "error": "ABORTED", "execution_arn": "arn:1"})

    record = account.records.runs.get("tiktok", Run.model_validate(began["run"]).id)
    assert (record.status, record.error) == ("FAILED", "ABORTED")


def test_an_upload_needs_no_more_than_its_roles_allow(account: Account):
    account.store.put("uploads/dance/a.mp4", b"no video", "video/mp4")
    etag = account.store.describe("uploads/dance/a.mp4").etag
    began = begin(account, source="upload", object={"key": "uploads/dance/a.mp4", "etag": etag})
    stage = {"run": began["run"], "scopes": ["dance"]}

    assert account.invoke("collect_uploads", began["work"][0])["items"] == 1
    assert account.invoke("plan_analysis", stage)["queue"] == "uploads"
    # The job never ran: the video is recorded as lost, in the manifest too.
    with pytest.raises(TooManyFailedItemsError):
        account.invoke("publish_poses", stage)
    account.invoke("fail_run", {"run": began["run"], "stage": "poses", "error": "X", "execution_arn": "arn:1"})
    assert account.store.exists(keys.poses_manifest("dance"))


def test_predicting_needs_no_more_than_its_role_allows(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    unsure = vision.Detection("logo", 0.4, 0.1, 0.1, 0.5, 0.5)
    monkeypatch.setattr(vision, "detect", lambda data: (unsure,))
    began = begin(account, source="youtube", date="2026-11-20")
    run = Run.model_validate(began["run"])
    [feed] = [each["scope"] for each in began["work"]]
    some_clips(account, run, feed, "collect_feed")

    with CustomVisionStandIn(standin_account.Account(tmp_path)) as service:
        serving = service.account.make_project("A", tuple(load_settings().detection.tags), publish="stable")
        azure = CustomVisionSettings(
            training_endpoint=service.url,
            training_key=SecretStr(TRAINING_KEY),
            prediction_endpoint=service.url,
            prediction_key=SecretStr(PREDICTION_KEY),
            prediction_resource_id=standin_account.RESOURCE_ID,
            serving_project=serving.id,
        )
        settings = load_settings().model_copy(update={"custom_vision": azure})
        with account.acting_as("predict_items"):
            in_service = account.records.training.in_service()
            detector = open_detector(settings, account.store, in_service)
            request = StageInput(run=run, scopes=[feed])
            output = predict_items(request, settings, account.store, account.records, detector)

    assert output.categories[0].to_review > 0


def test_what_a_role_lacks_is_noticed(account: Account):
    with account.acting_as("serve_api"):
        account.store.put("runs/tiktok/a", b"")
        list(account.store.list("runs/"))
        account.records.lists.pointer("dance")

    assert account.denied == [
        "serve_api: s3:PutObject on Bucket/runs/tiktok/a ",
        "serve_api: s3:ListBucket on Bucket runs/",
    ]
    account.denied.clear()
