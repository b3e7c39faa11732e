"""Top-10 lists and their thumbnails: public and cacheable."""

from __future__ import annotations

from datetime import date as Date  # noqa: N812 - `date` is a parameter's name here
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from framesift.api import views
from framesift.api.messages import ListDiff, ServedList
from framesift.api.routes.options import (
    CACHED,
    PUBLIC,
    Category,
    categories,
    new_router,
    open_records,
    open_store,
    succeeding,
)
from framesift.settings import load_settings

router = new_router()

Edition = Annotated[str | None, Query(pattern=r"^\d{4}-\d{2}-\d{2}(\.\d{1,4})?$", description="None: the newest.")]
ThumbnailName = Annotated[str, Path(pattern=r"^[a-z0-9_-]{1,40}\d{2}\.jpg$")]

_THUMBNAILS = succeeding(PUBLIC, HTTPStatus.FOUND, "The image's address.", content={})


@router.get("/v1/top10/<category>", summary="A category's list", middlewares=CACHED, **PUBLIC)
def get_top_list(
    category: Category, date: Annotated[Date | None, Query(description="None: the newest.")] = None
) -> ServedList:
    """The newest list of a category, or the list of a day."""
    return views.top_list(category, date, store=open_store(), records=open_records(), categories=categories())


@router.get("/v1/top10/<category>/thumbnails/<name>", summary="A thumbnail", **_THUMBNAILS)
def get_thumbnail(category: Category, name: ThumbnailName, edition: Edition = None) -> Response[str]:
    """Redirects to an image, with a link that works for a while."""
    records = open_records()
    edition = edition or views.newest_edition(category, records=records, categories=categories())
    link_s = load_settings().api.media_url_s
    link = views.thumbnail_link(category, name, edition, store=open_store(), records=records, link_s=link_s)
    # Cached for half of the link's life at most, so that nobody is redirected to a dead link.
    headers = {"Location": link, "Cache-Control": f"public, max-age={link_s // 2}", "Vary": "Origin"}
    return Response(302, content_type=None, body="", headers=headers)


@router.get("/v1/top10/<category>/diff", summary="What changed", middlewares=CACHED, **PUBLIC)
def get_list_diff(category: Category) -> ListDiff:
    """What the newest list of a category changed from the one before."""
    return views.list_diff(category, store=open_store(), records=open_records(), categories=categories())
