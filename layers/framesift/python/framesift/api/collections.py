"""The API of people and collections: what its function serves, and the description of both functions' routes."""

from __future__ import annotations

from framesift.api.resolver import make_app
from framesift.api.routes import (
    batches,
    catalog,
    collections,
    exports,
    imports,
    items,
    maps,
    me,
    members,
    people,
    queries,
    samples,
    search,
    shared,
    shares,
    splits,
    versions,
)

_RESOURCES = (
    me, people, collections, members, shares, items, catalog, search, queries, batches, versions, splits, exports,
    imports, maps, samples, shared,
)  # fmt: skip

app = make_app(resource.router for resource in _RESOURCES)
