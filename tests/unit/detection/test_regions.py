from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesift.contracts import Region
from framesift.detection.regions import clip, clip_all
from framesift.errors import RegionOutsideError

NUMBER = st.floats(-3, 3, allow_nan=False)


@given(NUMBER, NUMBER, st.floats(-1, 3), st.floats(-1, 3))
def test_a_clipped_region_lies_in_its_image_or_is_refused(left: float, top: float, width: float, height: float) -> None:
    region = Region(tag="person", left=left, top=top, width=width, height=height)
    try:
        inside = clip(region)
    except RegionOutsideError:
        assert min(left + width, 1) - max(left, 0) < 0.001 or min(top + height, 1) - max(top, 0) < 0.001
        return
    assert inside.left >= 0
    assert inside.top >= 0
    assert inside.width > 0
    assert inside.height > 0
    assert inside.left + inside.width <= 1 + 1e-12
    assert inside.top + inside.height <= 1 + 1e-12


def test_a_region_inside_stays_as_it_is() -> None:
    region = Region(tag="logo", left=0.25, top=0.5, width=0.25, height=0.125)
    assert clip(region) == region


@pytest.mark.parametrize("left", [1.5, -2.0, math.nan])
def test_a_region_outside_is_named(left: float) -> None:
    outside = Region(tag="logo", left=left, top=0, width=0.1, height=0.1)
    with pytest.raises(RegionOutsideError, match="'logo'"):
        clip(outside)
    inside, refused = clip_all([outside, Region(tag="logo", left=0, top=0, width=1, height=1)])
    assert len(inside) == len(refused) == 1
