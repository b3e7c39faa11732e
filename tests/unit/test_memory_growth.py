"""Memory that one image or one video takes is given back: a day of them needs no more than a few do."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import av
import numpy as np
from PIL import Image

from framesift.pose.decode import probe, read_frames
from framesift.settings.pose import VideoSettings
from framesift.vision.decode import decode_image
from framesift.vision.images import encode_thumbnail
from framesift_local.process_tree import memory_bytes

# A leak of one decoded frame or image each would pass these many times over.
MAX_GROWTH_BYTES = 24 << 20
IMAGES, VIDEOS = 500, 50
SIDE = 256


def growth_bytes(work: Callable[[int], None], count: int) -> int:
    """How much this process and its children grow over the last nine tenths of some work."""
    for number in range(count // 10):
        work(number)
    before = memory_bytes(os.getpid())
    for number in range(count // 10, count):
        work(number)
    return memory_bytes(os.getpid()) - before


def image(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def test_500_images() -> None:
    def work(number: int) -> None:
        data = image(number)
        assert decode_image(data).shape == (SIDE, SIDE, 3)
        encode_thumbnail(data, max_width=64, max_height=64, quality=85)

    assert SIDE * SIDE * 3 * IMAGES > 3 * MAX_GROWTH_BYTES, "the bound must be smaller than what a leak would hold"
    assert growth_bytes(work, IMAGES) < MAX_GROWTH_BYTES


def write_video(path: Path, frames: int = 10) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        for number in range(frames):
            pixels = np.full((SIDE, SIDE, 3), number * 20, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)


def test_50_videos(tmp_path: Path) -> None:
    path, limits = tmp_path / "a.mp4", VideoSettings()
    write_video(path)

    def work(_: int) -> None:
        assert sum(1 for _ in read_frames(path, probe(path, limits), limits)) == 10

    assert SIDE * SIDE * 3 * 10 * VIDEOS > 3 * MAX_GROWTH_BYTES
    assert growth_bytes(work, VIDEOS) < MAX_GROWTH_BYTES
