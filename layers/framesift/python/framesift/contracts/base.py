"""What every message is, and which run it belongs to."""

from __future__ import annotations

from datetime import date as Date  # noqa: N812 - `date` is a field's name here

from pydantic import BaseModel, ConfigDict, Field


class Contract(BaseModel):
    """Base of every message: what it does not know, it leaves aside."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Run(Contract):
    """One pass over one source for one date."""

    source: str
    date: str
    attempt: int = Field(description="Counts the forced repeats of a day, from 1.")

    @property
    def day(self) -> Date:
        """The date as a date."""
        return Date.fromisoformat(self.date)
