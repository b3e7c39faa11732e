"""Calls to a Custom Vision resource: rate-limited, retried while it is busy, with its errors translated to ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from framesift.errors import (
    DetectorBusyError,
    DetectorKeyError,
    DetectorQuotaError,
    FramesiftError,
    ImageRefusedError,
    IterationNotPublishedError,
    PredictionResourceError,
    ProjectFullError,
    ProjectNotFoundError,
    RequestRefusedError,
)
from framesift.pacing import Pacer, call_with_retries
from framesift.secrets import read_json_secret, wrong_content
from framesift.settings import CustomVisionSettings

if TYPE_CHECKING:
    from azure.cognitiveservices.vision.customvision.prediction import CustomVisionPredictionClient
    from azure.cognitiveservices.vision.customvision.training import CustomVisionTrainingClient

# The service's defaults: the IoU from which a box counts as found, and a probability threshold, which does not affect
# the average precision.
_OVERLAP = 0.3
_THRESHOLD = 0.5
_CLASSES: dict[str, type[FramesiftError]] = {
    "NotFoundProject": ProjectNotFoundError,
    "NotFoundIteration": IterationNotPublishedError,
    "BadRequestIterationNotPublished": IterationNotPublishedError,
    "ErrorPredictionModelNotFound": IterationNotPublishedError,
    "BadRequestInvalidPublishTarget": PredictionResourceError,
    "BadRequestImageExceededCount": ProjectFullError,
    "BadRequestExceededQuota": ProjectFullError,
    "BadRequestExceedTagPerProjectLimit": ProjectFullError,
    "BadRequestExceedIterationPerProjectLimit": ProjectFullError,
    "BadRequestImageFormat": ImageRefusedError,
    "BadRequestImageStream": ImageRefusedError,
    "BadRequestImageSizeBytes": ImageRefusedError,
    "BadRequestImageDimensions": ImageRefusedError,
    "BadRequestImageAspectRatio": ImageRefusedError,
    "UnsupportedMediaType": ImageRefusedError,
}
_ADVICE: dict[type[FramesiftError], str] = {
    ProjectNotFoundError: "check the project's id and that the key is of its resource",
    IterationNotPublishedError: "publish an iteration of the project to the prediction resource",
    PredictionResourceError: "check FRAMESIFT_CUSTOM_VISION__PREDICTION_RESOURCE_ID",
    ProjectFullError: "delete what the project no longer needs, or choose a larger tier",
    ImageRefusedError: "Custom Vision does not accept this image",
}


def resolve(settings: CustomVisionSettings) -> CustomVisionSettings:
    """Merge the secret's values into the settings.

    Raises:
        SettingsError: If the secret cannot be read, or its content is not valid.
    """
    if not settings.secret:
        return settings
    expected = 'a JSON object of Custom Vision\'s settings, such as {"training_key": "…"}'
    value = read_json_secret(settings.secret, expected)
    try:
        return CustomVisionSettings.model_validate({**settings.model_dump(), **value})
    except ValueError:
        raise wrong_content(settings.secret, expected) from None


def make_training_client(settings: CustomVisionSettings) -> CustomVisionTrainingClient:
    """Make the client of the training resource.

    Raises:
        DetectorKeyError: There is no key or no address.
    """
    from azure.cognitiveservices.vision.customvision.training import CustomVisionTrainingClient

    key = _require_key(settings.training_key.get_secret_value(), settings.training_endpoint, "TRAINING")
    credentials = _make_credentials("Training-key", key)
    client: CustomVisionTrainingClient = CustomVisionTrainingClient(settings.training_endpoint, credentials)  # type: ignore[no-untyped-call]
    _set_up(client, settings)
    return client


def make_prediction_client(settings: CustomVisionSettings) -> CustomVisionPredictionClient:
    """Make the client of the prediction resource.

    Raises:
        DetectorKeyError: There is no key or no address.
    """
    from azure.cognitiveservices.vision.customvision.prediction import CustomVisionPredictionClient

    key = _require_key(settings.prediction_key.get_secret_value(), settings.prediction_endpoint, "PREDICTION")
    credentials = _make_credentials("Prediction-key", key)
    client: CustomVisionPredictionClient = CustomVisionPredictionClient(settings.prediction_endpoint, credentials)  # type: ignore[no-untyped-call]
    _set_up(client, settings)
    return client


class Calls:
    """Calls to one resource.

    Args:
        settings: The request rate, and how long to retry.
    """

    def __init__(self, settings: CustomVisionSettings) -> None:
        self._pacer = Pacer(settings.requests_per_s)
        self._patience_s = settings.patience_s

    def __call__(self, operation: Callable[..., Any], *args: Any, once: bool = False, **options: Any) -> Any:
        """Call an operation of a client.

        Args:
            operation: The client's method.
            *args: Its arguments.
            once: Do not retry after a broken connection: the operation may have been carried out.
            **options: Its options.

        Raises:
            DetectorError: The service refuses; the subclass shows what.
            ImageRefusedError: The service does not accept the image.
            DetectorBusyError: The service stays busy, or cannot be reached.
            DetectorQuotaError: The quota is used up.
        """
        from msrest.exceptions import ClientRequestError, HttpOperationError

        def call() -> Any:
            self._pacer.wait()
            try:
                return operation(*args, **options)
            except HttpOperationError as error:
                raise _translate(error) from error
            except ClientRequestError as error:
                raise DetectorBusyError(f"Custom Vision cannot be reached: {error}", answered=False) from error

        def wait_hint_s(error: Exception) -> float | None:
            if not isinstance(error, DetectorBusyError) or (once and not error.answered):
                return None
            self._pacer.hold(error.wait_s)
            return error.wait_s

        return call_with_retries(call, wait_hint_s, patience_s=self._patience_s)


def get_average_precision(call: Calls, client: CustomVisionTrainingClient, project_id: str, iteration_id: str) -> float:
    """Get an iteration's mean average precision, 0 to 1, which the service measures on images that it held out."""
    performance = call(
        client.get_iteration_performance, project_id, iteration_id, threshold=_THRESHOLD, overlap_threshold=_OVERLAP
    )
    return float(performance.average_precision)


