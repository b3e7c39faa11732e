"""The API of lists and runs: what its function serves.

Lists are public and cacheable. The other routes are behind the gateway's JWT authorizer, and check for a scope again,
so that a route that is wired without the authorizer answers 401 and not a record.
"""

from __future__ import annotations

from framesift.api.resolver import make_app
from framesift.api.routes import ROUTERS

app = make_app(ROUTERS)
