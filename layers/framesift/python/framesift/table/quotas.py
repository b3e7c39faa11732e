"""Units that services have cost on a day."""

from __future__ import annotations

from dataclasses import dataclass

from framesift.table.expiry import HISTORY_DAYS, expires_in
from framesift.table.table import Table


@dataclass(frozen=True)
class Quotas:
    """Counters of daily quotas."""

    table: Table

    def spend(self, service: str, day: str, units: int, limit: int) -> bool:
        """Count units against a day's quota.

        Returns:
            False if the quota does not hold so many more; nothing is counted then.
        """
        while True:
            found = self.table.get(f"QUOTA#{service}", day)
            spent = int(found["spent"]) if found else 0
            if spent + units > limit:
                return False
            condition = "spent = :spent" if found else "attribute_not_exists(pk)"
            values = {"spent": spent} if found else {}
            record = {"spent": spent + units, "expires_at": expires_in(HISTORY_DAYS)}
            if self.table.put(f"QUOTA#{service}", day, record, condition, **values):
                return True
