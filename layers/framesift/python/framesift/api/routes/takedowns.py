"""Clips that must not be listed."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body

from framesift.api import views
from framesift.api.messages import Takedown, TakedownRequest
from framesift.api.routes.options import WRITERS, new_router, open_records, open_store

router = new_router()


@router.post("/v1/takedowns", summary="Take a clip down", **WRITERS)
def post_takedown(request: Annotated[TakedownRequest, Body()]) -> Takedown:
    """Record that a clip must not be listed: lists that are published from now on leave it out."""
    return views.take_down(request, store=open_store(), records=open_records())
