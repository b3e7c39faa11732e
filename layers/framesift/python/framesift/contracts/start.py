"""What starts a run, and what Begin makes of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from framesift.contracts.base import Contract, Run


class UploadedObject(Contract):
    """An object as S3's event of its creation tells of it (`detail.object`)."""

    key: str
    etag: str = Field("", description="Changes with what is in it.")
    sequencer: str = Field("", description="Differs for each write of the key; an event that comes twice has it twice.")


class StartInput(Contract):
    """What starts a run, whoever starts it. An unknown field or value is refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    source: str
    date: str | None = Field(None, description="YYYY-MM-DD; today in the settings' time zone by default.")
    categories: list[str] | None = None
    force: bool = Field(False, description="Run again even if the day is done.")
    collection: str | None = Field(None, description="Of `upload`: do everything in it that is not done yet.")
    object: UploadedObject | None = Field(None, description="Of `upload`: do this object of a collection.")
    only_if_failed: bool = Field(False, description="Do nothing unless the day's run has failed.")
    scheduled_at: str | None = Field(
        None,
        description="When a schedule meant to start it (ISO 8601): a late start still means that day.",
    )


class BeginInput(Contract):
    """The start as the state machine hands it on."""

    start: dict[str, Any]
    execution_arn: str
    started_at: datetime
    dry_run: bool = Field(False, description="Only say what would be done.")


class BeginOutput(Contract):
    """Whether to run, and what."""

    decision: Literal["run", "skip"]
    why: str
    run: Run
    categories: list[str] = Field(description="What is to be done of the source; for `upload` its collection.")
    object: UploadedObject | None = None
