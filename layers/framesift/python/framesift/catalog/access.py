"""What somebody may do with a collection: one decision, which every route asks for.

| who | role |
| --- | --- |
| the collection's owner | owner |
| a member | the membership's |
| an administrator, where a collection is nobody's | owner |
| the department that a collection is visible to | viewer |
| everybody who is let in, where it is public | viewer |
| anybody else | none: it does not exist for them |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from framesift.contracts import CatalogItem
from framesift.table import Collection, Profile
from framesift.table.members import Role

_ROLES: Final[tuple[Role, ...]] = ("viewer", "editor", "owner")


@dataclass(frozen=True)
class Caller:
    """Who asks.

    Attributes:
        user: The user's id.
        department: The department that counts; empty: none.
        is_approved: May use more than the own profile.
        is_admin: Administers people.
    """

    user: str
    department: str = ""
    is_approved: bool = True
    is_admin: bool = False


def make_caller(user: str, profile: Profile | None, *, is_admin: bool, approval_required: bool) -> Caller:
    """Say who asks.

    Where people are approved, a department counts only as it was when the person was approved: everybody can write
    anything into the own profile.

    Args:
        user: The user's id.
        profile: The user's profile; None: the user has none yet.
        is_admin: Administers people, and needs nobody's approval.
        approval_required: Whether people wait for an administrator's approval.
    """
    department = profile.department if profile else ""
    approved = not approval_required or is_admin or bool(profile and profile.approved)
    if approval_required and not is_admin and (profile is None or department != profile.approved_department):
        department = ""
    return Caller(user, department, approved, is_admin)


def find_role(caller: Caller, collection: Collection, membership: Role | None) -> Role | None:
    """What somebody may do with a collection; None: nothing, not even know that it exists.

    Example:
        >>> from datetime import UTC, datetime
        >>> parts = Collection(id="parts", owner="ann", visibility="public", created_at=datetime.now(UTC))
        >>> [find_role(Caller(user), parts, None) for user in ("ann", "bob")]
        ['owner', 'viewer']
    """
    if not caller.is_approved or not caller.user:
        return None
    if collection.owner == caller.user or (caller.is_admin and not collection.owner):
        return "owner"
    if membership:
        return membership
    own = collection.department.casefold() == caller.department.casefold() and caller.department != ""
    if collection.visibility == "public" or (collection.visibility == "department" and own):
        return "viewer"
    return None


def includes(role: Role | None, needed: Role) -> bool:
    """Whether a role is enough.

    Example:
        >>> includes("owner", "editor"), includes("viewer", "editor"), includes(None, "viewer")
        (True, False, False)
    """
    return role is not None and _ROLES.index(role) >= _ROLES.index(needed)


def viewer_of(role: Role, user: str) -> str | None:
    """The viewer for whom the catalog's reader leaves items out; None: one who sees all of them."""
    return None if includes(role, "editor") else user


def is_named(item: CatalogItem, caller: Caller) -> bool:
    """Whether somebody may see this one item because it names them, whatever they may do with its collection."""
    return caller.is_approved and bool(caller.user) and caller.user in (item.viewers or [])
