"""Labels that come back from other programs: corrections of Label Studio, COCO, tables."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path

from framesift.api.collection_messages import ImportPage, NewImport, OpenedImport, ServedImport
from framesift.api.gate import enter, open_workflow
from framesift.api.record_pages import RecordCursor, RecordLimit, take_page
from framesift.api.responses import answer
from framesift.api.routes.options import CollectionId, collection_options, new_router, succeeding
from framesift.catalog.import_files import check_uploaded, new_import, upload_form
from framesift.settings import load_settings

router = new_router()
_READING, _CHANGING, _CREATING = collection_options("imports")
# Without an idempotency key: its answer would be kept, and with it what opens the bucket.
_OPENING = succeeding(_CHANGING, HTTPStatus.CREATED)
_STARTING = succeeding(_CREATING, HTTPStatus.ACCEPTED)

ImportId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,60}$")]


@router.get("/v1/collections/<collection_id>/imports", summary="Imports", **_READING)
def get_imports(
    collection_id: CollectionId,
    limit: RecordLimit = 30,
    cursor: RecordCursor = "",
) -> ImportPage:
    """A collection's imports, the newest first, a page at a time; for editors."""
    entered = enter(router, collection_id, "editor")
    page, next_cursor = take_page(entered.records.imports.of_collection(entered.id), limit, cursor)
    return ImportPage(imports=[ServedImport.of(record) for record in page], next_cursor=next_cursor)


@router.post("/v1/collections/<collection_id>/imports", summary="Open an import", **_OPENING)
def post_import(collection_id: CollectionId, new: Annotated[NewImport, Body()]) -> Response[OpenedImport]:
    """Open an import: the answer says how its file is sent. For editors; then `/start` it."""
    entered = enter(router, collection_id, "editor")
    settings = load_settings()
    record = new_import(entered.id, entered.user, new.format, new.size_bytes, settings, entered.records)
    opened = OpenedImport(record=ServedImport.of(record), form=upload_form(record, settings, entered.store))
    location = f"/v1/collections/{entered.id}/imports/{record.id}"
    return answer(opened, location=location, status=HTTPStatus.CREATED)


@router.get("/v1/collections/<collection_id>/imports/<import_id>", summary="An import", **_READING)
def get_import(collection_id: CollectionId, import_id: ImportId) -> ServedImport:
    """An import, and what became of it; for editors."""
    from framesift.catalog.import_jobs import settle_import

    entered = enter(router, collection_id, "editor")
    found = entered.records.imports.find(entered.id, import_id)
    return ServedImport.of(settle_import(found, entered.records, open_workflow()))


@router.post("/v1/collections/<collection_id>/imports/<import_id>/start", summary="Start an import", **_STARTING)
def post_import_start(collection_id: CollectionId, import_id: ImportId) -> Response[ServedImport]:
    """Start the job that sets items' annotations as the file says, or again where it failed; for editors."""
    from framesift.catalog.import_jobs import settle_import, start_import

    entered = enter(router, collection_id, "editor")
    records, workflow = entered.records, open_workflow()
    found = settle_import(records.imports.find(entered.id, import_id), records, workflow)
    check_uploaded(found, entered.store)
    started = start_import(found, store=entered.store, records=records, workflow=workflow)
    location = f"/v1/collections/{entered.id}/imports/{started.id}"
    return answer(ServedImport.of(started), location=location, status=HTTPStatus.ACCEPTED)
