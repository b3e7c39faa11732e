"""The vision job on a small day of real photographs, with the real bucket code."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from containers.vision.main import main
from framesift import keys
from framesift.contracts import (
    AnalysisJob,
    AnalysisSummary,
    Clip,
    HistoryManifest,
    Item,
    ItemError,
    Media,
    Run,
    ScopeManifest,
)
from framesift.embedding.choose import EmbedderChoice, choose_embedder
from framesift.errors import (
    InterruptedByHostError,
    ModelMissingError,
    NothingToAnalyzeError,
    TooManyFailedItemsError,
)
from framesift.models import open_registry
from framesift.pipeline.analyze import Analyst, analyze
from framesift.settings import Settings
from framesift.storage import S3Store, read_lines, write_json, write_manifest

RUN = Run(source="tiktok", date="2026-11-20", attempt=1)
YESTERDAY = Run(source="tiktok", date="2026-11-19", attempt=1)
PDQ = EmbedderChoice(None, "", 0.0, 0.0, "The test asks for it.")


def photograph(name: str) -> np.ndarray:
    return np.ascontiguousarray(getattr(data, name)()[..., :3])


def jpeg(image: np.ndarray, quality: int = 90) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def bomb() -> bytes:
    buffer = io.BytesIO()
    Image.new("1", (9_000, 9_000)).save(buffer, "PNG")
    return buffer.getvalue()


CAT, COFFEE, ROCKET, ASTRONAUT = (photograph(name) for name in ("chelsea", "coffee", "rocket", "astronaut"))
GREY = np.full((300, 200, 3), 77, np.uint8)


class Day:
    """Images in a bucket, and the job over them."""

    def __init__(self, store, records, run=RUN):
        self.store, self.records, self.run = store, records, run
        self.items: dict[str, list[Clip]] = {}
        self.history: list[HistoryManifest] = []

    def add(self, category: str, id_: str, views: int, picture: bytes) -> Day:
        key = keys.media(self.run, category, id_, "jpg")
        self.store.put(key, picture)
        digest = hashlib.sha256(picture).hexdigest()
        media = Media(key=key, sha256=digest, content_type="image/jpeg", size_bytes=len(picture), width=1, height=1)
        self.items.setdefault(category, []).append(item(category, id_, views, media=media))
        return self

    def job(self, shard_items: int = 2, array_size: int = 1) -> AnalysisJob:
        for category, items in self.items.items():
            write_manifest(self.store, keys.manifest(self.run, category, "collected"), items)
        return AnalysisJob(
            run=self.run,
            bucket=self.store.bucket,
            table=self.records.name,
            scopes=[
                ScopeManifest(
                    scope=category, manifest_key=keys.manifest(self.run, category, "collected"), items=len(items)
                )
                for category, items in self.items.items()
            ],
            history=self.history,
            summary_key=keys.analysis_summary(self.run, [*self.items]),
            array_size=array_size,
            shard_items=shard_items,
        )

    def analyst(self, choice: EmbedderChoice = PDQ, settings: Settings | None = None, **more) -> Analyst:
        return Analyst(settings or Settings(), self.store, self.records.stages, choice, **more)

    def analyzed(self) -> dict[str, Clip]:
        """Today's items by `category/id`, as the manifests have them."""
        return {
            f"{category}/{found.id}": found
            for category in self.items
            for found in read_lines(self.store, keys.manifest(self.run, category, "analyzed"), Clip)
        }

    def written(self) -> dict[str, bytes]:
        """All that the job wrote, but for how long it took."""
        objects = {key: self.store.get(key) for key in self.store.list("") if "/media/" not in key}
        for key, body in objects.items():
            if key.endswith("summary.json"):
                summary = AnalysisSummary.model_validate_json(body)
                objects[key] = summary.model_copy(update={"seconds": 0}).model_dump_json().encode()
        return objects


def item(category: str, id_: str, views: int, **more) -> Clip:
    return Clip(
        source="tiktok",
        category=category,
        id=id_,
        url=f"https://site.test/{id_}",
        views=views,
        collected_at=datetime(2026, 11, 20, tzinfo=UTC),
        **more,
    )


