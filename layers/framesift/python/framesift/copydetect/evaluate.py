"""Evaluates copy-detection methods: one threshold for all kinds of edit, on photos unseen in training.

Each photo is edited in every way of `evaluation_edits`; each edited photo is compared with the original
(a positive) and with all other photos and crops of them (negatives). One half of the photos is the validation
set (`half="choose"`), the other the test set (`half="report"`), whose queries also have the first half's photos
as negatives.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from framesift.copydetect.evaluation_edits import EDITS, crop_randomly
from framesift.vision.decode import RgbImage

FALSE_POSITIVE_RATES = (0.01, 0.001, 0.0001)
CROPS_A_PHOTO = 4
_BOOTSTRAPS = 200
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}

# Photographs that packages of the development environment contain, by package and folder.
_PACKAGED = (
    ("skimage", "data", "astronaut brick camera cell chelsea clock_motion coffee coins grass gravel"),
    ("skimage", "data", "hubble_deep_field ihc moon motorcycle_left page retina rocket text color"),
    ("sklearn", "datasets/images", "china flower"),
    ("matplotlib", "mpl-data/sample_data", "grace_hopper"),
)


class Method(Protocol):
    """A copy-detection method: descriptors, and a similarity between two of them."""

    name: str

    def describe(self, images: Sequence[RgbImage]) -> NDArray[np.generic]:
        """Describe (H, W, 3) uint8 RGB images of any sizes: (N, …), one row each."""

    def similarity(self, queries: NDArray[np.generic], references: NDArray[np.generic]) -> NDArray[np.float32]:
        """Compare all with all: (Q, R), larger for more similar."""


@dataclass(frozen=True)
class Scores:
    """Similarities of edited photos to their originals (positives) and to other photos (negatives).

    Attributes:
        positive: (Q,) to the original.
        negative: (Q, M) to other photos and their crops.
        photo: (Q,) the index of the photo that was edited.
        kind: (Q,) the edit's name and strength, such as `crop strong`.
        describe_ms: CPU milliseconds to describe one decoded image, one after another; other load on the machine
            hardly matters.
    """

    positive: NDArray[np.float32]
    negative: NDArray[np.float32]
    photo: NDArray[np.int_]
    kind: NDArray[np.str_]
    describe_ms: float

    def threshold(self, false_positive_rate: float) -> float:
        """The similarity above which at most this share of the negatives lies; 0: none of them."""
        allowed = int(false_positive_rate * self.negative.size)
        flat = self.negative.ravel()
        return float(np.partition(flat, len(flat) - 1 - allowed)[len(flat) - 1 - allowed])

    def recall(self, threshold: float, kind: str = "") -> float:
        """The share of the edited photos (of kinds that begin with `kind`) that are found above a threshold."""
        chosen = np.char.startswith(self.kind, kind)
        return float((self.positive[chosen] > threshold).mean())

    def micro_ap(self) -> float:
        """Area under the precision-recall curve over all pairs; ties count against the positives."""
        positive = np.sort(self.positive)[::-1]
        negative = np.sort(self.negative, axis=None)
        above = negative.size - np.searchsorted(negative, positive, side="left")
        rank = np.arange(1, len(positive) + 1)
        return float((rank / (rank + above)).mean())

    def of_photos(self, photos: NDArray[np.int_]) -> Scores:
        """The scores of these photos' queries, a photo counted as often as it is listed."""
        rows = np.concatenate([np.flatnonzero(self.photo == photo) for photo in photos])
        return Scores(
            self.positive[rows],
            self.negative[rows],
            self.photo[rows],
            self.kind[rows],
            self.describe_ms,
        )


def find_packaged_photos() -> dict[str, Path]:
    """Find the photographs inside installed packages, by name."""
    found = {}
    for package, folder, names in _PACKAGED:
        spec = find_spec(package)
        for root in (spec.submodule_search_locations or []) if spec else []:
            for path in sorted((Path(root) / folder).glob("*")):
                if path.stem in names.split() and path.suffix in _SUFFIXES:
                    found[path.stem] = path
    return found


