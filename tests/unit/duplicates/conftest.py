"""A folder of photographs with copies of three kinds, and what a folder should not trip over."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.unit.images import encode, photograph

KOREAN, EMOJI, NOT_UTF8 = "고양이.jpg", "sub/🚀 small.jpg", "caf\udce9.png"


def resized(image: np.ndarray, scale: float) -> np.ndarray:
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="session")
def photo_files() -> dict[str, bytes]:
    """By their paths: two clusters of three and two, a single image, plain ones, and two that cannot be read."""
    cat, rocket, coffee = (photograph(name) for name in ("chelsea", "rocket", "coffee"))
    grey = np.full((90, 120, 3), 77, np.uint8)
    return {
        "cat.png": encode(cat, "PNG"),
        KOREAN: encode(cat, quality=50),
        NOT_UTF8: encode(resized(cat, 0.5), "PNG"),
        "rocket.jpg": encode(rocket),
        EMOJI: encode(resized(rocket, 0.4)),
        "coffee.jpg": encode(coffee),
        "grey.jpg": encode(grey),
        "grey brighter.jpg": encode(grey + 40),
        "torn.jpg": encode(coffee)[:2000],
        "<b>text</b>.jpg": b"no image",
    }


@pytest.fixture
def photo_folder(tmp_path: Path, photo_files: dict[str, bytes]) -> Path:
    """The files in a folder, beside what is none of them: a hidden file, a link and a text."""
    folder = tmp_path / "photos"
    for name, data in photo_files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    shutil.copy(folder / "cat.png", folder / ".cat.png")
    (folder / "link.png").symlink_to("cat.png")
    (folder / "notes.txt").write_text("no image")
    return folder
