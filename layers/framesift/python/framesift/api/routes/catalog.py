"""What a collection's items have in common: tags, fields, counts, and changes of many at once."""

from __future__ import annotations

import re
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from framesift.api.collection_messages import (
    BulkDeletion,
    BulkMetadata,
    BulkTags,
    Changed,
    Facets,
    FieldsSet,
    ItemCount,
    QuerySuggestions,
    RefusedLine,
    TagCounts,
)
from framesift.api.gate import enter
from framesift.api.item_views import compile_text, find_facets, suggest
from framesift.api.routes.items import SearchQuery
from framesift.api.routes.options import CollectionId, collection_options, new_router
from framesift.catalog.metadata_import import import_metadata

router = new_router()
_READING, _CHANGING, _CREATING = collection_options("catalog")
_MAX_REFUSED = 100
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


@router.post("/v1/collections/<collection_id>/deletions", summary="Delete items", **_CREATING)
def post_deletions(collection_id: CollectionId, wanted: Annotated[BulkDeletion, Body()]) -> Changed:
    """Delete items, as one change: nobody sees them from now on, and what is kept of them goes in the background.

    For editors. The items are those of a list, or all that a query finds; an id that no item has is left out.
    """
    entered = enter(router, collection_id, "editor")
    reader = entered.reader
    found = reader.known_ids(wanted.ids) if wanted.ids is not None else reader.ids(compile_text(wanted.query or ""))
    ids = sorted(found)
    if not ids:
        return Changed(number=None, items=0)
    made = entered.log.remove_items(ids, entered.user)
    entered.maintenance.start_deletions()
    return Changed(number=made.number, items=len(ids))


@router.post("/v1/collections/<collection_id>/metadata", summary="Set fields of items", **_CREATING)
def post_metadata(collection_id: CollectionId, change: Annotated[BulkMetadata, Body()]) -> FieldsSet:
    """Set fields of many items: by item, or by a table of CSV or JSONL; for editors."""
    entered = enter(router, collection_id, "editor")
    if change.values is not None:
        ids = [item_id for item_id in change.values if _ID.fullmatch(item_id)]
        values = {item_id: change.values[item_id] for item_id in entered.reader.known_ids(ids)}
        if values:
            entered.log.set_metadata(values, entered.user)
        return FieldsSet(items=len(values), unknown=sorted(set(change.values) - set(values))[:_MAX_REFUSED])
    text, form = (change.csv, "csv") if change.csv is not None else (change.jsonl, "jsonl")
    lines = (text or "").splitlines(keepends=True)
    report = import_metadata(entered.log, entered.reader, lines, form, entered.user)
    refused = [RefusedLine(line=row.line, reason=row.reason) for row in report.refused[:_MAX_REFUSED]]
    return FieldsSet(items=report.items, refused=refused)


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
