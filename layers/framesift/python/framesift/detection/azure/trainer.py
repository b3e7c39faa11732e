"""The candidate project: tags, training images, trainings, published iterations."""

from __future__ import annotations

import time
from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from framesift.detection.azure.batches import (
    LabelledImage,
    PreparedImage,
    UploadOutcome,
    make_batches,
    make_request,
    prepare_images,
    read_outcome,
)
from framesift.detection.azure.connection import Calls, get_average_precision, make_training_client, resolve
from framesift.errors import (
    DetectorBusyError,
    ProjectFullError,
    RequestRefusedError,
    SettingsError,
    TrainingFailedError,
)

if TYPE_CHECKING:
    from framesift.settings import CustomVisionSettings

_ROUNDS = 4
_ROUND_WAIT_S = 1.0
_MAY_PASS = {"ErrorStorage", "ErrorUnknown", "ErrorSource"}
_TOO_LARGE = {"BadRequestExceededBatchSize", "BadRequestImageBatch", "413"}
_NOT_NEEDED = {"BadRequestTrainingNotNeeded", "BadRequestTrainingNotNeededButTrainingPipelineUpdated"}
_TOO_FEW = {"BadRequestTrainingValidationFailed", "BadRequestDetectionTrainingValidationFailed"}
OUR_NAMES = "framesift-"


Training = Literal["started", "not_needed", "too_few_images"]


