"""Train: upload images with certain detections to the candidate project, each once, and start a training."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from framesift import keys
from framesift.contracts import Clip, Region, StageInput, TrainOutput
from framesift.detection.azure import CustomVisionTrainer, LabelledImage, UploadOutcome
from framesift.detection.azure.batches import prepare_images
from framesift.detection.azure.images import allow_only_storage
from framesift.errors import NotFoundError
from framesift.pipeline.stage import run_once
from framesift.pipeline.youtube.gate import gate_baseline
from framesift.pipeline.youtube.predict import is_confident
from framesift.settings import DownloadSettings, Settings
from framesift.storage import Store, read_lines
from framesift.table import Records, Review, TrainingImage


def train_detector(
    request: StageInput, settings: Settings, store: Store, records: Records, trainer: CustomVisionTrainer | None
) -> TrainOutput:
    """Upload the training images that the project lacks, and start a training.

    An image is uploaded only when all its detections are confident or decided: an object without a region would train
    the detector to miss it. What a person has decided
    since an earlier day is uploaded too. What the project has is known from the records and, where these and the
    project's count differ, from the project. A dry run only reads.

    Raises:
        ProjectFullError: The project takes no more; what was sent is remembered.
        DetectorError: A leaf of it says what else is wrong.
        TemporaryError: A leaf of it says why to try later; what was sent is not sent again.
    """

    def work() -> TrainOutput:
        if trainer is None:
            why = "No project is trained: FRAMESIFT_CUSTOM_VISION__CANDIDATE_PROJECT is empty."
            return TrainOutput(outcome="no_project", why=why)
        if request.dry_run:
            return _preview(request, settings, store, records, trainer)
        tags_made = trainer.make_tags(settings.detection.tags)
        sent = _send(request, settings, store, records, trainer)
        return _train(trainer, settings, records).model_copy(
            update={"tags_made": tags_made, "check_after_s": settings.custom_vision.training_check_s, **sent}
        )

    return (
        work() if request.dry_run else run_once(records.stages, request.run, "train", request.scopes, TrainOutput, work)
    )


@dataclass(frozen=True)
class _Choice:
    """Which of the run's images the project is to have.

    Attributes:
        new: Images that are not known to be there, one at a time.
        known: Digests of what is there, as it was collected and as it was sent.
        wanted: How many are training images, the known ones included.
        waiting: How many wait for a person.
    """

    new: Iterator[LabelledImage]
    known: set[str]
    wanted: int
    waiting: int

    def counts(self, uploaded: int, refused: int) -> dict[str, int]:
        """What became of them, as `TrainOutput` says it."""
        known = self.wanted - uploaded - refused
        return {"uploaded": uploaded, "known": known, "waiting": self.waiting, "refused": refused}


def _choose(
    request: StageInput, settings: Settings, store: Store, records: Records, present: Iterable[TrainingImage]
) -> _Choice:
    known = {digest for image in present for digest in (image.sha256, image.sent_sha256)}
    reviews = _by_item(records.reviews.all())
    candidates = list(_candidates(request, store, reviews))
    ready = [item for item in candidates if not _waits(item, reviews)]
    wanted = {item.media.sha256: item for item in ready if item.media and _regions(item, reviews, settings)}
    new = [item for sha256, item in wanted.items() if sha256 not in known]
    return _Choice(_labelled(new, reviews, settings, store), known, len(wanted), len(candidates) - len(ready))


def _send(
    request: StageInput, settings: Settings, store: Store, records: Records, trainer: CustomVisionTrainer
) -> dict[str, int]:
    """Send what the project lacks; gives the counts."""
    remembered, lost = _project_images(trainer, records, settings.download)
    if lost:
        records.training.add_images(trainer.project_id, lost)
    choice = _choose(request, settings, store, records, [*remembered, *lost])
    uploaded = refused = 0
    for outcomes in trainer.upload(choice.new, choice.known):
        stored = [
            TrainingImage(sha256=each.sha256, sent_sha256=each.sent_sha256, image_id=each.image_id)
            for each in outcomes
            if each.image_id
        ]
        records.training.add_images(trainer.project_id, stored)
        uploaded += len(stored)
        refused += len(outcomes) - len(stored)
    return choice.counts(uploaded, refused)


def _train(trainer: CustomVisionTrainer, settings: Settings, records: Records) -> TrainOutput:
    if short := _too_few(trainer.images_per_tag(), settings):
        return short
    service = records.training.in_service()
    keep = [each.iteration_id for each in (service, service.former if service else None) if each]
    started, iteration_id = trainer.train(keep)
    if started == "too_few_images":
        return TrainOutput(outcome="not_enough_images", why="Custom Vision says: not enough images for training.")
    if started == "not_needed":
        return _take_up(trainer, records)
    return TrainOutput(outcome="training", why="A training has started.", iteration_id=iteration_id)


def _too_few(images: Mapping[str, int], settings: Settings) -> TrainOutput | None:
    least = settings.custom_vision.min_images_per_tag
    short = {tag: images.get(tag, 0) for tag in settings.detection.tags if images.get(tag, 0) < least}
    if not short:
        return None
    listed = ", ".join(f"{tag!r} has {count}" for tag, count in sorted(short.items()))
    return TrainOutput(outcome="not_enough_images", why=f"A tag needs {least} images to be trained: {listed}.")


def _take_up(trainer: CustomVisionTrainer, records: Records) -> TrainOutput:
    """Nothing is to be trained; but what was trained may still wait for the gate, where a run died in between."""
    newest = trainer.newest_iteration()
    if newest is not None:
        iteration_id, is_in_use = newest
        if not is_in_use and not records.training.is_judged(trainer.project_id, iteration_id):
            why = "An iteration that an earlier run has trained is taken up: the gate has not judged it yet."
            return TrainOutput(outcome="training", why=why, iteration_id=iteration_id)
    return TrainOutput(outcome="nothing_changed", why="Nothing has changed in the project since its last training.")


def _preview(
    request: StageInput, settings: Settings, store: Store, records: Records, trainer: CustomVisionTrainer
) -> TrainOutput:
    """What a training would do, by the same choices; whether one is needed is predicted from counts alone."""
    remembered, lost = _project_images(trainer, records, settings.download)
    choice = _choose(request, settings, store, records, [*remembered, *lost])
    images, uploaded, refused = Counter(trainer.images_per_tag()), 0, 0
    for image in prepare_images(choice.new, choice.known):
        if isinstance(image, UploadOutcome):
            refused += 1
            continue
        uploaded += 1
        images.update({region.tag for region in image.regions})
    if (output := _too_few(images, settings)) is None:
        newest = trainer.newest_iteration()
        is_trained = newest is not None and trainer.image_count(newest[0]) == trainer.image_count()
        start = TrainOutput(outcome="training", why="A training would start.")
        output = start if uploaded or not is_trained else _take_up(trainer, records)
    return output.model_copy(
        update={
            "tags_made": trainer.missing_tags(settings.detection.tags),
            "check_after_s": settings.custom_vision.training_check_s,
            "gate": gate_baseline(settings.custom_vision, records),
            **choice.counts(uploaded, refused),
        }
    )


def _project_images(
    trainer: CustomVisionTrainer, records: Records, download: DownloadSettings
) -> tuple[list[TrainingImage], list[TrainingImage]]:
    """What the project has: as far as is recorded, and what else it lists itself."""
    remembered = records.training.images(trainer.project_id)
    if trainer.image_count() == len(remembered):
        return remembered, []
    ids = {image.image_id for image in remembered}
    return remembered, list(_identify((image for image in trainer.images() if image.id not in ids), download))


def _identify(images: Iterable[object], download: DownloadSettings) -> Iterator[TrainingImage]:
    """Identify images of the project by their bytes, which it returns as they were sent."""
    import asyncio

    from framesift.sources.download import ImageDownloader

    addresses = {str(image.original_image_uri): str(image.id) for image in images}  # type: ignore[attr-defined]
    allowed = allow_only_storage(download, addresses)

    async def fetch() -> dict[str, object]:
        async with ImageDownloader(allowed) as downloader:
            return dict(await downloader.fetch_all(addresses))

    for address, image in asyncio.run(fetch()).items():
        if not isinstance(image, Exception):
            digest = hashlib.sha256(image.data).hexdigest()  # type: ignore[attr-defined]
            yield TrainingImage(sha256=digest, sent_sha256=digest, image_id=addresses[address])


def _candidates(request: StageInput, store: Store, reviews: dict[str, list[Review]]) -> Iterator[Clip]:
    """The run's images, and those of earlier days about which a person has decided."""
    manifests = [keys.manifest(request.run, category, "predicted") for category in request.scopes]
    decided = {review.manifest_key for group in reviews.values() for review in group if review.verdict != "pending"}
    for key in dict.fromkeys([*manifests, *sorted(decided)]):
        try:
            items = read_lines(store, key, Clip)
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


def _waits(item: Clip, reviews: dict[str, list[Review]]) -> bool:
    asked = reviews.get(item.media.key, []) if item.media else []
    return any(review.verdict == "pending" for review in asked)


def _regions(item: Clip, reviews: dict[str, list[Review]], settings: Settings) -> list[Region]:
    """What is certain in an image: confident, or accepted by a person, as the person corrected it."""
    confident: list[Region] = [found for found in item.detections or [] if is_confident(found, settings.detection.tags)]
    asked = reviews.get(item.media.key, []) if item.media else []
    return confident + [review.region for review in asked if review.verdict == "accepted"]


def _labelled(
    items: Iterable[Clip], reviews: dict[str, list[Review]], settings: Settings, store: Store
) -> Iterator[LabelledImage]:
    for item in items:
        if item.media:
            data = store.get(item.media.key)
            yield LabelledImage(item.media.sha256, data, item.title or item.id, _regions(item, reviews, settings))
