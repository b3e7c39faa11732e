"""Teach: pictures with what is surely in them go to project B, each once, and a training is started."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from framesift import keys
from framesift.contracts import Detection, Item, StageInput, TeachOutput
from framesift.detection.azure import CustomVisionTrainer, Labelled, Uploaded
from framesift.detection.azure.batches import fitting
from framesift.detection.azure.pictures import from_storage
from framesift.detection_records import DetectionRecords, Review, TaughtImage
from framesift.errors import NotFoundError
from framesift.pipeline.predict import is_confident
from framesift.pipeline.stage import once
from framesift.pipeline.training import gate_baseline
from framesift.settings import DownloadSettings, Settings
from framesift.storage import Store, read_manifest


def teach_detector(
    request: StageInput, settings: Settings, store: Store, table: DetectionRecords, trainer: CustomVisionTrainer | None
) -> TeachOutput:
    """Send what the project lacks, and start a training.

    Taught are pictures all of whose detections are confident or decided: one that waits for a person waits as a whole,
    since an object without a region teaches that it is none. What a person has decided since an earlier day is sent,
    too. What the project has is told by our records and, where these and the project's count differ, by the project. A
    dry run only reads.

    Raises:
        ProjectFullError: The project takes no more; what was sent is remembered.
        DetectorError: A leaf of it says what else is wrong.
        TemporaryError: A leaf of it says why to try later; what was sent is not sent again.
    """

    def work() -> TeachOutput:
        if trainer is None:
            why = "No project is taught: FRAMESIFT_CUSTOM_VISION__CANDIDATE_PROJECT is empty."
            return TeachOutput(outcome="no_project", why=why)
        if request.dry_run:
            return _foretell(request, settings, store, table, trainer)
        tags_made = trainer.make_tags(settings.detection.tags)
        sent = _send(request, settings, store, table, trainer)
        return _train(trainer, settings, table).model_copy(
            update={"tags_made": tags_made, "check_after_s": settings.custom_vision.training_check_s, **sent}
        )

    return work() if request.dry_run else once(table, request.run, "teach", request.categories, TeachOutput, work)


@dataclass(frozen=True)
class _Choice:
    """What of the run's pictures the project is to have.

    Attributes:
        new: Pictures that are not known to be there, one at a time.
        known: Digests of what is there, as it was collected and as it was sent.
        wanted: How many teach, the known ones included.
        waiting: How many wait for a person.
    """

    new: Iterator[Labelled]
    known: set[str]
    wanted: int
    waiting: int

    def counts(self, uploaded: int, refused: int) -> dict[str, int]:
        """What became of them, as `TeachOutput` says it."""
        known = self.wanted - uploaded - refused
        return {"uploaded": uploaded, "known": known, "waiting": self.waiting, "refused": refused}


def _choose(
    request: StageInput, settings: Settings, store: Store, table: DetectionRecords, taught: Iterable[TaughtImage]
) -> _Choice:
    known = {digest for image in taught for digest in (image.sha256, image.sent_sha256)}
    reviews = _by_item(table.reviews())
    candidates = list(_candidates(request, store, reviews))
    ready = [item for item in candidates if not _waits(item, reviews)]
    wanted = {item.media.sha256: item for item in ready if item.media and _regions(item, reviews, settings)}
    new = [item for sha256, item in wanted.items() if sha256 not in known]
    return _Choice(_labelled(new, reviews, settings, store), known, len(wanted), len(candidates) - len(ready))


def _send(
    request: StageInput, settings: Settings, store: Store, table: DetectionRecords, trainer: CustomVisionTrainer
) -> dict[str, int]:
    """Send what the project lacks; gives the counts."""
    remembered, lost = _taught(trainer, table, settings.download)
    if lost:
        table.remember_taught(trainer.project_id, lost)
    choice = _choose(request, settings, store, table, [*remembered, *lost])
    uploaded = refused = 0
    for outcomes in trainer.upload(choice.new, choice.known):
        stored = [
            TaughtImage(sha256=each.sha256, sent_sha256=each.sent_sha256, image_id=each.image_id)
            for each in outcomes
            if each.image_id
        ]
        table.remember_taught(trainer.project_id, stored)
        uploaded += len(stored)
        refused += len(outcomes) - len(stored)
    return choice.counts(uploaded, refused)


def _train(trainer: CustomVisionTrainer, settings: Settings, table: DetectionRecords) -> TeachOutput:
    if short := _too_few(trainer.images_per_tag(), settings):
        return short
    service = table.in_service()
    keep = [each.iteration_id for each in (service, service.former if service else None) if each]
    started, iteration_id = trainer.train(keep)
    if started == "too_few_images":
        return TeachOutput(outcome="not_enough_images", why="Custom Vision says: not enough images for training.")
    if started == "not_needed":
        return _take_up(trainer, table)
    return TeachOutput(outcome="training", why="A training has started.", iteration_id=iteration_id)


def _too_few(images: Mapping[str, int], settings: Settings) -> TeachOutput | None:
    least = settings.custom_vision.min_images_per_tag
    short = {tag: images.get(tag, 0) for tag in settings.detection.tags if images.get(tag, 0) < least}
    if not short:
        return None
    listed = ", ".join(f"{tag!r} has {count}" for tag, count in sorted(short.items()))
    return TeachOutput(outcome="not_enough_images", why=f"A tag needs {least} pictures to be trained: {listed}.")


def _take_up(trainer: CustomVisionTrainer, table: DetectionRecords) -> TeachOutput:
    """Nothing is to be trained; but what was trained may still wait for the gate, where a run died in between."""
    newest = trainer.newest_iteration()
    if newest is not None:
        iteration_id, is_in_use = newest
        if not is_in_use and not table.is_judged(trainer.project_id, iteration_id):
            why = "An iteration that an earlier run has trained is taken up: the gate has not judged it yet."
            return TeachOutput(outcome="training", why=why, iteration_id=iteration_id)
    return TeachOutput(outcome="nothing_changed", why="Nothing has changed in the project since its last training.")


def _foretell(
    request: StageInput, settings: Settings, store: Store, table: DetectionRecords, trainer: CustomVisionTrainer
) -> TeachOutput:
    """What teaching would do, by the same choices; whether a training is needed is foretold from counts alone."""
    remembered, lost = _taught(trainer, table, settings.download)
    choice = _choose(request, settings, store, table, [*remembered, *lost])
    images, uploaded, refused = Counter(trainer.images_per_tag()), 0, 0
    for picture in fitting(choice.new, choice.known):
        if isinstance(picture, Uploaded):
            refused += 1
            continue
        uploaded += 1
        images.update({region.tag for region in picture.regions})
    if (output := _too_few(images, settings)) is None:
        newest = trainer.newest_iteration()
        is_trained = newest is not None and trainer.image_count(newest[0]) == trainer.image_count()
        start = TeachOutput(outcome="training", why="A training would start.")
        output = start if uploaded or not is_trained else _take_up(trainer, table)
    return output.model_copy(
        update={
            "tags_made": trainer.missing_tags(settings.detection.tags),
            "check_after_s": settings.custom_vision.training_check_s,
            "gate": gate_baseline(settings.custom_vision, table),
            **choice.counts(uploaded, refused),
        }
    )


def _taught(
    trainer: CustomVisionTrainer, table: DetectionRecords, download: DownloadSettings
) -> tuple[list[TaughtImage], list[TaughtImage]]:
    """What the project has: as far as we remember, and what else it has by its own word."""
    remembered = table.taught(trainer.project_id)
    if trainer.image_count() == len(remembered):
        return remembered, []
    ids = {image.image_id for image in remembered}
    return remembered, list(_identify((image for image in trainer.images() if image.id not in ids), download))


def _identify(images: Iterable[object], download: DownloadSettings) -> Iterator[TaughtImage]:
    """Tell pictures of the project by their bytes, which it gives back as they were sent."""
    import asyncio

    from framesift.sources.download import ImageDownloader

    addresses = {str(image.original_image_uri): str(image.id) for image in images}  # type: ignore[attr-defined]
    allowed = from_storage(download, addresses)

    async def fetch() -> dict[str, object]:
        async with ImageDownloader(allowed) as downloader:
            return dict(await downloader.fetch_all(addresses))

    for address, image in asyncio.run(fetch()).items():
        if not isinstance(image, Exception):
            digest = hashlib.sha256(image.data).hexdigest()  # type: ignore[attr-defined]
            yield TaughtImage(sha256=digest, sent_sha256=digest, image_id=addresses[address])


def _candidates(request: StageInput, store: Store, reviews: dict[str, list[Review]]) -> Iterator[Item]:
    """The run's pictures, and those of earlier days about which a person has decided."""
    manifests = [keys.manifest(request.run, category, "predicted") for category in request.categories]
    decided = {review.manifest_key for group in reviews.values() for review in group if review.verdict != "pending"}
    for key in dict.fromkeys([*manifests, *sorted(decided)]):
        try:
            items = read_manifest(store, key)
        except NotFoundError:
            if key in manifests:
                raise
            continue  # A day that was cleaned up; its reviews end by themselves.
        for item in items:
            if item.detections and item.media and (key in manifests or item.media.key in reviews):
                yield item


def _by_item(reviews: Iterable[Review]) -> dict[str, list[Review]]:
    groups: dict[str, list[Review]] = {}
    for review in reviews:
        groups.setdefault(review.media_key, []).append(review)
    return groups


def _waits(item: Item, reviews: dict[str, list[Review]]) -> bool:
    asked = reviews.get(item.media.key, []) if item.media else []
    return any(review.verdict == "pending" for review in asked)


def _regions(item: Item, reviews: dict[str, list[Review]], settings: Settings) -> list[Detection]:
    """What is surely in a picture: confident, or accepted by a person."""
    confident = [found for found in item.detections or [] if is_confident(found, settings.detection.tags)]
    asked = reviews.get(item.media.key, []) if item.media else []
    return confident + [review.detection for review in asked if review.verdict == "accepted"]


def _labelled(
    items: Iterable[Item], reviews: dict[str, list[Review]], settings: Settings, store: Store
) -> Iterator[Labelled]:
    for item in items:
        if item.media:
            data = store.get(item.media.key)
            yield Labelled(item.media.sha256, data, item.title or item.id, _regions(item, reviews, settings))
