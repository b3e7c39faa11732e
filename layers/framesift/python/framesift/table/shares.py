"""Links that let anybody who has them look at a collection, or at one of its items, for a while."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydantic import AwareDatetime, Field

from framesift.contracts import Contract
from framesift.table.table import Table

_SHARE: Final = "SHARE#"
_OF: Final = "SHARE"


class Share(Contract):
    """What a link opens."""

    id: str = Field(description="The SHA-256 of its token, hexadecimal.")
    collection: str
    item: str | None = Field(None, description="The one item that it opens; null: the collection.")
    note: str = ""
    by: str = Field("", description="The user who made it.")
    created_at: AwareDatetime
    expires_at: AwareDatetime


@dataclass(frozen=True)
class Shares:
    """Records of links.

    A link's token is kept nowhere: only its digest, which leads to the record in the collection's partition. So a link
    ends with that record, and with its collection.
    """

    table: Table

    def create(self, share: Share) -> None:
        """Record a link."""
        expires_at = int(share.expires_at.timestamp())
        record = {"share": share.model_dump_json(), "expires_at": expires_at}
        self.table.put(_partition(share.collection), f"{_SHARE}{share.id}", record)
        lead = {"collection_id": share.collection, "expires_at": expires_at}
        self.table.put(f"{_SHARE}{share.id}", _OF, lead)

    def find(self, token: str) -> Share | None:
        """What a token opens; None if it is not one of ours, or was revoked. Whether it has expired is not checked."""
        key = f"{_SHARE}{share_id(token)}"
        lead = self.table.get(key, _OF)
        if lead is None:
            return None
        found = self.table.get(_partition(lead["collection_id"]), key)
        return Share.model_validate_json(found["share"]) if found else None

    def of_collection(self, collection_id: str) -> Iterator[Share]:
        """A collection's links, those that have expired included until the table deletes them."""
        found = self.table.query(_partition(collection_id), prefix=_SHARE)
        return (Share.model_validate_json(record["share"]) for record in found)

    def revoke(self, collection_id: str, share: str) -> None:
        """Let a link open nothing any more; that there is none is no error."""
        key = f"{_SHARE}{share}"
        if self.table.get(_partition(collection_id), key):  # Else it may be another collection's.
            self.table.delete(key, _OF)
            self.table.delete(_partition(collection_id), key)


def _partition(collection_id: str) -> str:
    return f"COLLECTION#{collection_id}"


def share_id(token: str) -> str:
    """The id of the link that a token opens."""
    return hashlib.sha256(token.encode()).hexdigest()
