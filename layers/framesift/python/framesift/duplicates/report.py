"""What was found in a folder, written down: CSV, JSON, an HTML page, contact sheets."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps

from framesift.duplicates.clusters import KEEPER_RULE, Cluster, FolderDuplicates
from framesift.duplicates.contact_sheet import Tile
from framesift.duplicates.folder import show_name
from framesift.duplicates.index import MAX_PIXELS, ImageFile
from framesift.errors import MediaError
from framesift.vision.decode import RgbImage, decode_image

MAX_CLUSTERS: Final = 500
"""Of a page with thumbnails: about 10 kB an image."""
CSV_COLUMNS: Final = (
    "cluster", "keep", "path", "method", "score", "width", "height", "size_bytes", "sha256", "error"
)  # fmt: skip

_THUMBNAIL_SIDE = 240
_STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 2rem; color: #222; background: #fff }
section { border-top: 1px solid #ddd; padding: 1rem 0 }
section > div { display: flex; flex-wrap: wrap; gap: 1rem }
figure { margin: 0; width: 248px } img { display: block; max-width: 240px; border: 4px solid #c8c8c8 }
.keeper img { border-color: #1e8e3e } figcaption { overflow-wrap: anywhere; font-size: 13px }
.gone { width: 240px; height: 120px; background: #eee; border: 4px solid #c8c8c8 }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #1b1b1b } .gone { background: #333 } }
"""


def to_json(found: FolderDuplicates) -> str:
    """Everything as JSON, in ASCII: bytes of names that are not UTF-8 are lone surrogates, as Python has them."""
    return json.dumps({**asdict(found), "folder": str(found.folder.absolute()), "keeper_rule": KEEPER_RULE}, indent=2)


def to_csv(found: FolderDuplicates) -> bytes:
    """One line for each image of a cluster, the keeper first, then for each unreadable file.

    Returns:
        UTF-8; names that are not are given in their own bytes.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for number, cluster in enumerate(found.clusters, start=1):
        writer.writerow([number, "yes", cluster.keeper.path, "", "", *_facts(cluster.keeper), ""])
        for one in cluster.duplicates:
            writer.writerow([number, "no", one.file.path, one.method, one.score, *_facts(one.file), ""])
    for file in found.unreadable:
        writer.writerow(["", "", file.path, "", "", "", "", "", "", f"{file.error}: {file.message}"])
    return buffer.getvalue().encode("utf-8", "surrogateescape")


def to_html(found: FolderDuplicates) -> str:
    """One page with thumbnails in it: it opens without a server and loads nothing from one."""
    clusters = "".join(
        f"<section><h2>{number}</h2><div>{''.join(_figures(cluster, found.folder))}</div></section>"
        for number, cluster in enumerate(found.clusters[:MAX_CLUSTERS], start=1)
    )
    left_out = len(found.clusters) - MAX_CLUSTERS
    rest = f"<p>{left_out:,} smaller clusters are not shown; the CSV has all.</p>" if left_out > 0 else ""
    unreadable = "".join(f"<li>{_text(file.path)}: {_text(file.message)}</li>" for file in found.unreadable)
    unreadable = f"<section><h2>Unreadable files</h2><ul>{unreadable}</ul></section>" if unreadable else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width">'
        f"<title>Duplicates in {_text(str(found.folder))}</title><style>{_STYLE}</style></head><body>"
        f"<h1>Duplicates in {_text(str(found.folder))}</h1>"
        f"<p>{_text(summarise(found))}</p><p>{_text(found.why)} {_text(KEEPER_RULE)}</p>"
        f"{clusters}{rest}{unreadable}</body></html>\n"
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


def _figures(cluster: Cluster, folder: Path) -> Iterator[str]:
    yield _figure(cluster.keeper, folder, "kept", "keeper")
    for one in cluster.duplicates:
        yield _figure(one.file, folder, f"{one.score:.3f} by {one.method}", "duplicate")


def _figure(file: ImageFile, folder: Path, note: str, kind: str) -> str:
    image = _open(folder, file, _THUMBNAIL_SIDE)
    thumbnail = f'<img alt="" src="{_data_uri(image)}">' if image is not None else '<div class="gone"></div>'
    facts = f"{file.width} × {file.height}, {file.size_bytes / 1e3:,.0f} kB"
    return (
        f'<figure class="{kind}">{thumbnail}<figcaption><b>{_text(note)}</b><br>{_text(file.path)}<br>{facts}'
        "</figcaption></figure>"
    )


def _open(folder: Path, file: ImageFile, side: int) -> RgbImage | None:
    try:
        return decode_image((folder / file.path).read_bytes(), max_pixels=MAX_PIXELS, min_side=side)
    except (OSError, MediaError):
        return None


def _data_uri(image: RgbImage) -> str:
    buffer = io.BytesIO()
    ImageOps.contain(Image.fromarray(image), (_THUMBNAIL_SIDE, _THUMBNAIL_SIDE)).save(buffer, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def _facts(file: ImageFile) -> list[str | int]:
    return [file.width, file.height, file.size_bytes, file.sha256]


def _text(text: str) -> str:
    """Text that cannot become markup, whatever a file is called."""
    return escape(show_name(text))
