"""Uploads to a collection, in batches."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from itertools import islice
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from framesift.api.collection_messages import (
    BatchPage,
    FileList,
    FileNumbers,
    LedgerEntry,
    LedgerPage,
    LinkList,
    LookRequest,
    NewBatch,
    NewFiles,
    ServedBatch,
    ServedFile,
)
from framesift.api.gate import Entered, enter, open_workflow
from framesift.api.record_pages import RecordCursor, RecordLimit, take_page
from framesift.api.responses import answer
from framesift.api.routes.options import CollectionId, collection_options, new_router, succeeding
from framesift.catalog.batches import BatchFile, BatchUploads
from framesift.catalog.ledger import read_ledger
from framesift.settings import load_settings
from framesift.table import BatchRecord

router = new_router()
_READING, _CHANGING, _CREATING = collection_options("batches")
_OPENING = succeeding(_CREATING, HTTPStatus.CREATED)
_STARTING = succeeding(_CREATING, HTTPStatus.ACCEPTED)

BatchId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,60}$")]
After = Annotated[int, Query(ge=0, description="`next_cursor` of the page before; 0: the first.")]
PageSize = Annotated[int, Query(ge=1, le=1_000)]


@router.get("/v1/collections/<collection_id>/batches", summary="Batches", **_READING)
def get_batches(
    collection_id: CollectionId,
    limit: RecordLimit = 30,
    cursor: RecordCursor = "",
) -> BatchPage:
    """A collection's batches, the newest first, a page at a time; for editors."""
    entered = enter(router, collection_id, "editor")
    page, next_cursor = take_page(entered.records.batches.of_collection(entered.id), limit, cursor)
    return BatchPage(batches=[ServedBatch.of(batch) for batch in page], next_cursor=next_cursor)


@router.post("/v1/collections/<collection_id>/batches", summary="Open a batch", **_OPENING)
def post_batch(collection_id: CollectionId, new: Annotated[NewBatch, Body()]) -> Response[ServedBatch]:
    """Open an upload, or take up one that was begun; for editors."""
    entered = enter(router, collection_id, "editor")
    batch = _uploads(entered).open(entered.id, entered.user, new.digest, new.models)
    return _answer(batch, HTTPStatus.CREATED)


@router.get("/v1/collections/<collection_id>/batches/<batch>", summary="A batch", **_READING)
def get_batch(collection_id: CollectionId, batch: BatchId) -> ServedBatch:
    """A batch, and how far it is; for editors."""
    entered = enter(router, collection_id, "editor")
    return ServedBatch.of(_uploads(entered).get(entered.id, batch))


@router.delete("/v1/collections/<collection_id>/batches/<batch>", summary="Give a batch up", **_CHANGING)
def delete_batch(collection_id: CollectionId, batch: BatchId) -> ServedBatch:
    """Give up an upload that is not complete, and delete what has arrived of it; for editors."""
    entered = enter(router, collection_id, "editor")
    return ServedBatch.of(_uploads(entered).abort(entered.id, batch))


@router.post("/v1/collections/<collection_id>/batches/<batch>/files", summary="Announce files", **_CREATING)
def post_files(collection_id: CollectionId, batch: BatchId, new: Annotated[NewFiles, Body()]) -> FileList:
    """Announce files; each gets a number, by which `/links` says how it is sent. For editors."""
    entered = enter(router, collection_id, "editor")
    announced = _uploads(entered).add_files(entered.id, batch, new.files)
    return FileList(files=[ServedFile.of(file) for file in announced])


@router.get("/v1/collections/<collection_id>/batches/<batch>/files", summary="A batch's files", **_READING)
def get_files(collection_id: CollectionId, batch: BatchId, after: After = 0, limit: PageSize = 200) -> FileList:
    """The announced files, and which have arrived, a page at a time; for editors."""
    entered = enter(router, collection_id, "editor")
    uploads = _uploads(entered)
    record = uploads.get(entered.id, batch)
    arrived = uploads.arrived(record)
    page = list(islice(uploads.files(record), after, after + limit + 1))
    files = [ServedFile.of(file, arrived=file.number in arrived) for file in page[:limit]]
    return FileList(files=files, next_cursor=after + limit if len(page) > limit else None)


@router.post("/v1/collections/<collection_id>/batches/<batch>/links", summary="How files are sent", **_CHANGING)
def post_links(collection_id: CollectionId, batch: BatchId, wanted: Annotated[FileNumbers, Body()]) -> LinkList:
    """Links that files, or what is missing of them, are sent by, straight to the bucket; for editors."""
    entered = enter(router, collection_id, "editor")
    uploads = _uploads(entered)
    files = _find_files(uploads, entered, batch, wanted.numbers)
    return LinkList(links=uploads.links(entered.id, batch, files))


@router.post("/v1/collections/<collection_id>/batches/<batch>/complete", summary="Complete a batch", **_STARTING)
def post_complete(collection_id: CollectionId, batch: BatchId) -> Response[ServedBatch]:
    """Check that all files have arrived, and look at them; for editors. The batch says how far that is."""
    entered = enter(router, collection_id, "editor")
    return _answer(_uploads(entered).complete(entered.id, batch), HTTPStatus.ACCEPTED)


@router.post("/v1/collections/<collection_id>/batches/<batch>/retry", summary="Try what failed again", **_STARTING)
def post_retry(collection_id: CollectionId, batch: BatchId) -> Response[ServedBatch]:
    """Look again at what failed of a batch; for editors."""
    entered = enter(router, collection_id, "editor")
    return _answer(_uploads(entered).retry(entered.id, batch), HTTPStatus.ACCEPTED)


@router.get("/v1/collections/<collection_id>/batches/<batch>/ledger", summary="What became of each file", **_READING)
def get_ledger(collection_id: CollectionId, batch: BatchId, after: After = 0, limit: PageSize = 200) -> LedgerPage:
    """For each file of a batch what became of it, and why, a page at a time; for editors."""
    entered = enter(router, collection_id, "editor")
    _uploads(entered).get(entered.id, batch)
    lines = list(islice(read_ledger(entered.store, entered.id, batch), after, after + limit + 1))
    page = [LedgerEntry.of(line) for line in lines[:limit]]
    return LedgerPage(lines=page, next_cursor=after + limit if len(lines) > limit else None)


@router.post("/v1/collections/<collection_id>/look", summary="Look at all images again", **_STARTING)
def post_look(collection_id: CollectionId, wanted: Annotated[LookRequest, Body()]) -> Response[ServedBatch]:
    """Let models look at all images of a collection; for editors. The batch that is made says how far that is."""
    entered = enter(router, collection_id, "editor")
    return _answer(_uploads(entered).look_again(entered.id, entered.user, wanted.models), HTTPStatus.ACCEPTED)


def _uploads(entered: Entered) -> BatchUploads:
    return BatchUploads(load_settings(), entered.store, entered.records, open_workflow())


def _find_files(uploads: BatchUploads, entered: Entered, batch: str, numbers: Iterable[int]) -> list[BatchFile]:
    wanted = set(numbers)
    return [file for file in uploads.files(uploads.get(entered.id, batch)) if file.number in wanted]


def _answer(batch: BatchRecord, status: HTTPStatus) -> Response[ServedBatch]:
    location = f"/v1/collections/{batch.collection}/batches/{batch.id}"
    return answer(ServedBatch.of(batch), location=location, status=status)
