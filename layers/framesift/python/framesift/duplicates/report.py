"""What was found in a folder, written down: CSV, JSON, an HTML page, contact sheets."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps

from framesift.duplicates.clusters import KEEPER_RULE, Cluster, FolderDuplicates
from framesift.duplicates.contact_sheet import Tile
from framesift.duplicates.folder import show_name
from framesift.duplicates.index import MAX_PIXELS, ImageFile
from framesift.errors import MediaError
from framesift.names import safe_cell
from framesift.vision.decode import RgbImage, decode_image

MAX_CLUSTERS: Final = 500
"""Of a page with thumbnails: about 10 kB an image."""
CSV_COLUMNS: Final = (
    "cluster", "keep", "path", "method", "score", "width", "height", "size_bytes", "sha256", "error"
)  # fmt: skip

_THUMBNAIL_SIDE = 240


def to_json(found: FolderDuplicates) -> str:
    """Everything as JSON, in ASCII: bytes of names that are not UTF-8 are lone surrogates, as Python has them."""
    return json.dumps({**asdict(found), "folder": str(found.folder.absolute()), "keeper_rule": KEEPER_RULE}, indent=2)


def to_csv(found: FolderDuplicates) -> bytes:
    """One line for each image of a cluster, the keeper first, then for each unreadable file.

    Returns:
        UTF-8; names that are not are given in their own bytes. A name that a spreadsheet would take for a formula gets
        an apostrophe in front, and control characters are left out: the JSON has names as they are.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for number, cluster in enumerate(found.clusters, start=1):
        writer.writerow([number, "yes", safe_cell(cluster.keeper.path), "", "", *_facts(cluster.keeper), ""])
        for one in cluster.duplicates:
            writer.writerow([number, "no", safe_cell(one.file.path), one.method, one.score, *_facts(one.file), ""])
    for file in found.unreadable:
        writer.writerow(["", "", safe_cell(file.path), "", "", "", "", "", "", f"{file.error}: {file.message}"])
    return buffer.getvalue().encode("utf-8", "surrogateescape")


def to_html(found: FolderDuplicates) -> str:
    """One page with thumbnails in it: it opens without a server and loads nothing from one."""
    from framesift.reports.page import render

    return render(
        "duplicates.html",
        folder=show_name(str(found.folder)),
        summary=summarise(found),
        why=show_name(found.why),
        rule=KEEPER_RULE,
        clusters=(list(_figures(cluster, found.folder)) for cluster in found.clusters[:MAX_CLUSTERS]),
        left_out=len(found.clusters) - MAX_CLUSTERS,
        unreadable=[show_name(f"{file.path}: {file.message}") for file in found.unreadable],
    )


def to_tiles(cluster: Cluster, folder: Path) -> list[Tile]:
    """A cluster as it is drawn on a contact sheet."""
    keeper = Tile(_open(folder, cluster.keeper, 144), cluster.keeper.path, "kept", is_keeper=True)
    others = (
        Tile(_open(folder, one.file, 144), one.file.path, f"{one.score:.2f} {one.method}") for one in cluster.duplicates
    )
    return [keeper, *others]


def summarise(found: FolderDuplicates) -> str:
    """The outcome in a sentence."""
    unreadable = f" ({len(found.unreadable):,} unreadable)" if found.unreadable else ""
    return (
        f"{_count(found.images, 'image')}{unreadable}: {_count(found.duplicates, 'duplicate')} in "
        f"{_count(len(found.clusters), 'cluster')}, {found.duplicate_bytes / 1e6:,.1f} MB."
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _figures(cluster: Cluster, folder: Path) -> Iterator[dict[str, str]]:
    yield _figure(cluster.keeper, folder, "kept")
    for one in cluster.duplicates:
        yield _figure(one.file, folder, f"{one.score:.3f} by {one.method}")


def _figure(file: ImageFile, folder: Path, note: str) -> dict[str, str]:
    image = _open(folder, file, _THUMBNAIL_SIDE)
    return {
        "image": _to_data_uri(image) if image is not None else "",
        "note": note,
        "path": show_name(file.path),
        "facts": f"{file.width} × {file.height}, {file.size_bytes / 1e3:,.0f} kB",
    }


def _open(folder: Path, file: ImageFile, side: int) -> RgbImage | None:
    try:
        return decode_image((folder / file.path).read_bytes(), max_pixels=MAX_PIXELS, min_side=side)
    except (OSError, MediaError):
        return None


def _to_data_uri(image: RgbImage) -> str:
    from framesift.reports.page import data_uri

    buffer = io.BytesIO()
    ImageOps.contain(Image.fromarray(image), (_THUMBNAIL_SIDE, _THUMBNAIL_SIDE)).save(buffer, "JPEG", quality=80)
    return data_uri(buffer.getvalue())


def _facts(file: ImageFile) -> list[str | int]:
    return [file.width, file.height, file.size_bytes, file.sha256]
