"""Examine an image: all that is computed of its pixels, in one call to a process that may be killed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from framesift.contracts import Health
from framesift.duplicates.pdq import PdqHash
from framesift.sandbox import Sandbox
from framesift.settings import CollectionSettings
from framesift.vision.image_structure import read_structure
from framesift.vision.images import MEMORY_LIMIT_BYTES, TIME_LIMIT_S, call_within_limits
from framesift.vision.inputs import InputForm

THUMBNAIL_SIZES = (256, 1024)
"""The longer side of each thumbnail at most, pixels."""

# Pillow's name, MIME type, extension.
_TYPES = {
    "JPEG": ("image/jpeg", "jpg"),
    "PNG": ("image/png", "png"),
    "GIF": ("image/gif", "gif"),
    "WEBP": ("image/webp", "webp"),
    "BMP": ("image/bmp", "bmp"),
    "TIFF": ("image/tiff", "tif"),
    "AVIF": ("image/avif", "avif"),
    "HEIF": ("image/heic", "heic"),
}


@dataclass(frozen=True)
class ExaminedImage:
    """What an image is, and what is computed of its pixels.

    Attributes:
        content_type: Its MIME type, by its bytes.
        extension: The usual ending of its file name, without a dot.
        width: Pixels, upright.
        height: Pixels, upright.
        taken_at: From EXIF; UTC is assumed where it names no offset. Nothing else of EXIF leaves the file.
        health: Measures of its quality.
        pdq: Its hashes.
        plain: Whether it shows next to nothing.
        has_more: Whether the file has more pages or frames than the one that was taken, the first.
        thumbnails: WebP files, in the order of `THUMBNAIL_SIZES`.
        inputs: What each network takes, in the order that was asked for: `(V, height, width, 3)` uint8 RGB.
    """

    content_type: str
    extension: str
    width: int
    height: int
    taken_at: datetime | None
    health: Health
    pdq: PdqHash
    plain: bool
    has_more: bool
    thumbnails: tuple[bytes, ...]
    inputs: tuple[NDArray[np.uint8], ...]


class Examiner:
    """Examines images in child processes; safe to use from many threads.

    Args:
        settings: Of collections.
        forms: What networks take of each image.
        workers: Processes at most; 0: one for each core.

    Example:
        >>> from pathlib import Path
        >>> with Examiner(CollectionSettings(), []) as examiner:
        ...     found = examiner.examine(Path("photo.jpg").read_bytes())
        >>> found.width, found.height, found.health.flags
        (640, 480, [])
    """

    def __init__(self, settings: CollectionSettings, forms: Sequence[InputForm], workers: int = 0) -> None:
        self._settings = settings
        self._forms = [form.model_dump() for form in forms]
        self._sandbox = Sandbox(
            "framesift.pipeline.upload.examine_worker",
            timeout_s=TIME_LIMIT_S,
            memory_limit_bytes=MEMORY_LIMIT_BYTES,
            workers=workers,
        )

    def __enter__(self) -> Examiner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes."""
        self._sandbox.close()

    def examine(self, data: bytes) -> ExaminedImage:
        """Decode an image once, and take from it all that a collection keeps.

        Raises:
            NotAnImageError: It is no image, or damaged.
            ImageFormatError: It is of a format, or of a variant of one, that is not read.
            ImageTooLargeError: It has more pixels than the settings allow.
            ImageTooCostlyError: Decoding it takes more time or memory than an image may.
        """
        structure = read_structure(data, self._settings.max_pixels)
        reply = call_within_limits(
            self._sandbox,
            "examine",
            data,
            structure.pixels,
            image_format=structure.format,
            sizes=THUMBNAIL_SIZES,
            forms=self._forms,
            settings=self._settings.model_dump(mode="json"),
        )
        fields, view = reply.fields, memoryview(reply.data)
        parts = []
        for size_bytes in fields["parts"]:
            parts.append(view[:size_bytes])
            view = view[size_bytes:]
        words, thumbnails, inputs = parts[0], parts[1 : 1 + len(THUMBNAIL_SIZES)], parts[1 + len(THUMBNAIL_SIZES) :]
        return ExaminedImage(
            *_TYPES[structure.format],
            width=fields["width"],
            height=fields["height"],
            taken_at=datetime.fromisoformat(fields["taken_at"]) if fields["taken_at"] else None,
            health=Health.model_validate(fields["health"]),
            pdq=PdqHash(np.frombuffer(words, np.uint64).reshape(4, 4), fields["quality"]),
            plain=fields["plain"],
            has_more=fields["has_more"],
            thumbnails=tuple(bytes(part) for part in thumbnails),
            inputs=tuple(
                np.frombuffer(part, np.uint8).reshape(shape)
                for part, shape in zip(inputs, fields["shapes"], strict=True)
            ),
        )
