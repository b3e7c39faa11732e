"""Splits: which items train a model, which choose between models, and which test it.

Items that nearly repeat each other are one group, and a group is never divided: a test of what was trained on says
nothing. Groups are dealt by their rarest label first, each to the split that still lacks that label most, so that every
label has its shares in every split (iterative stratification, Sechidis et al. 2011, with the order of labels fixed).
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from framesift.catalog.condition import EVERYTHING, Condition
from framesift.catalog.log import CatalogLog
from framesift.catalog.reader import CatalogReader
from framesift.catalog.tags import SPLITS, find_split, fold, split_tag
from framesift.contracts import CatalogItem
from framesift.errors import InvalidSplitError

DEFAULT_SHARES: Final = {"train": 0.8, "val": 0.1, "test": 0.1}
_NO_LABEL: Final = ""


@dataclass(frozen=True)
class Leak:
    """Items that repeat each other and lie in different splits.

    Attributes:
        splits: The items of each split, sorted.
    """

    splits: dict[str, list[str]]


@dataclass(frozen=True)
class SplitReport:
    """How items were dealt.

    Attributes:
        counts: Items of each split.
        labels: For each label, its items in each split.
        groups: Groups of items that repeat each other, of more than one item.
        leaks: Groups that lay in several splits before; of those outside of what was dealt, some still do.
    """

    counts: dict[str, int]
    labels: dict[str, dict[str, int]]
    groups: int
    leaks: list[Leak]


@dataclass(frozen=True)
class _Member:
    """What dealing needs to know of an item."""

    id: str
    labels: frozenset[str]
    split: str | None
    is_dealt: bool


@dataclass
class _Groups:
    """Items that are joined if one repeats the other (a union-find over their ids)."""

    parent: dict[str, str] = field(default_factory=dict)

    def find(self, item_id: str) -> str:
        """The item that stands for a group."""
        root = item_id
        while (above := self.parent.get(root, root)) != root:
            root = above
        while self.parent.get(item_id, item_id) != root:
            self.parent[item_id], item_id = root, self.parent.get(item_id, item_id)
        return root

    def join(self, first: str, second: str) -> None:
        """Make two groups one, which the smaller id stands for."""
        low, high = sorted((self.find(first), self.find(second)))
        self.parent[high] = low


def assign_splits(
    log: CatalogLog,
    reader: CatalogReader,
    by: str,
    *,
    shares: Mapping[str, float] | None = None,
    seed: int = 0,
    stratify: bool = True,
    condition: Condition = EVERYTHING,
) -> SplitReport:
    """Deal items into splits, and tag them: each with the split that it is in, and with no other one.

    The same items, shares and seed give the same splits. A group of which some items are outside of the condition, and
    have a split, goes there as a whole.

    Args:
        log: Where the tags are written.
        reader: Reads the same catalog.
        by: The user's id.
        shares: The share of each of `SPLITS`; they add up to 1.
        seed: Another seed deals otherwise.
        stratify: Deal so that each label has its shares.
        condition: The items that are dealt.

    Raises:
        InvalidSplitError: The shares do not add up to 1, or one is negative, or there is no such split.
    """
    shares = _check_shares(DEFAULT_SHARES if shares is None else shares)
    dealt = set(reader.ids(condition))
    groups = _read_groups(reader, dealt)
    leaks = [leak for leak in map(_find_leak, groups) if leak]
    chosen = _deal([group for group in groups if any(member.is_dealt for member in group)], shares, seed, stratify)
    for split in SPLITS:
        ids = sorted(item_id for item_id, found in chosen.items() if found == split)
        if ids:
            log.set_tags(
                ids, by, add=[split_tag(split)], remove=[split_tag(other) for other in SPLITS if other != split]
            )
    counted: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(SPLITS, 0))
    for member in (member for group in groups for member in group if member.is_dealt):
        for label in member.labels:
            counted[label][chosen[member.id]] += 1
    counts = Counter(chosen.values())
    return SplitReport(
        counts={split: counts[split] for split in SPLITS},
        labels={label: counted[label] for label in sorted(counted) if label != _NO_LABEL},
        groups=sum(len(group) > 1 for group in groups),
        leaks=leaks,
    )


def find_leaks(reader: CatalogReader) -> list[Leak]:
    """The groups of items that repeat each other and lie in different splits."""
    return [leak for leak in map(_find_leak, _read_groups(reader, set())) if leak]


def _check_shares(shares: Mapping[str, float]) -> dict[str, float]:
    unknown = set(shares) - set(SPLITS)
    if unknown or any(not 0 <= share <= 1 for share in shares.values()) or abs(sum(shares.values()) - 1) > 1e-6:
        raise InvalidSplitError(
            f"These shares cannot be used: {', '.join(SPLITS)} must each have a share from 0 to 1, and add up to 1."
        )
    return {split: shares.get(split, 0.0) for split in SPLITS}


def _read_groups(reader: CatalogReader, dealt: set[str]) -> list[list[_Member]]:
    """All items in groups: those that are near-duplicates, or whose PDQ hash is the same."""
    groups, hashes, members = _Groups(), dict[str, str](), list[_Member]()
    for batch in reader.iterate():
        for item in batch:
            members.append(_Member(item.id, _labels_of(item), find_split(item.tags), item.id in dealt))
            if item.duplicate:
                groups.join(item.id, item.duplicate.of)
            if item.pdq:
                groups.join(item.id, hashes.setdefault(item.pdq, item.id))
    found: dict[str, list[_Member]] = defaultdict(list)
    for member in members:
        found[groups.find(member.id)].append(member)
    return list(found.values())


def _labels_of(item: CatalogItem) -> frozenset[str]:
    """What people say is in it; else what a model is surest of."""
    if item.annotations:
        return frozenset(fold(annotation.label) for annotation in item.annotations)
    best = max(item.predictions, key=lambda found: found.score, default=None)
    return frozenset({fold(best.label) if best else _NO_LABEL})


def _find_leak(group: list[_Member]) -> Leak | None:
    splits: dict[str, list[str]] = defaultdict(list)
    for member in group:
        if member.split:
            splits[member.split].append(member.id)
    return Leak({split: sorted(splits[split]) for split in SPLITS if split in splits}) if len(splits) > 1 else None


def _deal(groups: list[list[_Member]], shares: dict[str, float], seed: int, stratify: bool) -> dict[str, str]:
    """The split of each item that is dealt."""
    labels_of = [_count_labels(group) if stratify else Counter({_NO_LABEL: _size(group)}) for group in groups]
    totals: Counter[str] = sum(labels_of, Counter())
    wanted = {label: {split: share * count for split, share in shares.items()} for label, count in totals.items()}
    room = {split: share * sum(map(_size, groups)) for split, share in shares.items()}
    rarest = [min(labels, key=lambda label: (totals[label], label)) for labels in labels_of]

    def rank(number: int) -> tuple[bool, int, str, int, str]:
        # Groups that are bound to a split first, then by the rarest label, the largest groups before the small ones
        # that even out what they leave; the rest is chance, the same for the same seed.
        group = groups[number]
        chance = hashlib.sha256(f"{seed} {min(member.id for member in group)}".encode()).hexdigest()
        return (not _bound_to(group), totals[rarest[number]], rarest[number], -_size(group), chance)

    chosen: dict[str, str] = {}
    for number in sorted(range(len(groups)), key=rank):
        group, label = groups[number], rarest[number]
        possible = [split for split in SPLITS if shares[split] > 0]
        split = _bound_to(group) or max(possible, key=lambda each: (wanted[label][each], room[each], shares[each]))
        for each, count in labels_of[number].items():
            wanted[each][split] -= count
        room[split] -= _size(group)
        chosen |= {member.id: split for member in group if member.is_dealt}
    return chosen


def _bound_to(group: Iterable[_Member]) -> str | None:
    """The split of the group's items that are not dealt, the first one if they have several."""
    splits = {member.split for member in group if not member.is_dealt}
    return next((split for split in SPLITS if split in splits), None)


def _count_labels(group: list[_Member]) -> Counter[str]:
    return Counter(label for member in group if member.is_dealt for label in member.labels)


def _size(group: list[_Member]) -> int:
    return sum(member.is_dealt for member in group)
