"""What `Examiner` does in a process that may be killed (see `framesift.sandbox`)."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import cv2
import numpy as np
from PIL import Image

from framesift.duplicates.pdq import pdq_hash
from framesift.sandbox import Reply
from framesift.settings import CollectionSettings
from framesift.vision.decode_worker import ORIENTATION_TAG, decode_opened
from framesift.vision.health import measure_health
from framesift.vision.image_worker import open_image
from framesift.vision.inputs import InputForm, prepare_input
from framesift.vision.thumbnail import encode_webp_thumbnails
from framesift.vision.views import is_plain

cv2.setNumThreads(1)  # There is a process for each core.

# EXIF 2.32, 4.6.5: where the directory of the photograph lies, and when it was taken.
_EXIF_DIRECTORY, _TAKEN, _TAKEN_OFFSET = 0x8769, 0x9003, 0x9011
_MOMENT = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)", re.ASCII)
_OFFSET = re.compile(r"[+-]\d\d:\d\d", re.ASCII)
_FIRST_YEAR: Final = 1826  # Of the first photograph; clocks that were never set say 0000.


def examine(
    data: bytes, *, image_format: str, sizes: list[int], forms: list[dict[str, Any]], settings: dict[str, Any]
) -> Reply:
    """Decode an image once; give its facts, and beside them its hashes, thumbnails and networks' inputs."""
    limits = CollectionSettings.model_validate(settings)
    inputs = [InputForm.model_validate(form) for form in forms]
    with open_image(data, image_format, limits.max_pixels) as opened:
        min_width, min_height = _needed_size(opened, max(sizes), max((form.needed_side for form in inputs), default=0))
        pixels = np.ascontiguousarray(decode_opened(data, opened, min_width, min_height))
        width, height = _upright_size(opened, pixels.shape[1], pixels.shape[0])
        # After the pixels: for a PNG's EXIF block Pillow decodes them, and of damage it tells the first time only.
        taken_at = read_moment(opened)
        # A camera's MPO holds smaller copies of the same photograph.
        has_more = opened.format != "MPO" and bool(getattr(opened, "is_animated", False))
    hashes, plain = pdq_hash(pixels), is_plain(pixels)
    prepared = [prepare_input(pixels, form) for form in inputs]
    thumbnails = encode_webp_thumbnails(pixels, sizes, quality=limits.thumbnail_quality, effort=limits.thumbnail_effort)
    parts = [hashes.words.tobytes(), *thumbnails, *(array.tobytes() for array in prepared)]
    return Reply(
        {
            "width": width,
            "height": height,
            "taken_at": taken_at.isoformat() if taken_at else None,
            "health": measure_health(pixels, limits, plain=plain).model_dump(),
            "quality": hashes.quality,
            "plain": plain,
            "has_more": has_more,
            "parts": [len(part) for part in parts],
            "shapes": [array.shape for array in prepared],
        },
        b"".join(parts),
    )


def read_moment(opened: Image.Image) -> datetime | None:
    """When a photograph was taken, by its EXIF block; None where that says nothing that a clock could show."""
    with suppress(Exception):  # Pillow's reader of EXIF raises whatever damage leads to.
        directory = opened.getexif().get_ifd(_EXIF_DIRECTORY)
        found = _MOMENT.match(str(directory.get(_TAKEN, "")))
        if found:
            offset = str(directory.get(_TAKEN_OFFSET, ""))[:6]
            zone = offset if _OFFSET.fullmatch(offset) else "+00:00"
            moment = datetime.fromisoformat("{}-{}-{}T{}:{}:{}".format(*found.groups()) + zone).astimezone(UTC)
            return moment if moment.year >= _FIRST_YEAR else None
    return None


def _needed_size(opened: Image.Image, thumbnail_side: int, network_side: int) -> tuple[int, int]:
    """The size that a JPEG must be decoded to, for its largest thumbnail and for the networks."""
    width, height = opened.size
    # Twice the thumbnail's size: reduced by area from there, a scaled JPEG gives the same pixels as the whole one.
    scale = max(2 * thumbnail_side / max(width, height), network_side / min(width, height))
    return (width, height) if scale >= 1 else (-int(-width * scale // 1), -int(-height * scale // 1))


def _upright_size(opened: Image.Image, decoded_width: int, decoded_height: int) -> tuple[int, int]:
    """The whole image's width and height, turned like the decoded one, which may be smaller."""
    width, height = opened.size
    if opened.format not in {"JPEG", "MPO"}:
        return decoded_width, decoded_height
    with suppress(Exception):
        if opened.getexif().get(ORIENTATION_TAG, 1) in {5, 6, 7, 8}:
            return height, width
    return width, height
