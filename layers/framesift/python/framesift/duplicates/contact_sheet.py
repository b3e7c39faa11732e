"""A picture of what was taken for the same: a row a cluster, so that a person can look."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageDraw, ImageFont, ImageOps

from framesift.vision.decode import RgbImage

TILE_SIDE: Final = 144
COLUMNS: Final = 8
_LABEL_PX = 18
_GAP_PX = 6
_KEEPER, _REMOVED, _INK = "#1e8e3e", "#c8c8c8", "#222222"


@dataclass(frozen=True)
class Tile:
    """One picture on the sheet.

    Attributes:
        image: `(height, width, 3)` uint8 RGB.
        name: What the picture is called.
        score: How similar it is to the cluster's keeper; `None` for the keeper itself.
    """

    image: RgbImage
    name: str
    score: float | None = None


def contact_sheet(clusters: Sequence[Sequence[Tile]]) -> bytes:
    """Draw clusters one below the other: keepers framed in green, the others with their scores.

    Args:
        clusters: Each cluster's pictures, the keeper first; long clusters take several rows.

    Returns:
        A PNG file's bytes; with no clusters it says so.
    """
    row_px = TILE_SIDE + _LABEL_PX + _GAP_PX
    lines = [-(-len(cluster) // COLUMNS) for cluster in clusters]
    height = sum(_LABEL_PX + count * row_px + _GAP_PX for count in lines) or 2 * _LABEL_PX
    sheet = Image.new("RGB", (_GAP_PX + COLUMNS * (TILE_SIDE + _GAP_PX), height), "white")
    draw, font, top = ImageDraw.Draw(sheet), ImageFont.load_default(12), 0
    if not clusters:
        draw.text((_GAP_PX, _GAP_PX), "no duplicates", _INK, font)
    for number, (cluster, count) in enumerate(zip(clusters, lines, strict=True), start=1):
        draw.text((_GAP_PX, top + 2), f"{number}: {len(cluster)} pictures", _INK, font)
        for place, tile in enumerate(cluster):
            row, column = divmod(place, COLUMNS)
            left = _GAP_PX + column * (TILE_SIDE + _GAP_PX)
            _draw_tile(sheet, tile, left, top + _LABEL_PX + row * row_px)
        top += _LABEL_PX + count * row_px + _GAP_PX
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def _draw_tile(sheet: Image.Image, tile: Tile, left: int, top: int) -> None:
    picture = ImageOps.contain(Image.fromarray(tile.image), (TILE_SIDE - 6, TILE_SIDE - 6))
    box = (left, top, left + TILE_SIDE - 1, top + TILE_SIDE - 1)
    draw = ImageDraw.Draw(sheet)
    draw.rectangle(box, outline=_KEEPER if tile.score is None else _REMOVED, width=3)
    sheet.paste(picture, (left + (TILE_SIDE - picture.width) // 2, top + (TILE_SIDE - picture.height) // 2))
    mark = "kept" if tile.score is None else f"{tile.score:.2f}"
    font, name = ImageFont.load_default(12), tile.name
    while name and font.getlength(f"{mark}  {name}") > TILE_SIDE:
        name = name[:-1]
    draw.text((left, top + TILE_SIDE + 1), f"{mark}  {name}", _INK, font)
