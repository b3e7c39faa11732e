"""The API's own description."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from framesift.api.routes.options import CACHED, new_router

router = new_router()


@router.get("/v1/openapi.json", include_in_schema=False, middlewares=CACHED)
def get_openapi() -> Response[str]:
    """This API, as OpenAPI 3.1."""
    app = router.api_resolver
    if not isinstance(app, APIGatewayHttpResolver):
        raise TypeError("The router belongs to no resolver.")
    return Response(200, content_type="application/json", body=app.get_openapi_json_schema())
