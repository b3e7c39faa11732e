"""Makes an export of a collection's items."""

from __future__ import annotations

import hashlib
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from botocore.exceptions import ClientError

from framesift.catalog.export.coco import make_coco
from framesift.catalog.export.document import MakeDocuments, Source
from framesift.catalog.export.label_studio import make_label_studio
from framesift.catalog.export.rows import Rows, file_name, split_of, spool_rows
from framesift.catalog.export.tables import make_csv, make_jsonl
from framesift.catalog.export.voc import make_voc
from framesift.catalog.export.yolo import make_yolo
from framesift.catalog.export.zip_upload import ZipUpload
from framesift.contracts.catalog import CatalogItem
from framesift.contracts.exports import ExportFormat, ExportOptions, ExportSummary
from framesift.errors import InputError, NotFoundError
from framesift.storage import S3Store, Store, parse_uri, write_json

_READERS: Final = 8
_AHEAD_BYTES: Final = 64 << 20
"""Of images that are read ahead of the zip."""
_FIRST_MISSING: Final = 100
_VERSION: Final = 1  # Of what an export looks like: another one is made anew, and not resumed.


@dataclass(frozen=True)
class Format:
    """A format of exports.

    Attributes:
        file: The name of what is downloaded: a zip, or the one document as it is.
        documents: Makes what describes the items.
        images: Where an image lies in the zip; empty: they are not in it.
        help: For people.
        every_label: It has a place for annotations and one for predictions: both go out.
    """

    file: str
    documents: MakeDocuments
    images: str
    help: str
    every_label: bool = False


def _make_parquet(rows: Rows, source: Source) -> Iterator[tuple[str, bytes | Path]]:
    from framesift.catalog.export.parquet import make_parquet  # Arrow is loaded for this format only.

    return make_parquet(rows, source)


FORMATS: Final[Mapping[ExportFormat, Format]] = MappingProxyType(
    {
        "coco": Format("coco.zip", make_coco, "images/{file}", "COCO's JSON for object detection"),
        "yolo": Format("yolo.zip", make_yolo, "images/{split}/{file}", "YOLO's data.yaml and text files"),
        "voc": Format("voc.zip", make_voc, "JPEGImages/{file}", "Pascal VOC's XML files"),
        "label-studio": Format(
            "label-studio.zip",
            make_label_studio,
            "",
            "tasks for Label Studio; corrections come back by id",
            every_label=True,
        ),
        "parquet": Format("items.parquet", _make_parquet, "", "a Parquet table, with vectors if asked for"),
        "csv": Format("items.csv", make_csv, "", "a table for spreadsheets"),
        "jsonl": Format("items.jsonl", make_jsonl, "", "all that the catalog has, a line for each item"),
        "images": Format("images.zip", make_csv, "images/{file}", "the images, and a table of them"),
    }
)


