"""The pages show every cluster's images, mark the keeper, fit a screen, and say what is gone."""

import io

import numpy as np
from PIL import Image

from framesift.duplicates.contact_sheet import (
    COLUMNS,
    MAX_TILES,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    Tile,
    draw_contact_sheets,
    page_paths,
)


def tile(colour, note="0.93 pdq", shape=(90, 160), name=None, **more):
    return Tile(np.full((*shape, 3), colour, np.uint8), name or f"clip-{colour[0]}", note, **more)


def opened(png):
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        return image.convert("RGB")


def colours(sheet):
    return {colour: count for count, colour in sheet.getcolors(1 << 20)}


def test_every_image_is_shown_and_the_keeper_is_framed_in_green():
    (page,) = draw_contact_sheets([[tile((250, 0, 0), is_keeper=True), tile((0, 0, 250), shape=(300, 100))]])
    seen = colours(opened(page))
    assert seen[(250, 0, 0)] > 5000
    assert seen[(0, 0, 250)] > 3000
    assert seen[(0x1E, 0x8E, 0x3E)] > 1000


def test_pages_fit_a_screen():
    pages = [opened(page) for page in draw_contact_sheets([[tile((9, 9, 9))] * 3] * 12)]
    assert len(pages) == 3
    assert all(page.width == PAGE_WIDTH and page.height <= PAGE_HEIGHT for page in pages)


def test_a_large_cluster_is_cut_and_the_rest_counted():
    short, long, cut = (
        opened(draw_contact_sheets([[tile((9, 9, 9))] * count])[0]) for count in (COLUMNS, COLUMNS + 1, 400)
    )
    assert short.height < long.height == cut.height
    assert colours(cut)[(9, 9, 9)] == (MAX_TILES - 1) * colours(short)[(9, 9, 9)] // COLUMNS


def test_long_names_are_wrapped_not_cut():
    short, long = (opened(draw_contact_sheets([[tile((9, 9, 9), name=name)]])[0]) for name in ("a.jpg", "a" * 90))
    assert long.height > short.height
    ink = (0x22, 0x22, 0x22)
    assert colours(long)[ink] > 5 * colours(short)[ink]


def test_an_image_that_is_gone_says_so_and_odd_names_are_drawn():
    tiles = [Tile(None, "고양이 \udce9 🐈.jpg", "kept on 2026-11-19", is_keeper=True)]
    gone, blank = (colours(opened(draw_contact_sheets([one])[0])) for one in (tiles, [Tile(None, "", "kept")]))
    assert gone[(0x22, 0x22, 0x22)] > blank[(0x22, 0x22, 0x22)]


def test_no_clusters_give_a_page_that_says_so():
    (page,) = draw_contact_sheets([])
    assert opened(page).height < 60


def test_pages_are_numbered_files(tmp_path):
    assert [path.name for path in page_paths(tmp_path / "sheet.png", 3)] == ["sheet.png", "sheet-2.png", "sheet-3.png"]


def test_an_id_is_not_broken_where_a_line_of_its_own_holds_it():
    short, long = (
        opened(draw_contact_sheets([[tile((9, 9, 9), name=f"{category} 7710289405346316302")]])[0])
        for category in ("dance dance dance dance", "challenge")
    )
    # The last lines are the same: the id alone.
    assert np.array_equal(np.asarray(short)[-18:], np.asarray(long)[-18:])
