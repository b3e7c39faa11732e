"""Re-uploads found and originals lost on the clip site, by kind of edit: by PDQ, our model, and aligning what is alike.

    python -m benchmarks.clip_site [--seeds 1 2 3] [--thresholds 0.8 0.85 0.9] [--candidates 0.6 0.65 0.7]

Each seed is another site: 5 x 200 clips of one day, all of them collected, no history. Writes
`benchmarks/results/clip_site.md`.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.rounds import machine, report, table
from framesift.duplicates.alignment import SIDE, align, local_features
from framesift.duplicates.fingerprints import Fingerprints, fingerprint
from framesift.duplicates.images import Candidate, Comparison, ImageSet
from framesift.duplicates.keepers import choose_keepers
from framesift.duplicates.pairs import Pairs
from framesift.duplicates.pdq import MIN_QUALITY, similar_hashes
from framesift.duplicates.similarity import similar_pairs
from framesift.embedding.copydetect import CopyDetect
from framesift.models import Model, default_cache_dir, open_registry
from framesift.vision.decode import decode_image
from framesift_local.standins.clipsite import Clip, ClipSite, Grade, grade, images
from framesift_local.standins.clipsite.edits import KINDS

DAY = dt.date(2026, 11, 20)
CLIPS = 200
MAX_PIXELS = 25_000_000


@dataclass(frozen=True)
class Day:
    """A site's day, fingerprinted.

    Attributes:
        clips: Those that can be judged.
        truth: All clips, by id.
        comparison: Each with every other.
        alike: Pairs whose features are similar.
        agreeing: `(P,)` bool: which of these alignment confirms.
    """

    clips: list[Clip]
    truth: dict[str, Clip]
    comparison: Comparison
    alike: Pairs
    agreeing: np.ndarray

    def judge(self, threshold: float | None, candidate: float = 1.0) -> Grade:
        """Find the duplicates by PDQ and, where thresholds are given, by our model; compare them with the truth."""
        pairs = {"pdq": similar_hashes(self.comparison.queries.fingerprints.pdq)}
        if threshold is not None:
            pairs["copydetect"] = self.alike.where(self.alike.scores >= threshold)
            pairs["aligned"] = self.alike.where((self.alike.scores >= candidate) & self.agreeing)
        similar = {method: self.comparison.scores(found, Pairs.empty()) for method, found in pairs.items()}
        matches = choose_keepers(self.comparison, similar)
        dropped = {clip.id: match.keeper.id for clip, match in zip(self.clips, matches, strict=True) if match}
        return grade(self.truth, [clip.id for clip in self.clips], dropped)


def fingerprint_day(seed: int, embedder: CopyDetect, min_score: float) -> Day:
    """Draw a site's day, fingerprint every cover as the vision job does, and align the pairs that are alike."""
    site = ClipSite(date=DAY, cache_dir=Path(), seed=seed, clips_per_category=CLIPS)
    clips = list(site.catalogue().clips.values())
    with ThreadPoolExecutor(2) as pool:
        files = list(pool.map(images.encode, clips))
        found = list(pool.map(lambda data: fingerprint(data, embedder, max_pixels=MAX_PIXELS), files))
        judged = [number for number, one in enumerate(found) if one.pdq.quality >= MIN_QUALITY and not one.plain]
        clips, found = [clips[number] for number in judged], [found[number] for number in judged]
        files = [files[number] for number in judged]
        features = embedder.embed([one.prepared for one in found if one.prepared is not None])
        alike = similar_pairs(features, min_score)
        numbers = sorted({*alike.first.tolist(), *alike.second.tolist()})
        decoded = pool.map(lambda number: local_features(decode_image(files[number], min_side=SIDE // 2)), numbers)
        local = dict(zip(numbers, decoded, strict=True))
        ways = pool.map(lambda one, other: align(local[one], local[other]), alike.first, alike.second)
        agreeing = np.array(
            [way is not None and way.confirms(score) for way, score in zip(ways, alike.scores, strict=True)], np.bool_
        )
    digests = [str(number) for number in range(len(clips))]
    fingerprints = Fingerprints.blank("copydetect", [clip.id for clip in clips], digests, embedder.dimension)
    fingerprints.features[:], fingerprints.pdq[:] = features, [one.pdq.words for one in found]
    candidates = [
        Candidate(clip.id, digest, rank=(-clip.views,), group=clip.category)
        for clip, digest in zip(clips, digests, strict=True)
    ]
    nothing = ImageSet([], Fingerprints.blank("copydetect", [], [], embedder.dimension))
    comparison = Comparison(ImageSet(candidates, fingerprints), references=nothing)
    return Day(clips, site.truth(), comparison, alike, agreeing)


def row(name: str, grades: Sequence[Grade]) -> list[str]:
    """One way's line: all seeds together."""
    found: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for each in grades:
        for kind, one in each.by_kind.items():
            found[kind] += one.found
            total[kind] += one.reuploads
    shares = [f"{found[kind] / total[kind]:.2f}" if total[kind] else "–" for kind in KINDS]
    lost = sum(len(each.originals_lost) for each in grades)
    return [
        name,
        f"{lost} of {sum(each.originals for each in grades)}",
        f"{found.total() / total.total():.3f}",
        *shares,
    ]


def main() -> None:
    """Run the comparison and write its report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--thresholds", type=float, nargs="*", default=[0.75, 0.8, 0.85, 0.9])
    parser.add_argument("--candidates", type=float, nargs="*", default=[0.6, 0.65, 0.7])
    parser.add_argument("--file", type=Path, help="another ONNX file than the one that ships")
    arguments = parser.parse_args()
    model = open_registry(default_cache_dir()).resolve("copydetect")
    embedder = CopyDetect(Model(model.card, arguments.file or model.path), threads=2)
    min_score = min([*arguments.candidates, *arguments.thresholds])
    days = [fingerprint_day(seed, embedder, min_score) for seed in arguments.seeds]
    rows = [row("PDQ alone", [day.judge(None) for day in days])]
    rows += [row(f"and copydetect ≥ {t}", [day.judge(t) for day in days]) for t in arguments.thresholds]
    rows += [
        row(f"and copydetect ≥ {t}, aligned ≥ {c}", [day.judge(t, c) for day in days])
        for t in arguments.thresholds
        for c in arguments.candidates
    ]
    report(
        "clip_site",
        [
            "# Re-uploads on the clip site",
            "",
            f"{len(days)} sites of 5 x {CLIPS} clips, seeds {', '.join(map(str, arguments.seeds))}; shares are of the",
            "re-uploads that there is something to find of (`framesift_local/standins/clipsite/grade.py`).",
            "",
            *table(["judged by", "originals lost", "found", *KINDS], rows),
            "",
            f"The card's thresholds are {embedder.threshold}, and {model.card.candidate_threshold} for pairs that are",
            "confirmed by alignment (`framesift/duplicates/alignment.py`).",
            "",
            *machine(["onnxruntime-openvino", "pdqhash"]),
        ],
    )


if __name__ == "__main__":
    main()
