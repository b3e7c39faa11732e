"""Predictions in human review."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from framesift.api import views
from framesift.api.messages import REVIEW_ID_PATTERN, ReviewList, VerdictRequest
from framesift.api.routes.options import READERS, WRITERS, new_router, open_records, open_store
from framesift.contracts import Region
from framesift.errors import InputError
from framesift.settings import load_settings
from framesift.table import Review, Verdict

router = new_router()

Cursor = Annotated[
    str, Query(pattern=r"^[A-Za-z0-9._-]{0,160}$", description="`next_cursor` of the page before; empty: the first.")
]


@router.get("/v1/reviews", summary="Predictions to review", **READERS)
def get_reviews(
    verdict: Annotated[Verdict, Query()] = "pending",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Cursor = "",
) -> ReviewList:
    """Predictions that are pending, or that a person has decided; oldest first, a page at a time."""
    settings = load_settings()
    return views.review_page(
        verdict,
        limit=limit,
        after=cursor,
        tags=settings.detection.tags,
        store=open_store(),
        records=open_records(),
        link_s=settings.api.media_url_s,
    )


@router.post("/v1/reviews/<review_id>", summary="Decide about a prediction", **WRITERS)
def post_review(
    review_id: Annotated[str, Path(pattern=REVIEW_ID_PATTERN)], request: Annotated[VerdictRequest, Body()]
) -> Review:
    """Accept a prediction, which is trained on from the next run on, or reject it; a later verdict wins.

    What is accepted may be corrected: another tag, another box.
    """
    tags = load_settings().detection.tags
    if request.correction and request.correction.tag not in tags:
        raise InputError(f"The tag {request.correction.tag!r} is not trained; tags are: {', '.join(tags)}.")
    authorizer = router.current_event.request_context.authorizer
    claims = authorizer.jwt_claim if authorizer else {}
    correction = Region(**request.correction.model_dump()) if request.correction else None
    return open_records().reviews.decide(review_id, request.verdict, str(claims.get("sub", "api")), correction)
