"""Collections: what each is, where its catalog stands, and its named versions."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from framesift.contracts import Contract
from framesift.errors import CollectionDeletedError, CollectionMissingError
from framesift.table.table import Table

Visibility = Literal["private", "department", "public"]

_ALL = "COLLECTION"
_ABOUT = "ABOUT"
_CATALOG = "CATALOG"
_PURGE = "PURGE"
_VERSION = "VERSION#"
# In the partition of a collection, each with a name behind it.
_MEMBER, _AUTHOR, _SHARE = "MEMBER", "AUTHOR", "SHARE"
# In the partition of a user, each with a collection behind it.
_MEMBERSHIP, _CHANGED = "COLLECTION#", "CHANGED#"


class Collection(Contract):
    """What a collection is."""

    id: str
    name: str = ""
    description: str = ""
    owner: str = Field("", description="The user's id; empty: nobody's, as where files were put into the bucket.")
    visibility: Visibility = "private"
    department: str = Field("", description="Whose members see it, where it is visible to a department.")
    models: list[str] = Field([], description="The models that look at its images.")
    created_at: AwareDatetime
    deleting: bool = Field(False, description="It is being deleted: nobody may use it any more.")
    revision: int = Field(1, description="Counts changes of this record: its ETag.")


class Snapshot(Contract):
    """A snapshot of a catalog: every item after a certain change."""

    key: str
    number: int = Field(ge=0)
    digest: str = Field(description="Of the file, hexadecimal.")
    count: int = Field(ge=0, description="Items.")
    size_bytes: int


class RetiredSnapshot(Contract):
    """A snapshot that another has replaced, and that some reader may still be about to fetch."""

    key: str
    at: AwareDatetime


class CatalogPointer(Contract):
    """Where a catalog stands."""

    log: str = Field(description="The id of its log.")
    snapshot: Snapshot | None = None
    retired: list[RetiredSnapshot] = Field([])
    purged: int = Field(0, description="Nothing that the changes up to this one removed is kept anywhere.")


class CatalogVersion(Contract):
    """A named version of a catalog: a snapshot of its own, which is never changed but by deleting."""

    name: str
    description: str = ""
    by: str = ""
    at: AwareDatetime
    snapshot: Snapshot
    former_key: str = Field("", description="The snapshot before something was deleted from it: to be deleted itself.")


class PurgeProgress(Contract):
    """How far a purge is."""

    through: int = Field(description="It deletes what is kept of items that changes up to this one removed.")
    done: int = Field(0, description="The log is rewritten up to this change.")


@dataclass(frozen=True)
class Collections:
    """Records of collections."""

    table: Table

    def create(self, collection: Collection) -> bool:
        """Make a collection with an empty catalog.

        Returns:
            False, and it stays as it is, if there is one of that id.
        """
        # These first, so that every collection that can be seen has a catalog, and is in the list of all.
        pointer = CatalogPointer(log=secrets.token_hex(16))
        partition = _partition(collection.id)
        self.table.put(_ALL, collection.id, {})
        self.table.put(partition, _CATALOG, _pointer_record(pointer), "attribute_not_exists(pk)")
        record = _about_record(collection)
        created = self.table.put(partition, _ABOUT, record, "attribute_not_exists(pk)")
        about = self.find(collection.id)
        if about and about.owner and about.owner == collection.owner:  # Again, where a first try was cut off here.
            self.table.put(_user(about.owner), f"{_MEMBERSHIP}{collection.id}", {"role": "owner"})
        return created

    def ensure(self, collection_id: str) -> Collection:
        """The collection that files were dropped into: made without an owner, for operators only, if it is new.

        Raises:
            CollectionDeletedError: It is being deleted.
        """
        if self.find(collection_id) is None:
            self.create(Collection(id=collection_id, name=collection_id, created_at=datetime.now(UTC)))
        return self.get(collection_id)

    def ids(self) -> Iterator[str]:
        """The ids of all collections, in order; one that is being deleted may be among them."""
        return (str(record["sk"]) for record in self.table.query(_ALL))

    def get(self, collection_id: str) -> Collection:
        """What a collection is.

        Raises:
            CollectionMissingError: There is none of that id.
            CollectionDeletedError: It is being deleted.
        """
        found = self.find(collection_id)
        if found is None:
            raise CollectionMissingError(f"There is no collection {collection_id}.")
        if found.deleting:
            raise CollectionDeletedError(f"The collection {collection_id} is being deleted.")
        return found

    def find(self, collection_id: str) -> Collection | None:
        """What a collection is, also one that is being deleted; None where there is none."""
        found = self.table.get(_partition(collection_id), _ABOUT)
        return Collection.model_validate_json(found["collection"]) if found else None

    def put(self, collection: Collection) -> None:
        """Replace what a collection is; one that is gone stays gone.

        Raises:
            CollectionMissingError: There is none of that id.
        """
        record = _about_record(collection)
        if not self.table.put(_partition(collection.id), _ABOUT, record, "attribute_exists(pk)"):
            raise CollectionMissingError(f"There is no collection {collection.id}.")

    def change(self, collection: Collection, **changes: Any) -> Collection | None:
        """Change some fields; None, and nothing is written, if the collection is not as it was read, or is gone."""
        changed = collection.model_copy(update={**changes, "revision": collection.revision + 1})
        condition, values = "revision = :revision", {"revision": collection.revision}
        written = self.table.put(_partition(collection.id), _ABOUT, _about_record(changed), condition, **values)
        return changed if written else None

    def pointer(self, collection_id: str) -> CatalogPointer:
        """Where a collection's catalog stands.

        Raises:
            CollectionMissingError: There is none of that id.
        """
        found = self.table.get(_partition(collection_id), _CATALOG)
        if found is None:
            raise CollectionMissingError(f"There is no collection {collection_id}.")
        return CatalogPointer.model_validate_json(found["pointer"])

    def switch(self, collection_id: str, pointer: CatalogPointer, replaces: CatalogPointer) -> bool:
        """Change where a catalog stands; False, and nothing is written, if it is not as it was read any more."""
        condition = "#pointer = :pointer"
        values = {"pointer": replaces.model_dump_json()}
        return self.table.put(_partition(collection_id), _CATALOG, _pointer_record(pointer), condition, **values)

    def purge_progress(self, collection_id: str) -> PurgeProgress | None:
        """How far a purge is that was begun and is not finished."""
        found = self.table.get(_partition(collection_id), _PURGE)
        return PurgeProgress.model_validate_json(found["progress"]) if found else None

    def put_purge_progress(self, collection_id: str, progress: PurgeProgress | None) -> None:
        """Record how far a purge is; None: it is finished."""
        if progress is None:
            self.table.delete(_partition(collection_id), _PURGE)
        else:
            self.table.put(_partition(collection_id), _PURGE, {"progress": progress.model_dump_json()})

    def note_author(self, collection_id: str, user: str) -> None:
        """Note that a user has changed a catalog, so that deleting the account finds what names it."""
        self.table.put(_partition(collection_id), f"{_AUTHOR}#{user}", {})
        self.table.put(_user(user), f"{_CHANGED}{collection_id}", {})

    def changed_by(self, user: str) -> list[str]:
        """The collections whose catalogs a user has changed."""
        return [record["sk"].removeprefix(_CHANGED) for record in self.table.query(_user(user), prefix=_CHANGED)]

    def owned_by(self, user: str) -> list[str]:
        """The collections that a user owns, those that are being deleted included."""
        found = (record["sk"].removeprefix(_MEMBERSHIP) for record in self.table.query(_user(user), prefix=_MEMBERSHIP))
        about = ((collection_id, self.find(collection_id)) for collection_id in found)
        return [collection_id for collection_id, collection in about if collection and collection.owner == user]

    def delete_records(self, collection_id: str) -> None:
        """Delete what is recorded of a collection, on the side of its people and shares, too.

        What it is, and where its catalog stands, go last: a deletion that was killed finds the rest by them.
        """
        partition = _partition(collection_id)
        about = self.find(collection_id)
        people = {about.owner} if about and about.owner else set()
        for record in self.table.query(partition):
            kind, _, name = record["sk"].partition("#")
            if kind in {_MEMBER, _AUTHOR}:
                people.add(name)
            elif kind == _SHARE:
                self.table.delete_all(record["sk"])
        for user in people:
            self.table.delete(_user(user), f"{_MEMBERSHIP}{collection_id}")
            self.table.delete(_user(user), f"{_CHANGED}{collection_id}")
        for record in self.table.query(partition):
            if record["sk"] not in {_ABOUT, _CATALOG}:
                self.table.delete(partition, record["sk"])
        self.table.delete(_ALL, collection_id)
        self.table.delete(partition, _ABOUT)
        self.table.delete(partition, _CATALOG)

    def rename_user(self, collection_id: str, user: str, name: str) -> None:
        """Let every record of a collection name somebody else in place of a user."""
        old, new = json.dumps(user), json.dumps(name)
        for record in self.table.query(_partition(collection_id)):
            for attribute, text in record.items():
                if isinstance(text, str) and attribute not in {"pk", "sk"} and (old in text or text == user):
                    renamed = name if text == user else text.replace(old, new)
                    self.table.put(
                        record["pk"],
                        record["sk"],
                        {**record, attribute: renamed},
                        f"#{attribute} = :before",
                        before=text,
                    )

    def delete_user(self, user: str) -> None:
        """Delete what is recorded of a user, on the side of the collections, too."""
        for record in self.table.query(_user(user)):
            kind, _, collection_id = record["sk"].partition("#")
            if f"{kind}#" in {_MEMBERSHIP, _CHANGED}:
                self.table.delete(_partition(collection_id), f"{_MEMBER}#{user}")
                self.table.delete(_partition(collection_id), f"{_AUTHOR}#{user}")
        self.table.delete_all(_user(user))

    def versions(self, collection_id: str) -> list[CatalogVersion]:
        """The named versions of a catalog, by name."""
        found = self.table.query(_partition(collection_id), prefix=_VERSION)
        return [CatalogVersion.model_validate_json(record["version"]) for record in found]

    def version(self, collection_id: str, name: str) -> CatalogVersion | None:
        """A named version; None where there is none."""
        found = self.table.get(_partition(collection_id), f"{_VERSION}{name}")
        return CatalogVersion.model_validate_json(found["version"]) if found else None

    def put_version(self, collection_id: str, version: CatalogVersion, replaces: CatalogVersion | None = None) -> bool:
        """Record a named version.

        Args:
            collection_id: The collection.
            version: The version.
            replaces: The record as it was read; None where there was none.

        Returns:
            False, and nothing is written, if the record is not as it was read.
        """
        record = {"version": version.model_dump_json()}
        condition = "#version = :version" if replaces else "attribute_not_exists(pk)"
        values = {"version": replaces.model_dump_json()} if replaces else {}
        return self.table.put(_partition(collection_id), f"{_VERSION}{version.name}", record, condition, **values)

    def delete_version(self, collection_id: str, name: str) -> None:
        """Delete the record of a named version; that there is none is no error."""
        self.table.delete(_partition(collection_id), f"{_VERSION}{name}")


def _partition(collection_id: str) -> str:
    return f"COLLECTION#{collection_id}"


def _user(user: str) -> str:
    return f"USER#{user}"


def _about_record(collection: Collection) -> dict[str, Any]:
    return {
        "collection": collection.model_dump_json(),
        "owner": collection.owner,
        "revision": collection.revision,
    }


def _pointer_record(pointer: CatalogPointer) -> dict[str, Any]:
    return {"pointer": pointer.model_dump_json()}
