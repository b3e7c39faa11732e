"""The relation `items` that queries run on: a row for each item, made from its `CatalogItem` alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import pyarrow as pa

from framesift.catalog import tags
from framesift.catalog.tags import fold_value
from framesift.contracts import CatalogItem

_TEXTS: Final = pa.list_(pa.string())
_TIME: Final = pa.timestamp("us")

SCHEMA: Final = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        ("name", pa.string()),
        ("names", _TEXTS),
        ("names_folded", _TEXTS),
        ("content_type", pa.string()),
        ("size_bytes", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("source", pa.string()),
        ("taken_at", _TIME),
        ("added_at", _TIME),
        ("date", _TIME),
        ("added_by", pa.string()),
        ("batch", pa.string()),
        ("sharpness", pa.float64()),
        ("brightness", pa.float64()),
        ("contrast", pa.float64()),
        ("entropy_bits", pa.float64()),
        ("flags", _TEXTS),
        ("duplicate_of", pa.string()),
        ("duplicate_score", pa.float64()),
        ("tags", _TEXTS),
        ("tags_folded", _TEXTS),
        ("labels", _TEXTS),
        ("label_scores", pa.list_(pa.float32())),
        ("annotated", pa.bool_()),
        ("models", _TEXTS),
        ("metadata", pa.map_(pa.string(), pa.string())),
        ("text", pa.string()),
        ("viewers", _TEXTS),
        ("version", pa.int64()),
        ("json", pa.string()),
    ]
)
"""The columns. Times are in UTC; `date` is when the image was taken, else added; `tags_folded`, `labels`, and the names
and values of `metadata` are folded (`tags.fold`); `labels` are those of predictions and annotations, `label_scores` the
best score of each, 1 for an annotation; `text` has names, tags, labels and metadata, a line each; `json` is the whole
`CatalogItem`."""

# The same few tags, labels and fields come in every item.
_fold = lru_cache(maxsize=65_536)(tags.fold)


def make_batch(items: Iterable[CatalogItem]) -> pa.RecordBatch:
    """The rows of items, in their order."""
    return pa.RecordBatch.from_pylist([make_row(item) for item in items], schema=SCHEMA)


def make_row(item: CatalogItem) -> dict[str, Any]:
    """The row of an item."""
    labels = _best_scores(item)
    metadata = {_fold(name): fold_value(value) for name, value in item.metadata.items()}
    names_folded = [tags.fold(name) for name in item.names]
    tags_folded = [_fold(tag) for tag in item.tags]
    pieces = [
        *names_folded,
        *tags_folded,
        *labels,
        *(piece for field in metadata.items() for piece in field),
    ]
    health, taken_at, added_at = item.health, _to_utc(item.taken_at), _to_utc(item.added_at)
    return {
        "id": item.id,
        "name": item.names[0] if item.names else "",
        "names": item.names,
        "names_folded": names_folded,
        "content_type": item.content_type,
        "size_bytes": item.size_bytes,
        "width": item.width,
        "height": item.height,
        "source": item.source,
        "taken_at": taken_at,
        "added_at": added_at,
        "date": taken_at or added_at,
        "added_by": item.added_by,
        "batch": item.batch,
        "sharpness": health.sharpness if health else None,
        "brightness": health.brightness if health else None,
        "contrast": health.contrast if health else None,
        "entropy_bits": health.entropy_bits if health else None,
        "flags": health.flags if health else [],
        "duplicate_of": item.duplicate.of if item.duplicate else None,
        "duplicate_score": item.duplicate.score if item.duplicate else None,
        "tags": item.tags,
        "tags_folded": tags_folded,
        "labels": list(labels),
        "label_scores": list(labels.values()),
        "annotated": bool(item.annotations),
        "models": sorted({found.model for found in item.predictions}),
        "metadata": list(metadata.items()),
        "text": "\n".join(dict.fromkeys(pieces)),
        "viewers": item.viewers,
        "version": item.version,
        "json": item.model_dump_json(exclude_defaults=True),
    }


def read_item(json: str) -> CatalogItem:
    """An item from the column `json`."""
    return CatalogItem.model_validate_json(json)


def _best_scores(item: CatalogItem) -> dict[str, float]:
    scores: dict[str, float] = {}
    for found in item.predictions:
        label = _fold(found.label)
        scores[label] = max(found.score, scores.get(label, 0.0))
    return scores | {_fold(annotation.label): 1.0 for annotation in item.annotations}


def _to_utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment else None
