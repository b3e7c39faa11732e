"""The start of a run, and Begin's decision."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from framesift.contracts.base import Contract, Run

Collector = Literal["crawler", "feed", "uploads"]
Goal = Literal["lists", "detector", "poses", "catalog"]


class UploadedObject(Contract):
    """An object as in S3's event of its creation (`detail.object`)."""

    model_config = ConfigDict(extra="ignore", frozen=True, validate_by_name=True, validate_by_alias=True)

    key: str
    etag: str = Field("", description="Changes with the object's bytes.")
    sequencer: str = Field("", description="Differs for each write of the key; the same in a redelivered event.")
    version_id: str = Field("", alias="version-id", description="With versioning: one for each write.")
    scan_result: str = Field("", description="What GuardDuty's malware scan of it found, where that started the run.")


class StartInput(Contract):
    """The input that starts a run. Unknown fields and invalid values are rejected by name."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    source: str
    date: str | None = Field(None, description="YYYY-MM-DD; today in the settings' time zone by default.")
    categories: list[str] | None = None
    force: bool = Field(False, description="Run again even if the day is done.")
    collection: str | None = Field(None, description="For `upload`: process everything in it that is not done.")
    object: UploadedObject | None = Field(None, description="For `upload`: process this object of a collection.")
    batch: str | None = Field(
        None, description="For `upload`: take in this batch of the collection; `inbox`: what was dropped into it."
    )
    only_if_failed: bool = Field(False, description="Do nothing unless the day's run has failed.")
    scheduled_at: str | None = Field(
        None,
        description="The scheduled time (ISO 8601): a late start still processes that day.",
    )


class StartJobInput(Contract):
    """The input that starts one job by itself, which belongs to no run."""

    job_spec_uri: str
    job_name: str


class ScopeInput(Contract):
    """Input of a stage that covers one scope (collect, curate)."""

    run: Run
    scope: str = Field(description="A category of the source; for `upload`, the collection.")
    dry_run: bool = Field(False, description="Only report what would be done, if the stage supports it.")


class UploadsInput(ScopeInput):
    """Input of the collect stage for a collection."""

    object: UploadedObject | None = Field(None, description="The one object to collect; null: the whole collection.")
    batch: str = Field("", description="The batch of images to collect; empty: videos.")


class BeginInput(Contract):
    """The start as the state machine passes it to Begin."""

    start: dict[str, Any]
    execution_arn: str
    started_at: datetime
    dry_run: bool = Field(False, description="Only report what would be done.")


class BeginOutput(Contract):
    """Whether to run, and what to collect."""

    decision: Literal["run", "skip"]
    why: str
    run: Run
    collector: Collector = Field(description="Which function collects.")
    goal: Goal = Field(description="What follows the analysis.")
    work: list[UploadsInput | ScopeInput] = Field([], description="One input of the collect stage per scope.")

    @property
    def scopes(self) -> list[str]:
        """The scopes to collect."""
        return [each.scope for each in self.work]
