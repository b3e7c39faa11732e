"""A catalog as a dict: what every change means, written as plainly as can be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from framesift.catalog.log import CatalogLog
from framesift.catalog.tags import change_tags, fold
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
from tests.unit.catalog.items import item_id, make_item

Items = dict[str, CatalogItem]
SPLIT_TAGS = ["split:train", "split:val", "split:test"]
NOW = datetime(2026, 6, 1, tzinfo=UTC)


class Model:
    """What a catalog must be equal to."""

    def __init__(self) -> None:
        self.items: Items = {}

    def apply(self, change: Change, rows: list[tuple[str, dict[str, Any] | None]]) -> None:
        for id_, value in rows:
            self._apply_row(change, id_, value or {})
        if isinstance(change.body, RemoveItems):
            removed = {id_ for id_, _ in rows}
            for id_, item in self.items.items():
                if item.duplicate and item.duplicate.of in removed:
                    self.items[id_] = item.model_copy(update={"duplicate": None})

    def _apply_row(self, change: Change, id_: str, value: dict[str, Any]) -> None:
        item, body = self.items.get(id_), change.body
        if isinstance(body, RemoveItems):
            self.items.pop(id_, None)
            return
        if isinstance(body, AddItems):
            added = CatalogItem.model_validate(value)
            if item is None:
                names = [name for i, name in enumerate(added.names) if name not in added.names[:i]][:20]
                self.items[id_] = added.model_copy(update={"names": names, "version": change.number})
            else:
                new = [name for i, name in enumerate(added.names) if name not in item.names + added.names[:i]]
                names = (item.names + new)[:20]
                splits = [tag for tag in added.tags if tag in SPLIT_TAGS][:1]
                tags = item.tags if set(SPLIT_TAGS) & set(item.tags) else item.tags + splits
                gained = {"names": names, "tags": tags, "annotations": item.annotations or added.annotations}
                if item.model_copy(update=gained) != item:
                    self.items[id_] = item.model_copy(update={**gained, "version": change.number})
            return
        if item is None:
            return
        touched = {"version": change.number, "changed_at": change.at, "changed_by": change.by}
        self.items[id_] = item.model_copy(update=self._update(item, body, value) | touched)

    def _update(self, item: CatalogItem, body: ChangeBody, value: dict[str, Any]) -> dict[str, Any]:
        update: dict[str, Any] = {}
        match body:
            case SetPredictions():
                kept = [each for each in item.predictions if each.model != body.model]
                update["predictions"] = kept + [Prediction.model_validate(each) for each in value["predictions"]]
            case SetTags():
                update["tags"] = change_tags(item.tags, add=body.add, remove=body.remove)
            case SetMetadata():
                metadata = dict(item.metadata)
                for name, new in (value.get("values") or body.values).items():
                    metadata = {old: each for old, each in metadata.items() if fold(old) != fold(name)}
                    if new is not None:
                        metadata[name] = new
                update["metadata"] = metadata
            case SetAnnotations():
                said = value.get("annotations")
                update["annotations"] = body.annotations if said is None else list(map(Annotation.model_validate, said))
            case SetDuplicates():
                update["duplicate"] = value["duplicate"] and NearDuplicate.model_validate(value["duplicate"])
            case SetViewers():
                update["viewers"] = body.viewers
        return update


class Editor:
    """Makes changes of a log, and the same ones of a model."""

    def __init__(self, log: CatalogLog) -> None:
        self.log = log
        self.model = Model()

    def apply(self, change: Change) -> Change:
        self.model.apply(change, [tuple(row) for row in self.log.rows(change)])  # type: ignore[misc]
        return change

    def random_change(self, random: Any, count: int = 40) -> Change:
        """Make one change of any kind to some of `count` items."""
        numbers = random.sample(range(count), random.randint(1, 8))
        ids = [item_id(number) for number in numbers]
        by = random.choice(["kim", "lee", "pipeline"])
        words = ["Dog", "dog", "개", "Blurry", "Straße", "STRASSE"]
        duplicate = NearDuplicate(of=item_id(random.randrange(count)), method="pdq", score=0.9)
        log = self.log
        choices = [
            lambda: log.add_items([make_item(n, names=[f"{random.choice('abc')}{n}.jpg"]) for n in numbers], by),
            lambda: log.add_items([make_item(n) for n in numbers], by),
            lambda: log.add_items([make_item(n, tags=[random.choice(SPLIT_TAGS)]) for n in numbers], by),
            lambda: log.add_items([make_item(n, annotations=[Annotation(label="x")]) for n in numbers], by),
            lambda: log.set_predictions(
                model := random.choice(["a@1", "b@1"]),
                {id_: [Prediction(model=model, label=random.choice(words), score=0.5)] for id_ in ids},
                by,
            ),
            lambda: log.set_tags(ids, by, add=random.sample(words, 2), remove=random.sample(words, 1)),
            lambda: log.append(SetMetadata(ids=ids, values={"Line": random.randrange(9), "note": None}), by),
            lambda: log.set_metadata({id_: {"line": random.choice([None, "x", True]), "note": id_} for id_ in ids}, by),
            lambda: log.append(SetAnnotations(ids=ids, annotations=[Annotation(label=random.choice(words))]), by),
            lambda: log.set_annotations({id_: [Annotation(label=id_[:2])] for id_ in ids}, by),
            lambda: log.set_duplicates(dict.fromkeys(ids, random.choice([None, duplicate])), by),
            lambda: log.append(SetViewers(ids=ids, viewers=random.choice([None, [], ["lee"]])), by),
            lambda: log.remove_items(ids[:3], by),
        ]
        return self.apply(random.choice(choices)())
