"""Images of a report: small, and part of the page."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from framesift.errors import MediaError, NotFoundError
from framesift.reports.page import data_uri
from framesift.storage import Store
from framesift.vision.images import encode_thumbnail

_QUALITY = 72


def embed_image(data: bytes, side: int) -> str:
    """An image as a data URI.

    Args:
        data: An image file's bytes.
        side: Pixels of the longer side, at most.

    Raises:
        MediaError: One of its leaves, if it cannot be decoded.
    """
    return data_uri(encode_thumbnail(data, max_width=side, max_height=side, quality=_QUALITY).body)


def embed_images(sources: Iterable[tuple[str, ...]], store: Store, side: int) -> dict[str, str]:
    """Images of a bucket as data URIs.

    Args:
        sources: For each image the keys to look for it under, the first one being its name.
        store: The bucket.
        side: Pixels of the longer side, at most.

    Returns:
        By the first key; empty where there is no image that can be decoded.
    """
    wanted = {keys[0]: keys for keys in sources}
    with ThreadPoolExecutor(8) as pool:
        return dict(zip(wanted, pool.map(lambda keys: _embed(keys, store, side), wanted.values()), strict=True))


def _embed(keys: tuple[str, ...], store: Store, side: int) -> str:
    for key in keys:
        try:
            return embed_image(store.get(key), side)
        except (NotFoundError, MediaError):
            continue
    return ""
