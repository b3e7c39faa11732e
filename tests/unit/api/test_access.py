"""Every route of people and collections, asked by everybody, about one's own and another tenant's.

A new route needs a line in `EXPECTED`: what each of `ROLES` gets.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from itertools import count
from typing import Any

import pytest

from framesift.api.collections import app
from framesift.settings import load_settings
from framesift.storage import S3Store
from framesift.table import Records
from tests.conftest import BUCKET, TABLE, make_account, make_bucket, make_table
from tests.unit.api.people import (
    OUR_BATCH,
    OUR_EXPORT,
    OUR_IMPORT,
    OUR_ITEM,
    OUR_MAP,
    OUR_SAMPLE,
    OUR_SHARE,
    OUR_TOKEN,
    SCOPES,
    THEIR_BATCH,
    THEIR_EXPORT,
    THEIR_IMPORT,
    THEIR_ITEM,
    THEIR_MAP,
    THEIR_SAMPLE,
    THEIR_SHARE,
    THEIR_TOKEN,
    World,
    ask_as,
    make_machine,
)

ROLES = ("anonymous", "stranger", "viewer", "editor", "owner", "admin", "newcomer")
"""`newcomer` waits for an administrator's approval; `stranger` is another tenant; whoever has a link is anonymous."""

VIEWERS = (401, 404, 200, 200, 200, 404, 403)
EDITORS = (401, 404, 403, 200, 200, 404, 403)
OWNERS = (401, 404, 403, 403, 200, 404, 403)
ADMINS = (401, 403, 403, 403, 403, 200, 403)
PERSONS = (401, 200, 200, 200, 200, 200, 403)
ANYBODY = (401, 200, 200, 200, 200, 200, 200)
LINKS = (200, 200, 200, 200, 200, 200, 200)


def answering(status: int, expected: tuple[int, ...]) -> tuple[int, ...]:
    """The same with another status of success."""
    return tuple(status if each == 200 else each for each in expected)


