"""Clips and their history."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path

from framesift.api import views
from framesift.api.messages import CLIP_ID_PATTERN, ClipHistory, Source
from framesift.api.routes.options import READERS, new_router, open_records

router = new_router()


@router.get("/v1/clips/<source>/<clip_id>", summary="A clip's history", **READERS)
def get_clip(source: Annotated[Source, Path()], clip_id: Annotated[str, Path(pattern=CLIP_ID_PATTERN)]) -> ClipHistory:
    """The outcome of a clip on each day that it was collected."""
    return views.clip_history(source, clip_id, records=open_records())