def export(
    collection: str,
    items: Iterable[CatalogItem],
    format: ExportFormat,  # noqa: A002 - the word for it
    options: ExportOptions,
    store: Store,
    prefix: str,
    *,
    open_bucket: Callable[[str], Store] = S3Store,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> ExportSummary:
    """Write items to the bucket in a format that other programs read.

    The same items and options give the same bytes, as long as all images are there. An export that stopped half way
    goes on when it is called again with the same; one that is complete is not made again.

    Args:
        collection: The collection's id.
        items: In an order that is the same in each call; they are read once, and kept on disk.
        format: A key of `FORMATS`.
        options: What the person has chosen.
        store: The bucket.
        prefix: The folder of this export, ending with `/` (`keys.export_prefix`). The file, `summary.json`, and notes
            on an unfinished upload (`state/`) are written there.
        open_bucket: Opens the bucket of images that are read in place.
        on_progress: Called with the number of items that are written, and of all, as it goes on.

    Raises:
        NoVectorsError: The collection has no vectors of the model that the options name.
    """
    chosen = FORMATS[format]
    with tempfile.TemporaryDirectory(prefix="export-") as scratch:
        folder = Path(scratch)
        rows = spool_rows(items, options, folder / "rows.jsonl", every_label=chosen.every_label)
        digest = _identify(collection, format, rows)
        done = _find_done(store, prefix, digest)
        if done is not None:
            return done
        on_progress(0, len(rows))
        source = Source(collection, store, folder)
        key = f"{prefix}{chosen.file}"
        missing: list[str] = []
        if chosen.file.endswith(".zip"):
            size_bytes, missing = _write_zip(
                rows, chosen, source, key, f"{prefix}state/", digest, open_bucket, on_progress
            )
        else:
            size_bytes = _write_file(rows, chosen, source, key)
        summary = ExportSummary(
            format=format,
            key=key,
            size_bytes=size_bytes,
            items=len(rows),
            splits=rows.splits,
            classes=rows.classes,
            boxes=rows.boxes,
            image_labels=rows.image_labels,
            left_out=rows.left_out,
            images_missing=len(missing),
            first_missing=missing[:_FIRST_MISSING],
            without_vector=rows.without_vector,
            digest=digest,
        )
    write_json(store, f"{prefix}summary.json", summary)
    return summary


def _identify(collection: str, name: ExportFormat, rows: Rows) -> str:
    parts = (str(_VERSION), collection, name, rows.options.model_dump_json(), rows.digest)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _find_done(store: Store, prefix: str, digest: str) -> ExportSummary | None:
    with suppress(NotFoundError):
        summary = ExportSummary.model_validate_json(store.get(f"{prefix}summary.json"))
        if summary.digest == digest and store.exists(summary.key):
            return summary
    return None


def _write_file(rows: Rows, chosen: Format, source: Source, key: str) -> int:
    ((_, content),) = chosen.documents(rows, source)
    path = source.folder / chosen.file
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content != path:
        content.rename(path)
    source.store.upload(path, key)
    return path.stat().st_size


def _write_zip(
    rows: Rows,
    chosen: Format,
    source: Source,
    key: str,
    state_prefix: str,
    digest: str,
    open_bucket: Callable[[str], Store],
    on_progress: Callable[[int, int], None],
) -> tuple[int, list[str]]:
    """Write a zip; return its size in bytes, and the ids of images that are missing."""
    missing: list[str] = []
    with ZipUpload(source.store, key, state_prefix, digest) as archive:
        # The images first: they are what takes long, and what a second attempt does not repeat.
        if chosen.images and rows.options.images:
            named = ((chosen.images.format(file=file_name(item), split=split_of(item)), item) for item in rows)
            wanted = ((name, item) for name, item in named if not archive.has(name))
            there = len(archive)
            for done, (name, item, data) in enumerate(_read_ahead(wanted, source.store, open_bucket), there + 1):
                if data is None:
                    missing.append(item.id)
                else:
                    archive.add(name, data)
                on_progress(done, len(rows))
        for name, content in chosen.documents(rows, source):
            if isinstance(content, bytes):
                archive.add(name, content)
            else:
                archive.add_file(name, content)
        return archive.finish(), missing


def _read_ahead(
    wanted: Iterable[tuple[str, CatalogItem]], store: Store, open_bucket: Callable[[str], Store]
) -> Iterator[tuple[str, CatalogItem, bytes | None]]:
    """Read images, several at a time, in their order; None for those that are gone."""
    waiting: deque[tuple[str, CatalogItem, Future[bytes | None]]] = deque()
    ahead_bytes = 0
    with ThreadPoolExecutor(_READERS, thread_name_prefix="export") as pool:
        for name, item in wanted:
            waiting.append((name, item, pool.submit(_read_image, item, store, open_bucket)))
            ahead_bytes += item.size_bytes
            while len(waiting) > 2 * _READERS or (ahead_bytes > _AHEAD_BYTES and waiting):
                name, item, image = waiting.popleft()  # noqa: PLW2901 - the first in place of the last
                yield name, item, image.result()
                ahead_bytes -= item.size_bytes
        for name, item, image in waiting:
            yield name, item, image.result()


def _read_image(item: CatalogItem, store: Store, open_bucket: Callable[[str], Store]) -> bytes | None:
    try:
        if item.key is not None:
            return store.get(item.key)
        bucket, key = parse_uri(item.uri or "")
        return open_bucket(bucket).get(key)
    except InputError:
        return None
    except ClientError:
        if item.key is not None:
            raise
        return None  # The bucket is another one's, who may have closed it.
