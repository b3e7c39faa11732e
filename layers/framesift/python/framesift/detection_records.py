"""What detection keeps in the table (`table/`).

| pk | sk | what |
| --- | --- | --- |
| `TAUGHT#{project}` | `{sha256}` | a picture that the project has |
| `REVIEW` | `{date}.{category}.{item}.{n}` | a prediction that waits for a person, or was decided |
| `JUDGED#{project}` | `{iteration}` | an iteration that the gate has decided about |
| `DETECTOR` | `in_service` | which iteration predicts, and which did before |
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
    """A picture that a project has.

    Attributes:
        sha256: Digest of the picture as it was collected; of what was sent, where only that is known.
        sent_sha256: Digest of what was sent: it may have been converted.
        image_id: The project's id of it.
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
    """The iteration that predicts."""

    project_id: str
    publish_name: str
    iteration_id: str
    average_precision: float
    since: datetime
    former: InService | None = Field(None, description="What `rollback` brings back.")


class DetectionRecords(Table):
    """The table, with what detection keeps in it."""

    # --- what a project has ---

    def taught(self, project_id: str) -> list[TaughtImage]:
        """The pictures that a project has, as far as we remember."""
        return [TaughtImage(**{**found, "sha256": found["sk"]}) for found in self._query(f"TAUGHT#{project_id}")]

    def remember_taught(self, project_id: str, images: Iterable[TaughtImage]) -> None:
        """Remember what a project has."""
        for image in images:
            self._put(f"TAUGHT#{project_id}", image.sha256, image.model_dump(exclude={"sha256"}))

    # --- reviews ---

    def ask_for_review(self, reviews: Iterable[Review], days: int) -> None:
        """Let predictions wait for a person; one that was asked for before stays as it is."""
        expires_at = int((datetime.now(UTC) + timedelta(days=days)).timestamp())
        for review in reviews:
            record = {"review": review.model_dump_json(), "verdict": review.verdict, "expires_at": expires_at}
            self._put("REVIEW", review.id, record, "attribute_not_exists(pk)")

    def reviews(self, verdict: Verdict | None = None) -> list[Review]:
        """Predictions that wait or were decided, oldest first."""
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
        """Keep a person's verdict; a later one wins.

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
        """Whether the gate has decided about an iteration."""
        return self._get(f"JUDGED#{project_id}", iteration_id) is not None

    def remember_judged(self, project_id: str, iteration_id: str, outcome: str) -> None:
        """Remember what the gate has decided about an iteration."""
        self._put(f"JUDGED#{project_id}", iteration_id, {"outcome": outcome})

    def in_service(self) -> InService | None:
        """The iteration that predicts; None: the one that project A has published."""
        found = self._get("DETECTOR", "in_service")
        return InService.model_validate_json(found["service"]) if found else None

    def put_in_service(self, service: InService, replaces: InService | None) -> bool:
        """Let an iteration predict from now on; False if another one was put in service meanwhile."""
        record = {"service": service.model_dump_json(), "iteration_id": service.iteration_id}
        if replaces is None:
            return self._put("DETECTOR", "in_service", record, "attribute_not_exists(pk)")
        condition = "iteration_id = :former"
        return self._put("DETECTOR", "in_service", record, condition, former=replaces.iteration_id)
