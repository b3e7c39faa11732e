"""Saved queries of a collection."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Path

from framesift.api.collection_messages import Done, QueryList, QueryToSave
from framesift.api.gate import enter
from framesift.api.item_views import compile_text
from framesift.api.routes.options import CollectionId, collection_options, new_router
from framesift.table import SavedQuery

router = new_router()
_READING, _CHANGING, _CREATING = collection_options("queries")

QueryName = Annotated[str, Path(min_length=1, max_length=100)]


@router.get("/v1/collections/<collection_id>/queries", summary="Saved queries", **_READING)
def get_queries(collection_id: CollectionId) -> QueryList:
    """A collection's saved queries, by name; for viewers."""
    entered = enter(router, collection_id, "viewer")
    return QueryList(queries=list(entered.records.queries.of_collection(entered.id)))


@router.put("/v1/collections/<collection_id>/queries/<name>", summary="Save a query", **_CHANGING)
def put_query(collection_id: CollectionId, name: QueryName, query: Annotated[QueryToSave, Body()]) -> SavedQuery:
    """Save a query under a name, in place of the one before; for editors. One that cannot be understood is refused."""
    entered = enter(router, collection_id, "editor")
    compile_text(query.query)
    saved = SavedQuery(name=name, query=query.query, sort=query.sort, by=entered.user, at=datetime.now(UTC))
    entered.records.queries.put(entered.id, saved)
    return saved


@router.delete("/v1/collections/<collection_id>/queries/<name>", summary="Delete a saved query", **_CHANGING)
def delete_query(collection_id: CollectionId, name: QueryName) -> Done:
    """Delete a saved query; for editors."""
    entered = enter(router, collection_id, "editor")
    entered.records.queries.delete(entered.id, name)
    return Done()
