"""What changes do to items, against a dict that is changed one change at a time."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from framesift.catalog.apply import MAX_NAMES, Effect, apply_effect, apply_effects
from framesift.catalog.tags import MAX_TAGS
from framesift.contracts import (
    AddItems,
    Annotation,
    CatalogItem,
    Change,
    ChangeBody,
    NearDuplicate,
    RemoveItems,
    SetAnnotations,
    SetDuplicates,
    SetMetadata,
    SetPredictions,
    SetTags,
    SetViewers,
)
from tests.unit.catalog.items import item_id, make_item
from tests.unit.catalog.model import NOW, Model

NUMBERS = st.integers(0, 4)
WORDS = st.sampled_from(["Dog", "dog", "개", "Straße", "STRASSE", "x"])
VALUES = st.one_of(st.none(), st.booleans(), st.floats(-9, 9), WORDS)
Step = tuple[ChangeBody, dict[str, dict[str, Any] | None]]


def _rows(value: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(NUMBERS.map(item_id), value, min_size=1, max_size=4)


def _payload(body: ChangeBody, name: str, value: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    return _rows(value).map(lambda rows: (body, {id_: {"id": id_, name: each} for id_, each in rows.items()}))


def _inline(body: st.SearchStrategy[ChangeBody]) -> st.SearchStrategy[Step]:
    return st.tuples(body, _rows(st.none()))


PREDICTIONS = st.lists(st.builds(lambda label: {"model": "m@1", "label": label, "score": 0.5}, WORDS), max_size=3)
DUPLICATES = st.one_of(st.none(), NUMBERS.map(lambda number: {"of": item_id(number), "method": "pdq", "score": 0.9}))
ADDED = st.dictionaries(NUMBERS, st.lists(WORDS, min_size=1, max_size=2), min_size=1).map(
    lambda names: (
        AddItems(items_key="k"),
        {item_id(n): make_item(n, names=each).model_dump(mode="json") for n, each in names.items()},
    )
)
STEPS = st.lists(
    st.one_of(
        ADDED,
        ADDED,
        _payload(SetPredictions(model="m@1", predictions_key="k"), "predictions", PREDICTIONS),
        _inline(st.builds(SetTags, add=st.lists(WORDS, max_size=2), remove=st.lists(WORDS, max_size=2))),
        _inline(st.builds(SetMetadata, values=st.dictionaries(WORDS, VALUES, max_size=1))),
        _payload(SetMetadata(values_key="k"), "values", st.dictionaries(WORDS, VALUES, max_size=1)),
        _inline(st.builds(lambda label: SetAnnotations(annotations=[Annotation(label=label)]), WORDS)),
        _payload(SetDuplicates(duplicates_key="k"), "duplicate", DUPLICATES),
        _inline(st.builds(SetViewers, viewers=st.one_of(st.none(), st.lists(WORDS, max_size=2)))),
        _inline(st.just(RemoveItems())),
    ),
    max_size=20,
)


@given(steps=STEPS, cuts=st.sets(st.integers(0, 20), max_size=3))
def test_items_are_what_a_dict_would_be_wherever_snapshots_were_made(steps: list[Step], cuts: set[int]) -> None:
    model = Model()
    items: dict[str, CatalogItem] = {}
    waiting: list[tuple[Change, dict[str, dict[str, Any] | None]]] = []
    for number, (body, rows) in enumerate(steps, 1):
        change = Change(number=number, at=NOW, by="kim", body=body)
        model.apply(change, list(rows.items()))
        waiting.append((change, rows))
        if number in cuts or number == len(steps):
            items = _apply_all(items, waiting)
            waiting = []
            assert items == model.items


def _apply_all(
    items: dict[str, CatalogItem], changes: list[tuple[Change, dict[str, dict[str, Any] | None]]]
) -> dict[str, CatalogItem]:
    effects: dict[str, list[Effect]] = {}
    removals: dict[str, int] = {}
    for change, rows in changes:
        for id_, value in rows.items():
            effects.setdefault(id_, []).append(Effect(change.number, change.at, change.by, change.body, value))
            if isinstance(change.body, RemoveItems):
                removals[id_] = change.number
    applied = {id_: apply_effects(items.get(id_), effects.get(id_, ()), removals) for id_ in items.keys() | effects}
    return {id_: item for id_, item in applied.items() if item}


def _effect(body: ChangeBody, value: dict[str, Any] | None = None) -> Effect:
    return Effect(7, NOW, "lee", body, value)


def test_a_change_says_who_made_it_and_gives_its_number() -> None:
    item = apply_effect(make_item(1), _effect(SetTags(add=["dog"])))
    assert item is not None
    assert (item.version, item.changed_at, item.changed_by) == (7, NOW, "lee")


def test_the_same_bytes_under_names_that_are_known_change_nothing() -> None:
    item = make_item(1, version=3)
    assert apply_effect(item, _effect(AddItems(items_key="k"), make_item(1).model_dump(mode="json"))) == item


def test_an_item_keeps_its_first_names() -> None:
    item = make_item(1, names=["first.jpg"])
    many = make_item(1, names=[f"{number}.jpg" for number in range(50)]).model_dump(mode="json")
    after = apply_effect(item, _effect(AddItems(items_key="k"), many))
    assert after is not None
    assert len(after.names) == MAX_NAMES
    assert after.names[0] == "first.jpg"


def test_tags_that_an_item_has_no_room_for_are_left_out() -> None:
    item = make_item(1, tags=[f"tag {number}" for number in range(MAX_TAGS)])
    after = apply_effect(item, _effect(SetTags(add=["new"], remove=["tag 0"])))
    assert after is not None
    assert "new" in after.tags
    full = apply_effect(item, _effect(SetTags(add=["new", "newer"], remove=["tag 0"])))
    assert full is not None
    assert full.tags == item.tags[1:]


def test_what_is_said_about_an_item_that_is_not_there_is_ignored() -> None:
    assert apply_effect(None, _effect(SetTags(add=["dog"]))) is None
    assert apply_effect(None, _effect(RemoveItems())) is None


def test_a_near_duplicate_of_a_removed_item_is_none_any_more() -> None:
    item = make_item(1, duplicate=NearDuplicate(of=item_id(2), method="pdq", score=0.9), version=3)
    after = apply_effects(item, [], {item_id(2): 5})
    assert after is not None
    assert after.duplicate is None
    assert after.version == 3
