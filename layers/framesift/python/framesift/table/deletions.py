"""Deletions that are under way: what was to be deleted is found here until nothing of it is left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, Field

from framesift.contracts import Contract
from framesift.table.table import Table

DeletionKind = Literal["items", "collection", "account"]
_PARTITION = "DELETION"


class Deletion(Contract):
    """A deletion that somebody has asked for, and that is not finished."""

    kind: DeletionKind = Field(description="`items`: what was removed from the collection of this id.")
    id: str
    by: str = ""
    at: AwareDatetime


@dataclass(frozen=True)
class Deletions:
    """Deletions that are under way."""

    table: Table

    def request(self, kind: DeletionKind, deleted_id: str, by: str) -> None:
        """Note that something is to be deleted; noting it again changes nothing."""
        deletion = Deletion(kind=kind, id=deleted_id, by=by, at=datetime.now(UTC))
        record = {"deletion": deletion.model_dump_json()}
        self.table.put(_PARTITION, _key(kind, deleted_id), record, "attribute_not_exists(pk)")

    def all(self) -> list[Deletion]:
        """Those that are not finished."""
        return [Deletion.model_validate_json(record["deletion"]) for record in self.table.query(_PARTITION)]

    def hold(self, deletion: Deletion, seconds: float) -> bool:
        """Let nobody else go on with a deletion for so long; False if somebody else does, or it is finished."""
        now = datetime.now(UTC)
        held = self.table.update(
            _PARTITION,
            _key(deletion.kind, deletion.id),
            "SET held_until = :until",
            "attribute_exists(pk) AND (attribute_not_exists(held_until) OR held_until < :now)",
            until=(now + timedelta(seconds=seconds)).isoformat(),
            now=now.isoformat(),
        )
        return held is not None

    def release(self, deletion: Deletion) -> None:
        """Let somebody else go on with a deletion; that it is finished is no error."""
        key = _key(deletion.kind, deletion.id)
        self.table.update(_PARTITION, key, "REMOVE held_until", "attribute_exists(pk)")

    def finish(self, kind: DeletionKind, deleted_id: str) -> None:
        """Forget a deletion: nothing is left to delete."""
        self.table.delete(_PARTITION, _key(kind, deleted_id))


def _key(kind: DeletionKind, deleted_id: str) -> str:
    return f"{kind}#{deleted_id}"