C = "/v1/collections/{collection_id}"
B = C + "/batches/{batch}"
M = C + "/maps/{map_id}"
E = C + "/exports/{export}"
EXPECTED: dict[str, tuple[int, ...]] = {
    "GET /v1/me": ANYBODY,
    "PATCH /v1/me": ANYBODY,
    # Others share the owner's collection; the other tenant's is nobody else's, and is deleted.
    "DELETE /v1/me": (401, 202, 202, 202, 409, 202, 202),
    "GET /v1/people": ADMINS,
    "PUT /v1/people/{user}/approval": ADMINS,
    "DELETE /v1/people/{user}/approval": ADMINS,
    "GET /v1/collections": PERSONS,
    "POST /v1/collections": answering(201, PERSONS),
    f"GET {C}": VIEWERS,
    f"PATCH {C}": OWNERS,
    f"DELETE {C}": answering(202, OWNERS),
    f"GET {C}/members": EDITORS,
    f"POST {C}/members": OWNERS,
    f"DELETE {C}/members/{{user}}": OWNERS,
    f"GET {C}/shares": OWNERS,
    f"POST {C}/shares": answering(201, OWNERS),
    f"DELETE {C}/shares/{{share}}": OWNERS,
    f"GET {C}/items": VIEWERS,
    f"GET {C}/items/{{item_id}}": VIEWERS,
    f"PATCH {C}/items/{{item_id}}": EDITORS,
    f"DELETE {C}/items/{{item_id}}": EDITORS,
    f"GET {C}/items/{{item_id}}/history": EDITORS,
    f"GET {C}/items/{{item_id}}/media": answering(302, VIEWERS),
    f"GET {C}/tags": VIEWERS,
    f"POST {C}/tags": EDITORS,
    f"POST {C}/deletions": EDITORS,
    f"POST {C}/metadata": EDITORS,
    f"GET {C}/facets": VIEWERS,
    f"GET {C}/count": VIEWERS,
    f"GET {C}/complete": VIEWERS,
    f"POST {C}/search": VIEWERS,
    f"GET {C}/queries": VIEWERS,
    f"PUT {C}/queries/{{name}}": EDITORS,
    f"DELETE {C}/queries/{{name}}": EDITORS,
    f"GET {C}/versions": VIEWERS,
    f"POST {C}/versions": answering(201, EDITORS),
    f"GET {C}/versions/{{version}}": VIEWERS,
    f"DELETE {C}/versions/{{version}}": OWNERS,
    f"GET {C}/versions/{{version}}/diff": EDITORS,
    f"POST {C}/splits": EDITORS,
    f"GET {C}/splits/leaks": EDITORS,
    f"GET {C}/exports": EDITORS,
    f"POST {C}/exports": answering(202, EDITORS),
    f"GET {E}": EDITORS,
    f"GET {E}/file": answering(302, EDITORS),
    f"POST {E}/retry": answering(202, EDITORS),
    f"DELETE {E}": EDITORS,
    f"GET {C}/imports": EDITORS,
    f"POST {C}/imports": answering(201, EDITORS),
    f"GET {C}/imports/{{import_id}}": EDITORS,
    f"POST {C}/imports/{{import_id}}/start": answering(202, EDITORS),
    f"GET {C}/maps": EDITORS,
    f"POST {C}/maps": answering(202, EDITORS),
    f"GET {M}": EDITORS,
    f"GET {M}/file": answering(302, EDITORS),
    f"POST {M}/update": answering(202, EDITORS),
    f"DELETE {M}": EDITORS,
    f"GET {C}/samples": EDITORS,
    f"POST {C}/samples": answering(202, EDITORS),
    f"GET {C}/samples/{{sample_id}}": EDITORS,
    f"GET {C}/batches": EDITORS,
    f"POST {C}/batches": answering(201, EDITORS),
    f"GET {B}": EDITORS,
    f"DELETE {B}": EDITORS,
    f"POST {B}/files": EDITORS,
    f"GET {B}/files": EDITORS,
    f"POST {B}/links": EDITORS,
    # It has no files, and has not failed.
    f"POST {B}/complete": answering(409, EDITORS),
    f"POST {B}/retry": answering(409, EDITORS),
    f"GET {B}/ledger": EDITORS,
    f"POST {C}/look": answering(202, EDITORS),
    "GET /v1/shared/{token}": LINKS,
    "GET /v1/shared/{token}/items": LINKS,
    "GET /v1/shared/{token}/items/{item_id}": LINKS,
    "GET /v1/shared/{token}/items/{item_id}/media": answering(302, LINKS),
}
OF_COLLECTIONS = frozenset({"item_id", "batch", "export", "import_id", "map_id", "sample_id"})
"""What names something of a collection in a path."""
QUERIES = {f"GET {C}/versions/{{version}}/diff": {"to": "first"}}
BODIES: dict[str, Any] = {
    "PATCH /v1/me": {"name": "Kim"},
    "POST /v1/collections": {"id": "new {n}"},
    f"PATCH {C}": {"description": "Parts"},
    f"POST {C}/members": {"email": "stranger-{n}@example.com", "role": "viewer"},
    f"POST {C}/shares": {},
    f"PATCH {C}/items/{{item_id}}": {"tags": {"add": ["dent"]}},
    f"POST {C}/tags": {"add": ["dent"], "query": ""},
    f"POST {C}/deletions": {"ids": [OUR_ITEM]},
    f"POST {C}/metadata": {"values": {OUR_ITEM: {"line": 3}}},
    f"POST {C}/search": {"parts": [{"item": OUR_ITEM}]},
    f"PUT {C}/queries/{{name}}": {"query": "tag:dent"},
    f"POST {C}/versions": {"name": "second"},
    f"POST {C}/exports": {"format": "csv"},
    f"POST {C}/imports": {"format": "label-studio", "size_bytes": 100},
    f"POST {C}/splits": {},
    f"POST {C}/maps": {"query": "tag:dent", "options": {"method": "umap", "dimensions": 3}},
    f"POST {C}/samples": {"tag": "chosen {n}"},
    f"POST {C}/batches": {},
    f"POST {B}/files": {"files": [{"name": "1.png", "size_bytes": 10}]},
    f"POST {B}/links": {"numbers": [0]},
    f"POST {C}/look": {},
}


def is_reading(route: str) -> bool:
    """Whether the scope to read is enough."""
    return route.startswith("GET") or route == f"POST {C}/search"


def routes() -> Iterator[str]:
    """Every route of the application."""
    for path, operations in (app.get_openapi_schema().paths or {}).items():
        for method in ("get", "post", "put", "patch", "delete"):
            if getattr(operations, method):
                yield f"{method.upper()} {path}"


@cache
def describe() -> dict[str, Any]:
    return json.loads(app.get_openapi_json_schema())


def documented(route: str) -> set[str]:
    """The statuses that the description of the API has for a route."""
    method, path = route.split(" ")
    return set(describe()["paths"][path][method.lower()]["responses"])


class Worlds:
    """Worlds in one account. To make one takes ten times as long as to ask a route, so it is used until it is changed.

    Args:
        store: The bucket that they share.
        records: The table that they share.
    """

    def __init__(self, store: S3Store, records: Records) -> None:
        self._store, self._records = store, records
        self._numbers = count()
        self._unchanged: World | None = None

    def get(self) -> World:
        """A world as it was made."""
        if self._unchanged is None:
            self._unchanged = World(self._store, self._records).make(next(self._numbers))
        return self._unchanged

    def ask(self, role: str, route: str, **options: Any) -> int:
        """Ask a route in a world as it was made; whatever but a GET is answered with success has changed it."""
        status = ask(self.get(), role, route, **options)
        if status < 400 and not route.startswith("GET"):
            self._unchanged = None
        return status


@pytest.fixture(scope="module")
def made_worlds() -> Iterator[Worlds]:
    """What the tests of this file share; each finds there only what was made, and nothing that another has changed."""
    with make_account():
        yield Worlds(make_bucket(), make_table())


