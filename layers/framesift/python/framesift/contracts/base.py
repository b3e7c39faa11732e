"""The base of all messages, and the run that a message belongs to."""

from __future__ import annotations

from datetime import date as Date  # noqa: N812 - `date` is a field's name here

from pydantic import BaseModel, ConfigDict, Field


class Contract(BaseModel):
    """Base of every message; unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Run(Contract):
    """One execution for one source and date, or for one upload."""

    source: str
    date: str
    attempt: int = Field(description="Counts forced repeats, from 1.")
    subject: str | None = Field(
        None, description="Identifies one of a day's several runs: a collection, or an upload to it."
    )

    @property
    def id(self) -> str:
        """Its id within the source, the same for repeats: `2026-11-20` or `2026-11-20/dance`."""
        return f"{self.date}/{self.subject}" if self.subject else self.date

    @property
    def day(self) -> Date:
        """The date as a date."""
        return Date.fromisoformat(self.date)
