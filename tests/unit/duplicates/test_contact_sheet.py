"""The sheet shows each cluster's pictures, marks the keeper, and wraps long clusters."""

import io

import numpy as np
from PIL import Image

from framesift.duplicates.contact_sheet import COLUMNS, Tile, contact_sheet


def tile(colour, score=None, shape=(90, 160)):
    return Tile(np.full((*shape, 3), colour, np.uint8), f"clip-{colour[0]}", score)


def opened(png):
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.format == "PNG"
        return picture.convert("RGB")


def colours(sheet):
    return {colour: count for count, colour in sheet.getcolors(1 << 20)}


def test_every_picture_is_shown_and_the_keeper_is_framed_in_green():
    sheet = opened(contact_sheet([[tile((250, 0, 0)), tile((0, 0, 250), 0.93, shape=(300, 100))]]))
    seen = colours(sheet)

    assert seen[(250, 0, 0)] > 5000
    assert seen[(0, 0, 250)] > 3000
    assert seen[(0x1E, 0x8E, 0x3E)] > 1000


def test_a_long_cluster_takes_several_rows_of_one_width():
    short = opened(contact_sheet([[tile((9, 9, 9))] * COLUMNS]))
    long = opened(contact_sheet([[tile((9, 9, 9))] * (COLUMNS + 1)]))
    two = opened(contact_sheet([[tile((9, 9, 9))] * 2] * 2))

    assert short.width == long.width == two.width
    assert short.height < long.height < two.height


def test_no_clusters_give_a_sheet_that_says_so():
    assert opened(contact_sheet([])).height < 60
