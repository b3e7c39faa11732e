"""Items of a collection."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from framesift.api.collection_messages import (
    MAX_QUERY_LENGTH,
    Changed,
    History,
    ItemChange,
    ItemPage,
    ServedImage,
)
from framesift.api.gate import Entered, enter, enter_item, read_if_match
from framesift.api.item_views import MediaSize, find_history, find_media, find_page, show_item
from framesift.api.responses import answer, redirect
from framesift.api.routes.options import CollectionId, IfMatch, ItemId, collection_options, new_router, succeeding
from framesift.contracts import Annotation, ChangeBody, RemoveItems, SetAnnotations, SetMetadata, SetTags, SetViewers

router = new_router()
_READING, _CHANGING, _CREATING = collection_options("items")
_REDIRECTING = succeeding(_READING, HTTPStatus.FOUND, "The image's address.", content={})

SearchQuery = Annotated[str, Query(max_length=MAX_QUERY_LENGTH, description="In the query language; empty: all.")]
Sort = Annotated[
    str, Query(pattern=r"^-?[a-z_]{0,40}$", description="A column, with `-` before it in descending order.")
]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str, Query(max_length=2_000, description="`next_cursor` of the page before; empty: the first.")]


@router.get("/v1/collections/<collection_id>/items", summary="Items", **_READING)
def get_items(
    collection_id: CollectionId, query: SearchQuery = "", sort: Sort = "", limit: Limit = 50, cursor: Cursor = ""
) -> ItemPage:
    """The items that a query finds, a page at a time; for viewers."""
    return find_page(enter(router, collection_id, "viewer"), query, sort, limit, cursor)


@router.get("/v1/collections/<collection_id>/items/<item_id>", summary="An item", **_READING)
def get_item(collection_id: CollectionId, item_id: ItemId) -> Response[ServedImage]:
    """An item; for viewers, and for those whom it names as its viewers."""
    entered, item = enter_item(router, collection_id, item_id)
    return answer(show_item(entered, item), revision=item.version)


@router.patch("/v1/collections/<collection_id>/items/<item_id>", summary="Change an item", **_CHANGING)
def patch_item(
    collection_id: CollectionId, item_id: ItemId, change: Annotated[ItemChange, Body()], if_match: IfMatch = None
) -> Response[ServedImage]:
    """Change an item; for editors. `If-Match` says which version is changed."""
    needs_owner = change.viewers is not None or change.everybody is not None
    entered = enter(router, collection_id, "owner" if needs_owner else "editor")
    version = read_if_match(if_match)
    entered.get_item(item_id)
    entered.log.append(_body(item_id, change, entered), entered.user, unchanged_since=version)
    return get_item(collection_id, item_id)


@router.delete("/v1/collections/<collection_id>/items/<item_id>", summary="Delete an item", **_CHANGING)
def delete_item(collection_id: CollectionId, item_id: ItemId, if_match: IfMatch = None) -> Changed:
    """Delete an item: nobody sees it from now on, and in the background all that is kept of it is deleted.

    For editors; `If-Match` says which version is deleted.
    """
    entered = enter(router, collection_id, "editor")
    version = read_if_match(if_match)
    entered.get_item(item_id)
    change = entered.log.append(RemoveItems(ids=[item_id]), entered.user, unchanged_since=version)
    entered.maintenance.start_deletions()
    return Changed(number=change.number, items=1)


@router.get("/v1/collections/<collection_id>/items/<item_id>/history", summary="An item's history", **_READING)
def get_history(collection_id: CollectionId, item_id: ItemId, after: Annotated[int, Query(ge=0)] = 0) -> History:
    """Who changed what of an item, and when, a page at a time; for editors."""
    entered = enter(router, collection_id, "editor")
    entered.get_item(item_id)
    return find_history(entered, item_id, after)


@router.get("/v1/collections/<collection_id>/items/<item_id>/media", summary="An item's image", **_REDIRECTING)
def get_media(
    collection_id: CollectionId, item_id: ItemId, size: Annotated[MediaSize, Query()] = "1024"
) -> Response[str]:
    """Redirects to an image, by a link that works for a while.

    Viewers get 256 or 1,024 pixels; the original, which may say where it was taken, is for owners.
    """
    entered, item = enter_item(router, collection_id, item_id)
    return redirect(find_media(entered, item, size))


def _body(item_id: str, change: ItemChange, entered: Entered) -> ChangeBody:
    ids = [item_id]
    if change.metadata is not None:
        return SetMetadata(ids=ids, values=change.metadata)
    if change.annotations is not None:
        # Whoever sends them is who says so.
        own = [Annotation(label=each.label, box=each.box, by=entered.user) for each in change.annotations]
        return SetAnnotations(ids=ids, annotations=own)
    if change.tags is not None:
        return SetTags(ids=ids, add=change.tags.add, remove=change.tags.remove)
    return SetViewers(ids=ids, viewers=change.viewers)
