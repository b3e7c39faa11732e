"""When DynamoDB may delete a record (the table's time-to-live attribute is `expires_at`)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

# Long enough to answer "when did we see this", short enough to cost next to nothing.
HISTORY_DAYS: Final = 400
PROGRESS_DAYS: Final = 1


def expires_in(days: int) -> int:
    """The time so many days from now, in Unix seconds."""
    return int((datetime.now(UTC) + timedelta(days=days)).timestamp())
