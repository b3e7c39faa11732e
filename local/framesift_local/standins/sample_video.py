"""A small sample video of a person: scikit-image's photograph of an astronaut, swaying."""

from __future__ import annotations

import math
from pathlib import Path

import av
import cv2
import numpy as np
from skimage import data

_WIDTH, _HEIGHT, _RATE = 640, 480, 30
_BACKGROUND = (96, 112, 128)


def write_sample_video(path: Path, seconds: float = 4.0) -> None:
    """Write the video, H.264 in the container that the path's suffix names; the same one each time."""
    photo = np.asarray(data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]  # (512, 512, 3) RGB
    side = photo.shape[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=_RATE, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        for number in range(round(seconds * _RATE)):
            time_s = number / _RATE
            turn = cv2.getRotationMatrix2D((side / 2, side / 2), 8 * math.sin(2 * time_s), _HEIGHT / side)
            turn[:, 2] += [(_WIDTH - side) / 2 + 60 * math.sin(1.3 * time_s), (_HEIGHT - side) / 2]
            frame = np.asarray(cv2.warpAffine(photo, turn, (_WIDTH, _HEIGHT), borderValue=_BACKGROUND), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode())
