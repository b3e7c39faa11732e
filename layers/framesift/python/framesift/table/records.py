"""How records are read and written: conditions, pages, and DynamoDB's own types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from framesift import aws

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


def encode(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record in DynamoDB's types; what is None is left out."""
    return {name: _serialize(value) for name, value in record.items() if value is not None}


def decode(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record from DynamoDB's types."""
    return {name: _deserialize(value) for name, value in record.items()}


def _refused(error: ClientError) -> bool:
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"


@dataclass(frozen=True)
class Records:
    """A table of records below keys.

    Attributes:
        name: The table's name.
    """

    name: str

    @property
    def _client(self) -> DynamoDBClient:
        return aws.dynamodb()

    def _get(self, pk: str, sk: str) -> dict[str, Any] | None:
        key = encode({"pk": pk, "sk": sk})
        found = self._client.get_item(TableName=self.name, Key=key, ConsistentRead=True).get("Item")
        return decode(found) if found else None

    def _put(self, pk: str, sk: str, record: Mapping[str, Any], condition: str = "", **values: Any) -> bool:
        extra: dict[str, Any] = {}
        if condition:
            extra["ConditionExpression"] = condition
        if values:
            extra["ExpressionAttributeValues"] = encode({f":{name}": value for name, value in values.items()})
        if "#" in condition:
            extra["ExpressionAttributeNames"] = {"#status": "status", "#date": "date"}
            extra["ExpressionAttributeNames"] = {
                name: field for name, field in extra["ExpressionAttributeNames"].items() if name in condition
            }
        try:
            self._client.put_item(TableName=self.name, Item=encode({"pk": pk, "sk": sk, **record}), **extra)
        except ClientError as error:
            if _refused(error):
                return False
            raise
        return True

    def _read(
        self, pk: str, *, after: str = "", newest_first: bool = False, page_size: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """The records below a key, those behind the sort key `after`, as they are now, read a page at a time."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self.name,
            KeyConditionExpression="pk = :pk AND sk > :after" if after else "pk = :pk",
            ExpressionAttributeValues=encode({":pk": pk, ":after": after or None}),
            ScanIndexForward=not newest_first,
            ConsistentRead=True,
            PaginationConfig={"PageSize": page_size} if page_size else {},
        )
        return (decode(item) for page in pages for item in page.get("Items", []))

    def _query(self, pk: str, *, newest_first: bool = False) -> list[dict[str, Any]]:
        return list(self._read(pk, newest_first=newest_first))
