"""The look job over a collection's shards, and the near-duplicates that follow from it, on a bucket and a table."""

import gzip
import io
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest
from PIL import Image

from framesift import keys
from framesift.catalog.vectors import PDQ_MODEL, read_parts
from framesift.classification.added import read_classifier
from framesift.contracts import CatalogItem, FileRef, LookJob, LookOutcome, LookStatus, NearDuplicate, Run
from framesift.embedding.choose import choose_embedder
from framesift.errors import InterruptedByHostError, ObjectMissingError
from framesift.models import BucketOrigin, open_registry
from framesift.pipeline.upload.look import look_at_shards
from framesift.pipeline.upload.near_duplicates import ComparedImage, find_near_duplicates, read_compared
from framesift.settings import Settings
from framesift.storage import write_manifest
from tests.unit.images import encode, photograph
from tests.unit.networks import colour_classifier
from tests.waiting import wait_until

PREFIX = "collections/trip/batches/b1/look/"
COPIES = "copydetect@3"


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    limits = {"network_batch": 3, "max_bytes": 5_000_000}
    return Settings.model_validate({"duplicates": {"model": "copydetect"}, "collections": limits})


@pytest.fixture
def colours(store, tmp_path) -> str:
    """A classifier in the bucket."""
    added = read_classifier(
        colour_classifier(tmp_path / "c.onnx"), "colours", labels=("red", "green", "blue"), version="1"
    )
    BucketOrigin(store).push(added.card, added.data)
    return "colours@1"


def job_of(store, shards: list[dict[str, bytes]], **fields) -> LookJob:
    """Puts files and shards into the bucket."""
    for number, files in enumerate(shards):
        refs = []
        for name, data in files.items():
            key = f"{keys.uploads_prefix('trip')}{name}"
            store.put(key, data)
            refs.append(FileRef(name=name, key=key, size_bytes=len(data)))
        write_manifest(store, keys.look_shard(PREFIX, number), refs)
    values = {
        "run": Run(source="upload", date="2026-11-21", attempt=1, subject="trip"),
        "bucket": store.bucket,
        "table": "t",
        "collection": "trip",
        "batch": "b1",
        "added_by": "mina",
        "shards_prefix": PREFIX,
        "shards": len(shards),
    }
    return LookJob.model_validate(values | fields)


def run(job, index, settings, store, records, *, known=(), **options):
    given = {"open_reader": lambda: lambda file: store.get(file.key)} | options
    return look_at_shards(job, index, settings, store, records, known_ids=lambda ids: set(ids) & set(known), **given)


def results(store, shard: int = 0) -> list[LookOutcome]:
    body = gzip.decompress(store.get(keys.look_results(PREFIX, shard)))
    return [LookOutcome.model_validate_json(line) for line in body.splitlines()]


def items(store, *shards: int) -> dict[str, CatalogItem]:
    return {one.name: one.item for shard in shards for one in results(store, shard) if one.item}


def vectors(store, model: str) -> dict[str, np.ndarray]:
    parts = read_parts(store, "trip", model, lambda _: True)
    return {item_id: row for facts, rows in parts for item_id, row in zip(facts["ids"], rows, strict=True)}


