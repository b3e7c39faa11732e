"""The files of segments: in the bucket, and on this machine.

A segment's folder in the bucket is named by the digest of its card, which has the digests of its other files. Here a
copy is made once by the first process that needs it, verified, never changed, and shared; what was not used for longest
is deleted. Who has a deleted copy open keeps it until it is closed.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from framesift import keys
from framesift.errors import IndexLostError, NotFoundError
from framesift.local_cache import MAKING, cache_folder, evict
from framesift.search.segment import LAYOUT, Segment, SegmentCard
from framesift.settings import SearchSettings
from framesift.storage import Store
from framesift.table import IndexSegment

_CARD: Final = "card.json"


def upload_segment(store: Store, collection: str, card: SegmentCard, folder: Path) -> IndexSegment:
    """Write a segment to the bucket, its card last."""
    text = card.model_dump_json().encode()
    name = hashlib.sha256(text).hexdigest()[:32]
    for file in card.files:
        store.upload(folder / file, keys.index_file(collection, card.model, name, file))
    store.put(keys.index_file(collection, card.model, name, _CARD), text, "application/json")
    size_bytes = len(text) + sum(file.size_bytes for file in card.files.values())
    return IndexSegment(name=name, rows=card.rows, size_bytes=size_bytes)


def read_card(store: Store, collection: str, model: str, name: str) -> SegmentCard:
    """Read a segment's card.

    Raises:
        IndexLostError: It is gone, damaged, or of another layout.
    """
    try:
        text = store.get(keys.index_file(collection, model, name, _CARD))
    except NotFoundError:
        raise IndexLostError(f"A segment of the index of {model} in {collection} is gone: build it anew.") from None
    if hashlib.sha256(text).hexdigest()[:32] != name:
        raise IndexLostError(f"A card of the index of {model} in {collection} is damaged: build it anew.")
    try:
        card = SegmentCard.model_validate_json(text)
    except ValidationError:
        card = None
    if card is None or card.layout != LAYOUT or card.model != model:
        raise IndexLostError(f"The index of {model} in {collection} is not one that this version reads: build it anew.")
    return card


def open_segment(store: Store, collection: str, model: str, name: str, settings: SearchSettings) -> Segment:
    """Open a segment; its files are fetched if they are not here.

    Raises:
        IndexLostError: Files are gone or damaged.
    """
    root = cache_dir(settings)
    folder = root / name
    if not (folder / _CARD).exists():
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, prefix=MAKING) as scratch:
            making = Path(scratch) / "segment"
            making.mkdir()
            _fetch(store, collection, model, name, making)
            with suppress(OSError):  # Another process was quicker.
                making.rename(folder)
    try:
        card = SegmentCard.model_validate_json((folder / _CARD).read_bytes())
        os.utime(folder)
    except (FileNotFoundError, ValidationError) as error:
        raise IndexLostError(f"A segment of the index of {model} went away: search again.") from error
    evict(root, settings.cache_mb, folder)
    return Segment.open(card, folder)


def cache_dir(settings: SearchSettings) -> Path:
    """The folder of the copies."""
    return cache_folder(settings.cache_dir, "indexes")


def _fetch(store: Store, collection: str, model: str, name: str, folder: Path) -> None:
    card = read_card(store, collection, model, name)

    def fetch(file: str) -> None:
        path = folder / file
        try:
            store.download(keys.index_file(collection, model, name, file), path)
        except NotFoundError:
            raise IndexLostError(f"A file of the index of {model} in {collection} is gone: build it anew.") from None
        with path.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        if digest != card.files[file].sha256:
            raise IndexLostError(f"A file of the index of {model} in {collection} is damaged: build it anew.")

    with ThreadPoolExecutor(max(1, len(card.files)), thread_name_prefix="index-fetch") as pool:
        list(pool.map(fetch, card.files))
    (folder / _CARD).write_text(card.model_dump_json(), encoding="utf-8")
