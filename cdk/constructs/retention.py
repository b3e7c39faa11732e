"""How long logs are kept."""

from __future__ import annotations

from aws_cdk.aws_logs import RetentionDays

_DAYS = {
    1: RetentionDays.ONE_DAY,
    7: RetentionDays.ONE_WEEK,
    30: RetentionDays.ONE_MONTH,
    90: RetentionDays.THREE_MONTHS,
    365: RetentionDays.ONE_YEAR,
}


def retention(days: int) -> RetentionDays:
    """CloudWatch's name for so many days; it knows these and no others."""
    return _DAYS[days]
