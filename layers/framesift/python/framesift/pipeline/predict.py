"""Predict: what a detector sees in the pictures that were collected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from framesift import keys
from framesift.contracts import (
    Detection,
    Item,
    ItemError,
    PredictedCategory,
    PredictOutput,
    Run,
    StageInput,
)
from framesift.detection import Detector, check_tags
from framesift.detection_records import DetectionRecords, Review
from framesift.errors import MediaError, NotFoundError, TagsDifferError, TooManyFailedItemsError
from framesift.pipeline.stage import once
from framesift.settings import DetectionSettings, Settings
from framesift.storage import Store, read_manifest, write_manifest
from framesift.table import ItemDay

# So many pictures are read and looked at before the next are read: what one process holds in memory.
_CHUNK = 64


def predict_items(
    request: StageInput, settings: Settings, store: Store, table: DetectionRecords, detector: Detector
) -> PredictOutput:
    """Look for objects in a run's pictures; near-duplicates are left out.

    Detections between the two thresholds wait for a person; less probable ones are dropped. A dry run sends no picture:
    it tells how many would be sent, and counts what was seen in them before.

    Raises:
        TagsDifferError: The settings' tags and the detector's differ; nothing was predicted.
        DetectorError: A leaf of it says why the detector cannot be used.
        TooManyFailedItemsError: More pictures failed than the settings tolerate.
    """
    run = request.run

    def work() -> PredictOutput:
        check_tags(settings.detection.tags, detector.tags())
        return PredictOutput(
            detector=detector.name,
            categories=[
                _predict_category(run, category, settings, store, table, detector) for category in request.categories
            ],
        )

    if request.dry_run:
        return _foretell(request, settings, store, detector)
    return once(table, run, "predict", request.categories, PredictOutput, work)


def is_confident(detection: Detection, thresholds: Mapping[str, float]) -> bool:
    """Whether a detection reaches its tag's threshold."""
    return detection.probability >= thresholds.get(detection.tag, 1.0)


def _foretell(request: StageInput, settings: Settings, store: Store, detector: Detector) -> PredictOutput:
    tags_differ = None
    try:
        check_tags(settings.detection.tags, detector.tags())
    except TagsDifferError as error:
        tags_differ = str(error)
    categories = []
    for category in request.categories:
        looked_at = _to_look_at(_items(request.run, category, store))
        seen = _seen_before(request.run, category, store)
        predicted = [seen.get(item.id, item) for item in looked_at]
        categories.append(_summary(request.run, category, predicted, settings.detection))
    return PredictOutput(detector=detector.name, categories=categories, tags_differ=tags_differ)


def _seen_before(run: Run, category: str, store: Store) -> dict[str, Item]:
    try:
        return {item.id: item for item in read_manifest(store, keys.manifest(run, category, "predicted"))}
    except NotFoundError:
        return {}


def _predict_category(
    run: Run, category: str, settings: Settings, store: Store, table: DetectionRecords, detector: Detector
) -> PredictedCategory:
    collected = _items(run, category, store)
    looked_at = _to_look_at(collected)
    predicted: dict[str, Item] = {}
    for start in range(0, len(looked_at), _CHUNK):
        for item in _look(looked_at[start : start + _CHUNK], settings.detection, store, detector):
            predicted[item.id] = item
        table.report_progress(run, "predict", category, len(predicted), len(looked_at))
    failed = _failed(predicted.values())
    if len(failed) > settings.run.tolerated_failed_share * len(predicted):
        raise TooManyFailedItemsError(
            f"{category}: {len(failed)} of {len(predicted)} pictures could not be looked at; the first: "
            f"{failed[0].message}"
        )
    summary = _summary(run, category, predicted.values(), settings.detection)
    write_manifest(store, summary.manifest_key, [predicted.get(item.id, item) for item in collected])
    reviews = _reviews(run, category, predicted.values(), settings.detection)
    table.ask_for_review(reviews, settings.custom_vision.review_days)
    table.put_item_days(_day(run, item) for item in predicted.values())
    return summary


def _to_look_at(items: Iterable[Item]) -> list[Item]:
    return [item for item in items if item.media and not item.error and not item.duplicate]


def _failed(items: Iterable[Item]) -> list[ItemError]:
    return [item.error for item in items if item.error]


def _summary(run: Run, category: str, predicted: Collection[Item], settings: DetectionSettings) -> PredictedCategory:
    confident = Counter(
        found.tag for item in predicted for found in item.detections or [] if is_confident(found, settings.tags)
    )
    return PredictedCategory(
        category=category,
        manifest_key=keys.manifest(run, category, "predicted"),
        items=len(predicted),
        failed_items=len(_failed(predicted)),
        confident=dict(sorted(confident.items())),
        to_review=len(_reviews(run, category, predicted, settings)),
    )


def _items(run: Run, category: str, store: Store) -> list[Item]:
    """What the vision job has looked at; what was collected, where a person predicts without it."""
    try:
        return read_manifest(store, keys.manifest(run, category, "analyzed"))
    except NotFoundError:
        return read_manifest(store, keys.manifest(run, category, "collected"))


def _look(items: Sequence[Item], settings: DetectionSettings, store: Store, detector: Detector) -> list[Item]:
    pictures = [store.get(item.media.key) for item in items if item.media]
    answers = detector.detect(pictures, at_least=min(settings.review_from, *settings.tags.values()))
    return [_seen(item, answer, settings, detector.name) for item, answer in zip(items, answers, strict=True)]


def _seen(item: Item, answer: list[Detection] | MediaError, settings: DetectionSettings, detector: str) -> Item:
    if isinstance(answer, MediaError):
        fault = ItemError(stage="predict", error=type(answer).__name__, message=str(answer))
        return item.model_copy(update={"error": fault})
    kept = [
        found for found in answer if found.probability >= settings.review_from or is_confident(found, settings.tags)
    ]
    return item.model_copy(update={"detections": kept, "detected_by": detector})


def _reviews(run: Run, category: str, items: Iterable[Item], settings: DetectionSettings) -> list[Review]:
    return [
        Review(
            id=f"{keys.edition(run)}.{category}.{item.id}.{number}",
            date=run.date,
            category=category,
            item_id=item.id,
            title=item.title,
            media_key=item.media.key,
            manifest_key=keys.manifest(run, category, "predicted"),
            detection=found,
        )
        for item in items
        for number, found in enumerate(item.detections or [])
        if item.media and not is_confident(found, settings.tags)
    ]


def _day(run: Run, item: Item) -> ItemDay:
    seen = ", ".join(f"{found.tag} {found.probability:.2f}" for found in item.detections or [])
    return ItemDay(
        source=run.source,
        id=item.id,
        date=run.date,
        category=item.category,
        title=item.title,
        views=item.views,
        dropped="failed" if item.error else None,
        why=item.error.message if item.error else seen or "nothing is seen in it",
        detections=item.detections or [],
    )
