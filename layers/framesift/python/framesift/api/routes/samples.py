"""Samples of a collection: a few items that tell much, chosen of many, and tagged.

They are for editors: a sample is taken of every item, also of those that some viewers may not see.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path

from framesift.api.collection_messages import SamplePage, SampleRequest, ServedSample
from framesift.api.gate import enter, open_workflow
from framesift.api.record_pages import RecordCursor, RecordLimit, take_page
from framesift.api.responses import answer
from framesift.api.routes.options import CollectionId, collection_options, new_router, succeeding

router = new_router()
_READING, _CHANGING, _CREATING = collection_options("samples")
_STARTING = succeeding(_CREATING, HTTPStatus.ACCEPTED)

SampleId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,60}$")]


@router.get("/v1/collections/<collection_id>/samples", summary="Samples", **_READING)
def get_samples(
    collection_id: CollectionId,
    limit: RecordLimit = 30,
    cursor: RecordCursor = "",
) -> SamplePage:
    """The samples that were taken, the newest first, a page at a time; for editors."""
    entered = enter(router, collection_id, "editor")
    page, next_cursor = take_page(entered.records.samples.of_collection(entered.id), limit, cursor)
    return SamplePage(samples=[ServedSample.of(record) for record in page], next_cursor=next_cursor)


@router.post("/v1/collections/<collection_id>/samples", summary="Take a sample", **_STARTING)
def post_sample(collection_id: CollectionId, wanted: Annotated[SampleRequest, Body()]) -> Response[ServedSample]:
    """Choose some of the items that a query finds, and tag them; for editors. The sample says when it is done."""
    from framesift.samples.records import create_sample, start_sample

    entered = enter(router, collection_id, "editor")
    record = create_sample(
        entered.id,
        entered.user,
        wanted.tag,
        wanted.query,
        wanted.options,
        reader=entered.reader,
        records=entered.records,
    )
    start_sample(record, store=entered.store, records=entered.records, workflow=open_workflow())
    location = f"/v1/collections/{entered.id}/samples/{record.id}"
    return answer(ServedSample.of(record), location=location, status=HTTPStatus.ACCEPTED)


@router.get("/v1/collections/<collection_id>/samples/<sample_id>", summary="A sample", **_READING)
def get_sample(collection_id: CollectionId, sample_id: SampleId) -> ServedSample:
    """A sample: what it was taken of and how, and how many items were chosen; for editors."""
    from framesift.samples.records import settle_sample

    entered = enter(router, collection_id, "editor")
    record = entered.records.samples.find(entered.id, sample_id)
    return ServedSample.of(settle_sample(record, entered.records, open_workflow()))
