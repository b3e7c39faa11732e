"""The only code that speaks to DynamoDB: one table, these records.

| pk | sk | what |
| --- | --- | --- |
| `RUN#{source}` | `{run}` | a run (`Run.id`): the truth about it |
| `RUN#{source}#{run}` | `{attempt}#{stage}#{scope}` | a stage's output, so that a resumed run does not repeat it |
| `PROGRESS#{source}#{run}` | `{stage}#{scope}` | how far a stage is, for whoever watches |
| `FAULT#{source}#{run}` | `{stage}` | why a job's process gave up: Batch keeps no more than its exit code |
| `ITEM#{source}#{id}` | `{date}#{category}` | what became of a clip on a day |
| `LIST` | `{category}` | which list is the newest: the switch |
| `TAKEDOWN#{source}` | `{id}` | a clip that must not be listed |
| `QUOTA#{service}` | `{day}` | units that a day has cost |

`detection_records.py` and `upload_records.py` add what detection and uploads keep.

Every write that can race is conditional.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError
from pydantic import Field

from framesift import aws
from framesift.contracts import Contract, Detection, PublishedList, Run

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

# How long a clip's history is kept: long enough to answer "when did we see this", short enough to cost nothing.
ITEM_HISTORY_DAYS = 400

Status = Literal["RUNNING", "SUCCEEDED", "FAILED"]


class RunRecord(Contract):
    """The record of a run."""

    source: str
    date: str
    subject: str | None = None
    status: Status
    attempt: int
    execution_arn: str
    categories: list[str]
    done: list[str] = Field([])
    started_at: datetime
    finished_at: datetime | None = None
    stage: str | None = None
    error: str | None = None
    cause: str | None = None
    failed_categories: list[str] = Field([])
    degraded: list[str] = Field([])
    counts: dict[str, Any] = Field({})

    @property
    def run(self) -> Run:
        """The run that this is the record of."""
        return Run(source=self.source, date=self.date, attempt=self.attempt, subject=self.subject)


class Fault(Contract):
    """Why a job's process gave up."""

    error: str
    message: str
    at: datetime


class ItemDay(Contract):
    """What became of a clip on a day."""

    source: str
    id: str
    date: str
    category: str
    title: str = ""
    views: int
    list_id: str | None = None
    dropped: str | None = None
    why: str = ""
    duplicate_of: str | None = None
    detections: list[Detection] = Field([])


class ListPointer(Contract):
    """The newest list of a category."""

    source: str
    category: str
    date: str
    edition: str
    key: str
    count: int
    previous_key: str | None = None


_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


def _encode(record: Mapping[str, Any]) -> dict[str, Any]:
    # A round through JSON gives dates as text, and nested values as what DynamoDB takes.
    return {name: _serialize(value) for name, value in record.items() if value is not None}


def _decode(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _deserialize(value) for name, value in record.items()}


def _refused(error: ClientError) -> bool:
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"


