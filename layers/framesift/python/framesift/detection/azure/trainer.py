"""Teaching a project: tags, pictures with regions, trainings, publishing."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from framesift.contracts import Region
from framesift.detection.azure.connection import Calls, average_precision, resolve, training_client
from framesift.detection.azure.pictures import MAX_TRAINING_BYTES, fit
from framesift.detection.regions import clip_all
from framesift.errors import (
    DetectorBusyError,
    ImageRefusedError,
    MediaError,
    ProjectFullError,
    RequestRefusedError,
    SettingsError,
    TrainingFailedError,
)
from framesift.names import safe_name

if TYPE_CHECKING:
    from framesift.settings import CustomVisionSettings

# Of one request (`create_images_from_files`); 55 MB and more have timed out.
MAX_BATCH_IMAGES = 64
MAX_BATCH_BYTES = 32 * 1024 * 1024
MAX_REGIONS = 300
_ROUNDS = 4
_ROUND_WAIT_S = 1.0
_STORED = {"OK", "OKDuplicate"}
_MAY_PASS = {"ErrorStorage", "ErrorUnknown", "ErrorSource"}
_TOO_LARGE = {"BadRequestExceededBatchSize", "BadRequestImageBatch", "413"}
_NOT_NEEDED = {"BadRequestTrainingNotNeeded", "BadRequestTrainingNotNeededButTrainingPipelineUpdated"}
_TOO_FEW = {"BadRequestTrainingValidationFailed", "BadRequestDetectionTrainingValidationFailed"}
OUR_NAMES = "framesift-"


@dataclass(frozen=True)
class Labelled:
    """A picture with what is in it.

    Attributes:
        sha256: Digest of `data`.
        data: JPEG, PNG, WebP or GIF bytes.
        title: Names the picture in the project, for people.
        regions: What is in it; clipped to the picture when sent.
    """

    sha256: str
    data: bytes
    title: str
    regions: Sequence[Region]


@dataclass(frozen=True)
class Uploaded:
    """What became of a picture.

    Attributes:
        sha256: Digest of the picture as it was collected.
        sent_sha256: Digest of what was sent.
        image_id: The project's id of it; None where it was refused.
        error: Why it was refused.
    """

    sha256: str
    sent_sha256: str = ""
    image_id: str | None = None
    error: MediaError | None = None


@dataclass(frozen=True)
class _Fitting:
    picture: Labelled
    data: bytes
    sha256: str
    name: str
    regions: Sequence[Region]


Training = Literal["started", "not_needed", "too_few_images"]


class CustomVisionTrainer:
    """A project that is taught.

    Args:
        settings: The training resource, the pace and the patience.
        project_id: The project.
    """

    def __init__(self, settings: CustomVisionSettings, project_id: str) -> None:
        self._settings = settings
        self.project_id = project_id
        self._client = training_client(settings)
        self._call = Calls(settings)

    @classmethod
    def from_settings(cls, settings: CustomVisionSettings) -> CustomVisionTrainer:
        """Project B.

        Raises:
            SettingsError: No project is named.
        """
        settings = resolve(settings)
        if not settings.teach_project:
            raise SettingsError("Set FRAMESIFT_CUSTOM_VISION__TEACH_PROJECT to the project that is taught.")
        return cls(settings, settings.teach_project)

    # --- tags and pictures ---

    def make_tags(self, names: Iterable[str]) -> list[str]:
        """Make the tags that the project lacks; gives those that were made."""
        there = self._tag_ids()
        missing = [name for name in names if name not in there]
        for name in missing:
            self._call(self._client.create_tag, self.project_id, name)
        return missing

    def images_per_tag(self) -> dict[str, int]:
        """How many pictures show each tag."""
        tags = self._call(self._client.get_tags, self.project_id)
        return {tag.name: tag.image_count for tag in tags}

    def image_count(self) -> int:
        """How many pictures the project has."""
        return int(self._call(self._client.get_image_count, self.project_id))

    def images(self) -> Iterator[Any]:
        """The project's pictures, oldest first, with regions and addresses."""
        skip = 0
        while page := self._call(self._client.get_images, self.project_id, order_by="Oldest", take=256, skip=skip):
            yield from page
            skip += len(page)

    def upload(self, pictures: Iterable[Labelled]) -> Iterator[list[Uploaded]]:
        """Send pictures with their regions, in as few requests as the service allows.

        What a batch brought is given as soon as it is known, so that it can be remembered: a process that dies loses
        at most one batch's answer, and `images` tells of that. The project's answer to a picture that it has is not
        relied on: it would add the regions once more.

        Raises:
            ProjectFullError: The project takes no more; what was given before is there.
            DetectorError: A leaf of it says what else the service refuses.
        """
        tag_ids = self._tag_ids()
        refused: list[Uploaded] = []
        for batch in _batches(_fitting(pictures, refused)):
            yield from self._send(batch, tag_ids)
        if refused:
            yield refused

    def _send(self, batch: list[_Fitting], tag_ids: dict[str, str]) -> Iterator[list[Uploaded]]:
        """One batch, and again for those of its pictures that failed for the moment."""
        for round_ in range(_ROUNDS):
            if round_:
                time.sleep(_ROUND_WAIT_S * 2 ** (round_ - 1))
            try:
                summary = self._call(
                    self._client.create_images_from_files, self.project_id, _body(batch, tag_ids), once=True
                )
            except RequestRefusedError as error:
                if error.code not in _TOO_LARGE or len(batch) == 1:
                    raise
                for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
                    yield from self._send(half, tag_ids)
                return
            by_name = {result.source_url: result for result in summary.images}
            results = [(each, by_name.get(each.name)) for each in batch]
            yield [_outcome(each, result) for each, result in results if result and result.status not in _MAY_PASS]
            if any(result and result.status == "ErrorLimitExceed" for _, result in results):
                raise ProjectFullError(
                    f"Project {self.project_id} takes no more images: delete some, or take a larger tier. What it took "
                    "before is remembered."
                )
            batch = [each for each, result in results if result is None or result.status in _MAY_PASS]
            if not batch:
                return
        raise DetectorBusyError(f"Custom Vision could not store {len(batch)} images in {_ROUNDS} tries: try later.")

    def _tag_ids(self) -> dict[str, str]:
        return {tag.name: tag.id for tag in self._call(self._client.get_tags, self.project_id)}

    # --- trainings ---

    def train(self, keep: Sequence[str] = ()) -> tuple[Training, str | None]:
        """Start a training; one that is under way is taken for it.

        Args:
            keep: Iterations that are not deleted where the project holds no more.

        Returns:
            Whether it started, and the iteration's id.
        """
        try:
            try:
                iteration = self._call(self._client.train_project, self.project_id, once=True)
            except ProjectFullError:
                self._make_room(keep)
                iteration = self._call(self._client.train_project, self.project_id, once=True)
        except RequestRefusedError as error:
            if error.code in _NOT_NEEDED:
                return "not_needed", None
            if error.code in _TOO_FEW:
                return "too_few_images", None
            if error.code != "BadRequestTrainingAlreadyInProgress":
                raise
            iteration = next(each for each in self._iterations() if each.status == "Training")
        return "started", str(iteration.id)

    def is_trained(self, iteration_id: str) -> bool:
        """Whether a training is done.

        Raises:
            TrainingFailedError: It failed, was cancelled, or takes longer than the settings allow.
        """
        iteration = self._call(self._client.get_iteration, self.project_id, iteration_id)
        if iteration.status in ("Failed", "Canceled", "Cancelled"):
            why = iteration.training_error_details or "no reason is given"
            raise TrainingFailedError(
                f"The training of iteration {iteration.name} ended {iteration.status}: {why}. The one in service stays."
            )
        if iteration.status == "Completed":
            return True
        limit_s = self._settings.training_limit_s
        if (datetime.now(UTC) - iteration.created).total_seconds() > limit_s:
            raise TrainingFailedError(
                f"The training of iteration {iteration.name} takes longer than {limit_s:,.0f} s; the one in service "
                "stays. A later run takes it up, or raise FRAMESIFT_CUSTOM_VISION__TRAINING_LIMIT_S."
            )
        return False

    def average_precision(self, iteration_id: str) -> float:
        """An iteration's mean average precision on the service's own held-out pictures, 0 to 1."""
        return average_precision(self._call, self._client, self.project_id, iteration_id)

    def publish(self, iteration_id: str, name: str) -> None:
        """Publish an iteration to the prediction resource; one that is published under that name stays so.

        Raises:
            PredictionResourceError: There is no such resource.
        """
        iteration = self._call(self._client.get_iteration, self.project_id, iteration_id)
        if iteration.publish_name != name:
            resource_id = self._settings.prediction_resource_id
            self._call(self._client.publish_iteration, self.project_id, iteration_id, name, resource_id)

    def _iterations(self) -> list[Any]:
        return list(self._call(self._client.get_iterations, self.project_id))

    def _make_room(self, keep: Sequence[str]) -> None:
        """Delete the oldest iteration that is neither kept nor published by someone else: a project holds 20."""
        for iteration in sorted(self._iterations(), key=lambda each: each.created):
            published = iteration.publish_name
            if iteration.id in keep or iteration.status != "Completed":
                continue
            if published and not published.startswith(OUR_NAMES):
                continue
            if published:
                self._call(self._client.unpublish_iteration, self.project_id, iteration.id)
            self._call(self._client.delete_iteration, self.project_id, iteration.id)
            return
        raise ProjectFullError(
            f"Project {self.project_id} holds no more iterations, and none of them is ours to delete: delete one."
        )


