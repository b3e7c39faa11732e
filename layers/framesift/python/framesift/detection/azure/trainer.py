"""Teaching a project: tags, pictures with regions, trainings, publishing."""

from __future__ import annotations

import time
from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from framesift.detection.azure.batches import Fitting, Labelled, Uploaded, batches, body, fitting, outcome
from framesift.detection.azure.connection import Calls, average_precision, resolve, training_client
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
        if not settings.candidate_project:
            raise SettingsError("Set FRAMESIFT_CUSTOM_VISION__CANDIDATE_PROJECT to the project that is taught.")
        return cls(settings, settings.candidate_project)

    # --- tags and pictures ---

    def missing_tags(self, names: Iterable[str]) -> list[str]:
        """The tags that the project lacks."""
        there = self._tag_ids()
        return [name for name in names if name not in there]

    def make_tags(self, names: Iterable[str]) -> list[str]:
        """Make the tags that the project lacks; gives those that were made."""
        missing = self.missing_tags(names)
        for name in missing:
            self._call(self._client.create_tag, self.project_id, name)
        return missing

    def images_per_tag(self) -> dict[str, int]:
        """How many pictures show each tag."""
        tags = self._call(self._client.get_tags, self.project_id)
        return {tag.name: tag.image_count for tag in tags}

    def image_count(self, iteration_id: str | None = None) -> int:
        """How many pictures the project has, or had when an iteration was trained."""
        return int(self._call(self._client.get_image_count, self.project_id, iteration_id=iteration_id))

    def images(self) -> Iterator[Any]:
        """The project's pictures, oldest first, with regions and addresses."""
        skip = 0
        while page := self._call(self._client.get_images, self.project_id, order_by="Oldest", take=256, skip=skip):
            yield from page
            skip += len(page)

    def upload(self, pictures: Iterable[Labelled], known: Container[str] = frozenset()) -> Iterator[list[Uploaded]]:
        """Send pictures with their regions, in as few requests as the service allows.

        What a batch brought is given as soon as it is known, so that it can be remembered: a process that dies loses
        at most one batch's answer, and `images` tells of that. The project's answer to a picture that it has is not
        relied on: it would add the regions once more.

        Args:
            pictures: What is to be sent.
            known: Digests of what was sent before: that is left out.

        Raises:
            ProjectFullError: The project takes no more; what was given before is there.
            DetectorError: A leaf of it says what else the service refuses.
        """
        tag_ids = self._tag_ids()
        for batch in batches(fitting(pictures, known)):
            if batch.refused:
                yield batch.refused
            if batch.images:
                yield from self._send(batch.images, tag_ids)

    def _send(self, batch: list[Fitting], tag_ids: dict[str, str]) -> Iterator[list[Uploaded]]:
        """One batch, and again for those of its pictures that failed for the moment."""
        for round_ in range(_ROUNDS):
            if round_:
                time.sleep(_ROUND_WAIT_S * 2 ** (round_ - 1))
            try:
                summary = self._call(
                    self._client.create_images_from_files, self.project_id, body(batch, tag_ids), once=True
                )
            except RequestRefusedError as error:
                if error.code not in _TOO_LARGE or len(batch) == 1:
                    raise
                for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
                    yield from self._send(half, tag_ids)
                return
            by_name = {result.source_url: result for result in summary.images}
            results = [(each, by_name.get(each.name)) for each in batch]
            yield [outcome(each, result) for each, result in results if result and result.status not in _MAY_PASS]
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

    def newest_iteration(self) -> tuple[str, bool] | None:
        """The newest iteration that is trained or under way, and whether someone else has published it."""
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

    def publish(self, iteration_id: str, name: str) -> str:
        """Publish an iteration to the prediction resource; one that is published keeps its name.

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
        """Delete the oldest iteration that is neither kept nor published by someone else: a project holds 20."""
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
    """Project B; None where the settings name none."""
    return CustomVisionTrainer.from_settings(settings) if resolve(settings).candidate_project else None
