"""How well near-duplicates were removed, compared with the truth.

A cluster is an original with its re-uploads, as far as they were collected.

- A re-upload counts if its cluster has another collected clip, or if it was dropped; alone there is nothing to find.
- It is found when it was dropped as a duplicate of a clip of its own cluster, or is itself the only clip of its
  cluster that was kept (which of them is the keeper, the original or a re-upload with more views, is not judged).
  Dropped as a duplicate of a clip of another cluster, it is not found but wrongly merged. Where several clips of a
  cluster were kept and the original was not, a plain one of them (re-encoded, resized) stands for the original and does
  not count: that the others were not recognised is due to their edits.
- A cluster's original is lost when nothing of the cluster is left: no clip of it is kept, and none was dropped in
  favour of a clip of the same cluster that an earlier day kept. It is also lost when the original itself was merged
  with a clip of another cluster, even if one of its re-uploads was kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from framesift.errors import NotFoundError
from framesift_local.standins.clipsite.catalogue import Clip
from framesift_local.standins.clipsite.edits import KINDS

# Edits that leave the image as it is.
_PLAIN_KINDS = ("reencode", "resize")


@dataclass(frozen=True)
class KindGrade:
    """How many re-uploads of one kind of edit were found."""

    reuploads: int = 0
    found: int = 0

    @property
    def share(self) -> float:
        """Found of all, 0 to 1; 1 where there was nothing to find."""
        return self.found / self.reuploads if self.reuploads else 1.0


@dataclass(frozen=True)
class Grade:
    """A result compared with the truth.

    Attributes:
        by_kind: Kind of edit to its counts; every kind of `edits.KINDS` is there.
        originals: Number of clusters among the collected clips.
        originals_lost: Ids of the lost ones (of a cluster whose original was not collected: the original's id).
        wrongly_merged: Ids of clips that were dropped as duplicates of a clip of another cluster.
    """

    by_kind: dict[str, KindGrade]
    originals: int
    originals_lost: tuple[str, ...]
    wrongly_merged: tuple[str, ...]

    @property
    def total(self) -> KindGrade:
        """All kinds together."""
        kinds = self.by_kind.values()
        return KindGrade(sum(kind.reuploads for kind in kinds), sum(kind.found for kind in kinds))


def grade(truth: Mapping[str, Clip], kept: Iterable[str], dropped: Mapping[str, str]) -> Grade:
    """Grades a removal of near-duplicates.

    Args:
        truth: Clips by id: of the graded day, and of the days whose clips `dropped` points to.
        kept: Ids of the clips that were kept, of those that were compared by their images.
        dropped: Id of each clip that was dropped as a duplicate, to the id of the clip that it repeats.

    Raises:
        NotFoundError: An id is not in `truth`.
    """
    kept = set(kept) - dropped.keys()
    cluster = {id_: _cluster(truth, id_) for id_ in kept | dropped.keys() | set(dropped.values())}
    collected: dict[str, list[str]] = defaultdict(list)
    for id_ in sorted(kept | dropped.keys()):
        collected[cluster[id_]].append(id_)
    wrong = {id_ for id_, keeper in dropped.items() if cluster[id_] != cluster[keeper]}
    kept_before = {cluster[keeper] for keeper in dropped.values() if keeper not in kept | dropped.keys()}
    kept_count = {original: sum(id_ in kept for id_ in ids) for original, ids in collected.items()}

    stand_ins = {
        original: plain
        for original, ids in collected.items()
        if original not in kept
        and (plain := next((id_ for id_ in ids if id_ in kept and truth[id_].edit in _PLAIN_KINDS), None))
    }

    counts = {kind: [0, 0] for kind in KINDS}
    for original, ids in collected.items():
        for id_ in ids:
            edit = truth[id_].edit
            stands_in = id_ == stand_ins.get(original) and kept_count[original] > 1
            if edit is not None and not stands_in and (len(ids) > 1 or id_ in dropped):
                counts[edit][0] += 1
                counts[edit][1] += kept_count[original] == 1 if id_ in kept else id_ not in wrong
    lost = {
        original for original in collected if original in wrong or not (kept_count[original] or original in kept_before)
    }
    by_kind = {kind: KindGrade(*pair) for kind, pair in counts.items()}
    return Grade(by_kind, len(collected), tuple(sorted(lost)), tuple(sorted(wrong)))


def _cluster(truth: Mapping[str, Clip], clip_id: str) -> str:
    clip = truth.get(clip_id)
    if clip is None:
        message = f"clip {clip_id} was never on the site; grade with the truth of the days that were crawled"
        raise NotFoundError(message)
    return clip.original_id
