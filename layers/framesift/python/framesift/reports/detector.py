"""The report of YouTube's day: predictions with their boxes, what was trained, and what the gate decided."""

from __future__ import annotations

from dataclasses import dataclass

from framesift import keys
from framesift.contracts import Clip, Detection
from framesift.errors import NotFoundError
from framesift.reports.figures import Figure, run_figures
from framesift.reports.images import embed_images
from framesift.reports.page import render
from framesift.storage import Store, read_lines
from framesift.table import Records, Review, RunRecord

MAX_IMAGES = 60
_SIDE = 360


@dataclass(frozen=True)
class Box:
    """A detection, and what a person has decided about it: `certain` ones need no decision."""

    found: Detection
    state: str


@dataclass(frozen=True)
class Predicted:
    """An image with its detections."""

    clip: Clip
    image: str
    boxes: list[Box]

    @property
    def to_review(self) -> bool:
        """Whether a detection waits for a person."""
        return any(box.state == "pending" for box in self.boxes)


def detector_report(record: RunRecord, store: Store, records: Records) -> str:
    """A day of predictions and training as one HTML page.

    Args:
        record: The day's record.
        store: Its manifests and images.
        records: The review queue.

    Returns:
        The page, with everything in it.
    """
    reviews = [review for review in records.reviews.all() if review.date == record.date]
    clips = [clip for scope in record.done for clip in _read_predicted(record, scope, store)]
    states = {(review.item_id, _place(review.detection)): review.verdict for review in reviews}
    boxes = {clip.id: [Box(each, states.get((clip.id, _place(each)), "certain")) for each in clip.detections or []]
             for clip in clips}  # fmt: skip
    boxes = {clip.id: [*boxes[clip.id], *_unlisted(clip, boxes[clip.id], reviews)] for clip in clips}
    ordered = sorted(clips, key=lambda clip: (-_rank(boxes[clip.id]), -len(boxes[clip.id])))[:MAX_IMAGES]
    images = embed_images([(clip.media.key,) for clip in ordered if clip.media], store, _SIDE)
    shown = [Predicted(clip, images.get(clip.media.key, ""), boxes[clip.id]) for clip in ordered if clip.media]
    return render(
        "detector.html",
        record=record,
        figures=_figures(record),
        predict=record.counts.get("predict"),
        train=record.counts.get("train"),
        gate=record.counts.get("gate"),
        images=shown,
        more=len(clips) - len(shown),
    )


def _read_predicted(record: RunRecord, scope: str, store: Store) -> list[Clip]:
    try:
        return read_lines(store, keys.manifest(record.run_of(scope), scope, "predicted"), Clip)
    except NotFoundError:
        return []


def _place(found: Detection) -> tuple[str, float, float]:
    return found.tag, round(found.left, 6), round(found.top, 6)


def _unlisted(clip: Clip, boxes: list[Box], reviews: list[Review]) -> list[Box]:
    """Predictions in review that the manifest has not among the certain ones."""
    known = {_place(box.found) for box in boxes}
    return [
        Box(review.detection, review.verdict)
        for review in reviews
        if review.item_id == clip.id and _place(review.detection) not in known
    ]


def _rank(boxes: list[Box]) -> int:
    """Images that wait for a person come first, and those without a detection last."""
    return 2 if any(box.state == "pending" for box in boxes) else 1 if boxes else 0


def _figures(record: RunRecord) -> list[Figure]:
    categories = record.counts.get("predict", {}).get("categories", [])
    tags = dict.fromkeys(tag for each in categories for tag in each["confident"])
    return [
        Figure("images", sum(each["items"] for each in categories)),
        *(Figure(tag, sum(each["confident"].get(tag, 0) for each in categories)) for tag in tags),
        Figure("to review", sum(each["to_review"] for each in categories)),
        *run_figures(record),
    ]
