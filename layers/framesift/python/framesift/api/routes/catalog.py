"""What a collection's items have in common: tags, fields, counts, and changes of many at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from framesift.api.collection_messages import (
    BulkMetadata,
    BulkTags,
    Changed,
    Facets,
    ItemCount,
    QuerySuggestions,
    TagCounts,
)
from framesift.api.gate import Entered, enter
from framesift.api.item_views import compile_text, find_facets, suggest
from framesift.api.routes.items import SearchQuery
from framesift.api.routes.options import CollectionId, collection_options, new_router
from framesift.catalog.metadata_table import read_metadata_table

router = new_router()
_READING, _CHANGING, _CREATING = collection_options("catalog")
_MAX_UNKNOWN = 100
_ID = re.compile(r"[0-9a-f]{32}")
KINDS = ("tags", "labels", "flags", "models", "source", "content_type", "metadata")

Values = Annotated[int, Query(ge=1, le=1_000, description="Values of each kind at most.")]


@router.get("/v1/collections/<collection_id>/tags", summary="Tags", **_READING)
def get_tags(collection_id: CollectionId, query: SearchQuery = "", limit: Values = 200) -> TagCounts:
    """How many of the items that a query finds have which tag; for viewers."""
    entered = enter(router, collection_id, "viewer")
    return TagCounts(tags=find_facets(entered, query, ["tags"], limit).facets["tags"])


@router.post("/v1/collections/<collection_id>/tags", summary="Tag items", **_CREATING)
def post_tags(collection_id: CollectionId, change: Annotated[BulkTags, Body()]) -> Changed:
    """Add tags to items, and remove tags from them, as one change; for editors.

    The items are those of a list, or all that a query finds.
    """
    entered = enter(router, collection_id, "editor")
    ids = change.ids if change.ids is not None else entered.reader.ids(compile_text(change.query or ""))
    if not ids or not (change.add or change.remove):
        return Changed(number=None, items=0)
    made = entered.log.set_tags(ids, entered.user, add=change.add, remove=change.remove)
    return Changed(number=made.number, items=len(ids))


@router.post("/v1/collections/<collection_id>/metadata", summary="Set fields of items", **_CREATING)
def post_metadata(collection_id: CollectionId, change: Annotated[BulkMetadata, Body()]) -> Changed:
    """Set fields of many items as one change: by item, or by a table of CSV or JSONL; for editors."""
    entered = enter(router, collection_id, "editor")
    unknown: list[str] = []
    if change.values is not None:
        values = {item_id: fields for item_id, fields in change.values.items() if _ID.fullmatch(item_id)}
        unknown = [item_id for item_id in change.values if item_id not in values]
    else:
        text, form = (change.csv, "csv") if change.csv is not None else (change.jsonl, "jsonl")
        table = read_metadata_table(text or "", "csv" if form == "csv" else "jsonl")
        values, unknown = table.resolve(lambda names: _find_by_name(entered, names))
    if not values:
        return Changed(number=None, items=0, unknown=unknown[:_MAX_UNKNOWN])
    made = entered.log.set_metadata(values, entered.user)
    return Changed(number=made.number, items=len(values), unknown=unknown[:_MAX_UNKNOWN])


@router.get("/v1/collections/<collection_id>/facets", summary="Counts of values", **_READING)
def get_facets(
    collection_id: CollectionId,
    query: SearchQuery = "",
    kinds: Annotated[
        list[str],
        Query(
            max_length=20,
            description="`tags`, `labels`, `flags`, `models`, `source`, `content_type`, `metadata`, `metadata:NAME`.",
        ),
    ] = ["tags", "labels", "flags"],  # noqa: B006 - it is only read
    limit: Values = 50,
) -> Facets:
    """How many of the items that a query finds have which values; for viewers."""
    return find_facets(enter(router, collection_id, "viewer"), query, kinds, limit)


@router.get("/v1/collections/<collection_id>/count", summary="How many items", **_READING)
def get_count(collection_id: CollectionId, query: SearchQuery = "") -> ItemCount:
    """How many items a query finds; for viewers."""
    entered = enter(router, collection_id, "viewer")
    return ItemCount(count=entered.reader.count(compile_text(query), viewer=entered.viewer))


@router.get("/v1/collections/<collection_id>/complete", summary="How a query could go on", **_READING)
def get_complete(
    collection_id: CollectionId,
    query: SearchQuery = "",
    cursor: Annotated[int | None, Query(ge=0, description="Where it goes on, in characters; null: at its end.")] = None,
) -> QuerySuggestions:
    """How a query could go on while it is typed: fields, and values that the collection has; for viewers."""
    entered = enter(router, collection_id, "viewer")
    return suggest(entered, query, len(query) if cursor is None else min(cursor, len(query)))


def _find_by_name(entered: Entered, names: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """The ids of the items that have each of some names."""
    from framesift.catalog.condition import Condition

    wanted, found = set(names), dict[str, list[str]]()
    for items in entered.reader.iterate(Condition("list_has_any(names, ?::VARCHAR[])", [list(names)])):
        for item in items:
            for name in wanted.intersection(item.names):
                found.setdefault(name, []).append(item.id)
    return found
