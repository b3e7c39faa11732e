"""The port: what looks for objects, whoever does."""

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
    """Looks for objects in pictures."""

    @property
    def name(self) -> str:
        """The detector and its version, for records."""
        ...

    def tags(self) -> Mapping[str, Sequence[str]]:
        """What it can find, as it names it: a list for each place that has one.

        Raises:
            DetectorError: A leaf of it says why it cannot be used.
        """
        ...

    def detect(self, pictures: Sequence[bytes], *, min_score: float) -> list[list[Detection] | MediaError]:
        """Look at pictures.

        Args:
            pictures: Files' bytes: JPEG, PNG, WebP, GIF or BMP.
            min_score: Leave out what is less probable.

        Returns:
            For each picture, in order: what is in it, most probable first; or why it could not be looked at.

        Raises:
            DetectorError: A leaf of it says why it cannot be used.
            TemporaryError: A leaf of it says why it cannot be used now.
        """
        ...


def open_detector(settings: Settings, store: Store, in_service: InService | None) -> Detector:
    """The detector that the settings name.

    Args:
        settings: This process's settings.
        store: The bucket, where a model may lie.
        in_service: The iteration that predicts; None: the one that project A has published.

    Raises:
        DetectorError: A leaf of it says why it cannot be used.
    """
    if settings.detection.provider == "onnx":
        from framesift.detection.onnx import OnnxDetector

        return OnnxDetector.from_settings(settings, store)
    from framesift.detection.azure import CustomVisionDetector

    return CustomVisionDetector.from_settings(settings.custom_vision, in_service)


def check_tags(wanted: Iterable[str], found: Mapping[str, Sequence[str]]) -> None:
    """Make sure that the settings' tags and the detector's are exactly the same: case, spaces, accents, and all.

    Args:
        wanted: The settings' tags.
        found: The detector's, by the place that lists them.

    Raises:
        TagsDifferError: It names every difference.
    """
    wanted = list(wanted)
    faults = []
    for place, tags in found.items():
        if missing := [tag for tag in wanted if tag not in tags]:
            faults.append(f"{place} lacks {_listed(missing)}")
        if extra := {tag for tag in tags if tag not in wanted}:
            faults.append(f"the settings lack {_listed(extra)} of {place}")
        if doubled := [tag for tag, times in Counter(tags).items() if times > 1]:
            faults.append(f"{place} has {_listed(doubled)} more than once")
    if faults:
        raise TagsDifferError(
            f"Nothing was predicted: {'; '.join(faults)}. Make FRAMESIFT_DETECTION__TAGS and the detector's tags the "
            "same, letter by letter."
        )


def _listed(tags: Iterable[str]) -> str:
    return ", ".join(ascii(tag) if tag != tag.strip() or not tag.isprintable() else repr(tag) for tag in sorted(tags))
