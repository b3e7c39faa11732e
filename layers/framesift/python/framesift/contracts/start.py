"""What starts a run, and what Begin makes of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from framesift.contracts.base import Contract, Run

Collector = Literal["crawler", "feed", "uploads"]
Goal = Literal["lists", "detector", "poses"]


class UploadedObject(Contract):
    """An object as S3's event of its creation describes it (`detail.object`)."""

    model_config = ConfigDict(extra="ignore", frozen=True, validate_by_name=True, validate_by_alias=True)

    key: str
    etag: str = Field("", description="Changes with the object's bytes.")
    sequencer: str = Field("", description="Differs for each write of the key; an event that arrives twice repeats it.")
    version_id: str = Field("", alias="version-id", description="Of a bucket that keeps versions: one for each write.")
    scan_result: str = Field("", description="What GuardDuty's malware scan of it found, where that started the run.")


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


class ScopeInput(Contract):
    """A stage's work on one scope (collect, curate)."""

    run: Run
    scope: str = Field(description="A category of the source; of `upload` the collection.")
    dry_run: bool = Field(False, description="Only report what would be done, where the stage can.")


class UploadsInput(ScopeInput):
    """The collect stage's work on a collection."""

    object: UploadedObject | None = Field(None, description="The one object to collect; null: the whole collection.")


class BeginInput(Contract):
    """The start as the state machine hands it on."""

    start: dict[str, Any]
    execution_arn: str
    started_at: datetime
    dry_run: bool = Field(False, description="Only report what would be done.")


class BeginOutput(Contract):
    """Whether to run, and what."""

    decision: Literal["run", "skip"]
    why: str
    run: Run
    collector: Collector = Field(description="Which function collects.")
    goal: Goal = Field(description="What follows the analysis.")
    work: list[UploadsInput | ScopeInput] = Field([], description="One input of the collect stage a scope.")

    @property
    def scopes(self) -> list[str]:
        """The names of what is to be collected."""
        return [each.scope for each in self.work]
