"""What links open, to whoever has them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from framesift.api.collection_messages import ItemPage, ServedImage, Shared
from framesift.api.gate import enter_shared
from framesift.api.item_views import find_media, find_page, show_item
from framesift.api.responses import answer, redirect
from framesift.api.routes.items import Cursor, Limit, SearchQuery, Sort
from framesift.api.routes.options import SHARED, ItemId, new_router, succeeding

router = new_router()

Token = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{20,100}$")]
_REDIRECTING = succeeding(SHARED, HTTPStatus.FOUND, "The image's address.", content={})


@router.get("/v1/shared/<token>", summary="What a link opens", **SHARED)
def get_shared(token: Token) -> Response[Shared]:
    """The collection, or the item, that a link opens."""
    entered = enter_shared(token)
    about = entered.collection
    return answer(Shared(name=about.name or about.id, description=about.description, item=entered.item))


@router.get("/v1/shared/<token>/items", summary="Items of a link", **SHARED)
def get_shared_items(
    token: Token, query: SearchQuery = "", sort: Sort = "", limit: Limit = 50, cursor: Cursor = ""
) -> Response[ItemPage]:
    """The items that a link opens and a query finds, a page at a time."""
    return answer(find_page(enter_shared(token), query, sort, limit, cursor))


@router.get("/v1/shared/<token>/items/<item_id>", summary="An item of a link", **SHARED)
def get_shared_item(token: Token, item_id: ItemId) -> Response[ServedImage]:
    """An item that a link opens."""
    entered = enter_shared(token)
    item = entered.get_item(item_id)
    return answer(show_item(entered, item), revision=item.version)


@router.get("/v1/shared/<token>/items/<item_id>/media", summary="An image of a link", **_REDIRECTING)
def get_shared_media(
    token: Token, item_id: ItemId, size: Annotated[Literal["256", "1024"], Query()] = "1024"
) -> Response[str]:
    """Redirects to an image, by an address that works for a while."""
    entered = enter_shared(token)
    return redirect(find_media(entered, entered.get_item(item_id), size))
