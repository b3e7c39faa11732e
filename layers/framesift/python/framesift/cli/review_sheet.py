"""A contact sheet of predictions: each image with its box, so that a person can decide."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageDraw, ImageFont, ImageOps

from framesift.errors import NotFoundError
from framesift.storage import Store
from framesift.table import Review

TILE_WIDTH: Final = 320
TILE_HEIGHT: Final = 240
COLUMNS: Final = 3
_LABEL_PX = 34
_GAP_PX = 8
_INK, _MISSING, _BOX = "#222222", "#c8c8c8", "#e8710a"
_FONT_PX = 12


def draw_sheet(reviews: Sequence[Review], store: Store) -> bytes:
    """Draw predictions in rows of three, numbered from 1; below each are its tag, its score and its whole id.

    Args:
        reviews: The predictions.
        store: Has their images; one that cannot be read is a grey tile.

    Returns:
        A PNG file's bytes.
    """
    rows = -(-len(reviews) // COLUMNS)
    cell_width, cell_height = TILE_WIDTH + _GAP_PX, TILE_HEIGHT + _LABEL_PX + _GAP_PX
    sheet = Image.new("RGB", (COLUMNS * cell_width + _GAP_PX, rows * cell_height + _GAP_PX), "white")
    for place, review in enumerate(reviews):
        row, column = divmod(place, COLUMNS)
        left, top = _GAP_PX + column * cell_width, _GAP_PX + row * cell_height
        tile = _draw_tile(review, store)
        sheet.paste(tile, (left + (TILE_WIDTH - tile.width) // 2, top + (TILE_HEIGHT - tile.height) // 2))
        _draw_label(sheet, review, place + 1, (left, top + TILE_HEIGHT))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def _draw_tile(review: Review, store: Store) -> Image.Image:
    try:
        with Image.open(io.BytesIO(store.get(review.media_key))) as image:
            image.draft("RGB", (TILE_WIDTH, TILE_HEIGHT))
            tile = ImageOps.contain(ImageOps.exif_transpose(image).convert("RGB"), (TILE_WIDTH, TILE_HEIGHT))
    except (NotFoundError, OSError, ValueError, Image.DecompressionBombError):
        return Image.new("RGB", (TILE_WIDTH, TILE_HEIGHT), _MISSING)
    found = review.detection
    box = (found.left, found.top, found.left + found.width, found.top + found.height)
    sides = (tile.width - 1, tile.height - 1) * 2
    ImageDraw.Draw(tile).rectangle(
        [share * side for share, side in zip(box, sides, strict=True)], outline=_BOX, width=3
    )
    return tile


def _draw_label(sheet: Image.Image, review: Review, number: int, corner: tuple[int, int]) -> None:
    draw, font, (left, top) = ImageDraw.Draw(sheet), ImageFont.load_default(_FONT_PX), corner
    found = review.detection
    draw.text((left, top + 2), f"{number}: {found.tag} {found.probability:.2f}", _INK, font)
    draw.text((left, top + 4 + _FONT_PX), review.id, _INK, _fitting_font(review.id))


def _fitting_font(text: str) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font in which the whole text is no wider than a tile: an id that is cut is no id."""
    size = _FONT_PX
    while size > 5 and ImageFont.load_default(size).getlength(text) > TILE_WIDTH:
        size -= 1
    return ImageFont.load_default(size)
