"""The HTTP API: its resolver, with every route (`routes/`) and problem details for every error.

Lists are public and cacheable. The other routes are behind the gateway's JWT authorizer, and check for a scope again,
so that a route that is wired without the authorizer answers 401 and not a record.
"""

from __future__ import annotations

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, CORSConfig
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer

from framesift.api.middlewares import limit_clients, to_json
from framesift.api.problems import Problems
from framesift.api.routes import ROUTERS

app = APIGatewayHttpResolver(
    enable_validation=True,
    serializer=to_json,
    cors=CORSConfig(allow_origin="*", expose_headers=["ETag"], max_age=600),
)
app.configure_openapi(
    title="Framesift",
    version="1",
    description="The day's top clips, and the records of their runs. Errors are problem details (RFC 9457).",
    security_schemes={"token": HTTPBearer(bearerFormat="JWT", description="An access token of the user pool.")},
)
Problems(app)
app.use([limit_clients])
for router in ROUTERS:
    app.include_router(router)
