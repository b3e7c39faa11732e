"""Clips that must not be listed."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from framesift.api import views
from framesift.api.messages import CLIP_ID_PATTERN, Restored, Source, Takedown, TakedownList, TakedownRequest
from framesift.api.routes.options import READERS, WRITERS, new_router, open_records, open_store
from framesift.pipeline.branches import DEFAULT_SOURCE

router = new_router()


@router.get("/v1/takedowns", summary="Clips that are taken down", **READERS)
def get_takedowns(source: Annotated[Source, Query()] = DEFAULT_SOURCE) -> TakedownList:
    """The clips of a source that must not be listed, the latest takedown first."""
    return views.list_takedowns(source, records=open_records())


@router.post("/v1/takedowns", summary="Take a clip down", **WRITERS)
def post_takedown(request: Annotated[TakedownRequest, Body()]) -> Takedown:
    """Record that a clip must not be listed: every view leaves it out at once."""
    return views.take_down(request, store=open_store(), records=open_records())


@router.delete("/v1/takedowns/<source>/<clip_id>", summary="Undo a takedown", **WRITERS)
def delete_takedown(
    source: Annotated[Source, Path()], clip_id: Annotated[str, Path(pattern=CLIP_ID_PATTERN)]
) -> Restored:
    """Let a clip that was taken down be listed again."""
    return views.restore(source, clip_id, store=open_store(), records=open_records())
