"""What the maintenance of collections takes, and what it says of itself."""

from __future__ import annotations

from pydantic import Field

from framesift.contracts.base import Contract


class MaintenanceInput(Contract):
    """What is to be done."""

    only_deletions: bool = Field(False, description="Only go on with deletions: what somebody has just asked for.")


class MaintenanceOutput(Contract):
    """What was done."""

    deletions_left: int = Field(description="Deletions that are not finished.")
    compacted: int = Field(0, description="Catalogs that have a new snapshot.")
    expired_exports: int = Field(0, description="Exports that were deleted because their time was over.")
    unseen: int = Field(0, description="Collections that were not looked at for lack of time.")