def test_each_file_becomes_an_item_or_has_a_named_reason(store, records, settings, colours):
    coffee = encode(photograph("coffee"))
    files = {
        "a/커피.jpg": coffee,
        "b.png": encode(photograph("chelsea"), "PNG"),
        "copy.jpg": coffee,
        "torn.jpg": coffee[: len(coffee) // 2],
        "torn again.jpg": coffee[: len(coffee) // 2],
        "page.pdf": b"%PDF-1.7 " + bytes(50),
        "large.bmp": bytes(6_000_000),
        "c.webp": encode(photograph("astronaut"), "WEBP"),
        "dark.gif": encode(np.zeros((40, 50, 3), np.uint8), "GIF"),
    }
    summary = run(job_of(store, [files], models=[colours]), 0, settings, store, records)
    outcomes = {outcome.name: outcome for outcome in results(store)}
    assert list(outcomes) == list(files)
    assert Counter(outcome.status for outcome in outcomes.values()) == summary.statuses
    assert {name: outcomes[name].error.error for name in files if outcomes[name].error} == {
        "torn.jpg": "NotAnImageError",
        "torn again.jpg": "NotAnImageError",
        "page.pdf": "ImageFormatError",
        "large.bmp": "MediaTooLargeError",
    }
    assert {outcomes["a/커피.jpg"].status, outcomes["copy.jpg"].status} == {LookStatus.ADDED, LookStatus.KNOWN}
    item = next(
        o for o in outcomes.values() if o.name in {"a/커피.jpg", "copy.jpg"} and o.status is LookStatus.ADDED
    ).item
    assert (item.width, item.height, item.content_type, item.added_by, item.batch) == (
        600,
        400,
        "image/jpeg",
        "mina",
        "b1",
    )
    assert item.health.flags == []
    assert len(item.pdq) == 64
    assert item.predictions[0].model == colours
    assert store.get(item.key) == coffee
    for size in (256, 1024):
        thumbnail = Image.open(io.BytesIO(store.get(keys.collection_thumbnail("trip", item.id, size))))
        assert max(thumbnail.size) == min(size, 600)
    assert outcomes["dark.gif"].item.pdq is None
    assert outcomes["dark.gif"].item.health.flags == ["dark", "low_contrast", "near_empty"]


def test_of_the_same_bytes_the_first_file_is_looked_at_however_late_it_is_read(store, records, settings):
    coffee = encode(photograph("coffee"))
    job = job_of(store, [{"first.jpg": coffee, "second.jpg": coffee}])

    def read(file):
        if file.name == "first.jpg":
            with suppress(AssertionError):  # Only the second being looked at would end it earlier.
                wait_until(lambda: list(store.list("collections/trip/originals/")), within_s=1)
        return coffee

    run(job, 0, settings, store, records, open_reader=lambda: read)
    assert [(one.name, one.status) for one in results(store)] == [
        ("first.jpg", LookStatus.ADDED),
        ("second.jpg", LookStatus.KNOWN),
    ]


def test_vectors_are_kept_for_each_item_and_model(store, records, settings, colours):
    files = {f"{name}.jpg": encode(photograph(name)) for name in ("coffee", "chelsea", "astronaut", "rocket")}
    run(job_of(store, [files], models=[colours]), 0, settings, store, records)
    found = items(store, 0)
    ids = {item.id for item in found.values()}
    for model, shape, dtype in (
        (COPIES, (192,), np.float16),
        (colours, (3,), np.float16),
        (PDQ_MODEL, (4, 4), np.uint64),
    ):
        [(facts, rows)] = read_parts(store, "trip", model, lambda _: True)
        assert set(facts["ids"]) == ids
        assert (rows.shape[1:], rows.dtype) == (shape, dtype)
    means = vectors(store, colours)
    wanted = cv2.resize(photograph("coffee"), (32, 32)).mean(axis=(0, 1)) / 255
    assert means[found["coffee.jpg"].id].astype(float) == pytest.approx(wanted, abs=0.02)
    hashes = vectors(store, PDQ_MODEL)
    assert hashes[found["coffee.jpg"].id][0].tobytes().hex() == found["coffee.jpg"].pdq


def test_children_share_the_shards_and_do_none_twice(store, records, settings):
    names = ("coffee", "chelsea", "astronaut", "rocket", "hubble_deep_field")
    shards = [{f"{name}.jpg": encode(photograph(name))} for name in names]
    job = job_of(store, shards, array_size=2)
    assert [run(job, child, settings, store, records).shards for child in (0, 1)] == [3, 2]
    before = store.get(keys.look_results(PREFIX, 0))
    assert run(job, 0, settings, store, records).shards == 0
    assert store.get(keys.look_results(PREFIX, 0)) == before
    assert len(items(store, *range(5))) == 5
    assert records.stages.progress(job.run, datetime(2026, 1, 1, tzinfo=UTC)) == {("analyze", "trip"): (5, 5)}


def test_a_stopped_child_leaves_no_results_of_the_shard_under_way(store, records, settings):
    shards = [{"coffee.jpg": encode(photograph("coffee"))}, {"cat.jpg": encode(photograph("chelsea"))}]
    job, calls = job_of(store, shards), iter([False, True])
    with pytest.raises(InterruptedByHostError):
        run(job, 0, settings, store, records, should_stop=lambda: next(calls))
    assert store.exists(keys.look_results(PREFIX, 0))
    assert not store.exists(keys.look_results(PREFIX, 1))
    assert run(job, 0, settings, store, records).shards == 1
    assert set(items(store, 0, 1)) == {"coffee.jpg", "cat.jpg"}


def test_what_the_catalog_has_is_not_looked_at_again(store, records, settings):
    files = {"coffee.jpg": encode(photograph("coffee")), "cat.jpg": encode(photograph("chelsea"))}
    run(job_of(store, [files]), 0, settings, store, records)
    known = [items(store, 0)["coffee.jpg"].id]
    store.delete([keys.look_results(PREFIX, 0), keys.collection_thumbnail("trip", known[0], 256)])
    run(job_of(store, [files]), 0, settings, store, records, known=known)
    assert [outcome.status for outcome in results(store)] == [LookStatus.KNOWN, LookStatus.ADDED]
    assert not store.exists(keys.collection_thumbnail("trip", known[0], 256))


def test_a_second_look_asks_only_the_models(store, records, settings, colours):
    data = encode(photograph("coffee"))
    run(job_of(store, [{"coffee.jpg": data}]), 0, settings, store, records)
    item = items(store, 0)["coffee.jpg"]
    assert item.predictions == []
    prefix = "collections/trip/batches/b2/look/"
    refs = [FileRef(name="coffee.jpg", key=item.key, size_bytes=len(data), item_id=item.id)]
    refs.append(FileRef(name="changed.jpg", key=item.key, size_bytes=len(data), item_id="0" * 32))
    write_manifest(store, keys.look_shard(prefix, 0), refs)
    job = job_of(store, [{}], models=[colours], relook=True).model_copy(update={"shards_prefix": prefix})
    run(job, 0, settings, store, records, known=[item.id])
    body = gzip.decompress(store.get(keys.look_results(prefix, 0)))
    looked, changed = [LookOutcome.model_validate_json(line) for line in body.splitlines()]
    assert looked.error is None
    assert (looked.status, looked.models, looked.item.id) == (LookStatus.LOOKED, [colours], item.id)
    assert looked.item.predictions
    assert (changed.status, changed.error.error) == (LookStatus.REFUSED, "ItemReplacedError")
    assert len(read_parts(store, "trip", COPIES, lambda _: True)) == 1


def test_a_model_that_is_not_at_hand_costs_one_line(store, records, settings, colours):
    names = ["convnext-imagenet", colours, "nothing", "copydetect"]
    summary = run(
        job_of(store, [{"coffee.jpg": encode(photograph("coffee"))}], models=names), 0, settings, store, records
    )
    assert set(summary.missing_models) == {"convnext-imagenet", "nothing", "copydetect"}
    assert "framesift models fetch convnext-imagenet" in summary.missing_models["convnext-imagenet"]
    assert {each.model for each in items(store, 0)["coffee.jpg"].predictions} == {colours}


def test_a_file_that_is_gone_costs_itself(store, records, settings):
    job = job_of(store, [{"coffee.jpg": encode(photograph("coffee")), "gone.jpg": b"x"}])
    store.delete([f"{keys.uploads_prefix('trip')}gone.jpg"])
    run(job, 0, settings, store, records)
    assert [(o.status.value, o.error and o.error.error) for o in results(store)] == [
        ("added", None),
        ("refused", ObjectMissingError.__name__),
    ]


def test_of_several_pages_the_first_is_taken_and_its_owner_told(store, records, settings):
    pages = [Image.fromarray(photograph(name)) for name in ("coffee", "chelsea")]
    scan = io.BytesIO()
    pages[0].save(scan, "TIFF", save_all=True, append_images=pages[1:])
    run(
        job_of(store, [{"scan.tif": scan.getvalue(), "cat.jpg": encode(photograph("chelsea"))}]),
        0,
        settings,
        store,
        records,
    )
    notes = {outcome.name: outcome.note for outcome in results(store)}
    assert "first alone was taken" in notes["scan.tif"]
    assert notes["cat.jpg"] is None


def compare(store, settings, found: list[CatalogItem], new: list[CatalogItem], part: str):
    choice = choose_embedder(settings, open_registry(settings_cache(settings), store))
    images = [ComparedImage.of(item) for item in found]
    return find_near_duplicates("trip", images, {item.id for item in new}, part, settings, store, choice)


def settings_cache(settings):
    from framesift.models import default_cache_dir

    return default_cache_dir()


def test_a_better_copy_that_comes_later_becomes_the_keeper(store, records, settings):
    large = Image.fromarray(photograph("coffee"))
    first = {"small.jpg": encode(np.asarray(large.resize((300, 200)))), "cat.jpg": encode(photograph("chelsea"))}
    run(job_of(store, [first]), 0, settings, store, records)
    early = list(items(store, 0).values())
    assert compare(store, settings, early, early, "one") == {}
    run(
        job_of(store, [{}, {"large.jpg": encode(np.asarray(large)), "mirror.jpg": encode(np.asarray(large)[:, ::-1])}]),
        0,
        settings,
        store,
        records,
    )
    found = items(store, 0, 1)
    late = [found["large.jpg"], found["mirror.jpg"]]
    changes = compare(store, settings, [*early, *late], late, "two")
    small = next(item for item in early if item.width == 300)
    keeper = max(late, key=lambda item: (item.health.sharpness, item.id))
    other = next(item for item in late if item is not keeper)
    assert changes.keys() == {small.id, other.id}
    assert {change.of for change in changes.values()} == {keeper.id}
    assert all(change.score > 0.8 for change in changes.values())
    # Done again, the comparison finds the same; what the catalog has already does not change.
    said = [item.model_copy(update={"duplicate": changes.get(item.id)}) for item in [*early, *late]]
    assert compare(store, settings, said, late, "two") == {}
    # Where the keeper is deleted, its duplicates are judged by the pairs that are left.
    rest = [item for item in said if item.id != keeper.id]
    assert compare(store, settings, rest, [], "three")[other.id] is None


def test_what_was_compared_is_not_compared_again_when_a_batch_grows(store, records, settings):
    coffee, small = Image.fromarray(photograph("coffee")), {"cat.jpg": encode(photograph("chelsea"))}
    small["small.jpg"] = encode(np.asarray(coffee.resize((300, 200))))
    run(job_of(store, [small]), 0, settings, store, records)
    early = list(items(store, 0).values())
    compare(store, settings, early, early, "batch")
    assert read_compared("trip", store) == {item.id for item in early}
    run(job_of(store, [{}, {"large.jpg": encode(np.asarray(coffee))}]), 0, settings, store, records)
    (late,) = items(store, 1).values()
    changes = compare(store, settings, [*early, late], [late], "batch")
    assert [change.of for change in changes.values()] == [late.id]
    parts = list(store.list(keys.collection_duplicates("trip")))
    assert len(parts) == 2, "what the batch's first comparison has found is kept"
    assert read_compared("trip", store) == {item.id for item in [*early, late]}
    before = [store.get(part) for part in parts]
    compare(store, settings, [*early, late], [], "batch")
    assert [store.get(part) for part in store.list(keys.collection_duplicates("trip"))] == before


def test_nothing_chains_and_plain_images_are_not_compared(store, records, settings):
    black = {f"{n}.png": encode(np.full((50 + n, 60, 3), 7 * n, np.uint8), "PNG") for n in range(3)}
    run(job_of(store, [black]), 0, settings, store, records)
    found = list(items(store, 0).values())
    assert compare(store, settings, found, found, "one") == {}


def test_the_rule_prefers_pixels_then_sharpness_then_age():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    ordered = [
        ComparedImage("a", "a", 200, 1.0, now),
        ComparedImage("b", "b", 100, 9.0, now),
        ComparedImage("c", "c", 100, 5.0, now),
        ComparedImage("d", "d", 100, 5.0, now + timedelta(days=1)),
    ]
    assert sorted([ordered[2], ordered[3], ordered[0], ordered[1]], key=lambda image: image.rank) == ordered
    assert NearDuplicate(of="0" * 32, method="pdq", score=1).score == 1
