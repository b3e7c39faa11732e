"""Collections."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from framesift.api.collection_messages import CollectionChange, CollectionList, Done, NewCollection, ServedCollection
from framesift.api.gate import check_unchanged, enter, find_collection, require_person
from framesift.api.responses import answer
from framesift.api.routes.options import CollectionId, IfMatch, collection_options, new_router, open_records, succeeding
from framesift.catalog.people import request_collection_deletion
from framesift.errors import CollectionExistsError, RevisionChangedError
from framesift.names import check_collection
from framesift.table import Collection

router = new_router()
_READING, _CHANGING, _CREATING = collection_options("collections")


@router.get("/v1/collections", summary="Collections", **_READING)
def get_collections(
    limit: Annotated[int, Query(ge=1, le=200)] = 50, cursor: Annotated[str, Query(max_length=200)] = ""
) -> CollectionList:
    """The collections that I can see, by id, a page at a time."""
    caller, records = require_person(router), open_records()
    ids = {*records.members.collections_of(caller.user), *records.members.shown_to(caller.department)}
    if caller.is_admin:
        ids.update(records.collections.ids())
    page: list[ServedCollection] = []
    for collection_id in sorted(each for each in ids if each > cursor):
        if len(page) == limit:
            return CollectionList(collections=page, next_cursor=page[-1].collection.id)
        collection, role = find_collection(caller, collection_id)
        if collection and role and not collection.deleting:
            page.append(ServedCollection(collection=collection, role=role))
    return CollectionList(collections=page)


@router.post("/v1/collections", summary="Make a collection", **succeeding(_CREATING, HTTPStatus.CREATED))
def post_collection(new: Annotated[NewCollection, Body()]) -> Response[ServedCollection]:
    """Make a collection, whose owner I am."""
    caller, records = require_person(router), open_records()
    fields = new.model_dump() | {"id": check_collection(new.id), "department": new.department or caller.department}
    collection = Collection(**fields, owner=caller.user, created_at=datetime.now(UTC))
    # First into the list, where one that does not come to be is not shown.
    records.members.list_for(caller.user, collection.id)
    if not records.collections.create(collection):
        raise CollectionExistsError(f"The id {collection.id} is taken: choose another one.")
    records.members.show(collection)
    return answer(
        ServedCollection(collection=collection, role="owner"),
        revision=collection.revision,
        location=f"/v1/collections/{collection.id}",
        status=HTTPStatus.CREATED,
    )


@router.get("/v1/collections/<collection_id>", summary="A collection", **_READING)
def get_collection(collection_id: CollectionId) -> Response[ServedCollection]:
    """A collection, and what I may do with it; for viewers."""
    entered = enter(router, collection_id, "viewer")
    return answer(
        ServedCollection(collection=entered.collection, role=entered.role), revision=entered.collection.revision
    )


@router.patch("/v1/collections/<collection_id>", summary="Change a collection", **_CHANGING)
def patch_collection(
    collection_id: CollectionId, change: Annotated[CollectionChange, Body()], if_match: IfMatch = None
) -> Response[ServedCollection]:
    """Change what a collection is, and who can see it; for owners. `If-Match` says which revision is changed."""
    entered = enter(router, collection_id, "owner")
    check_unchanged(if_match, entered.collection.revision)
    members, before = entered.records.members, entered.collection
    after = entered.records.collections.change(before, **change.model_dump(exclude_none=True))
    if after is None:
        raise RevisionChangedError("Somebody else has changed it since you read it: read it again.")
    # The lists only help to find it: who is let in, is decided by what it is.
    members.hide(before)
    members.show(after)
    return answer(ServedCollection(collection=after, role=entered.role), revision=after.revision)


@router.delete(
    "/v1/collections/<collection_id>",
    summary="Delete a collection",
    **succeeding(_CHANGING, HTTPStatus.ACCEPTED),
)
def delete_collection(collection_id: CollectionId, if_match: IfMatch = None) -> Response[Done]:
    """Delete a collection with all that is kept of it, for good; for owners. `If-Match` says which revision.

    Nobody can use it any more; in the background its images, thumbnails, exports and records are deleted.
    """
    entered = enter(router, collection_id, "owner")
    check_unchanged(if_match, entered.collection.revision)
    request_collection_deletion(entered.collection, entered.user, entered.records)
    entered.maintenance.start_deletions()
    return answer(Done(done=False), status=HTTPStatus.ACCEPTED)
