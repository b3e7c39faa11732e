"""Colours: whatever an image's colour space and profile, sRGB comes out.

Runs where images are decoded, in a process that may be killed: LittleCMS reads untrusted profiles.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from framesift.errors import ImageFormatError

# Levels of 255: a profile that moves no colour further is sRGB itself, as most are.
_NO_DIFFERENCE: Final = 2
_CUBE_SIDE: Final = 17
_SIXTEEN_BITS: Final = 257.0  # 65,535 / 255
_PROFILED = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab "}


def to_srgb(image: Image.Image) -> NDArray[np.uint8]:
    """Convert an image to sRGB: by its ICC profile where it has one that fits, transparency over white.

    A profile that is damaged, or made for another colour space, is ignored, as browsers do.

    Args:
        image: Loaded, in any of Pillow's modes.

    Returns:
        `(height, width, 3)` uint8, RGB.

    Raises:
        ImageFormatError: Its samples have 32 bits: what is black and white in them is not known.
    """
    profile = image.info.get("icc_profile") or b""
    if image.mode.startswith("I;16"):
        grey = np.rint(np.asarray(image, np.float32) / _SIXTEEN_BITS).astype(np.uint8)
        image = Image.fromarray(grey)
    elif image.mode in {"I", "F"}:
        raise ImageFormatError("The image has 32-bit samples, whose range is not known: save it with 8 or 16 bits.")
    if image.has_transparency_data:
        return _over_white(image.convert("RGBA"), profile)
    if image.mode not in _PROFILED:
        image = image.convert("RGB")
    return _convert(image, profile)


def pixels_to_srgb(pixels: NDArray[np.uint8], profile: bytes) -> NDArray[np.uint8]:
    """Convert `(height, width, 3)` uint8 of a profile's colours to sRGB."""
    if not profile or _transform(profile, "RGB") is None:
        return pixels
    return _convert(Image.fromarray(pixels), profile)


def _over_white(image: Image.Image, profile: bytes) -> NDArray[np.uint8]:
    alpha = image.getchannel("A")
    colours = Image.fromarray(_convert(image.convert("RGB"), profile))
    paper = Image.new("RGB", image.size, "white")
    paper.paste(colours, mask=alpha)
    return np.asarray(paper)


def _convert(image: Image.Image, profile: bytes) -> NDArray[np.uint8]:
    transform = _transform(profile, image.mode)
    if transform is not None:
        return np.asarray(transform.apply(image))
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


@lru_cache(maxsize=32)  # A camera's images share one.
def _transform(profile: bytes, mode: str) -> Any:
    """The transform from a profile's colours to sRGB; None where there is nothing to do."""
    try:
        if mode == "LAB":
            opened = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        elif not profile:
            return None
        else:
            opened = ImageCms.ImageCmsProfile(BytesIO(profile))
        if opened.profile.xcolor_space != _PROFILED[mode]:
            return None
        found = ImageCms.buildTransform(opened, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    return None if mode == "RGB" and _is_identity(found) else found


def _is_identity(transform: Any) -> bool:
    levels = np.linspace(0, 255, _CUBE_SIDE).astype(np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(_CUBE_SIDE, -1, 3)
    moved = np.asarray(transform.apply(Image.fromarray(cube)), np.int16)
    return bool(np.abs(moved - cube).max() <= _NO_DIFFERENCE)
