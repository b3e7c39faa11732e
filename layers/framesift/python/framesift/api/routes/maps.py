"""Maps of a collection.

They are for editors: a map has a point for every item, also for those that some viewers may not see.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from framesift import keys
from framesift.api.collection_messages import Done, MapPage, MapRequest, ServedMap
from framesift.api.gate import Entered, enter, open_workflow
from framesift.api.record_pages import RecordCursor, RecordLimit, take_page
from framesift.api.responses import answer, redirect
from framesift.api.routes.options import CollectionId, collection_options, new_router, succeeding
from framesift.settings import load_settings
from framesift.table import MapRecord

router = new_router()
_READING, _CHANGING, _CREATING = collection_options("maps")
_STARTING = succeeding(_CREATING, HTTPStatus.ACCEPTED)
_REDIRECTING = succeeding(_READING, HTTPStatus.FOUND, "The file's address.", content={})

MapId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,60}$")]


@router.get("/v1/collections/<collection_id>/maps", summary="Maps", **_READING)
def get_maps(
    collection_id: CollectionId,
    limit: RecordLimit = 30,
    cursor: RecordCursor = "",
) -> MapPage:
    """The maps that were drawn, with their options, the newest first, a page at a time; for editors."""
    entered = enter(router, collection_id, "editor")
    page, next_cursor = take_page(entered.records.maps.of_collection(entered.id), limit, cursor)
    return MapPage(maps=[ServedMap.of(record) for record in page], next_cursor=next_cursor)


@router.post("/v1/collections/<collection_id>/maps", summary="Draw a map", **_STARTING)
def post_map(collection_id: CollectionId, wanted: Annotated[MapRequest, Body()]) -> Response[ServedMap]:
    """Draw a map of the items that a query finds; for editors. The map says when it is done."""
    from framesift.maps.records import create_map

    entered = enter(router, collection_id, "editor")
    record = create_map(entered.id, entered.user, wanted.query, wanted.options, records=entered.records)
    return _start(entered, record)


@router.get("/v1/collections/<collection_id>/maps/<map_id>", summary="A map", **_READING)
def get_map(collection_id: CollectionId, map_id: MapId) -> ServedMap:
    """A map: its clusters and their names, and which items stand apart; for editors."""
    from framesift.maps.records import settle_map

    entered, record = _find(collection_id, map_id)
    return ServedMap.of(settle_map(record, entered.records, open_workflow()))


@router.post(
    "/v1/collections/<collection_id>/maps/<map_id>/update",
    summary="Place new items on a map",
    **_STARTING,
)
def post_update(collection_id: CollectionId, map_id: MapId) -> Response[ServedMap]:
    """Place the items that came since, and take those off that are gone; nothing moves. For editors.

    A map that could not be drawn is drawn again.
    """
    from framesift.maps.records import reopen_map

    entered, record = _find(collection_id, map_id)
    return _start(entered, reopen_map(record, entered.records))


@router.get("/v1/collections/<collection_id>/maps/<map_id>/file", summary="A map's file", **_REDIRECTING)
def get_map_file(
    collection_id: CollectionId,
    map_id: MapId,
    kind: Annotated[Literal["parquet", "png"], Query(description="`parquet`: its points; `png`: its picture.")] = (
        "parquet"
    ),
) -> Response[str]:
    """Redirects to a map's points (`id`, `x`, `y`, `z`, `cluster`, outlier scores) or its picture; for editors."""
    from framesift.maps.records import check_ready

    entered, record = _find(collection_id, map_id)
    check_ready(record)
    key = (keys.map_table if kind == "parquet" else keys.map_picture)(entered.id, record.id)
    return redirect(entered.store.link(key, load_settings().api.media_url_s))


@router.delete("/v1/collections/<collection_id>/maps/<map_id>", summary="Delete a map", **_CHANGING)
def delete_map(collection_id: CollectionId, map_id: MapId) -> Done:
    """Delete a map with its files; for editors."""
    from framesift.maps import records

    entered, record = _find(collection_id, map_id)
    records.delete_map(entered.id, record.id, entered.store, entered.records)
    return Done()


def _find(collection_id: str, map_id: str) -> tuple[Entered, MapRecord]:

    entered = enter(router, collection_id, "editor")
    return entered, entered.records.maps.find(entered.id, map_id)


def _start(entered: Entered, record: MapRecord) -> Response[ServedMap]:
    from framesift.maps.records import start_map

    start_map(record, store=entered.store, records=entered.records, workflow=open_workflow())
    location = f"/v1/collections/{entered.id}/maps/{record.id}"
    return answer(ServedMap.of(record), location=location, status=HTTPStatus.ACCEPTED)
