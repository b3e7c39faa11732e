"""Who belongs to a collection."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body

from framesift.api.collection_messages import Done, MemberList, NewMember
from framesift.api.gate import enter
from framesift.api.routes.options import CollectionId, UserId, collection_options, new_router
from framesift.catalog.access import includes
from framesift.catalog.people import check_admin_or_self, end_membership, set_member
from framesift.errors import PersonMissingError
from framesift.table import Member

router = new_router()
_READING, _CHANGING, _CREATING = collection_options("members")


@router.get("/v1/collections/<collection_id>/members", summary="Members", **_READING)
def get_members(collection_id: CollectionId) -> MemberList:
    """Everybody who belongs to a collection; for editors."""
    entered = enter(router, collection_id, "editor")
    members = list(entered.records.members.of_collection(entered.id))
    return MemberList(owner=entered.collection.owner, members=members)


@router.post("/v1/collections/<collection_id>/members", summary="Add a member", **_CREATING)
def post_member(collection_id: CollectionId, new: Annotated[NewMember, Body()]) -> Member:
    """Make somebody who has logged in before a member, or give a member another role; for owners."""
    entered = enter(router, collection_id, "owner")
    people = entered.records.people
    user = people.find(new.email) if new.email else new.user
    if user is None or people.get(user) is None:
        raise PersonMissingError("Nobody of that name has logged in yet: ask the person to do so first.")
    member = Member(user=user, role=new.role, by=entered.user, at=datetime.now(UTC))
    set_member(entered.collection, member, entered.records)
    return member


@router.delete("/v1/collections/<collection_id>/members/<user>", summary="End a membership", **_CHANGING)
def delete_member(collection_id: CollectionId, user: UserId) -> Done:
    """End a membership: for owners, and for the member."""
    entered = enter(router, collection_id, "viewer")
    check_admin_or_self(user, entered.user, may=includes(entered.role, "owner"))
    end_membership(entered.collection, user, entered.records)
    return Done()
