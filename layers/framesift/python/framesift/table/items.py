"""What is kept of items and lists: what became of a clip, which list is the newest, takedowns, quotas."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import Field

from framesift.contracts import Contract, Detection, PublishedList, Run
from framesift.table.records import Records, encode

# How long a clip's history is kept: long enough to answer "when did we see this", short enough to cost nothing.
ITEM_HISTORY_DAYS = 400


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


class ListPointer(Contract):
    """The newest list of a category."""

    source: str
    category: str
    date: str
    edition: str
    key: str
    count: int
    previous_key: str | None = None


class ItemRecords(Records):
    """What is kept of items and lists."""

    # --- items ---

    def put_item_days(self, days: Iterable[ItemDay]) -> None:
        """Keep what became of clips; writing the same again changes nothing."""
        expires_at = int((datetime.now(UTC) + timedelta(days=ITEM_HISTORY_DAYS)).timestamp())
        requests = [
            {
                "PutRequest": {
                    "Item": encode(
                        {
                            "pk": f"ITEM#{day.source}#{day.id}",
                            "sk": f"{day.date}#{day.category}",
                            "expires_at": expires_at,
                            **day.model_dump(exclude_none=True),
                            "detections": json.dumps([found.model_dump() for found in day.detections]),
                        }
                    )
                }
            }
            for day in days
        ]
        for start in range(0, len(requests), 25):  # BatchWriteItem takes at most 25.
            waiting: Any = {self.name: requests[start : start + 25]}
            while waiting:
                waiting = self._client.batch_write_item(RequestItems=waiting)["UnprocessedItems"]

    def item_days(self, source: str, item_id: str) -> list[ItemDay]:
        """A clip's history, newest first."""
        found = self._query(f"ITEM#{source}#{item_id}", newest_first=True)
        return [
            ItemDay.model_validate(
                {**day, "views": int(day["views"]), "detections": json.loads(day.get("detections", "[]"))}
            )
            for day in found
        ]

    # --- lists ---

    def list_pointer(self, category: str) -> ListPointer | None:
        """The newest list of a category."""
        found = self._get("LIST", category)
        return ListPointer.model_validate({**found, "count": int(found["count"])}) if found else None

    def list_pointers(self) -> list[ListPointer]:
        """The newest list of every category."""
        found = self._query("LIST")
        return [ListPointer.model_validate({**pointer, "count": int(pointer["count"])}) for pointer in found]

    def switch_list(self, run: Run, published: PublishedList, previous_key: str | None) -> bool:
        """Make a list the newest of its category, unless a later day's is.

        Returns:
            False if a later day's list is there already.
        """
        pointer = ListPointer(
            source=run.source,
            category=published.category,
            date=run.date,
            edition=published.edition,
            key=published.key,
            count=published.count,
            previous_key=previous_key,
        )
        return self._put(
            "LIST",
            published.category,
            pointer.model_dump(exclude_none=True),
            "attribute_not_exists(pk) OR #date <= :day",
            day=run.date,
        )

    # --- quotas ---

    def spend(self, service: str, day: str, units: int, limit: int) -> bool:
        """Count units against a day's quota.

        Returns:
            False if the quota does not hold so many more; nothing is counted then.
        """
        while True:
            found = self._get(f"QUOTA#{service}", day)
            spent = int(found["spent"]) if found else 0
            if spent + units > limit:
                return False
            condition = "spent = :spent" if found else "attribute_not_exists(pk)"
            values = {"spent": spent} if found else {}
            if self._put(f"QUOTA#{service}", day, {"spent": spent + units}, condition, **values):
                return True

    # --- takedowns ---

    def take_down(self, source: str, item_id: str, why: str) -> None:
        """Note that a clip must not be listed."""
        self._put(f"TAKEDOWN#{source}", item_id, {"why": why, "at": datetime.now(UTC).isoformat()})

    def taken_down(self, source: str) -> dict[str, str]:
        """Clips that must not be listed, with the reason."""
        return {record["sk"]: record["why"] for record in self._query(f"TAKEDOWN#{source}")}
