"""Converts images that Custom Vision does not accept; others stay unchanged.

Limits: JPEG, PNG, BMP and GIF; 4 MB for predictions, 6 MB for training; sides up to 10,240 pixels; aspect ratios up to
25 to 1 (learn.microsoft.com, "Limits and quotas - Custom Vision Service").
"""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from framesift.errors import ImageRefusedError
from framesift.vision.images import check_image

if TYPE_CHECKING:
    from framesift.settings import DownloadSettings

MAX_PREDICTION_BYTES: Final = 4 * 1024 * 1024
MAX_TRAINING_BYTES: Final = 6 * 1024 * 1024
MAX_SIDE_PX: Final = 10_240
MAX_ASPECT: Final = 25
_STORAGE = ".blob.core.windows.net"
_ACCEPTED = {"image/jpeg", "image/png", "image/gif"}
_QUALITIES = (92, 85, 75)
_SHRINK = 0.7
# Larger ones are not decoded; Pillow itself warns above 89 million.
_MAX_PIXELS = 80_000_000


def convert(data: bytes, max_bytes: int) -> bytes:
    """Convert an image to what the service accepts: the same bytes if they are accepted, else a JPEG.

    Regions in shares of width and height stay valid.

    Args:
        data: JPEG, PNG, WebP or GIF.
        max_bytes: The service's limit.

    Raises:
        NotAnImageError: The bytes are not a complete image.
        ImageTooLargeError: It has too many pixels to be decoded.
        ImageRefusedError: Its aspect ratio is not accepted, and no conversion changes that.
    """
    facts = check_image(data, _MAX_PIXELS)
    if max(facts.width, facts.height) > MAX_ASPECT * min(facts.width, facts.height):
        raise ImageRefusedError(
            f"The image has {facts.width} × {facts.height} pixels: Custom Vision accepts aspect "
            f"ratios up to {MAX_ASPECT} to 1."
        )
    is_small = len(data) <= max_bytes and max(facts.width, facts.height) <= MAX_SIDE_PX
    return data if is_small and facts.content_type in _ACCEPTED else _encode_jpeg(data, max_bytes)


def allow_only_storage(download: DownloadSettings, addresses: Iterable[str]) -> DownloadSettings:
    """Restrict downloads to Azure Storage, where the service keeps a project's images."""
    hosts = {urlsplit(address).hostname or "" for address in addresses}
    return download.model_copy(update={"allowed_hosts": sorted(host for host in hosts if host.endswith(_STORAGE))})


def _encode_jpeg(data: bytes, max_bytes: int) -> bytes:
    from PIL import Image

    with Image.open(BytesIO(data), formats=["JPEG", "PNG", "GIF", "WEBP"]) as opened:
        white = Image.new("RGBA", opened.size, "white")
        image = Image.alpha_composite(white, opened.convert("RGBA")) if opened.has_transparency_data else opened
        image = image.convert("RGB")
    image.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX), Image.Resampling.LANCZOS)
    while True:
        for quality in _QUALITIES:
            encoded = BytesIO()
            image.save(encoded, "JPEG", quality=quality)
            if encoded.tell() <= max_bytes:
                return encoded.getvalue()
        size = (max(1, round(image.width * _SHRINK)), max(1, round(image.height * _SHRINK)))
        image = image.resize(size, Image.Resampling.LANCZOS)
