"""Predict: detect objects in the images that were collected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from framesift import keys
from framesift.contracts import (
    Clip,
    Detection,
    ItemError,
    PredictedCategory,
    PredictOutput,
    Run,
    StageInput,
)
from framesift.detection import Detector, check_tags
from framesift.errors import MediaError, NotFoundError, TagsDifferError, TooManyFailedItemsError
from framesift.pipeline.stage import run_once
from framesift.settings import DetectionSettings, Settings
from framesift.storage import Store, read_lines, write_manifest
from framesift.table import ItemDay, Records, Review

# Images that one process holds in memory at a time.
_CHUNK = 64


def predict_items(
    request: StageInput, settings: Settings, store: Store, records: Records, detector: Detector
) -> PredictOutput:
    """Detect objects in a run's images; near-duplicates are left out.

    Detections between the two thresholds wait for a person; less probable ones are dropped. A dry run sends no image:
    it reports how many would be sent, and counts the detections recorded of them before.

    Raises:
        TagsDifferError: The settings' tags and the detector's differ; nothing was predicted.
        DetectorError: A leaf of it says why the detector cannot be used.
        TooManyFailedItemsError: More images failed than the settings tolerate.
    """
    run = request.run

    def work() -> PredictOutput:
        check_tags(settings.detection.tags, detector.tags())
        return PredictOutput(
            detector=detector.name,
            categories=[
                _predict_category(run, category, settings, store, records, detector) for category in request.scopes
            ],
        )

    if request.dry_run:
        return _preview(request, settings, store, detector)
    return run_once(records.stages, run, "predict", request.scopes, PredictOutput, work)


def is_confident(detection: Detection, thresholds: Mapping[str, float]) -> bool:
    """Whether a detection reaches its tag's threshold."""
    return detection.probability >= thresholds.get(detection.tag, 1.0)


def _preview(request: StageInput, settings: Settings, store: Store, detector: Detector) -> PredictOutput:
    tags_differ = None
    try:
        check_tags(settings.detection.tags, detector.tags())
    except TagsDifferError as error:
        tags_differ = str(error)
    categories = []
    for category in request.scopes:
        wanted = _to_predict(_items(request.run, category, store))
        before = _predicted_before(request.run, category, store)
        predicted = [before.get(item.id, item) for item in wanted]
        categories.append(_summary(request.run, category, predicted, settings.detection))
    return PredictOutput(detector=detector.name, categories=categories, tags_differ=tags_differ)


def _predicted_before(run: Run, category: str, store: Store) -> dict[str, Clip]:
    try:
        return {item.id: item for item in read_lines(store, keys.manifest(run, category, "predicted"), Clip)}
    except NotFoundError:
        return {}


def _predict_category(
    run: Run, category: str, settings: Settings, store: Store, records: Records, detector: Detector
) -> PredictedCategory:
    collected = _items(run, category, store)
    wanted = _to_predict(collected)
    predicted: dict[str, Clip] = {}
    for start in range(0, len(wanted), _CHUNK):
        for item in _detect(wanted[start : start + _CHUNK], settings.detection, store, detector):
            predicted[item.id] = item
        records.stages.report_progress(run, "predict", category, len(predicted), len(wanted))
    failed = _failed(predicted.values())
    if len(failed) > settings.run.tolerated_failed_share * len(predicted):
        raise TooManyFailedItemsError(
            f"{category}: {len(failed)} of {len(predicted)} images could not be predicted; the first: "
            f"{failed[0].message}"
        )
    summary = _summary(run, category, predicted.values(), settings.detection)
    write_manifest(store, summary.manifest_key, [predicted.get(item.id, item) for item in collected])
    reviews = _reviews(run, category, predicted.values(), settings.detection)
    records.reviews.request(reviews, settings.custom_vision.review_days)
    records.items.put_days(_day(run, item) for item in predicted.values())
    return summary


def _to_predict(items: Iterable[Clip]) -> list[Clip]:
    return [item for item in items if item.media and not item.error and not item.duplicate]


def _failed(items: Iterable[Clip]) -> list[ItemError]:
    return [item.error for item in items if item.error]


def _summary(run: Run, category: str, predicted: Collection[Clip], settings: DetectionSettings) -> PredictedCategory:
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


def _items(run: Run, category: str, store: Store) -> list[Clip]:
    """What the vision job has analyzed; what was collected, where a person predicts without it."""
    try:
        return read_lines(store, keys.manifest(run, category, "analyzed"), Clip)
    except NotFoundError:
        return read_lines(store, keys.manifest(run, category, "collected"), Clip)


def _detect(items: Sequence[Clip], settings: DetectionSettings, store: Store, detector: Detector) -> list[Clip]:
    images = [store.get(item.media.key) for item in items if item.media]
    answers = detector.detect(images, min_score=min(settings.review_from, *settings.tags.values()))
    return [
        _with_detections(item, answer, settings, detector.name) for item, answer in zip(items, answers, strict=True)
    ]


def _with_detections(
    item: Clip, answer: list[Detection] | MediaError, settings: DetectionSettings, detector: str
) -> Clip:
    if isinstance(answer, MediaError):
        fault = ItemError.of(answer, "predict")
        return item.model_copy(update={"error": fault})
    kept = [
        found for found in answer if found.probability >= settings.review_from or is_confident(found, settings.tags)
    ]
    return item.model_copy(update={"detections": kept, "detected_by": detector})


def _reviews(run: Run, category: str, items: Iterable[Clip], settings: DetectionSettings) -> list[Review]:
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


def _day(run: Run, item: Clip) -> ItemDay:
    found = ", ".join(f"{each.tag} {each.probability:.2f}" for each in item.detections or [])
    return ItemDay(
        source=run.source,
        id=item.id,
        date=run.date,
        category=item.category,
        title=item.title,
        views=item.views,
        dropped="failed" if item.error else None,
        why=item.error.message if item.error else found or "nothing is detected in it",
        detections=item.detections or [],
    )
