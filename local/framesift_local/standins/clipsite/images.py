"""Covers as files: drawn when first asked for, kept in a folder; and broken ones."""

from __future__ import annotations

import os
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from http import HTTPStatus
from pathlib import Path
from struct import pack
from typing import NamedTuple

import cv2
import numpy as np

from framesift_local.standins.clipsite import edits, scenes
from framesift_local.standins.clipsite.catalogue import Clip
from framesift_local.standins.clipsite.photos import Image

BREAKAGES = ("truncated", "html", "empty", "bomb", "missing")
BOMB_SIDE_PX = 14_000
# Not in the threads that answer: each would keep the memory of its largest image.
_DRAWERS = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="draw")
# Goes up when images change, so that an old cache is not served.
_CACHE_VERSION = 1


class Media(NamedTuple):
    """An answer to a request for a cover."""

    status: HTTPStatus
    content_type: str
    body: bytes


def draw(clip: Clip) -> Image:
    """Draws a clip's cover: (h, w, 3) uint8, BGR."""
    image = scenes.draw(np.random.default_rng(clip.scene), clip.width, clip.height)
    if clip.edit is None:
        return image
    return edits.apply(clip.edit, image, np.random.default_rng(clip.edit_seed))


def encode(clip: Clip) -> bytes:
    """Draws a clip's cover and writes it in the clip's format."""
    quality = edits.jpeg_quality(clip.edit, np.random.default_rng(clip.edit_seed)) if clip.edit else 88
    options = {
        "jpeg": [cv2.IMWRITE_JPEG_QUALITY, quality],
        "webp": [cv2.IMWRITE_WEBP_QUALITY, quality],
        "png": [cv2.IMWRITE_PNG_COMPRESSION, 1],
    }
    _, data = cv2.imencode(f".{clip.extension}", draw(clip), options[clip.extension])
    return bytes(data)


def cover(clip: Clip, cache_dir: Path) -> Media:
    """Returns a clip's cover, from `cache_dir` if it was drawn before."""
    path = cache_dir / f"v{_CACHE_VERSION}-{clip.scene[0]}" / clip.media_name
    content_type = f"image/{clip.extension}"
    if path.exists():
        return Media(HTTPStatus.OK, content_type, path.read_bytes())
    data = _DRAWERS.submit(encode, clip).result()
    path.parent.mkdir(parents=True, exist_ok=True)
    # A reader never sees half a file: it is renamed into place.
    part = path.with_suffix(f".{threading.get_ident()}.part")
    part.write_bytes(data)
    part.replace(path)
    return Media(HTTPStatus.OK, content_type, data)


def breakage(clip: Clip, share: float) -> str | None:
    """Says how a clip's cover is broken when `share` (0 to 1) of all are; the same clips each time."""
    number = zlib.crc32(clip.id.encode())
    return BREAKAGES[number % len(BREAKAGES)] if number / 2**32 < share else None


def broken(whole: Media, how: str) -> Media:
    """Breaks a cover in one of the ways of `BREAKAGES`; all but "missing" pretend to be well."""
    bodies = {
        "truncated": whole.body[: len(whole.body) // 3],
        "html": b"<!doctype html><title>Error</title><p>Something went wrong.",
        "empty": b"",
    }
    if how == "missing":
        return Media(HTTPStatus.NOT_FOUND, "text/plain", b"not found")
    if how == "bomb":
        return Media(HTTPStatus.OK, "image/png", _bomb())
    return Media(HTTPStatus.OK, whole.content_type, bodies[how])


@cache
def _bomb() -> bytes:
    """A valid grey PNG of 196 million pixels in about 190 KB."""
    packer = zlib.compressobj(9)
    row = bytes(1 + BOMB_SIDE_PX)
    data = b"".join(packer.compress(row) for _ in range(BOMB_SIDE_PX)) + packer.flush()
    header = pack(">IIBBBBB", BOMB_SIDE_PX, BOMB_SIDE_PX, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        pack(">I", len(body)) + name + body + pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