def _fitting(pictures: Iterable[Labelled], refused: list[Uploaded]) -> Iterator[_Fitting]:
    for picture in pictures:
        try:
            data = fit(picture.data, MAX_TRAINING_BYTES)
            regions, outside = clip_all(picture.regions)
            if outside and not regions:
                raise outside[0]
        except MediaError as error:
            refused.append(Uploaded(picture.sha256, error=error))
            continue
        sent = hashlib.sha256(data).hexdigest()
        name = f"{safe_name(picture.title, max_bytes=80)} {sent[:16]}"
        yield _Fitting(picture, data, sent, name, regions[:MAX_REGIONS])


def _batches(fitting: Iterable[_Fitting]) -> Iterator[list[_Fitting]]:
    batch: list[_Fitting] = []
    size_bytes = 0
    for each in fitting:
        if batch and (len(batch) == MAX_BATCH_IMAGES or size_bytes + len(each.data) > MAX_BATCH_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(each)
        size_bytes += len(each.data)
    if batch:
        yield batch


def _body(batch: Sequence[_Fitting], tag_ids: dict[str, str]) -> Any:
    from azure.cognitiveservices.vision.customvision.training import models

    return models.ImageFileCreateBatch(
        images=[
            models.ImageFileCreateEntry(
                name=each.name,
                contents=bytearray(each.data),
                regions=[
                    models.Region(
                        tag_id=tag_ids[region.tag],
                        left=region.left,
                        top=region.top,
                        width=region.width,
                        height=region.height,
                    )
                    for region in each.regions
                ],
            )
            for each in batch
        ]
    )


def _outcome(each: _Fitting, result: Any) -> Uploaded:
    if result.status in _STORED:
        return Uploaded(each.picture.sha256, each.sha256, str(result.image.id))
    error = ImageRefusedError(f"Custom Vision does not take the picture {each.name!r}: {result.status}.")
    return Uploaded(each.picture.sha256, each.sha256, error=error)


def open_trainer(settings: CustomVisionSettings) -> CustomVisionTrainer | None:
    """Project B; None where the settings name none."""
    return CustomVisionTrainer.from_settings(settings) if resolve(settings).teach_project else None