@dataclass(frozen=True)
class Table:
    """The table of runs, stages, items and lists.

    Attributes:
        name: The table's name.
    """

    name: str

    @property
    def _client(self) -> DynamoDBClient:
        return aws.dynamodb()

    # --- plumbing ---

    def _get(self, pk: str, sk: str) -> dict[str, Any] | None:
        key = _encode({"pk": pk, "sk": sk})
        found = self._client.get_item(TableName=self.name, Key=key, ConsistentRead=True).get("Item")
        return _decode(found) if found else None

    def _put(self, pk: str, sk: str, record: Mapping[str, Any], condition: str = "", **values: Any) -> bool:
        extra: dict[str, Any] = {}
        if condition:
            extra["ConditionExpression"] = condition
        if values:
            extra["ExpressionAttributeValues"] = _encode({f":{name}": value for name, value in values.items()})
        if "#" in condition:
            extra["ExpressionAttributeNames"] = {"#status": "status", "#date": "date"}
            extra["ExpressionAttributeNames"] = {
                name: field for name, field in extra["ExpressionAttributeNames"].items() if name in condition
            }
        try:
            self._client.put_item(TableName=self.name, Item=_encode({"pk": pk, "sk": sk, **record}), **extra)
        except ClientError as error:
            if _refused(error):
                return False
            raise
        return True

    def _read(self, pk: str, *, newest_first: bool = False, page_size: int | None = None) -> Iterator[dict[str, Any]]:
        """The records below a key as they are now, read a page at a time."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self.name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=_encode({":pk": pk}),
            ScanIndexForward=not newest_first,
            ConsistentRead=True,
            PaginationConfig={"PageSize": page_size} if page_size else {},
        )
        return (_decode(item) for page in pages for item in page.get("Items", []))

    def _query(self, pk: str, *, newest_first: bool = False) -> list[dict[str, Any]]:
        return list(self._read(pk, newest_first=newest_first))

    # --- runs ---

    def run(self, source: str, run_id: str) -> RunRecord | None:
        """The record of a run, by its `Run.id`."""
        found = self._get(f"RUN#{source}", run_id)
        return RunRecord.model_validate(_run_fields(found)) if found else None

    def runs(self, source: str, limit: int = 30) -> list[RunRecord]:
        """The newest runs of a source, newest first."""
        newest: list[RunRecord] = []
        # A day's uploads are not in the order of their time: a day is read as a whole.
        for _, day in groupby(self._runs(source), lambda record: record.date):
            newest += sorted(day, key=lambda record: record.started_at, reverse=True)
            if len(newest) >= limit:
                break
        return newest[:limit]

    def run_of(self, source: str, execution_arn: str) -> RunRecord | None:
        """The newest run of a source that an execution has claimed."""
        return next((record for record in self._runs(source) if record.execution_arn == execution_arn), None)

    def _runs(self, source: str) -> Iterator[RunRecord]:
        for record in self._read(f"RUN#{source}", newest_first=True, page_size=50):
            yield RunRecord.model_validate(_run_fields(record))

    def claim(self, record: RunRecord, replaces: RunRecord | None) -> bool:
        """Take a day's run for an execution.

        Args:
            record: The record as it is to be.
            replaces: The record as it was read; None where there was none.

        Returns:
            False if another execution was quicker.
        """
        if replaces is None:
            return self._put_run(record, "attribute_not_exists(pk)")
        return self._put_run(
            record,
            "execution_arn = :arn AND #status = :status",
            arn=replaces.execution_arn,
            status=replaces.status,
        )

    def end_run(self, record: RunRecord) -> bool:
        """Write how a run ended; False if another execution holds it by now, and nothing is written then."""
        return self._put_run(record, "execution_arn = :arn", arn=record.execution_arn)

    def _put_run(self, record: RunRecord, condition: str, **values: Any) -> bool:
        fields = record.model_dump(mode="json")
        fields["counts"] = json.dumps(fields["counts"])
        return self._put(f"RUN#{record.source}", record.run.id, fields, condition, **values)

    # --- stages ---

    def stage_output(self, run: Run, stage: str, scope: str) -> str | None:
        """What a stage gave when it was done, as JSON; None if it is not done."""
        found = self._get(f"RUN#{run.source}#{run.id}", f"{run.attempt}#{stage}#{scope}")
        return found["output"] if found else None

    def end_stage(self, run: Run, stage: str, scope: str, output: str) -> None:
        """Keep a stage's output (JSON) for a run that resumes."""
        self._put(
            f"RUN#{run.source}#{run.id}",
            f"{run.attempt}#{stage}#{scope}",
            {"output": output, "ended_at": datetime.now(UTC).isoformat()},
        )

    def stages(self, run: Run) -> dict[tuple[str, str], dict[str, Any]]:
        """The outputs of a run's stages that are done, by stage and scope."""
        outputs = {}
        for record in self._query(f"RUN#{run.source}#{run.id}"):
            attempt, stage, scope = record["sk"].split("#", 2)
            if int(attempt) == run.attempt:
                outputs[stage, scope] = json.loads(record["output"])
        return outputs

    def forget_stages(self, run: Run, categories: Iterable[str]) -> None:
        """Let a resumed run do a category's stages again."""
        for category in categories:
            for stage in ("collect", "curate"):
                self.forget_stage(run, stage, category)

    def forget_stage(self, run: Run, stage: str, scope: str) -> None:
        """Let one stage be done again, whatever came of it."""
        key = _encode({"pk": f"RUN#{run.source}#{run.id}", "sk": f"{run.attempt}#{stage}#{scope}"})
        self._client.delete_item(TableName=self.name, Key=key)

    def report_progress(self, run: Run, stage: str, scope: str, done: int, total: int) -> None:
        """Say how far a stage is; call it about once a second, not for every item."""
        expires_at = int((datetime.now(UTC) + timedelta(days=1)).timestamp())
        record = {"done": done, "total": total, "expires_at": expires_at}
        self._put(f"PROGRESS#{run.source}#{run.id}", f"{stage}#{scope}", record)

    def progress(self, run: Run) -> dict[tuple[str, str], tuple[int, int]]:
        """How far a run's stages are: done and total, by stage and scope."""
        found = self._query(f"PROGRESS#{run.source}#{run.id}")
        progress = {}
        for record in found:
            stage, scope = record["sk"].split("#", 1)
            progress[stage, scope] = (int(record["done"]), int(record["total"]))
        return progress

    def put_fault(self, run: Run, stage: str, error: Exception) -> None:
        """Keep why a job's process gives up."""
        fault = Fault(error=type(error).__name__, message=str(error), at=datetime.now(UTC))
        self._put(f"FAULT#{run.source}#{run.id}", stage, fault.model_dump(mode="json"))

    def fault(self, run: Run, stage: str) -> Fault | None:
        """Why the last process of a stage's job gave up, whenever that was."""
        found = self._get(f"FAULT#{run.source}#{run.id}", stage)
        return Fault.model_validate(found) if found else None

    # --- items ---

    def put_item_days(self, days: Iterable[ItemDay]) -> None:
        """Keep what became of clips; writing the same again changes nothing."""
        expires_at = int((datetime.now(UTC) + timedelta(days=ITEM_HISTORY_DAYS)).timestamp())
        requests = [
            {
                "PutRequest": {
                    "Item": _encode(
                        {
                            "pk": f"ITEM#{day.source}#{day.id}",
                            "sk": f"{day.date}#{day.category}",
                            "expires_at": expires_at,
                            **day.model_dump(exclude_none=True),
                            "detections": json.dumps([found.model_dump() for found in day.detections]),
                        }
                    )
                }
            }
            for day in days
        ]
        for start in range(0, len(requests), 25):  # BatchWriteItem takes at most 25.
            waiting: Any = {self.name: requests[start : start + 25]}
            while waiting:
                waiting = self._client.batch_write_item(RequestItems=waiting)["UnprocessedItems"]

    def item_days(self, source: str, item_id: str) -> list[ItemDay]:
        """A clip's history, newest first."""
        found = self._query(f"ITEM#{source}#{item_id}", newest_first=True)
        return [
            ItemDay.model_validate(
                {**day, "views": int(day["views"]), "detections": json.loads(day.get("detections", "[]"))}
            )
            for day in found
        ]

    # --- lists ---

    def list_pointer(self, category: str) -> ListPointer | None:
        """The newest list of a category."""
        found = self._get("LIST", category)
        return ListPointer.model_validate({**found, "count": int(found["count"])}) if found else None

    def list_pointers(self) -> list[ListPointer]:
        """The newest list of every category."""
        found = self._query("LIST")
        return [ListPointer.model_validate({**pointer, "count": int(pointer["count"])}) for pointer in found]

    def switch_list(self, run: Run, published: PublishedList, previous_key: str | None) -> bool:
        """Make a list the newest of its category, unless a later day's is.

        Returns:
            False if a later day's list is there already.
        """
        pointer = ListPointer(
            source=run.source,
            category=published.category,
            date=run.date,
            edition=published.edition,
            key=published.key,
            count=published.count,
            previous_key=previous_key,
        )
        return self._put(
            "LIST",
            published.category,
            pointer.model_dump(exclude_none=True),
            "attribute_not_exists(pk) OR #date <= :day",
            day=run.date,
        )

    # --- quotas ---

    def spend(self, service: str, day: str, units: int, limit: int) -> bool:
        """Count units against a day's quota.

        Returns:
            False if the quota does not hold so many more; nothing is counted then.
        """
        while True:
            found = self._get(f"QUOTA#{service}", day)
            spent = int(found["spent"]) if found else 0
            if spent + units > limit:
                return False
            condition = "spent = :spent" if found else "attribute_not_exists(pk)"
            values = {"spent": spent} if found else {}
            if self._put(f"QUOTA#{service}", day, {"spent": spent + units}, condition, **values):
                return True

    # --- takedowns ---

    def take_down(self, source: str, item_id: str, why: str) -> None:
        """Note that a clip must not be listed."""
        self._put(f"TAKEDOWN#{source}", item_id, {"why": why, "at": datetime.now(UTC).isoformat()})

    def taken_down(self, source: str) -> dict[str, str]:
        """Clips that must not be listed, with the reason."""
        return {record["sk"]: record["why"] for record in self._query(f"TAKEDOWN#{source}")}


def _run_fields(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **record,
        "attempt": int(record["attempt"]),
        "counts": json.loads(record.get("counts", "{}")),
    }
