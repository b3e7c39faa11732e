"""Detection's records in the table (`table/`).

| pk | sk | record |
| --- | --- | --- |
| `TAUGHT#{project}` | `{sha256}` | a training image of the project |
| `REVIEW` | `{date}.{category}.{item}.{n}` | a prediction that is pending, or that a person has decided |
| `JUDGED#{project}` | `{iteration}` | an iteration that the gate has judged |
| `DETECTOR` | `in_service` | the serving iteration, and the one before |
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Literal

from pydantic import Field

from framesift.contracts import Contract, Detection
from framesift.errors import NotFoundError
from framesift.table import Table

Verdict = Literal["pending", "accepted", "rejected"]


class TaughtImage(Contract):
    """A training image of a project.

    Attributes:
        sha256: Digest of the image as it was collected; of what was sent, if only that is known.
        sent_sha256: Digest of what was sent, which may have been converted.
        image_id: Its id in the project.
    """

    sha256: str
    sent_sha256: str
    image_id: str


class Review(Contract):
    """A prediction between the two thresholds."""

    id: str
    verdict: Verdict = "pending"
    date: str
    category: str
    item_id: str
    title: str = ""
    media_key: str
    manifest_key: str
    detection: Detection
    decided_by: str | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True)
class ReviewPage:
    """A page of predictions in review.

    Attributes:
        reviews: Oldest first.
        next: The id behind which the next page begins; None: this is the last page.
    """

    reviews: list[Review]
    next: str | None


class InService(Contract):
    """The serving iteration."""

    project_id: str
    publish_name: str
    iteration_id: str
    average_precision: float
    since: datetime
    former: InService | None = Field(None, description="The iteration that `rollback` returns to.")


class DetectionRecords(Table):
    """The table, with detection's records."""

    # --- what a project has ---

    def taught(self, project_id: str) -> list[TaughtImage]:
        """The recorded training images of a project."""
        return [TaughtImage(**{**found, "sha256": found["sk"]}) for found in self._query(f"TAUGHT#{project_id}")]

    def remember_taught(self, project_id: str, images: Iterable[TaughtImage]) -> None:
        """Record training images of a project."""
        for image in images:
            self._put(f"TAUGHT#{project_id}", image.sha256, image.model_dump(exclude={"sha256"}))

    # --- reviews ---

    def ask_for_review(self, reviews: Iterable[Review], days: int) -> None:
        """Put predictions into review; one that is there already stays as it is."""
        expires_at = int((datetime.now(UTC) + timedelta(days=days)).timestamp())
        for review in reviews:
            record = {"review": review.model_dump_json(), "verdict": review.verdict, "expires_at": expires_at}
            self._put("REVIEW", review.id, record, "attribute_not_exists(pk)")

    def reviews(self, verdict: Verdict | None = None) -> list[Review]:
        """Predictions in review, oldest first; all verdicts by default."""
        found = [Review.model_validate_json(record["review"]) for record in self._query("REVIEW")]
        return [review for review in found if verdict in (None, review.verdict)]

    def review_page(self, verdict: Verdict, *, limit: int, after: str = "") -> ReviewPage:
        """A page of the predictions with a verdict, oldest first.

        Args:
            verdict: Which predictions.
            limit: The length of the page.
            after: The page begins behind this prediction's id; empty: with the oldest.
        """
        records = self._read("REVIEW", after=after, page_size=limit)
        fitting = (record for record in records if record["verdict"] == verdict)
        found = [Review.model_validate_json(record["review"]) for record in islice(fitting, limit + 1)]
        return ReviewPage(found[:limit], found[limit - 1].id if len(found) > limit else None)

    def decide(self, review_id: str, verdict: Verdict, by: str) -> Review:
        """Record a person's verdict; a later one wins.

        Raises:
            NotFoundError: If there is no such review.
        """
        found = self._review_record(review_id)
        review = Review.model_validate_json(found["review"]).model_copy(
            update={"verdict": verdict, "decided_by": by, "decided_at": datetime.now(UTC)}
        )
        record = {"review": review.model_dump_json(), "verdict": verdict, "expires_at": int(found["expires_at"])}
        self._put("REVIEW", review_id, record)
        return review

    def review(self, review_id: str) -> Review:
        """A prediction in review, or decided.

        Raises:
            NotFoundError: If there is no such prediction.
        """
        return Review.model_validate_json(self._review_record(review_id)["review"])

    def _review_record(self, review_id: str) -> dict[str, Any]:
        found = self._get("REVIEW", review_id)
        if found is None:
            raise NotFoundError(f"There is no prediction {review_id} to review: `framesift review list` lists them.")
        return found

    # --- what is in service ---

    def is_judged(self, project_id: str, iteration_id: str) -> bool:
        """Whether the gate has judged an iteration."""
        return self._get(f"JUDGED#{project_id}", iteration_id) is not None

    def remember_judged(self, project_id: str, iteration_id: str, outcome: str) -> None:
        """Record the gate's judgement of an iteration."""
        self._put(f"JUDGED#{project_id}", iteration_id, {"outcome": outcome})

    def in_service(self) -> InService | None:
        """The serving iteration; None: the one that the serving project has published."""
        found = self._get("DETECTOR", "in_service")
        return InService.model_validate_json(found["service"]) if found else None

    def put_in_service(self, service: InService, replaces: InService | None) -> bool:
        """Put an iteration into service; False if another one was put in service meanwhile."""
        record = {"service": service.model_dump_json(), "iteration_id": service.iteration_id}
        if replaces is None:
            return self._put("DETECTOR", "in_service", record, "attribute_not_exists(pk)")
        condition = "iteration_id = :former"
        return self._put("DETECTOR", "in_service", record, condition, former=replaces.iteration_id)
