"""The one module that calls DynamoDB: reads, conditional writes, pages, and DynamoDB's own types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from framesift import aws

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

_BATCH_SIZE = 25  # The most that BatchWriteItem takes.

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


@dataclass(frozen=True)
class Table:
    """A DynamoDB table with the string keys `pk` and `sk`.

    Attributes:
        name: The table's name.
    """

    name: str

    def get(self, pk: str, sk: str) -> dict[str, Any] | None:
        """Read one record, strongly consistent; None where there is none."""
        found = self._client.get_item(TableName=self.name, Key=_encode({"pk": pk, "sk": sk}), ConsistentRead=True)
        return _decode(found["Item"]) if "Item" in found else None

    def put(self, pk: str, sk: str, record: Mapping[str, Any], condition: str = "", **values: Any) -> bool:
        """Write one record, replacing what is there.

        Args:
            pk: Partition key.
            sk: Sort key.
            record: The attributes; those that are None are left out.
            condition: A condition expression. `#name` stands for the attribute `name`, whose own name is reserved.
            **values: What `:name` stands for in the condition.

        Returns:
            False if the condition did not hold; nothing is written then.
        """
        names = {word: word.removeprefix("#") for word in condition.replace("(", " ").split() if word.startswith("#")}
        extra: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
        if values:
            extra["ExpressionAttributeValues"] = _encode({f":{name}": value for name, value in values.items()})
        if names:
            extra["ExpressionAttributeNames"] = names
        try:
            self._client.put_item(TableName=self.name, Item=_encode({"pk": pk, "sk": sk, **record}), **extra)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def count(self, pk: str, sk: str, expires_at: int) -> int:
        """Add one to the attribute `count` of a record, which is made if there is none; return the sum.

        Args:
            pk: Partition key.
            sk: Sort key.
            expires_at: When the record may be deleted, Unix seconds.
        """
        answer = self._client.update_item(
            TableName=self.name,
            Key=_encode({"pk": pk, "sk": sk}),
            UpdateExpression="ADD #count :one SET expires_at = :expires_at",
            ExpressionAttributeNames={"#count": "count"},
            ExpressionAttributeValues=_encode({":one": 1, ":expires_at": expires_at}),
            ReturnValues="UPDATED_NEW",
        )
        return int(_decode(answer["Attributes"])["count"])

    def update(self, pk: str, sk: str, change: str, condition: str = "", **values: Any) -> dict[str, Any] | None:
        """Change single attributes of a record, which is made if there is none.

        Args:
            pk: Partition key.
            sk: Sort key.
            change: An update expression; no name in it may be one of DynamoDB's reserved words.
            condition: A condition expression.
            **values: What `:name` stands for in both.

        Returns:
            The whole record afterwards; None if the condition did not hold, and nothing is written then.
        """
        extra: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
        if values:
            extra["ExpressionAttributeValues"] = _encode({f":{name}": value for name, value in values.items()})
        try:
            answer = self._client.update_item(
                TableName=self.name,
                Key=_encode({"pk": pk, "sk": sk}),
                UpdateExpression=change,
                ReturnValues="ALL_NEW",
                **extra,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return None
            raise
        return _decode(answer["Attributes"])

    def put_many(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Write records that hold their own `pk` and `sk`; a write is repeated until the table takes it."""
        self._write([{"PutRequest": {"Item": _encode(record)}} for record in records])

    def delete(self, pk: str, sk: str) -> None:
        """Delete one record; that there is none is no error."""
        self._client.delete_item(TableName=self.name, Key=_encode({"pk": pk, "sk": sk}))

    def delete_all(self, pk: str) -> int:
        """Delete the records of a partition.

        Returns:
            How many there were.
        """
        requests = [{"DeleteRequest": {"Key": _encode({"pk": pk, "sk": record["sk"]})}} for record in self.query(pk)]
        self._write(requests)
        return len(requests)

    def query(
        self, pk: str, *, after: str = "", prefix: str = "", newest_first: bool = False, page_size: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """Read the records of a partition, strongly consistent, a page at a time.

        Args:
            pk: Partition key.
            after: Only records behind this sort key; empty: all.
            prefix: Only records whose sort key begins so; not together with `after`.
            newest_first: In descending order of the sort key.
            page_size: Records that one request reads; by default as many as fit 1 MB.
        """
        condition = " AND sk > :after" if after else " AND begins_with(sk, :prefix)" if prefix else ""
        pages = self._client.get_paginator("query").paginate(
            TableName=self.name,
            KeyConditionExpression=f"pk = :pk{condition}",
            ExpressionAttributeValues=_encode({":pk": pk, ":after": after or None, ":prefix": prefix or None}),
            ScanIndexForward=not newest_first,
            ConsistentRead=True,
            PaginationConfig={"PageSize": page_size} if page_size else {},
        )
        return (_decode(item) for page in pages for item in page.get("Items", []))

    def _write(self, requests: list[Any]) -> None:
        for start in range(0, len(requests), _BATCH_SIZE):
            waiting: Any = {self.name: requests[start : start + _BATCH_SIZE]}
            while waiting:
                waiting = self._client.batch_write_item(RequestItems=waiting)["UnprocessedItems"]

    @property
    def _client(self) -> DynamoDBClient:
        return aws.dynamodb()


def _encode(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _serialize(value) for name, value in record.items() if value is not None}


def _decode(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _deserialize(value) for name, value in record.items()}
