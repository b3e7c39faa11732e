"""The handlers at work under the very policies of their roles: a missing permission fails here, not on AWS."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pydantic import SecretStr

from containers.vision.main import main as run_job
from framesift import aws, keys
from framesift.catalog.export.zip_upload import ZipUpload
from framesift.catalog.export_jobs import start_export
from framesift.catalog.import_jobs import start_import
from framesift.catalog.log import CatalogLog
from framesift.contracts import Clip, CrawlOutput, Media, Run, StageInput
from framesift.contracts.exports import ExportOptions
from framesift.detection import open_detector
from framesift.errors import InterruptedByHostError, NoUploadsError, TooManyFailedItemsError
from framesift.pipeline.youtube.predict import predict_items
from framesift.settings import CustomVisionSettings, load_settings
from framesift.storage import S3Store, write_manifest
from framesift.storage.multipart import MultipartUploads
from framesift.table import BatchRecord, Collection, ImportRecord, PartUpload, Profile, Records
from framesift.workflow import Workflow
from framesift_local.standins.clipsite import ClipSite
from framesift_local.standins.customvision import CustomVisionStandIn, vision
from framesift_local.standins.customvision import account as standin_account
from framesift_local.standins.customvision.server import PREDICTION_KEY, TRAINING_KEY
from tests.cdk.account import Account, begin
from tests.unit.api.people import make_machine
from tests.unit.api.test_access import EXPECTED, Worlds
from tests.unit.catalog.export.conftest import make_image, make_item
from tests.unit.catalog.items import START
from tests.unit.catalog.test_deletion import GONE, fill, make_run
from tests.unit.catalog.whole_store import find_text

EVENTS = Path(__file__).parents[1] / "fixtures" / "events"


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
    # A clip that moves up when the stage is done once more has its image in the archive by now.
    first = json.loads(account.store.get(keys.latest_list("dance")))["items"][0]["clip_id"]
    account.records.items.take_down("tiktok", first, "asked")
    account.records.stages.forget(run, "publish", "dance")
    assert account.invoke("publish_lists", stage)["lists"][0]["count"] == 10
    account.records.items.restore("tiktok", first)
    collected = account.records.stages.output(run, "collect", "dance")
    end = {**stage, "collected": [json.loads(collected)], "planned_compute": "cpu", "analyzed_on": "cpu"}
    assert account.invoke("finish_run", {**end, "execution_arn": "arn:1"})["status"] == "SUCCEEDED"

    api: Callable[[dict[str, Any]], dict[str, Any]] = lambda event: account.invoke("serve_api", event)  # noqa: E731
    assert api(json.loads((EVENTS / "serve_api.get_top10.json").read_text()))["statusCode"] == 200
    takedown = json.loads((EVENTS / "serve_api.post_takedown.json").read_text())
    listed = json.loads(account.store.get(keys.latest_list("dance")))["items"][0]["clip_id"]
    takedown["body"] = json.dumps({"source": "tiktok", "id": listed, "why": "the author asked"})
    assert api(takedown)["statusCode"] == 200


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
    assert account.store.exists(keys.poses_manifest(Run.model_validate(began["run"]), "dance"))


def test_a_batch_of_images_needs_no_more_than_its_roles_allow_and_can_be_deleted(
    account: Account, monkeypatch: pytest.MonkeyPatch
):
    aws.s3().put_bucket_versioning(Bucket=account.store.bucket, VersioningConfiguration={"Status": "Enabled"})
    monkeypatch.setenv("FRAMESIFT_CATALOG__COMPACT_AFTER_ITEMS", "1")
    load_settings.cache_clear()
    image = BytesIO()
    Image.effect_mandelbrot((320, 240), (-2, -1.5, 1, 1.5), 100).save(image, "PNG")
    account.store.put("uploads/trip/planted.png", image.getvalue(), "image/png")
    etag = account.store.describe("uploads/trip/planted.png").etag
    began = begin(account, source="upload", object={"key": "uploads/trip/planted.png", "etag": etag})
    stage = {"run": began["run"], "scopes": ["trip"]}

    collected = account.invoke("collect_uploads", began["work"][0])
    plan = account.invoke("plan_analysis", stage)
    with account.acting_as("vision"):
        assert run_job(plan["job_spec_uri"]) == 0
    published = account.invoke("update_catalog", stage)
    assert published["counts"] == {"added": 1}
    assert not account.store.exists("uploads/trip/planted.png")
    with account.acting_as("vision"):
        assert run_job(published["compare_spec_uri"]) == 0
    end = {**stage, "collected": [collected], "planned_compute": "cpu", "analyzed_on": "cpu"}
    assert account.invoke("finish_run", {**end, "execution_arn": "arn:1"})["degraded"] == []
    assert account.records.collections.pointer("trip").snapshot is not None

    # What all these steps have written of the image goes with it: whatever begins with its id, or has its name.
    item_id = hashlib.sha256(image.getvalue()).hexdigest()[:32]
    assert len(find_text(account.store, account.records, item_id)) > 5
    CatalogLog("trip", account.store, account.records).remove_items([item_id], "")
    account.invoke("maintain_collections", {"only_deletions": True})
    assert find_text(account.store, account.records, item_id) == []
    assert find_text(account.store, account.records, "planted") == []


def test_exports_and_imports_need_no_more_than_the_role_of_their_job_allows(
    account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("FRAMESIFT_CATALOG__CACHE_DIR", str(tmp_path))
    load_settings.cache_clear()
    store, records, workflow = account.store, account.records, Workflow(make_machine())
    records.collections.create(Collection(id="parts", owner="kim", created_at=datetime.now(UTC)))
    item = make_item(0)
    store.put(str(item.key), make_image(0))
    log = CatalogLog("parts", store, records)
    log.add_items([item, make_item(1, key=item.key)], "kim")
    started = start_export(
        "parts", "kim", "", "images", ExportOptions(),
        settings=load_settings(), store=store, records=records, workflow=workflow,
    )  # fmt: skip
    spec = f"s3://{store.bucket}/{keys.collection_job('parts', records.exports.execution(started))}"
    finish = ZipUpload.finish

    def stop(archive: ZipUpload) -> int:
        with account.acting_as("serve_collections"):
            log.remove_items([make_item(1).id], "kim")
        monkeypatch.setattr(ZipUpload, "finish", finish)
        raise InterruptedByHostError("The host is stopping this job.")

    monkeypatch.setattr(ZipUpload, "finish", stop)
    with account.acting_as("vision"):
        assert run_job(spec) == 75
        assert run_job(spec) == 0, "it goes on, and begins anew without what was removed"
    done = records.exports.get("parts", started.id)
    assert done is not None
    assert done.summary is not None
    assert done.summary.items == 1

    key = keys.import_file("parts", "one")
    store.put(key, f"id,label\n{item.id},scratch\n".encode())
    record = ImportRecord(collection="parts", id="one", format="csv", key=key, created_at=datetime.now(UTC))
    records.imports.create(record)
    name = start_import(record, store=store, records=records, workflow=workflow)
    with account.acting_as("vision"):
        assert run_job(f"s3://{store.bucket}/{keys.collection_job('parts', records.imports.execution(name))}") == 0
    assert account.denied == []


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


def test_a_crawl_needs_no_more_than_its_role_allows_and_shows_no_cookie(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    """A real Chromium crawls the clip site with the session of the secret, which it renews."""
    cookie = {"name": "sid", "value": "canary-session-19f0b2", "domain": "127.0.0.1", "path": "/", "expires": -1}
    attributes = {"httpOnly": False, "secure": False, "sameSite": "Lax"}
    account.put_secret("Session", json.dumps({"cookies": [cookie | attributes], "origins": []}))
    with ClipSite(date=date(2026, 11, 20), cache_dir=tmp_path, clips_per_category=12) as site:
        for name, value in {
            "CRAWL__SESSION_SECRET": "Session",
            "CRAWL__SITE_URL": site.url,
            "CRAWL__PATHS": json.dumps({"dance": "/dance"}),
            "CRAWL__MIN_VIEWS": "0",
            "CRAWL__SCROLL_PAUSE_S": "[0.03, 0.08]",
            "DOWNLOAD__ALLOW_LOOPBACK": "true",
        }.items():
            monkeypatch.setenv(f"FRAMESIFT_{name}", value)
        load_settings.cache_clear()
        (work,) = begin(account, source="tiktok", date="2026-11-20", categories=["dance"])["work"]
        collected = account.invoke("crawl_category", work, module="containers.crawler.handler")

    assert collected["items"] > 0
    kept = [account.store.get(key).decode("latin-1") for key in account.store.list("")]
    shown = capfd.readouterr()
    assert not [text for text in [*kept, shown.out, shown.err] if cookie["value"] in text]
    assert cookie["value"] in aws.secretsmanager().get_secret_value(SecretId="Session")["SecretString"]


def test_an_upload_that_is_too_large_is_deleted_with_what_the_role_allows(
    account: Account, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FRAMESIFT_UPLOAD__MAX_SIZE_BYTES", "4")
    load_settings.cache_clear()
    account.store.put("uploads/dance/a.mp4", b"12345", "video/mp4")
    (work,) = begin(account, source="upload", object={"key": "uploads/dance/a.mp4"})["work"]
    with pytest.raises(NoUploadsError):
        account.invoke("collect_uploads", work)
    assert not account.store.exists("uploads/dance/a.mp4")


@pytest.mark.parametrize("who", ["owner", "admin", "anonymous"])
def test_collections_are_served_with_what_the_role_allows(
    account: Account, who: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("FRAMESIFT_PLATFORM__STATE_MACHINE", make_machine())
    monkeypatch.setenv("FRAMESIFT_CATALOG__CACHE_DIR", str(tmp_path))
    load_settings.cache_clear()
    answered, worlds = 0, Worlds(account.store, account.records)
    for number, route in enumerate(EXPECTED):
        worlds.get()  # To make one is nothing that the role does.
        with account.acting_as("serve_collections"):
            answered += worlds.ask(who, route, key=f"key-{number}") < 400

    assert account.denied == []
    assert answered >= {"owner": 35, "admin": 5, "anonymous": 4}[who]


def test_everything_is_deleted_with_what_the_role_allows(account: Account, monkeypatch: pytest.MonkeyPatch):
    """An item, a collection and an account, with all that there can be of them, and what has expired."""
    aws.s3().put_bucket_versioning(Bucket=account.store.bucket, VersioningConfiguration={"Status": "Enabled"})
    monkeypatch.setattr("framesift.catalog.log._INLINE_BYTES", 250)
    store, records = account.store, account.records
    for name in ("first", "second", "third"):
        owner = "park" if name == "first" else "kim"
        records.collections.create(Collection(id=name, owner=owner, visibility="public", created_at=START))
        fill(CatalogLog(name, store, records))
        run = make_run(name)
        assert records.runs.claim(run, None)
        records.stages.end(run.run, "collect", name, "{}")
        put_part_upload(name, store, records)
    CatalogLog("first", store, records).remove_items([GONE], "park")
    CatalogLog("second", store, records).set_tags([GONE], "kim", add=["late"])
    records.people.create(Profile(user="kim", email="kim@example.com", created_at=START))
    records.people.create(Profile(user="lee", email="lee@example.com", approved_by="kim", created_at=START))
    records.deletions.request("collection", "second", "kim")
    records.deletions.request("account", "kim", "kim")

    done = account.invoke("maintain_collections", {})

    assert (account.denied, done["deletions_left"], done["unseen"]) == ([], 0, 0)
    assert find_text(store, records, GONE) == []
    for gone in ("second", "third", "kim"):
        assert find_text(store, records, gone) == [], gone
    assert list(records.collections.ids()) == ["first"]


def put_part_upload(collection: str, store: S3Store, records: Records) -> None:
    batch = BatchRecord(
        collection=collection, id="b2", kind="upload", state="open", by="kim", date="2026-11-20", created_at=START
    )
    records.batches.create(batch)
    key = keys.incoming(collection, "b2", 1, ".jpg")
    upload = PartUpload(file=1, key=key, upload_id=MultipartUploads(store.bucket).begin(key, "image/jpeg"))
    records.batches.put_part_upload(collection, "b2", upload, 2**33)


def test_what_a_role_lacks_is_noticed(account: Account):
    with account.acting_as("serve_api"):
        account.store.put("collections/parts/a", b"")
        list(account.store.list("collections/"))
        account.records.lists.pointer("dance")

    assert account.denied == [
        "serve_api: s3:PutObject on Bucket/collections/parts/a ",
        "serve_api: s3:ListBucket on Bucket collections/",
    ]
    account.denied.clear()
