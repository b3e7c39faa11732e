"""People: letting them in, and deleting their accounts."""

from __future__ import annotations

from framesift.catalog.directory import UserPool
from framesift.errors import LastOwnerError, OwnedCollectionsError, RevisionChangedError, RoleTooLowError
from framesift.table import Collection, Member, Profile, Records

_SHOWN = 3  # Collections that a message names.


def approve(profile: Profile, by: str, records: Records) -> Profile:
    """Let a person in, with the department that the person has given.

    Raises:
        RevisionChangedError: The profile was changed at the same moment.
    """
    return _change(profile, records, approved=True, approved_department=profile.department, approved_by=by)


def suspend(profile: Profile, by: str, records: Records) -> Profile:
    """Let a person do nothing any more but see and change the own profile.

    Raises:
        RevisionChangedError: The profile was changed at the same moment.
    """
    return _change(profile, records, approved=False, approved_department="", approved_by=by)


def set_member(collection: Collection, member: Member, records: Records) -> None:
    """Make somebody a member, or give a member another role.

    Raises:
        LastOwnerError: It is the person whose collection it is.
    """
    if member.user == collection.owner:
        raise LastOwnerError("The collection is this person's own: their role cannot be changed.")
    records.members.put(collection.id, member)


def end_membership(collection: Collection, user: str, records: Records) -> None:
    """End a membership.

    Raises:
        LastOwnerError: It is the person whose collection it is.
    """
    if user == collection.owner:
        raise LastOwnerError("The collection is this person's own: make somebody else an owner, or delete it.")
    records.members.delete(collection.id, user)


def check_admin_or_self(user: str, by: str, *, may: bool) -> None:
    """Refuse what only an owner, or the person, may do.

    Raises:
        RoleTooLowError: It is neither.
    """
    if not may and user != by:
        raise RoleTooLowError("Only an owner can do this for somebody else.")


def delete_person(profile: Profile, records: Records, pool: UserPool | None) -> None:
    """Delete an account: memberships, the profile, and the user.

    A collection of the person's passes to another of its owners.

    Args:
        profile: Whose account.
        records: The table.
        pool: Where the user is deleted; None: nowhere.

    Raises:
        OwnedCollectionsError: Collections have no other owner; nothing is deleted.
    """
    mine = list(records.members.collections_of(profile.user))
    owned = [found for found in map(records.collections.find, mine) if found and found.owner == profile.user]
    heirs = {collection.id: _find_heir(collection, records) for collection in owned}
    alone = [collection_id for collection_id, heir in heirs.items() if heir is None]
    if alone:
        raise OwnedCollectionsError(
            f"You alone own {', '.join(alone[:_SHOWN])}{', …' if len(alone) > _SHOWN else ''}: delete them, or make "
            "somebody else an owner of them first."
        )
    for collection in owned:
        heir = heirs[collection.id]
        if records.collections.change(collection, owner=heir) is None:
            raise RevisionChangedError(f"{collection.id} was changed at the same moment: try again.")
        records.members.delete(collection.id, heir or "")
        records.members.list_for(heir or "", collection.id)
    for collection_id in mine:
        records.members.delete(collection_id, profile.user)
    if pool:
        pool.delete(profile.user)
    records.people.delete(profile)


def _find_heir(collection: Collection, records: Records) -> str | None:
    owners = (member.user for member in records.members.of_collection(collection.id) if member.role == "owner")
    return next(owners, None)


def _change(profile: Profile, records: Records, **changes: object) -> Profile:
    changed = records.people.change(profile, **changes)
    if changed is None:
        raise RevisionChangedError("The profile was changed at the same moment: read it again.")
    return changed
