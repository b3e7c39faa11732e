"""Contact sheets: clusters of duplicates as PNG pages that fit a screen, so that a person can check them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont, ImageOps

from framesift.duplicates.folder import show_name
from framesift.vision.decode import RgbImage

PAGE_WIDTH: Final = 1536
"""Pixels."""
PAGE_HEIGHT: Final = 1024
"""Pixels; only a single cluster whose names take many lines makes a page higher."""
TILE_SIDE: Final = 144
COLUMNS: Final = 10
MAX_TILES: Final = 2 * COLUMNS
"""Of a cluster: a larger one is cut, and the last tile says how many more there are."""

_LINE_PX = 15
_GAP_PX = 7
_KEEPER, _DUPLICATE, _INK, _PAPER = "#1e8e3e", "#c8c8c8", "#222222", "#ffffff"
# Pillow's own font has Latin letters alone; names in other scripts are drawn where the system has one of these.
_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansKR-Regular.otf",
    "NanumGothic.ttf",
    "AppleSDGothicNeo.ttc",
    "malgun.ttf",
    "DejaVuSans.ttf",
)


@dataclass(frozen=True)
class Tile:
    """One image on a sheet.

    Attributes:
        image: `(height, width, 3)` uint8 RGB; None where it is gone.
        name: What it is called; shown whole.
        note: `kept`, or the score and method.
        is_keeper: Whether it is the one that is kept.
    """

    image: RgbImage | None
    name: str
    note: str
    is_keeper: bool = False


def draw_contact_sheets(clusters: Sequence[Sequence[Tile]]) -> list[bytes]:
    """Draw clusters one below the other: keepers framed in green, the others with their scores.

    Args:
        clusters: Each cluster's images, the keeper first.

    Returns:
        PNG files, one per page; a page with a note if there are no clusters.
    """
    blocks = [_draw_cluster(number, tiles) for number, tiles in enumerate(clusters, start=1)]
    pages: list[list[Image.Image]] = [[]]
    for block in blocks:
        if pages[-1] and sum(one.height for one in pages[-1]) + block.height > PAGE_HEIGHT:
            pages.append([])
        pages[-1].append(block)
    return [_encode(_stack(page or [_draw_text("No duplicates.")])) for page in pages]


def page_paths(path: Path, pages: int) -> list[Path]:
    """Where pages are written: `sheet.png`, `sheet-2.png` and so on."""
    return [path if page == 1 else path.with_stem(f"{path.stem}-{page}") for page in range(1, pages + 1)]


def _draw_cluster(number: int, tiles: Sequence[Tile]) -> Image.Image:
    shown = list(tiles)
    if len(tiles) > MAX_TILES:
        more = len(tiles) - MAX_TILES + 1
        shown = [*tiles[: MAX_TILES - 1], Tile(None, "", f"and {more} more")]
    rows = [_draw_row(shown[start : start + COLUMNS]) for start in range(0, len(shown), COLUMNS)]
    return _stack([_draw_text(f"{number}: {len(tiles)} images"), *rows])


def _draw_row(tiles: Sequence[Tile]) -> Image.Image:
    labels = [[tile.note, *_wrap(tile.name)] for tile in tiles]
    height = TILE_SIDE + _LINE_PX * max(map(len, labels)) + _GAP_PX
    row = Image.new("RGB", (PAGE_WIDTH, height), _PAPER)
    for column, (tile, lines) in enumerate(zip(tiles, labels, strict=True)):
        left = _GAP_PX + column * (TILE_SIDE + _GAP_PX)
        _draw_image(row, tile, left)
        for line, text in enumerate(lines):
            ImageDraw.Draw(row).text((left, TILE_SIDE + 1 + line * _LINE_PX), text, _INK, _font())
    return row


def _draw_image(row: Image.Image, tile: Tile, left: int) -> None:
    draw = ImageDraw.Draw(row)
    colour = _KEEPER if tile.is_keeper else _DUPLICATE
    draw.rectangle((left, 0, left + TILE_SIDE - 1, TILE_SIDE - 1), outline=colour, width=3)
    if tile.image is None:
        if tile.name:
            draw.text((left + TILE_SIDE // 2, TILE_SIDE // 2), "image is gone", _INK, _font(), anchor="mm")
        return
    image = ImageOps.contain(Image.fromarray(tile.image), (TILE_SIDE - 6, TILE_SIDE - 6))
    row.paste(image, (left + (TILE_SIDE - image.width) // 2, (TILE_SIDE - image.height) // 2))


def _draw_text(text: str) -> Image.Image:
    line = Image.new("RGB", (PAGE_WIDTH, _LINE_PX + _GAP_PX), _PAPER)
    ImageDraw.Draw(line).text((_GAP_PX, 3), text, _INK, _font())
    return line


def _wrap(name: str) -> list[str]:
    """Break a name into lines as wide as a tile: at blanks, and within what is wider, such as a long file name."""
    lines = [""]
    for word in _drawable(show_name(name)).split(" "):
        if lines[-1] and _font().getlength(f"{lines[-1]} {word}") <= TILE_SIDE:
            lines[-1] += f" {word}"
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if _font().getlength(lines[-1] + letter) > TILE_SIDE:
                lines.append("")
            lines[-1] += letter
    return lines


def _drawable(name: str) -> str:
    """The name with the letters that the font lacks as escapes."""
    return "".join(letter if _has_glyph(letter) else letter.encode("unicode_escape").decode() for letter in name)


@cache
def _has_glyph(letter: str) -> bool:
    missing = _font().getmask("\U0010ffff")  # no font has one for this
    return letter.isspace() or bytes(_font().getmask(letter)) != bytes(missing)


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, 12)
        except OSError:
            continue
    return ImageFont.load_default(12)


def _stack(parts: Sequence[Image.Image]) -> Image.Image:
    page = Image.new("RGB", (PAGE_WIDTH, sum(part.height for part in parts)), _PAPER)
    top = 0
    for part in parts:
        page.paste(part, (0, top))
        top += part.height
    return page


def _encode(page: Image.Image) -> bytes:
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    return buffer.getvalue()
