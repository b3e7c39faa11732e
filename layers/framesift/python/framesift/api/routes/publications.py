"""Publishing a day's lists again."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body

from framesift.api import views
from framesift.api.messages import Publication, PublicationRequest
from framesift.api.routes.options import WRITERS, describe_problem, new_router, open_records, open_store
from framesift.settings import load_settings

router = new_router()


_BUSY = {409: describe_problem("The day is being run.")}


@router.post("/v1/publications", summary="Publish again", **WRITERS | {"responses": WRITERS["responses"] | _BUSY})
def post_publication(request: Annotated[PublicationRequest, Body()]) -> Publication:
    """Publish a day's lists again, without a crawl: clips that are taken down leave, and the ranks close up."""
    return views.publish_again(request, settings=load_settings(), store=open_store(), records=open_records())
