"""Pictures as Custom Vision takes them: what can be mended is mended, and all else stays as it was.

Limits: JPEG, PNG, BMP and GIF; 4 MB to predict, 6 MB to teach; sides up to 10,240 pixels; sides of at most 25 to 1
(learn.microsoft.com, "Limits and quotas - Custom Vision Service").
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
_TAKEN = {"image/jpeg", "image/png", "image/gif"}
_QUALITIES = (92, 85, 75)
_SHRINK = 0.7
# Larger ones are not decoded; Pillow itself warns above 89 million.
_MAX_PIXELS = 80_000_000


def fit(data: bytes, max_bytes: int) -> bytes:
    """A picture that the service takes: the same bytes where they will do, else a JPEG of the same scene.

    Shares of width and height mean the same in both.

    Args:
        data: JPEG, PNG, WebP or GIF.
        max_bytes: The service's limit.

    Raises:
        NotAnImageError: The bytes are no whole picture.
        ImageTooLargeError: It has so many pixels that it is not decoded.
        ImageRefusedError: It is too long and thin, which no conversion changes.
    """
    facts = check_image(data, _MAX_PIXELS)
    if max(facts.width, facts.height) > MAX_ASPECT * min(facts.width, facts.height):
        raise ImageRefusedError(
            f"The picture has {facts.width} × {facts.height} pixels: Custom Vision takes sides of at most "
            f"{MAX_ASPECT} to 1."
        )
    fits = len(data) <= max_bytes and max(facts.width, facts.height) <= MAX_SIDE_PX
    return data if fits and facts.content_type in _TAKEN else _convert(data, max_bytes)


def from_storage(download: DownloadSettings, addresses: Iterable[str]) -> DownloadSettings:
    """Limits to fetch a project's pictures: from Azure's storage, where the service keeps them, and nowhere else."""
    hosts = {urlsplit(address).hostname or "" for address in addresses}
    return download.model_copy(update={"allowed_hosts": sorted(host for host in hosts if host.endswith(_STORAGE))})


def _convert(data: bytes, max_bytes: int) -> bytes:
    from PIL import Image

    with Image.open(BytesIO(data), formats=["JPEG", "PNG", "GIF", "WEBP"]) as opened:
        paper = Image.new("RGBA", opened.size, "white")
        picture = Image.alpha_composite(paper, opened.convert("RGBA")) if opened.has_transparency_data else opened
        picture = picture.convert("RGB")
    picture.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX), Image.Resampling.LANCZOS)
    while True:
        for quality in _QUALITIES:
            encoded = BytesIO()
            picture.save(encoded, "JPEG", quality=quality)
            if encoded.tell() <= max_bytes:
                return encoded.getvalue()
        size = (max(1, round(picture.width * _SHRINK)), max(1, round(picture.height * _SHRINK)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
