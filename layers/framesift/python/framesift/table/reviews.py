"""Predictions between the two thresholds, which wait for a person's verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Literal

from pydantic import Field

from framesift.contracts import Contract, Detection, Region
from framesift.errors import NotFoundError
from framesift.table.expiry import expires_in
from framesift.table.table import Table

Verdict = Literal["pending", "accepted", "rejected"]


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
    detection: Detection = Field(description="As it was predicted.")
    correction: Region | None = Field(None, description="As a person corrected it, who accepted it.")
    decided_by: str | None = None
    decided_at: datetime | None = None

    @property
    def region(self) -> Region:
        """What is trained on if it is accepted."""
        return self.correction or self.detection


@dataclass(frozen=True)
class ReviewPage:
    """A page of predictions in review.

    Attributes:
        reviews: Oldest first.
        next: The id behind which the next page begins; None: this is the last page.
    """

    reviews: list[Review]
    next: str | None


@dataclass(frozen=True)
class Reviews:
    """The review queue."""

    table: Table

    def request(self, reviews: Iterable[Review], days: int) -> None:
        """Queue predictions for a person, for so many days; one that was queued before stays as it is."""
        expires_at = expires_in(days)
        for review in reviews:
            record = {"review": review.model_dump_json(), "verdict": review.verdict, "expires_at": expires_at}
            self.table.put("REVIEW", review.id, record, "attribute_not_exists(pk)")

    def all(self, verdict: Verdict | None = None) -> list[Review]:
        """Predictions that wait or were decided, oldest first."""
        found = [Review.model_validate_json(record["review"]) for record in self.table.query("REVIEW")]
        return [review for review in found if verdict in (None, review.verdict)]

    def page(self, verdict: Verdict, *, limit: int, after: str = "") -> ReviewPage:
        """A page of the predictions with a verdict, oldest first.

        Args:
            verdict: Which predictions.
            limit: The length of the page.
            after: The page begins behind this prediction's id; empty: with the oldest.
        """
        records = self.table.query("REVIEW", after=after, page_size=limit)
        fitting = (record for record in records if record["verdict"] == verdict)
        found = [Review.model_validate_json(record["review"]) for record in islice(fitting, limit + 1)]
        return ReviewPage(found[:limit], found[limit - 1].id if len(found) > limit else None)

    def get(self, review_id: str) -> Review:
        """A prediction in review, or decided.

        Raises:
            NotFoundError: If there is no such prediction.
        """
        return Review.model_validate_json(self._read(review_id)["review"])

    def decide(self, review_id: str, verdict: Verdict, by: str, correction: Region | None = None) -> Review:
        """Record a person's verdict; a later one wins.

        Args:
            review_id: The prediction.
            verdict: `pending` takes an earlier verdict back.
            by: Who decides.
            correction: The tag and the box as they should be; None: as they were predicted.

        Raises:
            NotFoundError: If there is no such review.
        """
        found = self._read(review_id)
        is_decided = verdict != "pending"
        review = Review.model_validate_json(found["review"]).model_copy(
            update={
                "verdict": verdict,
                "correction": correction if verdict == "accepted" else None,
                "decided_by": by if is_decided else None,
                "decided_at": datetime.now(UTC) if is_decided else None,
            }
        )
        record = {"review": review.model_dump_json(), "verdict": verdict, "expires_at": int(found["expires_at"])}
        self.table.put("REVIEW", review_id, record)
        return review

    def _read(self, review_id: str) -> dict[str, Any]:
        found = self.table.get("REVIEW", review_id)
        if found is None:
            raise NotFoundError(f"There is no prediction {review_id} to review: `framesift review list` lists them.")
        return found
