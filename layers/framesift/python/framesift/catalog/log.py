"""A catalog's log: what people and the pipeline change is appended to it, and to nothing else.

A change is numbered by a conditional write, so the log has no gaps, and two who append at once both succeed, one after
the other. What is too large for a record is written to S3 first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from pydantic import TypeAdapter

from framesift.catalog.metadata import check_metadata
from framesift.catalog.payloads import read_payload, write_payload
from framesift.catalog.tags import normalize_tags
from framesift.contracts import (
    AddItems,
    Annotation,
    CatalogItem,
    Change,
    ChangeBody,
    MetadataValue,
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
from framesift.errors import ChangeTooLargeError, ItemChangedError
from framesift.storage import Store
from framesift.table import Records
from framesift.table.changes import pause

_INLINE_BYTES: Final = 32_000
"""A longer body moves to S3: of short records, one request reads many."""
_RECORD_BYTES: Final = 300_000
"""A body's most: DynamoDB's limit of a record is 400 KB."""
_NOBODY: Final = frozenset({"", "pipeline", "import"})
"""Who changes a catalog without being a user."""
_PREDICTIONS: Final = TypeAdapter(list[Prediction])
_ANNOTATIONS: Final = TypeAdapter(list[Annotation])


class Row(NamedTuple):
    """What a change says about one item.

    Attributes:
        id: The item.
        value: Its line of the change's payload; None: what the change's body says.
    """

    id: str
    value: dict[str, Any] | None


@dataclass(frozen=True)
class CatalogLog:
    """The log of a collection's catalog.

    Attributes:
        collection: The collection's id.
        store: The bucket.
        records: The table.
    """

    collection: str
    store: Store
    records: Records

    def append(self, body: ChangeBody, by: str, *, request_id: str = "", unchanged_since: int | None = None) -> Change:
        """Append a change.

        Args:
            body: What changes; lists that are too long for a record are moved to S3.
            by: The user's id, or `pipeline`.
            request_id: A repeated append with the same id adds nothing, and returns the change that the first one made.
            unchanged_since: The number of the change up to which the caller has read the items in `body.ids`.

        Raises:
            ItemChangedError: A change behind `unchanged_since` touched one of the items.
            InvalidTagError: A tag cannot be used.
            InvalidMetadataError: A field's name or value cannot be used.
            ChangeTooLargeError: The body names too much besides ids.
            CollectionMissingError: There is no such collection.
            CollectionDeletedError: It has been deleted, or is being deleted.
        """
        body, log = _normalize(body), self.records.collections.pointer(self.collection).log
        _check_size(body)
        # Deleting an account finds by this what names the person.
        for user in {by, *((body.viewers or []) if isinstance(body, SetViewers) else [])} - _NOBODY:
            _note_author(self.records, self.collection, log, user)
        if isinstance(body, RemoveItems):
            # First, so that nothing is removed without being deleted in the end.
            self.records.deletions.request("items", self.collection, by)
        changes = self.records.changes
        head = changes.head(log)
        searched = changes.note_request(log, request_id, head) if request_id else 0
        watched = frozenset(body.ids) if unchanged_since is not None else frozenset()
        checked = unchanged_since or 0
        stored: ChangeBody | None = None
        while True:
            if request_id and head > searched:
                if made := changes.find_request(log, request_id, searched):
                    return made
                searched = head
            if watched and head > checked:
                self._check_untouched(log, watched, checked, head)
                checked = head
            stored = stored or self._store_lists(body)
            change = Change(number=head + 1, at=datetime.now(UTC), by=by, body=stored)
            if changes.put(log, change, request_id):
                return change
            pause()
            head = changes.head(log)

    def add_items(self, items: Iterable[CatalogItem], by: str, *, request_id: str = "") -> Change:
        """Add items; one that is there already gains names, and labels and a split where it has none."""

        def make_rows() -> Iterator[dict[str, Any]]:
            for item in items:
                checked = {"tags": normalize_tags(item.tags), "metadata": check_metadata(item.metadata)}
                yield item.model_copy(update=checked).model_dump(mode="json", exclude_defaults=True)

        return self._append_rows(make_rows(), lambda key: AddItems(items_key=key), by, request_id)

    def set_predictions(
        self, model: str, predictions: Mapping[str, Sequence[Prediction]], by: str, *, request_id: str = ""
    ) -> Change:
        """Set what a model says about items, by id, in place of what it said before."""
        rows = (
            {"id": item_id, "predictions": _PREDICTIONS.dump_python(list(found), mode="json", exclude_defaults=True)}
            for item_id, found in predictions.items()
        )
        return self._append_rows(rows, lambda key: SetPredictions(model=model, predictions_key=key), by, request_id)

    def set_annotations(
        self, annotations: Mapping[str, Sequence[Annotation]], by: str, *, request_id: str = ""
    ) -> Change:
        """Set what people say about items, by id, in place of what was said before."""
        rows = (
            {"id": item_id, "annotations": _ANNOTATIONS.dump_python(list(found), mode="json", exclude_defaults=True)}
            for item_id, found in annotations.items()
        )
        return self._append_rows(rows, lambda key: SetAnnotations(annotations_key=key), by, request_id)

    def set_metadata(
        self, values: Mapping[str, Mapping[str, MetadataValue | None]], by: str, *, request_id: str = ""
    ) -> Change:
        """Set fields of items, by id, each its own; None removes a field.

        Raises:
            InvalidMetadataError: A field's name or value cannot be used.
        """
        rows = ({"id": item_id, "values": check_metadata(fields)} for item_id, fields in values.items())
        return self._append_rows(rows, lambda key: SetMetadata(values_key=key), by, request_id)

    def set_duplicates(
        self, duplicates: Mapping[str, NearDuplicate | None], by: str, *, request_id: str = ""
    ) -> Change:
        """Set which item each one nearly repeats, by id; None: none."""
        rows = (
            {"id": item_id, "duplicate": duplicate.model_dump(mode="json") if duplicate else None}
            for item_id, duplicate in duplicates.items()
        )
        return self._append_rows(rows, lambda key: SetDuplicates(duplicates_key=key), by, request_id)

    def set_tags(
        self, ids: Sequence[str], by: str, *, add: Sequence[str] = (), remove: Sequence[str] = (), request_id: str = ""
    ) -> Change:
        """Add tags to items, and remove tags from them.

        Raises:
            InvalidTagError: A tag cannot be used.
            TooManyTagsError: More tags than an item can have.
        """
        return self.append(SetTags(ids=list(ids), add=list(add), remove=list(remove)), by, request_id=request_id)

    def remove_items(self, ids: Sequence[str], by: str, *, request_id: str = "") -> Change:
        """Remove items: nobody sees them from now on, and the next purge deletes all that is kept of them."""
        return self.append(RemoveItems(ids=list(ids)), by, request_id=request_id)

    def head(self) -> int:
        """The number of the newest change; 0: there is none."""
        return self.records.changes.head(self.records.collections.pointer(self.collection).log)

    def after(self, number: int, *, until: int | None = None) -> Iterator[Change]:
        """The changes behind a number, in their order."""
        log = self.records.collections.pointer(self.collection).log
        return self.records.changes.after(log, number, until=until)

    def rows(self, change: Change) -> Iterator[Row]:
        """What a change says about each item that it touches."""
        return read_rows(self.store, change.body)

    def _append_rows(
        self,
        rows: Iterable[dict[str, Any]],
        make_body: Callable[[str], ChangeBody],
        by: str,
        request_id: str,
    ) -> Change:
        key = write_payload(self.store, self.collection, rows)
        try:
            change = self.append(make_body(key), by, request_id=request_id)
        except BaseException:
            self.store.delete([key])
            raise
        if payload_key(change.body) != key:  # The request has made its change before.
            self.store.delete([key])
        return change

    def _store_lists(self, body: ChangeBody) -> ChangeBody:
        """Move what is too long for a record to S3."""
        if len(body.model_dump_json(exclude_defaults=True)) <= _INLINE_BYTES:
            return body
        match body:
            case SetMetadata(values=values) if values:
                rows = ({"id": item_id, "values": values} for item_id in body.ids)
                return SetMetadata(values_key=write_payload(self.store, self.collection, rows))
            case SetAnnotations(annotations=annotations) if annotations:
                said = _ANNOTATIONS.dump_python(annotations, mode="json", exclude_defaults=True)
                rows = ({"id": item_id, "annotations": said} for item_id in body.ids)
                return SetAnnotations(annotations_key=write_payload(self.store, self.collection, rows))
        key = write_payload(self.store, self.collection, ({"id": item_id} for item_id in body.ids))
        return body.model_copy(update={"ids": [], "ids_key": key})

    def _check_untouched(self, log: str, watched: frozenset[str], number: int, head: int) -> None:
        for change in self.records.changes.after(log, number, until=head):
            if any(row.id in watched for row in read_rows(self.store, change.body)):
                raise ItemChangedError(
                    f"Change {change.number} by {change.by or 'somebody'} touched the item since it was read: "
                    "read it again."
                )


def _check_size(body: ChangeBody) -> None:
    """Check that what cannot be moved to S3 fits into a record.

    Raises:
        ChangeTooLargeError: It does not.
    """
    match body:
        case SetMetadata(values=values) if values:
            return
        case SetAnnotations(annotations=annotations) if annotations:
            return
    rest = body.model_copy(update={"ids": []})
    if len(rest.model_dump_json(exclude_defaults=True)) > _RECORD_BYTES:
        raise ChangeTooLargeError("One change cannot name so much: make several of it.")


@lru_cache(maxsize=10_000)
def _note_author(records: Records, collection: str, _log: str, user: str) -> None:
    """Note once in a process, and for each log, that a user has changed a catalog."""
    records.collections.note_author(collection, user)


def payload_key(body: ChangeBody) -> str | None:
    """The key of a change's payload; None where all of it is in the record."""
    match body:
        case AddItems():
            return body.items_key
        case SetPredictions():
            return body.predictions_key
        case SetDuplicates():
            return body.duplicates_key
        case SetMetadata(values_key=str(key)) | SetAnnotations(annotations_key=str(key)):
            return key
    return body.ids_key


def read_rows(store: Store, body: ChangeBody) -> Iterator[Row]:
    """What a change says about each item that it touches, one at a time."""
    for item_id in body.ids:
        yield Row(item_id, None)
    if body.ids_key:
        for line in read_payload(store, body.ids_key):
            yield Row(line["id"], None)
    key = payload_key(body)
    if key and key != body.ids_key:
        for line in read_payload(store, key):
            yield Row(line["id"], line)


def _normalize(body: ChangeBody) -> ChangeBody:
    """Check what comes from people, and bring it into the form that is kept."""
    update: dict[str, Any] = {"ids": list(dict.fromkeys(body.ids))}
    match body:
        case SetTags():
            update |= {"add": normalize_tags(body.add), "remove": list(dict.fromkeys(body.remove))}
        case SetMetadata():
            update["values"] = check_metadata(body.values)
        case SetViewers(viewers=list(viewers)):
            update["viewers"] = sorted(set(viewers))
    return body.model_copy(update=update)
