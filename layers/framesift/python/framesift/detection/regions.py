"""Clips regions to their image, as training images require."""

from __future__ import annotations

from collections.abc import Iterable

from framesift.contracts import Region
from framesift.errors import RegionOutsideError

# A smaller side is a rounding error, not an object: one pixel of the largest image that Custom Vision accepts.
_MIN_SIDE = 1 / 10_240


def clip(region: Region) -> Region:
    """Clip a region to its image.

    Raises:
        RegionOutsideError: It lies outside the image, has no size, or is not a number.
    """
    left, top = max(region.left, 0.0), max(region.top, 0.0)
    right, bottom = min(region.left + region.width, 1.0), min(region.top + region.height, 1.0)
    if not (right - left >= _MIN_SIDE and bottom - top >= _MIN_SIDE):  # False for NaN, too.
        raise RegionOutsideError(
            f"The region of {region.tag!r} at left {region.left:g}, top {region.top:g}, {region.width:g} by "
            f"{region.height:g} lies outside its image; shares of 0 to 1 are expected."
        )
    return Region(tag=region.tag, left=left, top=top, width=right - left, height=bottom - top)


def clip_all(regions: Iterable[Region]) -> tuple[list[Region], list[RegionOutsideError]]:
    """Clip regions to their image; return errors for those outside separately."""
    inside, outside = [], []
    for region in regions:
        try:
            inside.append(clip(region))
        except RegionOutsideError as error:
            outside.append(error)
    return inside, outside
