"""The port for object detectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from framesift.contracts import Detection
from framesift.errors import MediaError, TagsDifferError

if TYPE_CHECKING:
    from framesift.settings import Settings
    from framesift.storage import Store
    from framesift.table import InService


class Detector(Protocol):
    """Detects objects in images."""

    @property
    def name(self) -> str:
        """The detector's name and version, as records have it."""
        ...

    def tags(self) -> Mapping[str, Sequence[str]]:
        """The tags that it detects, by the place that lists them.

        Raises:
            DetectorError: It cannot be used; the subclass shows why.
        """
        ...

    def detect(self, images: Sequence[bytes], *, min_score: float) -> list[list[Detection] | MediaError]:
        """Detect objects.

        Args:
            images: Files' bytes, of a format that `decode_image` reads.
            min_score: Omit detections with a lower probability.

        Returns:
            For each image, in order: its detections, most probable first, or why it could not be processed.

        Raises:
            DetectorError: It cannot be used; the subclass shows why.
            TemporaryError: It cannot be used now; the subclass shows why.
        """
        ...


def open_detector(settings: Settings, store: Store, in_service: InService | None) -> Detector:
    """Open the detector that the settings name.

    Args:
        settings: This process's settings.
        store: The bucket, which may hold the model.
        in_service: The iteration that predicts; None: the newest that the serving project has published.

    Raises:
        DetectorError: It cannot be used; the subclass shows why.
    """
    if settings.detection.provider == "onnx":
        from framesift.detection.onnx import OnnxDetector

        return OnnxDetector.from_settings(settings, store)
    from framesift.detection.azure import CustomVisionDetector

    return CustomVisionDetector.from_settings(settings.custom_vision, in_service)


def check_tags(wanted: Iterable[str], found: Mapping[str, Sequence[str]]) -> None:
    """Check that the settings' tags and the detector's are identical, including case, spaces and accents.

    Args:
        wanted: The settings' tags.
        found: The detector's tags, by the place that lists them.

    Raises:
        TagsDifferError: They differ; the message lists every difference.
    """
    wanted = list(wanted)
    faults = []
    for place, tags in found.items():
        if missing := [tag for tag in wanted if tag not in tags]:
            faults.append(f"{place} lacks {_list(missing)}")
        if extra := {tag for tag in tags if tag not in wanted}:
            faults.append(f"the settings lack {_list(extra)} of {place}")
        if doubled := [tag for tag, times in Counter(tags).items() if times > 1]:
            faults.append(f"{place} has {_list(doubled)} more than once")
    if faults:
        raise TagsDifferError(
            f"Nothing was predicted: {'; '.join(faults)}. Make FRAMESIFT_DETECTION__TAGS and the detector's tags "
            "identical, including case and spaces."
        )


def _list(tags: Iterable[str]) -> str:
    return ", ".join(ascii(tag) if tag != tag.strip() or not tag.isprintable() else repr(tag) for tag in sorted(tags))
