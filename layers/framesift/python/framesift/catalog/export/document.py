"""What formats give: documents, which go into a zip beside the images, or are downloaded by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from framesift.catalog.export.rows import Rows
from framesift.storage import Store

Document = tuple[str, bytes | Path]
"""A name, with folders, and the content or the file that has it."""


@dataclass(frozen=True)
class Source:
    """Where a format reads what is not in the rows, and writes.

    Attributes:
        collection: The collection's id.
        store: The bucket.
        folder: For files in the making.
    """

    collection: str
    store: Store
    folder: Path


MakeDocuments = Callable[[Rows, Source], Iterator[Document]]
