"""Clips' histories: what became of a clip on each day, and which clips must not be listed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import Field

from framesift.contracts import Contract, Detection
from framesift.table.expiry import HISTORY_DAYS, expires_in
from framesift.table.table import Table


class ItemDay(Contract):
    """What became of a clip on a day."""

    source: str
    id: str
    date: str
    category: str
    title: str = ""
    views: int
    list_id: str | None = None
    dropped: str | None = None
    why: str = ""
    duplicate_of: str | None = None
    detections: list[Detection] = Field([])


class TakenDown(Contract):
    """A clip that must not be listed."""

    source: str
    id: str
    why: str
    at: datetime


@dataclass(frozen=True)
class Items:
    """Clips' histories and takedowns."""

    table: Table

    def put_days(self, days: Iterable[ItemDay]) -> None:
        """Record what became of clips; writing the same again changes nothing."""
        expires_at = expires_in(HISTORY_DAYS)
        self.table.put_many(
            {
                "pk": f"ITEM#{day.source}#{day.id}",
                "sk": f"{day.date}#{day.category}",
                "expires_at": expires_at,
                **day.model_dump(exclude_none=True),
                "detections": json.dumps([found.model_dump() for found in day.detections]),
            }
            for day in days
        )

    def days(self, source: str, item_id: str) -> list[ItemDay]:
        """A clip's history, newest first."""
        found = self.table.query(f"ITEM#{source}#{item_id}", newest_first=True)
        return [
            ItemDay.model_validate(
                {**day, "views": int(day["views"]), "detections": json.loads(day.get("detections", "[]"))}
            )
            for day in found
        ]

    def take_down(self, source: str, item_id: str, why: str) -> None:
        """Record that a clip must not be listed."""
        self.table.put(f"TAKEDOWN#{source}", item_id, {"why": why, "at": datetime.now(UTC).isoformat()})

    def restore(self, source: str, item_id: str) -> None:
        """Let a clip that was taken down be listed again."""
        self.table.delete(f"TAKEDOWN#{source}", item_id)

    def taken_down(self, source: str) -> dict[str, str]:
        """Ids of clips that must not be listed, with the reason."""
        return {each.id: each.why for each in self.takedowns(source)}

    def takedowns(self, source: str) -> list[TakenDown]:
        """Clips that must not be listed, the latest takedown first."""
        found = (
            TakenDown(source=source, id=record["sk"], why=record["why"], at=record["at"])
            for record in self.table.query(f"TAKEDOWN#{source}")
        )
        return sorted(found, key=lambda each: each.at, reverse=True)