@pytest.fixture(scope="module")
def machine(made_worlds: Worlds) -> str:
    return make_machine()


@pytest.fixture
def worlds(made_worlds: Worlds, machine: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Worlds:
    monkeypatch.setenv("FRAMESIFT_PLATFORM__BUCKET", BUCKET)
    monkeypatch.setenv("FRAMESIFT_PLATFORM__TABLE", TABLE)
    monkeypatch.setenv("FRAMESIFT_PLATFORM__STATE_MACHINE", machine)
    monkeypatch.setenv("FRAMESIFT_API__CLIENT_REQUESTS_PER_MINUTE", "0")
    monkeypatch.setenv("FRAMESIFT_PEOPLE__APPROVAL_REQUIRED", "true")
    monkeypatch.setenv("FRAMESIFT_PEOPLE__SIGN_UP", "true")
    monkeypatch.setenv("FRAMESIFT_CATALOG__CACHE_DIR", str(tmp_path))
    load_settings.cache_clear()
    return made_worlds


def ask(
    world: World,
    role: str,
    route: str,
    *,
    theirs: frozenset[str] = frozenset(),
    scope: str = SCOPES,
    key: str = "",
) -> int:
    """Ask a route with ids of ours, or for some parameters of the other tenant's; returns the status."""
    method, path = route.split(" ")
    ids = {
        "collection_id": (world.ours, world.theirs),
        "item_id": (OUR_ITEM, THEIR_ITEM),
        "user": (world.users["newcomer"], world.users["stranger"]),
        "share": (OUR_SHARE, THEIR_SHARE),
        "name": ("dents", "dents"),
        "version": ("first", "first"),
        "export": (OUR_EXPORT, THEIR_EXPORT),
        "import_id": (OUR_IMPORT, THEIR_IMPORT),
        "batch": (OUR_BATCH, THEIR_BATCH),
        "map_id": (OUR_MAP, THEIR_MAP),
        "sample_id": (OUR_SAMPLE, THEIR_SAMPLE),
        "token": (OUR_TOKEN, THEIR_TOKEN),
    }
    path = path.format(**{name: both[name in theirs] for name, both in ids.items()})
    body = json.loads(json.dumps(BODIES.get(route)).replace("{n}", str(world.number)))
    who = None if role == "anonymous" else world.users[role]
    headers = {"if-match": "*", "idempotency-key": key}
    return ask_as(who, method, path, query=QUERIES.get(route), body=body, headers=headers, scope=scope).status


def test_every_route_has_a_line() -> None:
    assert set(routes()) == set(EXPECTED)


@pytest.mark.parametrize("route", EXPECTED)
def test_each_role_gets_what_the_table_says(route: str, worlds: Worlds) -> None:
    got = [worlds.ask(role, route) for role in ROLES]
    assert dict(zip(ROLES, got, strict=True)) == dict(zip(ROLES, EXPECTED[route], strict=True))
    assert set(map(str, got)) <= documented(route)


@pytest.mark.parametrize("route", [route for route in EXPECTED if "{collection_id}" in route])
def test_nobody_gets_into_another_tenants_collection(route: str, worlds: Worlds) -> None:
    for role in ("viewer", "editor", "owner", "admin"):
        assert worlds.ask(role, route, theirs=OF_COLLECTIONS | {"collection_id", "share"}) == 404, role
        assert worlds.ask(role, route, theirs=frozenset({"collection_id"})) == 404, role


@pytest.mark.parametrize(
    "route", [route for route in EXPECTED if any(f"{{{name}}}" in route for name in OF_COLLECTIONS)]
)
def test_ids_of_another_tenant_are_none_of_ones_own(route: str, worlds: Worlds) -> None:
    assert worlds.ask("owner", route, theirs=OF_COLLECTIONS) == 404


def test_revoking_another_tenants_link_in_ones_own_collection_does_nothing(worlds: Worlds) -> None:
    world = worlds.get()
    assert worlds.ask("owner", f"DELETE {C}/shares/{{share}}", theirs=frozenset({"share"})) == 200
    assert ask(world, "anonymous", "GET /v1/shared/{token}", theirs=frozenset({"token"})) == 200


def test_a_collection_that_is_hidden_answers_like_none(worlds: Worlds) -> None:
    world = worlds.get()
    hidden = ask_as(world.users["stranger"], "GET", f"/v1/collections/{world.ours}").json
    none = ask_as(world.users["stranger"], "GET", "/v1/collections/nothing").json
    assert hidden["detail"] == f"There is no collection {world.ours}."
    assert hidden["type"] == none["type"]


@pytest.mark.parametrize("scope", ["framesift/read", "openid", ""])
def test_a_token_without_the_scope_is_refused(scope: str, worlds: Worlds) -> None:
    for route in EXPECTED:
        if "{token}" not in route and (scope != "framesift/read" or not is_reading(route)):
            assert worlds.ask("owner", route, scope=scope) == 403, route