class CustomVisionTrainer:
    """Uploads training images to a Custom Vision project, trains it and publishes iterations.

    Args:
        settings: The training resource, the request rate, and how long to retry.
        project_id: The project.
    """

    def __init__(self, settings: CustomVisionSettings, project_id: str) -> None:
        self._settings = settings
        self.project_id = project_id
        self._client = make_training_client(settings)
        self._call = Calls(settings)

    @classmethod
    def from_settings(cls, settings: CustomVisionSettings) -> CustomVisionTrainer:
        """Open the candidate project.

        Raises:
            SettingsError: No project is named.
        """
        settings = resolve(settings)
        if not settings.candidate_project:
            raise SettingsError("Set FRAMESIFT_CUSTOM_VISION__CANDIDATE_PROJECT to the project to train.")
        return cls(settings, settings.candidate_project)

    # --- tags and images ---

    def missing_tags(self, names: Iterable[str]) -> list[str]:
        """List the tags that the project lacks."""
        present = self._tag_ids()
        return [name for name in names if name not in present]

    def make_tags(self, names: Iterable[str]) -> list[str]:
        """Create the tags that the project lacks, and return these."""
        missing = self.missing_tags(names)
        for name in missing:
            self._call(self._client.create_tag, self.project_id, name)
        return missing

    def images_per_tag(self) -> dict[str, int]:
        """Count the images of each tag."""
        tags = self._call(self._client.get_tags, self.project_id)
        return {tag.name: tag.image_count for tag in tags}

    def image_count(self, iteration_id: str | None = None) -> int:
        """Count the images that the project has, or had when an iteration was trained."""
        return int(self._call(self._client.get_image_count, self.project_id, iteration_id=iteration_id))

    def images(self) -> Iterator[Any]:
        """List the project's images, oldest first, with their regions and URLs."""
        skip = 0
        while page := self._call(self._client.get_images, self.project_id, order_by="Oldest", take=256, skip=skip):
            yield from page
            skip += len(page)

    def upload(
        self, images: Iterable[LabelledImage], known: Container[str] = frozenset()
    ) -> Iterator[list[UploadOutcome]]:
        """Upload images with their regions, in as few requests as the service allows.

        A batch's outcomes are yielded as soon as they are known, to be recorded: a process that dies loses at most one
        batch's response, whose images `images` lists. The service's own detection of duplicates is not used, since it
        would add the regions again.

        Args:
            images: The images to upload.
            known: Digests of uploaded bytes: images with these are skipped.

        Raises:
            ProjectFullError: The project accepts no more; what was yielded before is stored.
            DetectorError: The service refuses; the subclass shows what.
        """
        tag_ids = self._tag_ids()
        for batch in make_batches(prepare_images(images, known)):
            if batch.refused:
                yield batch.refused
            if batch.images:
                yield from self._send(batch.images, tag_ids)

    def _send(self, batch: list[PreparedImage], tag_ids: dict[str, str]) -> Iterator[list[UploadOutcome]]:
        """Upload one batch, and again those of its images that failed temporarily."""
        for round_ in range(_ROUNDS):
            if round_:
                time.sleep(_ROUND_WAIT_S * 2 ** (round_ - 1))
            try:
                summary = self._call(
                    self._client.create_images_from_files, self.project_id, make_request(batch, tag_ids), once=True
                )
            except RequestRefusedError as error:
                if error.code not in _TOO_LARGE or len(batch) == 1:
                    raise
                for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
                    yield from self._send(half, tag_ids)
                return
            by_name = {result.source_url: result for result in summary.images}
            results = [(each, by_name.get(each.name)) for each in batch]
            yield [read_outcome(each, result) for each, result in results if result and result.status not in _MAY_PASS]
            if any(result and result.status == "ErrorLimitExceed" for _, result in results):
                raise ProjectFullError(
                    f"Project {self.project_id} accepts no more images: delete some, or choose a larger "
                    "tier. What it accepted before is recorded."
                )
            batch = [each for each, result in results if result is None or result.status in _MAY_PASS]
            if not batch:
                return
        raise DetectorBusyError(f"Custom Vision could not store {len(batch)} images in {_ROUNDS} tries: try later.")

    def _tag_ids(self) -> dict[str, str]:
        return {tag.name: tag.id for tag in self._call(self._client.get_tags, self.project_id)}

    # --- trainings ---

    def train(self, keep: Sequence[str] = ()) -> tuple[Training, str | None]:
        """Start a training, or join the one that is in progress.

        Args:
            keep: Iterations that must not be deleted if the project is full.

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

    def newest_iteration(self) -> tuple[str, bool] | None:
        """Find the newest iteration that is trained or in training, and whether someone else has published it."""
        usable = [each for each in self._iterations() if each.status in ("Training", "Completed")]
        if not usable:
            return None
        newest = max(usable, key=lambda each: each.created)
        return str(newest.id), _is_published_by_others(newest)

    def is_trained(self, iteration_id: str) -> bool:
        """Whether a training is done.

        Raises:
            TrainingFailedError: It failed, was cancelled, or takes longer than the settings allow.
        """
        iteration = self._call(self._client.get_iteration, self.project_id, iteration_id)
        if iteration.status in ("Failed", "Canceled", "Cancelled"):
            why = iteration.training_error_details or "no reason given"
            raise TrainingFailedError(
                f"The training of iteration {iteration.name} ended {iteration.status}: {why}. "
                "The iteration in service stays."
            )
        if iteration.status == "Completed":
            return True
        limit_s = self._settings.training_limit_s
        if (datetime.now(UTC) - iteration.created).total_seconds() > limit_s:
            raise TrainingFailedError(
                f"The training of iteration {iteration.name} takes longer than {limit_s:,.0f} s; the "
                "iteration in service stays. A later run resumes it, or raise "
                "FRAMESIFT_CUSTOM_VISION__TRAINING_LIMIT_S."
            )
        return False

    def average_precision(self, iteration_id: str) -> float:
        """Get an iteration's mean average precision, 0 to 1, on images that the service held out."""
        return get_average_precision(self._call, self._client, self.project_id, iteration_id)

    def publish(self, iteration_id: str, name: str) -> str:
        """Publish an iteration to the prediction resource; a published one keeps its name.

        Returns:
            The name under which it is published.

        Raises:
            PredictionResourceError: There is no such resource.
        """
        iteration = self._call(self._client.get_iteration, self.project_id, iteration_id)
        if iteration.publish_name:
            return str(iteration.publish_name)
        resource_id = self._settings.prediction_resource_id
        self._call(self._client.publish_iteration, self.project_id, iteration_id, name, resource_id)
        return name

    def _iterations(self) -> list[Any]:
        return list(self._call(self._client.get_iterations, self.project_id))

    def _make_room(self, keep: Sequence[str]) -> None:
        """Delete the oldest iteration that is neither in `keep` nor published by someone else: a project holds 20."""
        for iteration in sorted(self._iterations(), key=lambda each: each.created):
            if iteration.id in keep or iteration.status != "Completed" or _is_published_by_others(iteration):
                continue
            if iteration.publish_name:
                self._call(self._client.unpublish_iteration, self.project_id, iteration.id)
            self._call(self._client.delete_iteration, self.project_id, iteration.id)
            return
        raise ProjectFullError(
            f"Project {self.project_id} holds no more iterations, and none of them is ours to delete: delete one."
        )


def _is_published_by_others(iteration: Any) -> bool:
    return bool(iteration.publish_name) and not iteration.publish_name.startswith(OUR_NAMES)


def open_trainer(settings: CustomVisionSettings) -> CustomVisionTrainer | None:
    """Open the candidate project; None if the settings name none."""
    return CustomVisionTrainer.from_settings(settings) if resolve(settings).candidate_project else None
