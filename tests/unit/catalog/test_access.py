"""Who may do what with a collection, decided without a table or a network."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest

from framesift.catalog.access import Caller, find_role, includes, is_named, make_caller, viewer_of
from framesift.table import Collection, Profile, Role
from tests.unit.catalog.items import make_item

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def a_collection(**fields: Any) -> Collection:
    return Collection.model_validate({"id": "parts", "owner": "ann", "created_at": NOW, **fields})


@pytest.mark.parametrize(
    ("caller", "fields", "membership", "role"),
    [
        (Caller("ann"), {}, None, "owner"),
        (Caller("ann"), {}, "viewer", "owner"),
        (Caller("bob"), {}, None, None),
        (Caller("bob"), {}, "editor", "editor"),
        (Caller("bob"), {"visibility": "public"}, None, "viewer"),
        (Caller("bob"), {"visibility": "public"}, "owner", "owner"),
        (Caller("bob", "Casting"), {"visibility": "department", "department": "casting"}, None, "viewer"),
        (Caller("bob", "Casting"), {"visibility": "private", "department": "casting"}, None, None),
        (Caller("bob", "Forging"), {"visibility": "department", "department": "casting"}, None, None),
        (Caller("bob", ""), {"visibility": "department", "department": ""}, None, None),
        (Caller("bob", is_admin=True), {}, None, None),
        (Caller("bob", is_admin=True), {"owner": ""}, None, "owner"),
        (Caller("bob"), {"owner": ""}, None, None),
        (Caller(""), {"owner": "", "visibility": "public"}, None, None),
        (Caller("ann", is_approved=False), {"visibility": "public"}, "owner", None),
    ],
)
def test_each_role(caller: Caller, fields: dict[str, Any], membership: Role | None, role: Role | None) -> None:
    assert find_role(caller, a_collection(**fields), membership) == role


def test_a_role_may_do_what_those_before_it_may() -> None:
    roles: tuple[Role, ...] = ("viewer", "editor", "owner")
    for (place, role), (least, needed) in product(enumerate(roles), enumerate(roles)):
        assert includes(role, needed) == (place >= least)
    assert [viewer_of(role, "ann") for role in roles] == ["ann", None, None]


@pytest.mark.parametrize(
    ("profile", "is_admin", "approval_required", "expected"),
    [
        ({}, False, False, (True, "Casting")),
        ({}, False, True, (False, "")),
        ({"approved": True, "approved_department": "Casting"}, False, True, (True, "Casting")),
        # Who changes the own department keeps being let in, but is of no department until that is approved.
        ({"approved": True, "approved_department": "Forging"}, False, True, (True, "")),
        ({}, True, True, (True, "Casting")),
        (None, False, True, (False, "")),
        (None, False, False, (True, "")),
    ],
)
def test_who_is_let_in_and_of_which_department(
    profile: dict[str, Any] | None, is_admin: bool, approval_required: bool, expected: tuple[bool, str]
) -> None:
    known = {"user": "bob", "email": "bob@example.com", "department": "Casting", "created_at": NOW}
    given = None if profile is None else Profile.model_validate(known | profile)
    caller = make_caller("bob", given, is_admin=is_admin, approval_required=approval_required)
    assert (caller.is_approved, caller.department) == expected


def test_an_item_names_those_who_see_it() -> None:
    item = make_item(1, viewers=["bob"])
    assert is_named(item, Caller("bob"))
    assert not is_named(item, Caller("bob", is_approved=False))
    assert not is_named(item, Caller("ann"))
    assert not is_named(make_item(1), Caller("bob"))
