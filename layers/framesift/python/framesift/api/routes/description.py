"""The API's own description."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import Response

from framesift.api.description import DESCRIPTION_PATH, describe_api
from framesift.api.middlewares import to_json
from framesift.api.routes.options import CACHED, new_router

router = new_router()


@router.get(DESCRIPTION_PATH, include_in_schema=False, middlewares=CACHED)
def get_openapi() -> Response[str]:
    """The whole API, as OpenAPI 3.1."""
    return Response(200, content_type="application/json", body=to_json(describe_api()))
