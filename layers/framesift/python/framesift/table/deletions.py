"""Deletions that are under way: what was to be deleted is found here until nothing of it is left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from pydantic import AwareDatetime

from framesift.contracts import Contract
from framesift.table.table import Table

DeletionKind = Literal["collection", "account"]
_PARTITION = "DELETION"


class Deletion(Contract):
    """A deletion that somebody has asked for, and that is not finished."""

    kind: DeletionKind
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

    def finish(self, kind: DeletionKind, deleted_id: str) -> None:
        """Forget a deletion: nothing is left to delete."""
        self.table.delete(_PARTITION, _key(kind, deleted_id))


def _key(kind: DeletionKind, deleted_id: str) -> str:
    return f"{kind}#{deleted_id}"
