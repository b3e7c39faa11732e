"""Durability: what was acknowledged outlives `kill -9`.

The seam is between moto's change and moto's answer, inside the request's own thread: when a request has
changed something, its present state is read back from moto's models and committed before the answer leaves.
Replaying recorded requests (moto's own recorder) would repeat side effects and grow without end; patching
each write method would miss some. S3's changes all pass the bucket's store of keys, which is replaced by one
that notes them; DynamoDB's keys stand in the request; the small services are compared as a whole.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from moto.core.utils import utcnow
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.s3 import notifications
from moto.s3.models import FakeBucket, FakeKey, s3_backends
from moto.s3.utils import _VersionedKeyStore
from moto.sns.models import sns_backends

from framesift_local.aws.objects import Objects
from framesift_local.aws.patching import original, replace
from framesift_local.aws.records import Key, Records
from framesift_local.aws.small_services import (
    Messages,
    Secrets,
    SmallService,
    Users,
    install_steady_arns,
)
from framesift_local.aws.template import ACCOUNT

_DYNAMODB_WRITES = {
    "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems",
}  # fmt: skip
_OBJECT_FIELDS = (
    "_etag", "_storage_class", "encryption", "kms_key_id", "checksum_algorithm", "checksum_value",
    "checksum_type", "checksum_parts", "website_redirect_location",
)  # fmt: skip
_READS = ("Get", "List", "Describe", "BatchGet", "Receive")


class _Touched(threading.local):
    """What the request in this thread has changed in S3, and the events it caused."""

    def __init__(self) -> None:
        self.keys: set[tuple[str, str]] = set()
        self.events: list[tuple[str, str, str]] = []


_touched = _Touched()


class _NotingKeys(_VersionedKeyStore):
    """A bucket's keys, that notes which ones change."""

    bucket = ""

    def __setitem__(self, key: str, value: Any) -> None:
        _touched.keys.add((self.bucket, key))
        super().__setitem__(key, value)

    def setlist(self, key: str, versions: Any) -> None:
        _touched.keys.add((self.bucket, key))
        # moto closes the old versions here, under the hands of a thread that still answers with one.
        dict.__setitem__(self, key, versions if isinstance(versions, list) else [versions])

    def pop(self, key: str) -> None:  # type: ignore[override]
        _touched.keys.add((self.bucket, key))
        super().pop(key)


def _note_event(_account: str, event_name: Any, bucket: Any, key: Any) -> None:
    """Replace `notifications.send_event`: remember an event until its object is kept."""
    configuration = bucket.notification_configuration
    if configuration is not None and configuration.event_bridge is not None:
        _touched.events.append((str(event_name.value), bucket.name, key.name))


@dataclass
class Outcome:
    """How a request ended; set by its handler."""

    refused: bool = False


