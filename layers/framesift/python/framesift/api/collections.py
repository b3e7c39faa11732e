"""The API of people and collections: what its function serves, and the description of both functions' routes."""

from __future__ import annotations

from framesift.api.resolver import make_app
from framesift.api.routes import batches, catalog, collections, items, me, members, people, queries, shared, shares

app = make_app(
    each.router for each in (me, people, collections, members, shares, items, catalog, queries, batches, shared)
)
