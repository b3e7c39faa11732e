"""Regions as a detector that is taught wants them: inside the picture, of some size, not too many."""

from __future__ import annotations

from collections.abc import Iterable

from framesift.contracts import Region
from framesift.errors import RegionOutsideError

# A side below this share is no object but a rounding error: a pixel of the largest picture that Custom Vision takes.
_MIN_SIDE = 1 / 10_240


def clip(region: Region) -> Region:
    """Cut a region to its picture.

    Raises:
        RegionOutsideError: Nothing of it lies inside, or it has no size, or it is no number.
    """
    left, top = max(region.left, 0.0), max(region.top, 0.0)
    right, bottom = min(region.left + region.width, 1.0), min(region.top + region.height, 1.0)
    if not (right - left >= _MIN_SIDE and bottom - top >= _MIN_SIDE):  # False for NaN, too.
        raise RegionOutsideError(
            f"The region of {region.tag!r} at left {region.left:g}, top {region.top:g}, {region.width:g} by "
            f"{region.height:g} has nothing in common with its picture; shares of 0 to 1 are expected."
        )
    return Region(tag=region.tag, left=left, top=top, width=right - left, height=bottom - top)


def clip_all(regions: Iterable[Region]) -> tuple[list[Region], list[RegionOutsideError]]:
    """Cut regions to their picture; those that lie outside are given apart."""
    inside, outside = [], []
    for region in regions:
        try:
            inside.append(clip(region))
        except RegionOutsideError as error:
            outside.append(error)
    return inside, outside