@pytest.fixture
def day(store, records) -> Day:
    """Two categories: re-uploads within and across them, plain, damaged, bombed and failed images."""
    day = Day(store, records)
    day.add("dance", "cat", 500, jpeg(CAT)).add("dance", "cat-again", 900, jpeg(CAT, 40))
    day.add("dance", "grey-1", 10, jpeg(GREY)).add("dance", "grey-2", 20, jpeg(GREY))
    day.add("dance", "broken", 10, jpeg(COFFEE)[:4000]).add("dance", "bomb", 10, bomb())
    small = cv2.resize(CAT, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    day.add("food", "cat-small", 100, jpeg(small)).add("food", "coffee", 50, jpeg(COFFEE))
    day.add("food", "coffee-same-file", 40, jpeg(COFFEE)).add("food", "rocket", 5, jpeg(ROCKET))
    day.items["food"].append(item("food", "lost", 7, error=ItemError(stage="collect", error="X", message="gone")))
    return day


def tolerating(share: float) -> Settings:
    settings = Settings()
    return settings.model_copy(update={"run": settings.run.model_copy(update={"tolerated_failed_share": share})})


def test_a_day_is_judged_across_categories(day):
    summary = analyze(day.job(), day.analyst(settings=tolerating(0.5)))

    found = day.analyzed()
    assert {
        key: (it.duplicate.of, it.duplicate.of_category, it.duplicate.method)
        for key, it in found.items()
        if it.duplicate
    } == {
        "dance/cat": ("cat-again", "dance", "pdq"),
        "food/cat-small": ("cat-again", "dance", "pdq"),
        "food/coffee-same-file": ("coffee", "food", "sha256"),
    }
    assert {key: it.error.error for key, it in found.items() if it.error} == {
        "dance/broken": "NotAnImageError",
        "dance/bomb": "ImageTooLargeError",
        "food/lost": "X",
    }
    assert found["dance/broken"].error.stage == "analyze"
    assert [found[f"dance/grey-{n}"].judged_by for n in (1, 2)] == ["none", "none"]
    assert found["food/rocket"].judged_by == "pdq"
    assert [it.id for it in read_lines(day.store, keys.manifest(RUN, "food", "analyzed"), Clip)] == [
        it.id for it in day.items["food"]
    ]
    assert summary.model_copy(update={"seconds": 0}) == AnalysisSummary(
        items=11,
        failed_items=3,
        duplicates=3,
        duplicates_by_method={"pdq": 2, "sha256": 1},
        not_judged=2,
        embedder="pdq",
        embedder_why="The test asks for it.",
        device="CPU",
        history_items=0,
        seconds=0,
    )


class CountingStore(S3Store):
    """The bucket, and how often an image was read from it."""

    images_read = 0

    def get(self, key: str) -> bytes:
        self.images_read += "/media/" in key
        return super().get(key)


def test_doing_it_twice_changes_nothing_and_reads_no_image_again(day):
    settings = tolerating(0.5)
    job, day.store = day.job(), CountingStore(day.store.bucket)
    analyze(job, day.analyst(settings=settings))
    before, read = day.written(), day.store.images_read
    analyze(job, day.analyst(settings=settings))
    assert day.written() == before
    assert day.store.images_read == read == 10


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_the_last_child_of_an_array_joins(day, store, order):
    settings = tolerating(0.5)
    analyze(day.job(), day.analyst(settings=settings))
    alone = {key: body for key, body in day.written().items() if key.endswith("jsonl")}
    store.delete([key for key in store.list("") if "/media/" not in key])

    job = day.job(array_size=3)
    summaries = [analyze(job, day.analyst(settings=settings), child) for child in order]

    assert [summary is not None for summary in summaries] == [False, False, True]
    assert {key: body for key, body in day.written().items() if key.endswith("jsonl")} == alone


def test_an_interrupted_job_keeps_what_is_finished(day):
    answers = iter([False, False, True])
    job = day.job(shard_items=2)
    with pytest.raises(InterruptedByHostError):
        analyze(job, day.analyst(settings=tolerating(0.5), should_stop=lambda: next(answers)))
    shards = [key for key in day.store.list(keys.features_prefix(RUN, "dance")) if "shard" in key]
    assert len(shards) == 2
    assert not day.store.exists(job.summary_key)

    day.store = CountingStore(day.store.bucket)
    assert analyze(job, day.analyst(settings=tolerating(0.5))).items == 11
    assert day.store.images_read == 10 - 4, "two shards of two were finished"


def test_earlier_days_keepers_keep(day, store, records):
    before = Day(store, records, YESTERDAY)
    framed = cv2.copyMakeBorder(CAT, 40, 40, 40, 40, cv2.BORDER_CONSTANT)
    before.add("dance", "old-cat", 1, jpeg(framed)).add("dance", "rocket", 1, jpeg(ROCKET))
    before.add("dance", "rocket-copy", 0, jpeg(ROCKET, 50))
    analyze(before.job(), before.analyst())
    day.history = [
        HistoryManifest(run=YESTERDAY, scope="dance", manifest_key="x"),
        HistoryManifest(run=YESTERDAY, scope="never-analyzed", manifest_key="x"),
    ]
    summary = analyze(day.job(), day.analyst(settings=tolerating(0.5)))

    found = day.analyzed()
    for key in ("dance/cat", "dance/cat-again", "food/cat-small"):
        assert (found[key].duplicate.of, found[key].duplicate.of_date) == ("old-cat", "2026-11-19")
    assert found["food/rocket"].duplicate is None, "a clip is no duplicate of itself on another day"
    assert summary.history_items == 2, "what was a duplicate then is no keeper now"


def test_images_of_a_collection_go_through_the_same_analysis(store, records):
    run = Run(source="upload", date="2026-11-20", attempt=1, subject="cats")
    small = cv2.resize(CAT, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    images = []
    for id_, image in (("a-small-cat", small), ("cat", CAT), ("coffee", COFFEE)):
        key, data = keys.media(run, "cats", id_, "jpg"), jpeg(image)
        store.put(key, data)
        height, width = image.shape[:2]
        media = Media(
            key=key,
            sha256=hashlib.sha256(data).hexdigest(),
            content_type="image/jpeg",
            size_bytes=len(data),
            width=width,
            height=height,
        )
        images.append(Item(source="upload", id=id_, collected_at=datetime(2026, 11, 20, tzinfo=UTC), media=media))
    collected = keys.manifest(run, "cats", "collected")
    write_manifest(store, collected, images)
    job = AnalysisJob(
        run=run,
        bucket=store.bucket,
        table=records.name,
        scopes=[ScopeManifest(scope="cats", manifest_key=collected, items=3)],
        summary_key=keys.analysis_summary(run, ["cats"]),
        shard_items=2,
    )

    assert analyze(job, Analyst(Settings(), store, records.stages, PDQ)).duplicates == 1

    analyzed = read_lines(store, keys.manifest(run, "cats", "analyzed"), Item)
    assert [found.id for found in analyzed] == ["a-small-cat", "cat", "coffee"]
    [duplicate] = [found.duplicate for found in analyzed if found.duplicate]
    assert analyzed[0].duplicate == duplicate, "the larger image is kept"
    assert (duplicate.of, duplicate.of_category, duplicate.method) == ("cat", None, "pdq")


def test_our_own_model_judges_where_resnet50_is_missing(day, tmp_path):
    choice = choose_embedder(Settings(), open_registry(tmp_path))
    assert choice.name == "copydetect"
    assert "framesift models fetch resnet50" in choice.why
    cropped = CAT[15:-15, 22:-22]
    day.add("food", "cat-cropped", 1, jpeg(cropped))

    summary = analyze(day.job(), day.analyst(choice, tolerating(0.5)))

    found = day.analyzed()
    assert (summary.embedder, summary.embedder_why) == ("copydetect", choice.why)
    assert found["food/cat-cropped"].duplicate.of == "cat-again"
    assert found["food/cat-cropped"].duplicate.method == "copydetect"
    assert found["food/rocket"].judged_by == "copydetect"
    assert found["food/rocket"].duplicate is None


def unsure(**thresholds: float) -> Settings:
    """Settings by which hardly any similarity is enough by itself."""
    settings = tolerating(0.5)
    duplicates = settings.duplicates.model_copy(update={"copydetect_threshold": 0.999, **thresholds})
    return settings.model_copy(update={"duplicates": duplicates})


@pytest.mark.parametrize(("candidate", "of"), [(0.4, "cat-again"), (1.0, None)], ids=["aligned", "never aligned"])
def test_an_unsure_copy_is_confirmed_by_alignment(day, tmp_path, candidate, of):
    day.add("food", "cat-cropped", 1, jpeg(CAT[40:-40, 60:-60]))
    settings = unsure(copydetect_candidate_threshold=candidate)
    summary = analyze(day.job(), day.analyst(choose_embedder(settings, open_registry(tmp_path)), settings))

    found = day.analyzed()["food/cat-cropped"].duplicate
    assert (found.of if found else None) == of
    if found:
        assert found.method == "aligned"
        assert 0.4 < found.score < 0.999
        assert summary.duplicates_by_method["aligned"] == 1


def test_the_same_scene_with_another_object_is_kept(day, tmp_path):
    for id_, thing, left in (
        ("eye-here", photograph("retina"), 20),
        ("stars-here", photograph("hubble_deep_field"), 190),
    ):
        scene = CAT.copy()
        scene[40:280, left : left + 240] = cv2.resize(thing, (240, 240), interpolation=cv2.INTER_AREA)
        day.add("sport", id_, 30, jpeg(scene))
    settings = unsure(copydetect_candidate_threshold=0.01)
    analyze(day.job(), day.analyst(choose_embedder(settings, open_registry(tmp_path)), settings))

    found = day.analyzed()
    assert found["sport/eye-here"].duplicate is None
    assert found["sport/stars-here"].duplicate is None


@pytest.mark.parametrize("where", ["published", "archived", "gone"])
def test_an_unsure_copy_of_an_earlier_days_image_needs_that_image(store, records, tmp_path, where):
    settings = unsure(copydetect_candidate_threshold=0.4)
    choice = choose_embedder(settings, open_registry(tmp_path))
    before = Day(store, records, YESTERDAY).add("dance", "old-cat", 1, jpeg(CAT))
    analyze(before.job(), before.analyst(choice, settings))
    key = before.items["dance"][0].media.key
    if where == "archived":
        store.put(keys.archived_media(YESTERDAY, "dance", key), store.get(key))
    if where != "published":
        store.delete([key])
    today = Day(store, records).add("dance", "cat-cropped", 9, jpeg(CAT[40:-40, 60:-60]))
    manifest_key = keys.manifest(YESTERDAY, "dance", "analyzed")
    today.history = [HistoryManifest(run=YESTERDAY, scope="dance", manifest_key=manifest_key)]
    analyze(today.job(), today.analyst(choice, settings))

    found = today.analyzed()["dance/cat-cropped"].duplicate
    assert (found.of if found else None) == (None if where == "gone" else "old-cat")


@pytest.mark.parametrize(("windowed_items", "of"), [(0, None), (1, "coffee")])
def test_windows_find_what_the_most_viewed_show_inset(day, tmp_path, windowed_items, of):
    page = np.full((1000, 760, 3), 238, np.uint8)
    page[40:340, 30:430] = cv2.resize(COFFEE, (400, 300), interpolation=cv2.INTER_AREA)
    page[800:830, 60:700], page[880:910, 60:500] = (30, 60, 200), (200, 40, 40)
    day.add("sport", "page", 45, jpeg(page)).add("sport", "rocket-again", 1, jpeg(ROCKET))
    settings = tolerating(0.5)
    duplicates = settings.duplicates.model_copy(update={"windowed_items": windowed_items})
    settings = settings.model_copy(update={"duplicates": duplicates})
    analyze(day.job(), day.analyst(choose_embedder(settings, open_registry(tmp_path)), settings))

    found = day.analyzed()["sport/page"].duplicate
    assert (found.of if found else None) == of


def test_a_model_that_is_asked_for_and_missing_is_an_error(tmp_path):
    settings = Settings()
    settings = settings.model_copy(update={"duplicates": settings.duplicates.model_copy(update={"model": "resnet50"})})
    with pytest.raises(ModelMissingError):
        choose_embedder(settings, open_registry(tmp_path))


def test_too_many_unreadable_images_fail_the_run(day):
    with pytest.raises(TooManyFailedItemsError, match="2 of 10 images"):
        analyze(day.job(), day.analyst(settings=tolerating(0.1)))
    assert not day.store.exists(keys.manifest(RUN, "dance", "analyzed"))


def test_not_one_readable_picture_is_a_failure(store, records):
    day = Day(store, records).add("dance", "a", 1, b"no picture").add("dance", "b", 1, b"")
    with pytest.raises(NothingToAnalyzeError):
        analyze(day.job(), day.analyst())


def test_an_image_that_is_gone_is_marked(day):
    day.store.delete([day.items["food"][1].media.key])
    analyze(day.job(), day.analyst(settings=tolerating(0.5)))
    assert day.analyzed()["food/coffee"].error.error == "NotAnImageError"


@pytest.mark.parametrize(
    ("spec", "environment", "exit_code"),
    [
        ("good", {}, 0),
        ("good", {"FRAMESIFT_DUPLICATES__MODEL": "resnet50"}, 66),
        ("empty", {}, 65),
        ("missing", {}, 65),
        ("no-uri", {}, 65),
    ],
)
def test_the_exit_code_says_what_to_do(store, records, tmp_path, monkeypatch, spec, environment, exit_code):
    monkeypatch.setenv("FRAMESIFT_ANALYSIS__MODEL_CACHE", str(tmp_path))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    day = Day(store, records).add("dance", "a", 1, jpeg(CAT) if spec == "good" else b"")
    write_json(store, "job.json", day.job())
    uri = {"missing": f"s3://{store.bucket}/other.json", "no-uri": "job.json"}.get(
        spec, f"s3://{store.bucket}/job.json"
    )
    assert main(uri) == exit_code
