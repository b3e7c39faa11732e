"""Re-uploads found and originals lost on the clip site, by kind of edit: PDQ alone, and with our model on top.

    python -m benchmarks.clip_site [--seeds 1 2 3] [--thresholds 0.75 0.8 0.85 0.9]

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
from framesift.models import default_cache_dir, open_registry
from framesift.vision.duplicates import Candidate, find_duplicates
from framesift.vision.embed import CopyDetect
from framesift.vision.looks import look_at
from framesift.vision.pdq import MIN_QUALITY, VARIANTS, similar_hashes
from framesift.vision.similarity import Pairs, similar_pairs
from framesift_local.clipsite import Clip, ClipSite, Grade, grade, pictures
from framesift_local.clipsite.edits import KINDS

DAY = dt.date(2026, 11, 20)
CLIPS = 200


@dataclass(frozen=True)
class Day:
    """What was seen of a site's day."""

    clips: list[Clip]
    truth: dict[str, Clip]
    words: np.ndarray
    features: np.ndarray

    def judge(self, threshold: float | None) -> Grade:
        """Find the duplicates by PDQ and, where a threshold is given, by our model; hold them against the truth."""
        pairs: dict[str, Pairs] = {"pdq": similar_hashes(self.words)}
        if threshold is not None:
            pairs["copydetect"] = similar_pairs(self.features, threshold)
        candidates = [Candidate(clip.id, clip.views, n, clip.category) for n, clip in enumerate(self.clips)]
        repeats = find_duplicates(candidates, pairs)
        dropped = {
            clip.id: self.clips[repeat.keeper].id
            for clip, repeat in zip(self.clips, repeats, strict=True)
            if repeat is not None
        }
        return grade(self.truth, [clip.id for clip in self.clips], dropped)


def see(seed: int, embedder: CopyDetect) -> Day:
    """Draw a site's day and look at every picture as the vision job does."""
    site = ClipSite(date=DAY, cache_dir=Path(), seed=seed, clips_per_category=CLIPS)
    clips = list(site.catalogue().clips.values())
    with ThreadPoolExecutor(2) as pool:
        looks = list(pool.map(lambda clip: look_at(pictures.encode(clip), embedder, max_pixels=25_000_000), clips))
    judged = [number for number, look in enumerate(looks) if look.pdq.quality >= MIN_QUALITY and not look.plain]
    clips, looks = [clips[number] for number in judged], [looks[number] for number in judged]
    features = embedder.embed([look.prepared for look in looks])
    words = np.stack([look.pdq.words for look in looks]).reshape(-1, len(VARIANTS), 4)
    return Day(clips, site.truth(), words, features)


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
    parser.add_argument("--thresholds", type=float, nargs="*", default=[0.75, 0.8, 0.825, 0.85, 0.875, 0.9])
    arguments = parser.parse_args()
    embedder = CopyDetect(open_registry(default_cache_dir()).resolve("copydetect"), threads=2)
    days = [see(seed, embedder) for seed in arguments.seeds]
    rows = [row("PDQ alone", [day.judge(None) for day in days])]
    rows += [row(f"and copydetect ≥ {t}", [day.judge(t) for day in days]) for t in arguments.thresholds]
    report(
        "clip_site",
        [
            "# Re-uploads on the clip site",
            "",
            f"{len(days)} sites of 5 x {CLIPS} clips, seeds {', '.join(map(str, arguments.seeds))}; shares are of the",
            "re-uploads that there is something to find of (`framesift_local/clipsite/grade.py`).",
            "",
            *table(["judged by", "originals lost", "found", *KINDS], rows),
            "",
            f"The card's threshold is {embedder.threshold}.",
            "",
            *machine(["onnxruntime-openvino", "pdqhash"]),
        ],
    )


if __name__ == "__main__":
    main()
