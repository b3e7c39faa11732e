"""What a training project has, what the gate has decided, and which iteration predicts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from framesift.contracts import Contract
from framesift.table.table import Table


class TrainingImage(Contract):
    """An image that a training project has.

    Attributes:
        sha256: Digest of the image as it was collected; of what was sent, where only that is known.
        sent_sha256: Digest of what was sent: it may have been converted.
        image_id: The project's id of it.
    """

    sha256: str
    sent_sha256: str
    image_id: str


class InService(Contract):
    """The iteration that predicts."""

    project_id: str
    publish_name: str
    iteration_id: str
    average_precision: float
    since: datetime
    former: InService | None = Field(None, description="What a rollback brings back.")


@dataclass(frozen=True)
class Training:
    """Records of training projects and of the detector in service."""

    table: Table

    def images(self, project_id: str) -> list[TrainingImage]:
        """The images that a project has, as far as was recorded."""
        found = self.table.query(f"TRAINING_IMAGE#{project_id}")
        return [TrainingImage(**{**image, "sha256": image["sk"]}) for image in found]

    def add_images(self, project_id: str, images: Iterable[TrainingImage]) -> None:
        """Record images that a project has."""
        for image in images:
            self.table.put(f"TRAINING_IMAGE#{project_id}", image.sha256, image.model_dump(exclude={"sha256"}))

    def is_judged(self, project_id: str, iteration_id: str) -> bool:
        """Whether the gate has decided about an iteration."""
        return self.table.get(f"JUDGED#{project_id}", iteration_id) is not None

    def record_judged(self, project_id: str, iteration_id: str, outcome: str) -> None:
        """Record what the gate has decided about an iteration."""
        self.table.put(f"JUDGED#{project_id}", iteration_id, {"outcome": outcome})

    def in_service(self) -> InService | None:
        """The iteration that predicts; None: the one that the serving project has published."""
        found = self.table.get("DETECTOR", "in_service")
        return InService.model_validate_json(found["service"]) if found else None

    def put_in_service(self, service: InService, replaces: InService | None) -> bool:
        """Let an iteration predict from now on; False if another one was put in service meanwhile."""
        record = {"service": service.model_dump_json(), "iteration_id": service.iteration_id}
        if replaces is None:
            return self.table.put("DETECTOR", "in_service", record, "attribute_not_exists(pk)")
        condition = "iteration_id = :former"
        return self.table.put("DETECTOR", "in_service", record, condition, former=replaces.iteration_id)
