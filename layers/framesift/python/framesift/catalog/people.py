"""People: letting them in, and deleting their accounts."""

from __future__ import annotations

from collections.abc import Sequence

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
    # Shares, batches and queries may go on naming the person: deleting the account finds them by this.
    records.collections.note_author(collection.id, user)
    records.members.delete(collection.id, user)


def check_admin_or_self(user: str, by: str, *, may: bool) -> None:
    """Refuse what only an owner, or the person, may do.

    Raises:
        RoleTooLowError: It is neither.
    """
    if not may and user != by:
        raise RoleTooLowError("Only an owner can do this for somebody else.")


def delete_person(profile: Profile, records: Records, pool: UserPool | None) -> None:
    """Delete an account: the person can do nothing any more, and what names them is deleted in the background.

    A collection that others share passes to another of its owners; one that nobody shares is deleted.

    Args:
        profile: Whose account.
        records: The table.
        pool: Where the user is deleted; None: nowhere.

    Raises:
        OwnedCollectionsError: Others share collections that have no other owner; nothing is deleted.
        RevisionChangedError: A collection was changed at the same moment.
    """
    mine = list(records.members.collections_of(profile.user))
    found = [about for about in map(records.collections.find, mine) if about and not about.deleting]
    owned = [(about, _other_members(about, records)) for about in found if about.owner == profile.user]
    shared = [about.id for about, members in owned if members and not _find_heir(members)]
    if shared:
        raise OwnedCollectionsError(
            f"Others share {', '.join(shared[:_SHOWN])}{', …' if len(shared) > _SHOWN else ''}, which you alone own: "
            "make somebody else an owner, or delete them first."
        )
    for collection, members in owned:
        if heir := _find_heir(members):
            _hand_over(collection, heir, records)
        else:
            request_collection_deletion(collection, profile.user, records)
    # From here on the maintenance of collections does what is left, should this be cut off.
    records.deletions.request("account", profile.user, profile.user)
    if pool:
        pool.delete(profile.user)
    records.people.delete(profile)


def request_collection_deletion(collection: Collection, by: str, records: Records) -> None:
    """Let nobody use a collection any more; the maintenance of collections deletes what is kept of it.

    Args:
        collection: The collection as it was read.
        by: The user's id; empty: an operator.
        records: The table.

    Raises:
        RevisionChangedError: It was changed since.
    """
    records.deletions.request("collection", collection.id, by)
    if records.collections.change(collection, deleting=True) is None:
        records.deletions.finish("collection", collection.id)
        raise RevisionChangedError(f"{collection.id} was changed at the same moment: read it again.")
    records.members.hide(collection)


def _hand_over(collection: Collection, heir: str, records: Records) -> None:
    """Make a member the person whose collection it is; the person before is a member no more."""
    if records.collections.change(collection, owner=heir) is None:
        raise RevisionChangedError(f"{collection.id} was changed at the same moment: try again.")
    # What else names the person is found by this.
    records.collections.note_author(collection.id, collection.owner)
    records.members.delete(collection.id, heir)
    records.members.list_for(heir, collection.id)


def _other_members(collection: Collection, records: Records) -> list[Member]:
    return [member for member in records.members.of_collection(collection.id) if member.user != collection.owner]


def _find_heir(members: Sequence[Member]) -> str | None:
    return next((member.user for member in members if member.role == "owner"), None)


def _change(profile: Profile, records: Records, **changes: object) -> Profile:
    changed = records.people.change(profile, **changes)
    if changed is None:
        raise RevisionChangedError("The profile was changed at the same moment: read it again.")
    return changed
