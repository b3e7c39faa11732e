"""Checks of a data set before a training begins: what would make its figures wrong, or the training useless."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from framesift.duplicates.pdq import MIN_QUALITY, pdq_hash, similar_hashes
from framesift.errors import ClassMissingError
from framesift.training.data.dataset import SPLITS, Dataset
from framesift.training.data.labelled import Sources
from framesift.training.data.pool import Pool

_TINY_PX = 4.0
_SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """Something about a data set that a person should know.

    Attributes:
        kind: `class missing`, `leak`, `near duplicates`, `tiny boxes`, `unlabelled`, `faults`, or `no validation`.
        message: One line.
        examples: Some of the images, or places in files.
    """

    kind: str
    message: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckReport:
    """What checks found.

    Attributes:
        counts: For each split, images and labels of each class.
        findings: What a person should know.
    """

    counts: dict[str, dict[str, int]]
    findings: tuple[Finding, ...]

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def check_dataset(dataset: Dataset, sources: Sources) -> CheckReport:
    """Check what is known without decoding images.

    Raises:
        ClassMissingError: A class has no example in the training split.
    """
    counts = _count(dataset)
    missing = [name for name in dataset.classes if not counts["train"][name]]
    if missing:
        raise ClassMissingError(
            f"The training split has no example of {', '.join(missing)}: add some, or leave it out of data.classes."
        )
    findings = []
    for split in SPLITS[1:]:
        absent = [name for name in dataset.classes if counts[split]["images"] and not counts[split][name]]
        if absent:
            findings.append(
                Finding("class missing", f"No example of {', '.join(absent)} in {split}: its figures leave it out.")
            )
    if not counts["val"]["images"]:
        findings.append(Finding("no validation", "No image is for validation: the training cannot stop early."))
    findings += _find_leaks(dataset)
    if sources.unlabelled:
        message = f"{len(sources.unlabelled)} images have no labels and are left out."
        findings.append(Finding("unlabelled", message, tuple(sources.unlabelled[:_SHOWN])))
    if sources.faults:
        message = f"{len(sources.faults)} labels cannot be used: boxes outside of images, or labels without images."
        findings.append(Finding("faults", message, tuple(sources.faults[:_SHOWN])))
    return CheckReport(counts, tuple(findings))


def check_pools(pools: dict[str, Pool]) -> list[Finding]:
    """Check what shows in prepared images only: boxes that are tiny there, and near-duplicates across splits."""
    findings = []
    tiny = [
        pool.image_ids[number]
        for pool in pools.values()
        for number, labels in enumerate(pool.labels)
        if len(labels.boxes) and (labels.boxes[:, 2:] - labels.boxes[:, :2]).min() < _TINY_PX
    ]
    if tiny:
        message = f"{len(tiny)} images have boxes under {_TINY_PX:g} px at the network's size: they are hardly learnt."
        findings.append(Finding("tiny boxes", message, tuple(tiny[:_SHOWN])))
    return findings + _find_near_duplicates(pools)


def _count(dataset: Dataset) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for split in SPLITS:
        examples = dataset.of(split)
        found = Counter({"images": len(examples)})
        for example in examples:
            labels = example.labels
            if labels is not None:
                ids = labels.class_ids.tolist() if len(labels.class_ids) else [labels.label]
                found.update(dataset.classes[number] for number in ids if number >= 0)
        counts[split] = {name: found[name] for name in ("images", *dataset.classes)}
    return counts


def _find_leaks(dataset: Dataset) -> list[Finding]:
    splits = defaultdict(set)
    names = defaultdict(list)
    for example in dataset.examples:
        splits[example.origin].add(example.split)
        names[example.origin].append(example.image_id)
    leaks = [names[origin] for origin, found in splits.items() if len(found) > 1]
    if not leaks:
        return []
    message = f"{len(leaks)} files are in several splits: figures on them say nothing."
    return [Finding("leak", message, tuple(_join(leaks[:_SHOWN])))]


def _find_near_duplicates(pools: dict[str, Pool]) -> list[Finding]:
    """Pairs of nearly equal images in different splits, by PDQ of the whole image."""
    hashes, owners = [], []
    for split, pool in pools.items():
        for number in range(len(pool)):
            found = pdq_hash(pool.pixels[number])
            if found.quality >= MIN_QUALITY:
                hashes.append(found.words)
                owners.append((split, pool.image_ids[number]))
    if len(hashes) < 2:
        return []
    pairs = similar_hashes(np.stack(hashes))
    across = [
        (owners[first][1], owners[second][1])
        for first, second in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)
        if owners[first][0] != owners[second][0]
    ]
    if not across:
        return []
    message = f"{len(across)} pairs of nearly equal images are in different splits: their figures are too good."
    return [Finding("near duplicates", message, tuple(_join(across[:_SHOWN])))]


def _join(groups: Sequence[Sequence[str]]) -> list[str]:
    return [" = ".join(group) for group in groups]
