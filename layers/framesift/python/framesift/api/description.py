"""The description of the whole API, as OpenAPI 3.1: the routes of both functions in one document."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final

DESCRIPTION_PATH: Final = "/v1/openapi.json"


@cache
def describe_api() -> dict[str, Any]:
    """Describe every route that is for programs: made once in a process, as it takes a third of a second."""
    from framesift.api.app import app as lists_app
    from framesift.api.collections import app as collections_app

    described, added = (json.loads(app.get_openapi_json_schema()) for app in (lists_app, collections_app))
    described["paths"] |= added["paths"]
    described["components"]["schemas"] |= added["components"]["schemas"]
    return dict(described)