def find_folder_photos(folder: Path) -> dict[str, Path]:
    """Find the photographs in a folder, by name."""
    return {path.stem: path for path in sorted(folder.iterdir()) if path.suffix in _SUFFIXES}


def select_half(photos: Sequence[str], half: Literal["choose", "report", "all"]) -> list[int]:
    """The indices of a half's photos: every other one in the order of their names."""
    start, step = {"choose": (0, 2), "report": (1, 2), "all": (0, 1)}[half]
    by_name = sorted(range(len(photos)), key=lambda number: photos[number])
    return sorted(by_name[start::step])


def score(method: Method, photos: dict[str, Path], *, half: Literal["choose", "report", "all"] = "all") -> Scores:
    """Score a method on one half of the photos, or all.

    Args:
        method: The method to evaluate.
        photos: Files by name; two or more.
        half: The photos to edit. `choose` compares only within that half, the others with all photos.
    """
    names = list(photos)
    opened = [Image.open(path).convert("RGB") for path in photos.values()]
    queried = select_half(names, half)
    compared = queried if half == "choose" else range(len(names))
    references, owner = [], []
    for number in compared:
        rng = random.Random(f"crops of {names[number]}")
        views = [opened[number]] + [crop_randomly(opened[number], rng) for _ in range(CROPS_A_PHOTO)]
        references += [np.asarray(view) for view in views]
        owner += [number] * len(views)
    edited = list(_edit_all(names, opened, queried))
    started_s = time.process_time()
    query_rows = np.concatenate([method.describe([image]) for _, _, image in edited])
    describe_ms = (time.process_time() - started_s) / len(edited) * 1e3
    similarity = method.similarity(query_rows, method.describe(references))
    photo = np.array([number for number, _, _ in edited])
    owners = np.array(owner)
    original = np.array([owner.index(number) for number in photo])
    others = owners[None] != photo[:, None]
    return Scores(
        similarity[np.arange(len(photo)), original],
        similarity[others].reshape(len(photo), -1),
        photo,
        np.array([kind for _, kind, _ in edited]),
        describe_ms,
    )


def summarize(scores: Scores) -> dict[str, object]:
    """Summarize one method: recalls by false-positive rate, micro-AP with its 95 % interval, speed."""
    low, high = bootstrap_interval(scores)
    rates = {f"{rate:g}": scores.threshold(rate) for rate in (*FALSE_POSITIVE_RATES, 0.0)}
    kinds = sorted(set(scores.kind.tolist()))
    return {
        "queries": len(scores.positive),
        "negative_pairs": scores.negative.size,
        "micro_ap": round(scores.micro_ap(), 4),
        "micro_ap_interval": [round(low, 4), round(high, 4)],
        "thresholds": {rate: round(value, 4) for rate, value in rates.items()},
        "recall": {rate: round(scores.recall(value), 4) for rate, value in rates.items()},
        "recall_by_kind": {kind: round(scores.recall(rates["0.001"], kind), 3) for kind in kinds},
        "describe_ms": round(scores.describe_ms, 2),
    }


def bootstrap_interval(scores: Scores) -> tuple[float, float]:
    """Estimate micro-AP's 95 % confidence interval by a bootstrap over photos."""
    rng = np.random.default_rng(0)
    photos = np.unique(scores.photo)
    drawn = [scores.of_photos(rng.choice(photos, len(photos))).micro_ap() for _ in range(_BOOTSTRAPS)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)


def _edit_all(
    names: Sequence[str], opened: Sequence[Image.Image], queried: Sequence[int]
) -> Iterator[tuple[int, str, RgbImage]]:
    for number in queried:
        for kind, edit in EDITS.items():
            for strong in (False, True):
                name = f"{kind} {'strong' if strong else 'mild'}"
                rng = random.Random(f"{names[number]} {name}")
                yield number, name, np.asarray(edit(opened[number], strong, rng))
