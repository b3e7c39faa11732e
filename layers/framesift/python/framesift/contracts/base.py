"""What every message is, and which run it belongs to."""

from __future__ import annotations

from datetime import date as Date  # noqa: N812 - `date` is a field's name here

from pydantic import BaseModel, ConfigDict, Field


class Contract(BaseModel):
    """Base of every message: what it does not know, it leaves aside."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Run(Contract):
    """One pass over one source: for a date, or of a day's uploads for one of them."""

    source: str
    date: str
    attempt: int = Field(description="Counts the forced repeats, from 1.")
    subject: str | None = Field(
        None, description="What it is about where a day has several runs: a collection, or an upload to it."
    )

    @property
    def id(self) -> str:
        """What tells it from the source's other runs, but for repeats: `2026-11-20` or `2026-11-20/dance`."""
        return f"{self.date}/{self.subject}" if self.subject else self.date

    @property
    def day(self) -> Date:
        """The date as a date."""
        return Date.fromisoformat(self.date)
