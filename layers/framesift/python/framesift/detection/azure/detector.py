"""Detection with a published iteration of Custom Vision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from framesift.contracts import Detection
from framesift.detection.azure.connection import (
    Calls,
    get_average_precision,
    make_prediction_client,
    make_training_client,
    resolve,
)
from framesift.detection.azure.images import MAX_PREDICTION_BYTES, convert
from framesift.detection.regions import clip
from framesift.errors import IterationNotPublishedError, MediaError, RegionOutsideError

if TYPE_CHECKING:
    from framesift.settings import CustomVisionSettings
    from framesift.table import InService


class CustomVisionDetector:
    """Detects objects with an iteration that a Custom Vision project has published.

    Args:
        settings: The resources, the request rate, and how long to retry.
        project_id: The project.
        publish_name: The iteration's name on the prediction resource; None: the newest that is published.
    """

    def __init__(self, settings: CustomVisionSettings, project_id: str, publish_name: str | None = None) -> None:
        self._settings = settings
        self._project_id = project_id
        self._wanted_name = publish_name
        self._training = make_training_client(settings)
        self._prediction = make_prediction_client(settings)
        self._call_training = Calls(settings)
        self._call_prediction = Calls(settings)
        self._found: Any = None

    @classmethod
    def from_settings(cls, settings: CustomVisionSettings, in_service: InService | None) -> CustomVisionDetector:
        """Open the iteration in service or, if there is none, the newest that the serving project has published."""
        settings = resolve(settings)
        if in_service is None:
            return cls(settings, settings.serving_project)
        return cls(settings, in_service.project_id, in_service.publish_name)

    @property
    def name(self) -> str:
        """See `Detector.name`."""
        return f"custom_vision/{self._project_id}/{self._iteration.publish_name}"

    @property
    def project_id(self) -> str:
        """The project."""
        return self._project_id

    @property
    def iteration_id(self) -> str:
        """The iteration that predicts."""
        return str(self._iteration.id)

    @property
    def publish_name(self) -> str:
        """Its name on the prediction resource."""
        return str(self._iteration.publish_name)

    def average_precision(self) -> float:
        """Get the iteration's mean average precision, 0 to 1, as the service measures it."""
        return get_average_precision(self._call_training, self._training, self._project_id, self.iteration_id)

    def tags(self) -> Mapping[str, Sequence[str]]:
        """See `Detector.tags`: the project's tags, and those that the published iteration was trained on."""
        call = self._call_training
        published = call(self._training.get_tags, self._project_id, iteration_id=self.iteration_id)
        return {
            "the project": [tag.name for tag in call(self._training.get_tags, self._project_id)],
            f"its published iteration {self._iteration.publish_name!r}": [tag.name for tag in published],
        }

    def detect(self, images: Sequence[bytes], *, min_score: float) -> list[list[Detection] | MediaError]:
        """See `Detector.detect`. Sends one request per image, as the service requires."""
        publish_name = self._iteration.publish_name

        def predict(image: bytes) -> list[Detection] | MediaError:
            try:
                accepted = convert(image, MAX_PREDICTION_BYTES)
                answer = self._call_prediction(
                    self._prediction.detect_image_with_no_store, self._project_id, publish_name, accepted
                )
            except MediaError as error:
                return error
            return _read_detections(answer.predictions, min_score)

        with ThreadPoolExecutor(self._settings.concurrency, thread_name_prefix="predict") as pool:
            waiting = [pool.submit(predict, image) for image in images]
            try:
                return [future.result() for future in waiting]
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    @property
    def _iteration(self) -> Any:
        if self._found is None:
            self._found = self._find_iteration()
        return self._found

    def _find_iteration(self) -> Any:
        iterations = self._call_training(self._training.get_iterations, self._project_id)
        published = [each for each in iterations if each.publish_name]
        if self._wanted_name is not None:
            published = [each for each in published if each.publish_name == self._wanted_name]
        if not published:
            named = f" under the name {self._wanted_name!r}" if self._wanted_name else ""
            raise IterationNotPublishedError(
                f"Project {self._project_id} has no published iteration{named}: publish one, or return to the "
                "previous one with `framesift detector rollback`."
            )
        return max(published, key=lambda each: each.trained_at or each.created)


def _read_detections(predictions: Sequence[Any], min_score: float) -> list[Detection]:
    found = []
    for each in predictions:
        box = each.bounding_box
        if box is None or each.probability < min_score:
            continue
        detection = Detection(
            tag=each.tag_name,
            left=box.left,
            top=box.top,
            width=box.width,
            height=box.height,
            probability=min(max(each.probability, 0.0), 1.0),
        )
        try:
            inside = clip(detection)
        except RegionOutsideError:
            continue  # It lies outside the image.
        found.append(detection.model_copy(update=inside.model_dump()))
    return sorted(found, key=lambda detection: -detection.probability)
