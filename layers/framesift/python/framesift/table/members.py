"""Who belongs to which collection, and which collections everybody, or a department, can see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import AwareDatetime, Field

from framesift.contracts import Contract
from framesift.table.collections import Collection
from framesift.table.table import Table

Role = Literal["viewer", "editor", "owner"]
"""What somebody may do with a collection; each may do what those before it may."""

_MEMBER: Final = "MEMBER#"
_COLLECTION: Final = "COLLECTION#"
_PUBLIC: Final = "PUBLIC"


class Member(Contract):
    """Somebody who belongs to a collection."""

    user: str = Field(description="The user's id.")
    role: Role
    by: str = Field("", description="Who gave the role.")
    at: AwareDatetime


@dataclass(frozen=True)
class Members:
    """Records of members, and of what can be seen without being one.

    Only the member's own record gives a role. The lists by user, department and for everybody are there to find
    collections by: whoever reads them asks for the role then.
    """

    table: Table

    def get(self, collection_id: str, user: str) -> Member | None:
        """Somebody's membership; None if there is none."""
        found = self.table.get(_partition(collection_id), f"{_MEMBER}{user}")
        return Member.model_validate_json(found["member"]) if found else None

    def of_collection(self, collection_id: str) -> Iterator[Member]:
        """A collection's members, in the order of their user ids."""
        found = self.table.query(_partition(collection_id), prefix=_MEMBER)
        return (Member.model_validate_json(record["member"]) for record in found)

    def put(self, collection_id: str, member: Member) -> None:
        """Make somebody a member, or give a member another role."""
        self.list_for(member.user, collection_id)
        self.table.put(_partition(collection_id), f"{_MEMBER}{member.user}", {"member": member.model_dump_json()})

    def delete(self, collection_id: str, user: str) -> None:
        """End a membership; that there is none is no error."""
        self.table.delete(_partition(collection_id), f"{_MEMBER}{user}")
        self.table.delete(_user(user), f"{_COLLECTION}{collection_id}")

    def list_for(self, user: str, collection_id: str) -> None:
        """Put a collection into a user's list."""
        self.table.put(_user(user), f"{_COLLECTION}{collection_id}", {})

    def collections_of(self, user: str) -> Iterator[str]:
        """The ids in a user's list: of collections that are the user's, or that the user is a member of."""
        found = self.table.query(_user(user), prefix=_COLLECTION)
        return (str(record["sk"]).removeprefix(_COLLECTION) for record in found)

    def show(self, collection: Collection) -> None:
        """List a collection where those find it who may see it without being members."""
        if collection.visibility == "public":
            self.table.put(_PUBLIC, collection.id, {})
        if collection.visibility == "department" and collection.department:
            self.table.put(_department(collection.department), collection.id, {})

    def hide(self, collection: Collection) -> None:
        """Take a collection from the lists that `show` put it into."""
        self.table.delete(_PUBLIC, collection.id)
        if collection.department:
            self.table.delete(_department(collection.department), collection.id)

    def shown_to(self, department: str) -> Iterator[str]:
        """The ids of collections that a department, or everybody, can see.

        Args:
            department: Its name; empty: only what everybody can see.
        """
        yield from (str(record["sk"]) for record in self.table.query(_PUBLIC))
        if department:
            yield from (str(record["sk"]) for record in self.table.query(_department(department)))


def _partition(collection_id: str) -> str:
    return f"COLLECTION#{collection_id}"


def _user(user: str) -> str:
    return f"USER#{user}"


def _department(name: str) -> str:
    return f"DEPARTMENT#{name.casefold()}"
