"""What each kind of change does to an item. Nothing here reads or writes.

To apply a change never fails: what is too much for an item is left out, and what is said about an item that is not
there is ignored, so that every reader and every rebuild comes to the same result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from pydantic import TypeAdapter

from framesift.catalog.log import Row
from framesift.catalog.metadata import merge_metadata
from framesift.catalog.tags import change_tags, find_split, split_tag
from framesift.contracts import (
    AddItems,
    Annotation,
    CatalogItem,
    Change,
    ChangeBody,
    NearDuplicate,
    Prediction,
    RemoveItems,
    SetAnnotations,
    SetDuplicates,
    SetMetadata,
    SetPredictions,
    SetTags,
    SetViewers,
)
from framesift.errors import TooManyTagsError

MAX_NAMES: Final = 20
"""Names that are kept of an item."""

_PREDICTIONS: Final = TypeAdapter(list[Prediction])
_ANNOTATIONS: Final = TypeAdapter(list[Annotation])


class Effect(NamedTuple):
    """What a change does to one item.

    Attributes:
        number: The change's number.
        at: When it was made.
        by: Who made it.
        body: Its body.
        value: The item's line of its payload; None: what the body says.
    """

    number: int
    at: datetime
    by: str
    body: ChangeBody
    value: dict[str, Any] | None


def effect_of(change: Change, row: Row) -> Effect:
    """What a change does to one of the items that it touches."""
    return Effect(change.number, change.at, change.by, change.body, row.value)


def apply_effects(
    item: CatalogItem | None, effects: Iterable[Effect], removals: Mapping[str, int]
) -> CatalogItem | None:
    """Apply changes to an item.

    Args:
        item: The item before; None: it is not there.
        effects: What the changes do to it, in their order.
        removals: Ids of items that the same changes remove, and the number of the last one that did.

    Returns:
        The item after; None: it is not there (any more). A near-duplicate of a removed item is none any more.
    """
    duplicate_since = 0
    for effect in effects:
        if isinstance(effect.body, SetDuplicates) or item is None:
            duplicate_since = effect.number
        item = apply_effect(item, effect)
    if item and item.duplicate and removals.get(item.duplicate.of, 0) > duplicate_since:
        return item.model_copy(update={"duplicate": None})
    return item


def apply_effect(item: CatalogItem | None, effect: Effect) -> CatalogItem | None:
    """Apply one change to an item; None where it is not there."""
    if isinstance(effect.body, AddItems):
        return _add(item, effect)
    if item is None or isinstance(effect.body, RemoveItems):
        return None
    touched = {"version": effect.number, "changed_at": effect.at, "changed_by": effect.by}
    return item.model_copy(update=_update(item, effect) | touched)


def _add(item: CatalogItem | None, effect: Effect) -> CatalogItem:
    """Add an item; one that is there gains names, and labels and a split where it has none."""
    added = CatalogItem.model_validate(effect.value)
    names = list(dict.fromkeys([*(item.names if item else ()), *added.names]))[:MAX_NAMES]
    if item is None:
        return added.model_copy(update={"names": names, "version": effect.number})
    split = find_split(added.tags) if find_split(item.tags) is None else None
    gained: dict[str, Any] = {
        "names": names,
        "annotations": item.annotations or added.annotations,
        "tags": _change_tags(item.tags, [split_tag(split)], []) if split else item.tags,
    }
    if all(getattr(item, name) == value for name, value in gained.items()):
        return item
    return item.model_copy(update={**gained, "version": effect.number})


def _update(item: CatalogItem, effect: Effect) -> dict[str, Any]:
    value = effect.value or {}
    match effect.body:
        case SetPredictions(model=model):
            said = [
                found.model_copy(update={"model": model})
                for found in _PREDICTIONS.validate_python(value["predictions"])
            ]
            return {"predictions": [*(found for found in item.predictions if found.model != model), *said]}
        case SetTags(add=add, remove=remove):
            return {"tags": _change_tags(item.tags, add, remove)}
        case SetMetadata(values=values):
            return {"metadata": merge_metadata(item.metadata, value.get("values", values))}
        case SetAnnotations(annotations=annotations):
            found = _ANNOTATIONS.validate_python(value["annotations"]) if value else annotations
            return {"annotations": found}
        case SetDuplicates():
            duplicate = value.get("duplicate")
            return {"duplicate": NearDuplicate.model_validate(duplicate) if duplicate else None}
        case SetViewers(viewers=viewers):
            return {"viewers": viewers}
    return {}


def _change_tags(tags: list[str], add: list[str], remove: list[str]) -> list[str]:
    try:
        return change_tags(tags, add=add, remove=remove)
    except TooManyTagsError:  # Full: the tags to add are left out.
        return change_tags(tags, remove=remove)
