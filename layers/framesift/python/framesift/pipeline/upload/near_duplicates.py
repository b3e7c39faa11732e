"""Near-duplicates within a collection: new images are compared with each other and with all that are there.

The pairs that a comparison finds are kept, so that every image is compared with every other one once. Which image of a
cluster is the keeper is decided anew from all pairs, by a rule: the most pixels, then the sharpest, then the oldest.
So a better copy that comes later takes over, and the result does not depend on the order of uploads, but where an
image is like so many that it is aligned with the most alike of them only. Nothing chains
(see `duplicates.keepers`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from framesift import keys
from framesift.catalog.pairs import read_pairs, write_pairs
from framesift.catalog.vectors import PDQ_MODEL, read_parts
from framesift.contracts import CatalogItem, NearDuplicate
from framesift.duplicates.compare import Criteria, find_similar
from framesift.duplicates.fingerprints import Fingerprints
from framesift.duplicates.images import Candidate, Comparison, ImageSet, RankKey, Scores
from framesift.duplicates.keepers import choose_keepers
from framesift.duplicates.pdq import MIN_QUALITY
from framesift.embedding.choose import EmbedderChoice
from framesift.pipeline.upload.examine import THUMBNAIL_SIZES
from framesift.settings import Settings
from framesift.storage import Store


@dataclass(frozen=True)
class ComparedImage:
    """What the rule for keepers needs of an item.

    Attributes:
        id: The item's.
        sha256: Of its bytes.
        pixels: Width times height.
        sharpness: Of its health.
        date: When it was taken, else added.
        duplicate: What the catalog says now.
    """

    id: str
    sha256: str
    pixels: int
    sharpness: float
    date: datetime
    duplicate: NearDuplicate | None = None

    @classmethod
    def of(cls, item: CatalogItem) -> ComparedImage:
        """Of an item of the catalog."""
        sharpness = item.health.sharpness if item.health else 0.0
        return cls(
            id=item.id,
            sha256=item.sha256,
            pixels=item.width * item.height,
            sharpness=sharpness,
            date=item.taken_at or item.added_at,
            duplicate=item.duplicate,
        )

    @property
    def rank(self) -> RankKey:
        """Orders images: the first of two duplicates is kept."""
        return (-self.pixels, -round(1000 * self.sharpness), self.date.isoformat())


def find_near_duplicates(
    collection: str,
    images: Sequence[ComparedImage],
    new_ids: Collection[str],
    part: str,
    settings: Settings,
    store: Store,
    choice: EmbedderChoice,
) -> dict[str, NearDuplicate | None]:
    """Compare a collection's new images with all of it.

    Args:
        collection: The collection.
        images: All its images, the new ones too.
        new_ids: Those that were not compared before.
        part: Names this comparison: done again with the same new images, it replaces what it kept before.
        settings: This process's settings.
        store: Has the images' vectors and thumbnails.
        choice: What made the vectors.

    Returns:
        What changes in the catalog: for each such item its keeper, or None where it has none any more.
    """
    candidates = {image.id: Candidate(image.id, image.sha256, image.rank) for image in images}
    judged = _read_fingerprints(collection, candidates, store, choice)
    new = set(new_ids)
    is_new = np.array([candidate.id in new for candidate in judged.candidates], np.bool_)
    comparison = Comparison(judged.where(is_new), judged.where(~is_new))

    def read_image(candidate: Candidate) -> bytes:
        return store.get(keys.collection_thumbnail(collection, candidate.id, min(THUMBNAIL_SIZES)))

    if new:
        criteria = Criteria(choice, settings.duplicates.pdq_threshold, aligned_each=settings.collections.aligned_each)
        found = find_similar(comparison, criteria, read_image)
        _keep_pairs(collection, part, found, new, judged.candidates, store)
    similar = _all_pairs(collection, candidates, store)
    nothing = ImageSet([], Fingerprints.blank(choice.label, [], [], choice.dimension))
    matches = choose_keepers(Comparison(judged, nothing), similar)
    decided = {
        candidate.id: NearDuplicate(of=match.keeper.id, method=match.method, score=round(match.score, 5))
        for candidate, match in zip(judged.candidates, matches, strict=True)
        if match
    }
    return {image.id: decided.get(image.id) for image in images if image.duplicate != decided.get(image.id)}


def _read_fingerprints(
    collection: str, candidates: Mapping[str, Candidate], store: Store, choice: EmbedderChoice
) -> ImageSet:
    """The fingerprints of the images that are not too plain to be compared."""
    hashes = read_parts(store, collection, PDQ_MODEL, candidates.__contains__)
    ids = [item_id for facts, _ in hashes for item_id in facts["ids"]]
    found = Fingerprints.blank(choice.label, ids, [candidates[item_id].sha256 for item_id in ids], choice.dimension)
    if ids:
        found.pdq[:] = np.concatenate([rows for _, rows in hashes])
        found.quality[:] = [quality for facts, _ in hashes for quality in facts["quality"]]
        found.plain[:] = [plain for facts, _ in hashes for plain in facts["plain"]]
    row_of = {item_id: row for row, item_id in enumerate(ids)}
    if choice.embedder is not None:
        for facts, rows in read_parts(store, collection, f"{choice.name}@{choice.version}", row_of.__contains__):
            found.features[[row_of[item_id] for item_id in facts["ids"]]] = rows
    is_judged = ~found.plain if choice.embedder else ~found.plain & (found.quality >= MIN_QUALITY)
    return ImageSet([candidates[item_id] for item_id in ids], found).where(is_judged)


def read_compared(collection: str, store: Store) -> set[str]:
    """The ids of the images that were compared with all that were there."""
    return {item_id for part in read_pairs(store, collection) for item_id in part.compared}


def _keep_pairs(
    collection: str,
    part: str,
    found: Mapping[str, Scores],
    new: Collection[str],
    candidates: Sequence[Candidate],
    store: Store,
) -> None:
    """Keep the pairs that were found, and which images were compared for that."""
    id_of = {candidate.sha256: candidate.id for candidate in candidates}
    pairs = {
        method: [(id_of[first], id_of[second], round(score, 6)) for (first, second), score in scores.items()]
        for method, scores in found.items()
    }
    write_pairs(store, collection, part, pairs, new)


def _all_pairs(collection: str, candidates: Mapping[str, Candidate], store: Store) -> dict[str, Scores]:
    """All pairs of images that are still there, by digests, the most trusted method first."""
    similar: dict[str, Scores] = {}
    for part in read_pairs(store, collection):
        for method, pairs in part.pairs.items():
            scores = similar.setdefault(method, {})
            for first, second, score in pairs:
                if first in candidates and second in candidates:
                    scores[candidates[first].sha256, candidates[second].sha256] = score
    return dict(sorted(similar.items(), key=lambda each: _TRUST.get(each[0], 1)))


_TRUST = {"pdq": 0, "aligned": 2}  # An embedder's features are between.
