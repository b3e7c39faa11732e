"""Pages of a sorted list that stay right while items come, go and change.

A cursor names the sort value and the id of the last item of a page; the next page begins behind that place, wherever
it is by then. So no item that stays as it is comes twice or is left out.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from framesift.catalog.condition import Condition
from framesift.errors import InvalidCursorError, UnknownSortError

SORTS: Final = frozenset(
    {
        "id", "name", "content_type", "size_bytes", "width", "height", "source", "taken_at", "added_at", "date",
        "added_by", "batch", "sharpness", "brightness", "contrast", "entropy_bits", "duplicate_score", "version",
    }
)  # fmt: skip
"""The columns that items can be sorted by."""
_ID: Final = re.compile("[0-9a-f]{32}")
_TIMES: Final = frozenset({"taken_at", "added_at", "date"})


@dataclass(frozen=True)
class Order:
    """How a list is sorted: by a column, those without a value last, and by id where it is the same.

    Attributes:
        column: One of `SORTS`.
        descending: The largest first.

    Raises:
        UnknownSortError: There is no such column.
    """

    column: str = "added_at"
    descending: bool = True

    def __post_init__(self) -> None:
        if self.column not in SORTS:
            raise UnknownSortError(f"Items cannot be sorted by {self.column!r}: use one of {', '.join(sorted(SORTS))}.")

    @property
    def sql(self) -> str:
        """What follows ORDER BY."""
        return f"{self.column} {'DESC' if self.descending else 'ASC'} NULLS LAST, uid"

    def behind(self, value: Any, item_id: str) -> Condition:
        """What items behind a place meet.

        Args:
            value: The sort value there.
            item_id: The item there.
        """
        if value is None:
            return Condition(f"({self.column} IS NULL AND uid > ?::UUID)", [item_id])
        sign = "<" if self.descending else ">"
        sql = f"({self.column} {sign} ? OR ({self.column} = ? AND uid > ?::UUID) OR {self.column} IS NULL)"
        return Condition(sql, [value, value, item_id])

    def write_cursor(self, condition: Condition, value: Any, item_id: str) -> str:
        """The cursor of the place behind an item."""
        shown = value.isoformat() if isinstance(value, datetime) else value
        place = json.dumps([self._digest(condition), shown, item_id])
        return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")

    def read_cursor(self, condition: Condition, cursor: str) -> Condition:
        """What items behind a cursor's place meet.

        Raises:
            InvalidCursorError: It is not one of ours, or belongs to another query or order.
        """
        try:
            digest, value, item_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            if self.column in _TIMES and value is not None:
                value = datetime.fromisoformat(value)
        except (ValueError, TypeError, binascii.Error):
            raise InvalidCursorError("The cursor is damaged: begin with the first page.") from None
        is_place = isinstance(item_id, str) and _ID.fullmatch(item_id) and not isinstance(value, Mapping | list)
        if digest != self._digest(condition) or not is_place:
            raise InvalidCursorError("The cursor belongs to another query: begin with the first page.")
        return self.behind(value, item_id)

    def _digest(self, condition: Condition) -> str:
        query = json.dumps([self.column, self.descending, condition.sql, condition.parameters], default=str)
        return hashlib.sha256(query.encode()).hexdigest()[:16]
