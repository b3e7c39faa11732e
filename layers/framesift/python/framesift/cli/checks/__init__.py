"""What `framesift doctor` checks."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Check(BaseModel):
    """The result of one check.

    Example:
        >>> warn("disk", "1.2 GB are free.", "Free some.").status
        'warning'
    """

    model_config = ConfigDict(frozen=True)

    name: str
    status: Literal["ok", "warning", "fault"]
    found: str = Field(description="What was found, a sentence.")
    advice: str = Field("", description="What to do about it, a sentence.")


def pass_(name: str, found: str) -> Check:
    """A check that found what it should."""
    return Check(name=name, status="ok", found=found)


def warn(name: str, found: str, advice: str) -> Check:
    """A check that found what may stand in the way."""
    return Check(name=name, status="warning", found=found, advice=advice)


def fail(name: str, found: str, advice: str) -> Check:
    """A check that found what does stand in the way."""
    return Check(name=name, status="fault", found=found, advice=advice)
