"""Exports of a collection: what a query finds, as other programs read it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path

from framesift.api.collection_messages import Done, ExportPage, NewExport, ServedExport
from framesift.api.gate import Entered, enter, open_workflow
from framesift.api.record_pages import RecordCursor, RecordLimit, take_page
from framesift.api.responses import answer, redirect
from framesift.api.routes.options import CollectionId, collection_options, new_router, succeeding
from framesift.catalog import exports
from framesift.catalog.access import includes
from framesift.contracts.exports import ExportFormat, ExportOptions
from framesift.errors import RoleTooLowError
from framesift.settings import load_settings
from framesift.table import ExportRecord

router = new_router()
_READING, _CHANGING, _CREATING = collection_options("exports")
_STARTING = succeeding(_CREATING, HTTPStatus.ACCEPTED)
_REDIRECTING = succeeding(_READING, HTTPStatus.FOUND, "The file's address.", content={})

ExportId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,60}$")]


@router.get("/v1/collections/<collection_id>/exports", summary="Exports", **_READING)
def get_exports(
    collection_id: CollectionId,
    limit: RecordLimit = 30,
    cursor: RecordCursor = "",
) -> ExportPage:
    """A collection's exports, the newest first, a page at a time; for editors."""
    entered = enter(router, collection_id, "editor")
    page, next_cursor = take_page(entered.records.exports.of_collection(entered.id), limit, cursor)
    return ExportPage(exports=[ServedExport.of(record) for record in page], next_cursor=next_cursor)


@router.post("/v1/collections/<collection_id>/exports", summary="Export items", **_STARTING)
def post_export(collection_id: CollectionId, new: Annotated[NewExport, Body()]) -> Response[ServedExport]:
    """Start the job that exports the items that a query finds; the export says how far it is.

    For editors. Original images may say where they were taken: an export that holds them is for owners.
    """
    from framesift.catalog.export_jobs import start_export

    entered = enter(router, collection_id, "editor")
    _check_images(entered, new.format, new.options)
    record = start_export(
        entered.id,
        entered.user,
        new.query,
        new.format,
        new.options,
        settings=load_settings(),
        store=entered.store,
        records=entered.records,
        workflow=open_workflow(),
    )
    return _answer(record)


@router.get("/v1/collections/<collection_id>/exports/<export>", summary="An export", **_READING)
def get_export(collection_id: CollectionId, export: ExportId) -> ServedExport:
    """An export, and how far it is; for editors."""
    from framesift.catalog.export_jobs import settle_export

    entered = enter(router, collection_id, "editor")
    found = exports.find_export(entered.id, export, entered.records)
    settled = settle_export(found, entered.records, open_workflow())
    may_fetch = settled.state == "done" and _may_have_images(entered, settled.format, settled.options)
    link_s = load_settings().api.media_url_s
    return ServedExport.of(settled, exports.link_export(settled, entered.store, link_s) if may_fetch else None)


@router.get("/v1/collections/<collection_id>/exports/<export>/file", summary="An export's file", **_REDIRECTING)
def get_export_file(collection_id: CollectionId, export: ExportId) -> Response[str]:
    """Redirects to an export's file, by a link that works for a while; as for starting it."""
    entered = enter(router, collection_id, "editor")
    found = exports.find_export(entered.id, export, entered.records)
    _check_images(entered, found.format, found.options)
    return redirect(exports.link_export(found, entered.store, load_settings().api.media_url_s))


@router.post("/v1/collections/<collection_id>/exports/<export>/retry", summary="Go on with an export", **_STARTING)
def post_export_retry(collection_id: CollectionId, export: ExportId) -> Response[ServedExport]:
    """Go on with an export that has failed, where it stopped; as for starting it."""
    from framesift.catalog.export_jobs import restart_export, settle_export

    entered = enter(router, collection_id, "editor")
    found = exports.find_export(entered.id, export, entered.records)
    _check_images(entered, found.format, found.options)
    records, workflow = entered.records, open_workflow()
    settled = settle_export(found, records, workflow)
    return _answer(restart_export(settled, store=entered.store, records=records, workflow=workflow))


@router.delete("/v1/collections/<collection_id>/exports/<export>", summary="Delete an export", **_CHANGING)
def delete_export(collection_id: CollectionId, export: ExportId) -> Done:
    """Delete an export with its file; for editors."""
    entered = enter(router, collection_id, "editor")
    exports.delete_export(entered.id, export, entered.store, entered.records)
    return Done()


def _may_have_images(entered: Entered, form: ExportFormat, options: ExportOptions) -> bool:
    from framesift.catalog.export import FORMATS

    return not (options.images and FORMATS[form].images) or includes(entered.role, "owner")


def _check_images(entered: Entered, form: ExportFormat, options: ExportOptions) -> None:
    if not _may_have_images(entered, form, options):
        raise RoleTooLowError(
            "Original images may say where they were taken, and are for owners: export without them (images: false)."
        )


def _answer(record: ExportRecord) -> Response[ServedExport]:
    location = f"/v1/collections/{record.collection}/exports/{record.id}"
    return answer(ServedExport.of(record), location=location, status=HTTPStatus.ACCEPTED)