def _require_key(key: str, endpoint: str, which: str) -> str:
    if not key or not endpoint:
        raise DetectorKeyError(
            "There is no key or no address of the Custom Vision resource: set "
            f"FRAMESIFT_CUSTOM_VISION__{which}_KEY and FRAMESIFT_CUSTOM_VISION__{which}_ENDPOINT in .env, or put them "
            "into the secret."
        )
    return key


def _make_credentials(header: str, key: str) -> Any:
    from msrest.authentication import ApiKeyCredentials

    return ApiKeyCredentials(in_headers={header: key})


def _set_up(client: Any, settings: CustomVisionSettings) -> None:
    # Its own retries know neither our rate limit nor which calls must not be repeated, and hide the service's errors.
    # The policy is changed in place: the client's session holds it already.
    policy = client.config.retry_policy.policy
    policy.total, policy.status_forcelist = 0, ()
    client.config.connection.timeout = settings.timeout_s


def _translate(error: Any) -> FramesiftError:
    """Translate the service's error to ours."""
    response = error.response
    try:
        body = response.json()
        body = body.get("error", body)
        code, reason = str(body.get("code", "")), str(body.get("message", ""))
    except (ValueError, AttributeError):
        code, reason = "", response.text[:200]
    status = response.status_code
    what = f"HTTP {status} {code}: {reason}"
    if status == 403 and "quota" in reason.lower():
        return DetectorQuotaError(f"Custom Vision's quota is used up: wait, or choose a larger tier ({what}).")
    if status == 429 or status >= 500:
        wait_s = response.headers.get("Retry-After", "0")
        return DetectorBusyError(
            f"Custom Vision stays busy: try later ({what}).", wait_s=float(wait_s) if wait_s.isdecimal() else 0.0
        )
    if status in (401, 403):
        return DetectorKeyError(f"Custom Vision refuses the key: check it and its address ({what}).")
    found = _CLASSES.get(code)
    if found is None and status == 404:
        found = IterationNotPublishedError if "iteration" in reason.lower() else ProjectNotFoundError
    if found is None:
        return RequestRefusedError(f"Custom Vision refuses the request ({what}).", code or str(status))
    return found(f"{_ADVICE[found][0].upper()}{_ADVICE[found][1:]} ({what}).")
