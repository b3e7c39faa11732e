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

    id: str
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

    def create(self, share: Share, token: str) -> None:
        """Record a link."""
        expires_at = int(share.expires_at.timestamp())
        record = {"share": share.model_dump_json(), "expires_at": expires_at}
        self.table.put(_partition(share.collection), f"{_SHARE}{share.id}", record)
        lead = {"collection_id": share.collection, "share_id": share.id, "expires_at": expires_at}
        self.table.put(_digest(token), _OF, lead)

    def find(self, token: str) -> Share | None:
        """What a token opens; None if it is not one of ours, or was revoked. Whether it has expired is not checked."""
        lead = self.table.get(_digest(token), _OF)
        if lead is None:
            return None
        found = self.table.get(_partition(lead["collection_id"]), f"{_SHARE}{lead['share_id']}")
        return Share.model_validate_json(found["share"]) if found else None

    def of_collection(self, collection_id: str) -> Iterator[Share]:
        """A collection's links, those that have expired included until the table deletes them."""
        found = self.table.query(_partition(collection_id), prefix=_SHARE)
        return (Share.model_validate_json(record["share"]) for record in found)

    def revoke(self, collection_id: str, share_id: str) -> None:
        """Let a link open nothing any more; that there is none is no error."""
        self.table.delete(_partition(collection_id), f"{_SHARE}{share_id}")


def _partition(collection_id: str) -> str:
    return f"COLLECTION#{collection_id}"


def _digest(token: str) -> str:
    return f"{_SHARE}{hashlib.sha256(token.encode()).hexdigest()}"