class Durability:
    """Keeps moto's state in `records` and `objects`.

    Args:
        records: The SQLite file.
        objects: The files of S3.
        region: The region of the stack.
        on_object_event: Called with (event, bucket, key, size, etag) once an object is kept.
    """

    def __init__(
        self,
        records: Records,
        objects: Objects,
        region: str,
        on_object_event: Callable[[str, str, str, int, str], None],
    ) -> None:
        self._records = records
        self._objects = objects
        self._region = region
        self._on_object_event = on_object_event
        self._objects_lock = threading.Lock()
        self._dynamodb_lock = threading.Lock()
        self._snapshot_lock = threading.Lock()
        self._snapshots: dict[str, dict[Key, Any]] = {}
        self._active = False
        self._small_services: dict[str, SmallService] = {
            "secretsmanager": Secrets(region),
            "cognito-idp": Users(region),
            "sqs": Messages(region),
        }

    def install(self) -> None:
        """Put the notes into moto."""
        make = original(FakeBucket, "__init__")

        def make_noting(bucket: Any, *args: Any, **kwargs: Any) -> None:
            make(bucket, *args, **kwargs)
            bucket.keys = _NotingKeys()
            bucket.keys.bucket = bucket.name

        replace(FakeBucket, "__init__", make_noting)
        replace(FakeKey, "__del__", lambda _: None)  # Nothing leaks: the bytes lie in files.
        replace(FakeKey, "__deepcopy__", _copy_without_bytes)
        replace(notifications, "send_event", _note_event)
        install_steady_arns()

    @contextmanager
    def request(self, service: str, action: str, body: bytes) -> Iterator[Outcome]:
        """Surround the handling of a request; on leaving, what it changed is committed."""
        outcome = Outcome()
        if not self._active:  # The stack is being made; what is kept must not be overwritten by it.
            yield outcome
        elif service == "s3":
            _touched.keys, _touched.events = set(), []
            yield outcome
            self._keep_objects()
        elif service == "dynamodb" and action in _DYNAMODB_WRITES:
            with self._dynamodb_lock:
                yield outcome
                self._keep_items(action, json.loads(body))
        elif service == "sns" and action in {"Publish", "PublishBatch"}:
            yield outcome
            self._keep_notifications()
        elif service in self._small_services and not action.startswith(_READS):
            yield outcome
            if not outcome.refused:  # Else a secret that could not be written would replace what was kept.
                self._keep_small(service)
        else:
            yield outcome

    def restore(self) -> None:
        """Put what was kept into moto, and keep what changes from now on.

        Buckets, tables, pools and queues must be there.
        """
        self.restore_data()
        for service, small in self._small_services.items():
            small.restore(self._records)
            self._keep_small(service)  # What the stack made new is kept from now on.

    def restore_data(self) -> None:
        """The same of objects and items alone; buckets and tables must be there."""
        self._restore_objects()
        self._restore_items()
        self._active = True

    # S3 ----------------------------------------------------------------------------------------

    def _keep_objects(self) -> None:
        keys, events = _touched.keys, _touched.events
        _touched.keys, _touched.events = set(), []
        with self._objects_lock:
            for bucket_name, key in keys:
                current = self._object(bucket_name, key)
                if current is None:
                    self._objects.delete(bucket_name, key)
                else:
                    self._keep_object(bucket_name, current)
        # moto completes a multipart upload by a put, and announces both; S3 announces a write once.
        last = {(event.rpartition(":")[0], bucket_name, key): event for event, bucket_name, key in events}
        for (_, bucket_name, key), event in last.items():
            current = self._object(bucket_name, key)
            size, etag = (current.size, current.etag.strip('"')) if current else (0, "")
            self._on_object_event(event, bucket_name, key, size, etag)

    def _keep_object(self, bucket_name: str, current: Any) -> None:
        data = current.value
        etag = current.etag.strip('"')
        metadata = {
            "metadata": dict(current.metadata),
            "last_modified": current.last_modified.isoformat(),
            "fields": {**{name: getattr(current, name) for name in _OBJECT_FIELDS}, "_etag": etag},
        }
        buffer = self._objects.write(bucket_name, current.name, data, metadata)
        with current.lock:
            current._value_buffer.close()
            current._value_buffer = buffer
            current._etag = etag
            current.multipart = None

    def _object(self, bucket_name: str, key: str) -> Any | None:
        """Return the key that a GET would read; None when deleted."""
        bucket = s3_backends[ACCOUNT]["aws"].buckets.get(bucket_name)
        current = bucket.keys.get(key) if bucket else None
        return current if isinstance(current, FakeKey) else None

    def _restore_objects(self) -> None:
        backend = s3_backends[ACCOUNT]["aws"]
        for bucket_name, key, record, buffer in self._objects.load():
            if bucket_name not in backend.buckets:
                backend.create_bucket(bucket_name, self._region)
            bucket = backend.buckets[bucket_name]
            restored: Any = FakeKey(key, b"", ACCOUNT, self._region, bucket_name=bucket_name)
            restored._value_buffer.close()
            restored._value_buffer = buffer
            restored.contentsize = buffer.path.stat().st_size
            restored.last_modified = dt.datetime.fromisoformat(record["last_modified"])
            restored.set_metadata(record["metadata"], replace=False)
            for name, value in record["fields"].items():
                setattr(restored, name, value)
            _VersionedKeyStore.__setitem__(bucket.keys, key, restored)

    # DynamoDB ----------------------------------------------------------------------------------

    def _keep_items(self, action: str, request: Mapping[str, Any]) -> None:
        puts: list[tuple[Key, Any]] = []
        deletes: list[Key] = []
        for table_name, attributes in _written_items(action, request):
            table: Any = dynamodb_backends[ACCOUNT][self._region].tables.get(table_name.split("/")[-1])
            if table is None:
                continue
            names = [name for name in (table.hash_key_attr, table.range_key_attr) if name]
            if not all(name in attributes for name in names):
                continue  # Refused by moto, so nothing was written.
            values = [DynamoType(attributes[name]) for name in names]
            item = table.get_item(*values)
            key = ("item", table.name, json.dumps([value.to_json() for value in values]))
            if item is None:
                deletes.append(key)
            else:
                puts.append((key, item.to_json()["Attributes"]))
        self._records.write(puts, deletes)

    def _restore_items(self) -> None:
        tables: Any = dynamodb_backends[ACCOUNT][self._region].tables
        for table_name, _, attributes in self._records.scan("item"):
            table = tables.get(table_name)
            if table is None:
                continue  # The stack has it no more; the records stay.
            hash_key = DynamoType(attributes[table.hash_key_attr])
            if table.range_key_attr:
                range_key = DynamoType(attributes[table.range_key_attr])
                table.items[hash_key][range_key] = Item(hash_key, range_key, attributes)
            else:
                table.items[hash_key] = Item(hash_key, None, attributes)

    # SNS ---------------------------------------------------------------------------------------

    def _keep_notifications(self) -> None:
        """Keep what was published, so that a person can read the notifications that they would have got."""
        puts = []
        for topic in sns_backends[ACCOUNT][self._region].topics.values():
            for message_id, message, subject, *_ in topic.sent_notifications:
                body = {"topic": topic.name, "subject": subject, "message": message}
                body["published_at"] = utcnow().isoformat()
                puts.append((("notification", topic.name, message_id), body))
            topic.sent_notifications.clear()
        self._records.write(puts)

    def _keep_small(self, service: str) -> None:
        with self._snapshot_lock:
            before, now = self._snapshots.get(service, {}), self._small_services[service].read()
            puts = [(key, body) for key, body in now.items() if before.get(key) != body]
            self._records.write(puts, deletes=[key for key in before if key not in now])
            self._snapshots[service] = now


def _copy_without_bytes(key: Any, _memo: dict[int, Any]) -> Any:
    """Copy an object's version but for its bytes, which both share.

    moto copies every version in the bucket whenever versions are listed, and would read all bytes into memory.
    """
    copied = object.__new__(type(key))
    vars(copied).update(vars(key))
    return copied


def _written_items(action: str, request: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (table, attributes that hold the key) of each item that a request writes."""
    if action == "BatchWriteItem":
        writes = [
            (table, write)
            for table, entries in request["RequestItems"].items()
            for entry in entries
            for write in entry.values()
        ]
    elif action == "TransactWriteItems":
        writes = [
            (write["TableName"], write)
            for entry in request["TransactItems"]
            for operation, write in entry.items()
            if operation != "ConditionCheck"
        ]
    else:
        writes = [(request["TableName"], request)]
    for table, write in writes:
        yield table, write.get("Item") or write["Key"]
