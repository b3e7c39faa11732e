"""Maps of a collection.

They are for editors: a map has a point for every item, also for those that some viewers may not see.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from framesift import keys
from framesift.api.collection_messages import Done, MapFile, MapList, MapRequest, ServedMap
from framesift.api.gate import Entered, enter
from framesift.api.responses import answer
from framesift.api.routes.options import CollectionId, collection_options, new_router, succeeding
from framesift.settings import load_settings
from framesift.table import MapRecord
from framesift.workflow import Workflow

router = new_router()
_READING, _CHANGING, _CREATING = collection_options("maps")

MapId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,60}$")]
_LINK_S = 900


@router.get("/v1/collections/<collection_id>/maps", summary="Maps", **_READING)
def get_maps(collection_id: CollectionId) -> MapList:
    """The maps that were drawn, with their options, the newest first; for editors."""
    from framesift.maps.records import settle_map

    entered = enter(router, collection_id, "editor")
    workflow = _workflow()
    found = (settle_map(record, entered.records, workflow) for record in entered.records.maps.of_collection(entered.id))
    return MapList(maps=[ServedMap.of(record) for record in found])


@router.post("/v1/collections/<collection_id>/maps", summary="Draw a map", **succeeding(_CREATING, HTTPStatus.ACCEPTED))
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
    return ServedMap.of(settle_map(record, entered.records, _workflow()))


@router.post(
    "/v1/collections/<collection_id>/maps/<map_id>/update",
    summary="Place new items on a map",
    **succeeding(_CREATING, HTTPStatus.ACCEPTED),
)
def post_update(collection_id: CollectionId, map_id: MapId) -> Response[ServedMap]:
    """Place the items that came since, and take those off that are gone; nothing moves. For editors.

    A map that could not be drawn is drawn again.
    """
    from framesift.maps.records import reopen_map

    entered, record = _find(collection_id, map_id)
    return _start(entered, reopen_map(record, entered.records))


@router.get("/v1/collections/<collection_id>/maps/<map_id>/file", summary="A map's file", **_READING)
def get_file(
    collection_id: CollectionId,
    map_id: MapId,
    form: Annotated[
        Literal["parquet", "png"],
        Query(alias="format", description="`parquet`: its points; `png`: its picture."),
    ] = "parquet",
) -> MapFile:
    """A link to a map's points (`id`, `x`, `y`, `z`, `cluster`, scores of outliers), or to its picture; for editors."""
    from framesift.maps.records import check_ready

    entered, record = _find(collection_id, map_id)
    check_ready(record)
    key = (keys.map_table if form == "parquet" else keys.map_picture)(entered.id, record.id)
    return MapFile(url=entered.store.link(key, _LINK_S), expires_in_s=_LINK_S)


@router.delete("/v1/collections/<collection_id>/maps/<map_id>", summary="Delete a map", **_CHANGING)
def delete_map(collection_id: CollectionId, map_id: MapId) -> Done:
    """Delete a map with its files; for editors."""
    from framesift.maps import records

    entered, record = _find(collection_id, map_id)
    records.delete_map(entered.id, record.id, entered.store, entered.records)
    return Done()


def _find(collection_id: str, map_id: str) -> tuple[Entered, MapRecord]:
    from framesift.maps.records import find_map

    entered = enter(router, collection_id, "editor")
    return entered, find_map(entered.id, map_id, entered.records)


def _start(entered: Entered, record: MapRecord) -> Response[ServedMap]:
    from framesift.maps.records import start_map

    start_map(record, store=entered.store, records=entered.records, workflow=_workflow())
    location = f"/v1/collections/{entered.id}/maps/{record.id}"
    return answer(ServedMap.of(record), location=location, status=HTTPStatus.ACCEPTED)


def _workflow() -> Workflow:
    return Workflow(load_settings().platform.state_machine)
