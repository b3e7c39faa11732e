"""Splits: shares of every label, groups undivided, the same for the same seed, leaks reported."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from framesift.catalog.compact import compact
from framesift.catalog.condition import Condition
from framesift.catalog.log import CatalogLog
from framesift.catalog.reader import CatalogReader
from framesift.catalog.splits import Leak, assign_splits, find_leaks
from framesift.catalog.tags import SPLITS, find_split
from framesift.contracts import Annotation, CatalogItem, NearDuplicate
from framesift.errors import InvalidSplitError
from tests.unit.catalog.conftest import COLLECTION
from tests.unit.catalog.items import item_id, make_item


def labelled(number: int, label: str, **fields: Any) -> CatalogItem:
    return make_item(number, annotations=[Annotation(label=label)], **fields)


def near(number: int) -> NearDuplicate:
    return NearDuplicate(of=item_id(number), method="pdq", score=0.95)


def splits_of(reader: CatalogReader) -> dict[str, str | None]:
    return {item.id: find_split(item.tags) for batch in reader.iterate() for item in batch}


def test_every_label_has_its_shares_in_every_split(log: CatalogLog, reader: CatalogReader) -> None:
    labels = ["good"] * 300 + ["scratch"] * 60 + ["dent"] * 40
    log.add_items([labelled(number, label) for number, label in enumerate(labels)], "kim")
    report = assign_splits(log, reader, "kim", shares={"train": 0.7, "val": 0.2, "test": 0.1}, seed=1)
    assert report.counts == {"train": 280, "val": 80, "test": 40}
    assert report.labels == {
        "dent": {"train": 28, "val": 8, "test": 4},
        "good": {"train": 210, "val": 60, "test": 30},
        "scratch": {"train": 42, "val": 12, "test": 6},
    }
    assert Counter(splits_of(reader).values()) == Counter(report.counts)


def test_items_of_several_labels_are_dealt_by_the_rarest(log: CatalogLog, reader: CatalogReader) -> None:
    both = [Annotation(label="common"), Annotation(label="rare")]
    rare = [make_item(number, annotations=both) for number in range(10)]
    log.add_items([*rare, *(labelled(number, "common") for number in range(10, 100))], "kim")
    report = assign_splits(log, reader, "kim", shares={"train": 0.6, "val": 0.2, "test": 0.2})
    assert report.labels["rare"] == {"train": 6, "val": 2, "test": 2}
    assert report.labels["common"] == {"train": 60, "val": 20, "test": 20}


def test_what_repeats_itself_is_never_divided(log: CatalogLog, reader: CatalogReader) -> None:
    """Near-duplicates, those of near-duplicates, and items of one PDQ hash."""
    items = [
        labelled(number, "x", duplicate=near(number - number % 5) if number % 5 else None) for number in range(100)
    ]
    items += [labelled(number, "x", pdq=f"{number // 4:064x}") for number in range(100, 140)]
    items.append(labelled(140, "x", duplicate=near(0), pdq=f"{25:064x}"))  # joins a group of each kind
    log.add_items(items, "kim")
    report = assign_splits(log, reader, "kim", shares={"train": 0.5, "val": 0.3, "test": 0.2}, seed=3)
    found = splits_of(reader)
    groups = [[number - number % 5 + each for each in range(5)] for number in range(0, 100, 5)]
    groups += [list(range(number, number + 4)) for number in range(100, 140, 4)]
    for group in groups:
        assert len({found[item_id(number)] for number in group}) == 1
    assert found[item_id(140)] == found[item_id(0)] == found[item_id(100)]
    assert report.groups == 29
    assert report.leaks == find_leaks(reader) == []
    assert report.counts["train"] == pytest.approx(70, abs=5)


def test_the_same_seed_deals_the_same_and_another_otherwise(log: CatalogLog, reader: CatalogReader) -> None:
    log.add_items([labelled(number, "ab"[number % 2]) for number in range(60)], "kim")
    assign_splits(log, reader, "kim", seed=1)
    first = splits_of(reader)
    compact(COLLECTION, log.store, log.records)
    assign_splits(log, reader, "kim", seed=1)
    assert splits_of(reader) == first
    assign_splits(log, reader, "kim", seed=2)
    assert splits_of(reader) != first


def test_an_item_is_in_one_split_at_a_time(log: CatalogLog, reader: CatalogReader) -> None:
    log.add_items([labelled(number, "x") for number in range(40)], "kim")
    for seed in range(3):
        assign_splits(log, reader, "kim", seed=seed, shares={"train": 0.4, "val": 0.3, "test": 0.3})
    for batch in reader.iterate():
        for item in batch:
            assert len([tag for tag in item.tags if tag.startswith("split:")]) == 1
    assert {change.by for change in log.after(1)} == {"kim"}


def test_only_what_meets_the_condition_is_dealt(log: CatalogLog, reader: CatalogReader) -> None:
    log.add_items([labelled(number, "x") for number in range(30)], "kim")
    condition = Condition("content_type = ?", ["image/png"])
    report = assign_splits(log, reader, "kim", condition=condition, shares={"train": 0.5, "val": 0.5})
    assert report.counts == {"train": 5, "val": 5, "test": 0}
    assert sum(split is not None for split in splits_of(reader).values()) == 10


def test_a_group_goes_where_its_items_outside_are(log: CatalogLog, reader: CatalogReader) -> None:
    log.add_items([labelled(0, "x", tags=["split:test"])], "kim")
    log.add_items([labelled(number, "x", duplicate=near(0), content_type="image/gif") for number in range(1, 9)], "kim")
    condition = Condition("content_type = ?", ["image/gif"])
    report = assign_splits(log, reader, "kim", condition=condition, shares={"train": 1.0})
    assert report.counts == {"train": 0, "val": 0, "test": 8}
    assert find_leaks(reader) == []


def test_leaks_are_reported_and_mended(log: CatalogLog, reader: CatalogReader) -> None:
    """As an imported data set may have them."""
    log.add_items([labelled(1, "x", tags=["split:train"]), labelled(2, "x", duplicate=near(1))], "kim")
    log.set_tags([item_id(2)], "kim", add=["split:test"])
    leak = Leak({"train": [item_id(1)], "test": [item_id(2)]})
    assert find_leaks(reader) == [leak]
    assert assign_splits(log, reader, "kim").leaks == [leak]
    assert find_leaks(reader) == []


def test_without_labels_the_shares_are_kept(log: CatalogLog, reader: CatalogReader) -> None:
    log.add_items([make_item(number, predictions=[]) for number in range(50)], "kim")
    assert assign_splits(log, reader, "kim").counts == {"train": 40, "val": 5, "test": 5}
    assert assign_splits(log, reader, "kim", stratify=False).counts == {"train": 40, "val": 5, "test": 5}
    assert assign_splits(log, reader, "kim").labels == {}


def test_nothing_is_dealt_of_an_empty_collection(log: CatalogLog, reader: CatalogReader) -> None:
    assert assign_splits(log, reader, "kim").counts == dict.fromkeys(SPLITS, 0)
    assert log.head() == 0


@pytest.mark.parametrize(
    "shares", [{}, {"train": 0.5}, {"train": 1.5, "val": -0.5}, {"train": 0.5, "dev": 0.5}, {"train": float("nan")}]
)
def test_shares_that_make_no_whole_are_refused(
    log: CatalogLog, reader: CatalogReader, shares: dict[str, float]
) -> None:
    with pytest.raises(InvalidSplitError, match="add up to 1"):
        assign_splits(log, reader, "kim", shares=shares)
