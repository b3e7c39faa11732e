"""Makes the API's applications: routes, problem details for every error, limits for each client."""

from __future__ import annotations

from collections.abc import Iterable

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, CORSConfig
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from framesift.api.middlewares import limit_body, limit_clients, refuse_half_characters, to_json
from framesift.api.problems import Problems

TITLE = "Framesift"
DESCRIPTION = (
    "The day's top clips, the records of their runs, and collections of images. Errors are problem details (RFC 9457)."
)


def make_app(routers: Iterable[APIGatewayHttpRouter]) -> APIGatewayHttpResolver:
    """Make an application of some routes."""
    app = APIGatewayHttpResolver(
        enable_validation=True,
        serializer=to_json,
        cors=CORSConfig(allow_origin="*", expose_headers=["ETag"], max_age=600),
    )
    app.configure_openapi(
        title=TITLE,
        version="1",
        description=DESCRIPTION,
        security_schemes={"token": HTTPBearer(bearerFormat="JWT", description="An access token of the user pool.")},
    )
    Problems(app)
    app.use([limit_body, limit_clients, refuse_half_characters])
    for router in routers:
        app.include_router(router)
    return app
