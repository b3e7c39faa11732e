"""How many requests each of the API's clients has sent lately."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from framesift.table.expiry import expires_in
from framesift.table.table import Table

WINDOW_S: Final = 60
_KEPT_DAYS = 1  # DynamoDB deletes what has expired within two days more.


@dataclass(frozen=True)
class Clients:
    """Counters of the API's clients, one for each minute."""

    table: Table

    def count(self, client: str, now_s: float) -> int:
        """Count a request; return how many the client has sent in this minute, this one included.

        Args:
            client: Who asks: a user's id or an address. Only its digest is recorded.
            now_s: The time, Unix seconds.
        """
        digest = hashlib.sha256(client.encode()).hexdigest()[:32]
        minute = f"{int(now_s // WINDOW_S)}"
        return self.table.count(f"CLIENT#{digest}", minute, expires_in(_KEPT_DAYS))
