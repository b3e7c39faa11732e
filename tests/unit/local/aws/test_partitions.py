"""Queries answer as moto's do, and look at no record of another partition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table as MotoTable

from framesift import aws
from framesift_local.aws.partitions import read_partitions_only
from framesift_local.aws.patching import original, replace

INDEXED = {
    "GlobalSecondaryIndexes": [
        {"IndexName": "by_n", "KeySchema": [{"AttributeName": "n", "KeyType": "HASH"}],
         "Projection": {"ProjectionType": "ALL"}}
    ]
}  # fmt: skip


@pytest.fixture
def table() -> Iterator[str]:
    """Numbered records of two partitions, written in no order."""
    with mock_aws():
        keys = [("pk", "HASH", "S"), ("sk", "RANGE", "N")]
        aws.dynamodb().create_table(
            TableName="t",
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind, _ in keys],  # type: ignore[typeddict-item]
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": kind}  # type: ignore[typeddict-item]
                for name, kind in (*((name, kind) for name, _, kind in keys), ("n", "S"))
            ],
            BillingMode="PAY_PER_REQUEST",
            **INDEXED,
        )
        for number in (10, 9, 2, 33, 4, 1):
            for partition in ("b", "a"):
                item = {"pk": {"S": partition}, "sk": {"N": str(number)}, "n": {"S": f"n{number % 2}"}}
                aws.dynamodb().put_item(TableName="t", Item=item)
        yield "t"
    restore()


def restore() -> None:
    for name in ("query", "all_items"):
        replace(MotoTable, name, original(MotoTable, name))


def numbers(pages: list[dict[str, Any]]) -> list[list[tuple[str, str]]]:
    return [[(each["pk"]["S"], each["sk"]["N"]) for each in page["Items"]] for page in pages]


def ask(table: str) -> list[Any]:
    """Every way in which a table is read."""
    client, pk = aws.dynamodb(), {":pk": {"S": "a"}}
    of_a = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": pk}
    above = {
        "KeyConditionExpression": "pk = :pk AND sk > :sk",
        "ExpressionAttributeValues": {**pk, ":sk": {"N": "4"}},
    }
    of_none = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": "none"}}}
    by_index = {
        "IndexName": "by_n", "KeyConditionExpression": "n = :n", "ExpressionAttributeValues": {":n": {"S": "n0"}},
    }  # fmt: skip
    queries: list[dict[str, Any]] = [
        of_a, {**of_a, "Limit": 4}, {**of_a, "Limit": 4, "ScanIndexForward": False}, above, of_none, by_index,
    ]  # fmt: skip
    pages = client.get_paginator("query")
    answers = [numbers(list(pages.paginate(TableName=table, **query))) for query in queries]
    return [*answers, numbers(list(client.get_paginator("scan").paginate(TableName=table, Limit=5)))]


def test_answers_are_those_of_moto(table: str) -> None:
    restore()
    expected = ask(table)
    read_partitions_only()
    assert ask(table) == expected
    assert [len(page) for page in expected[1]] == [4, 2]


class Untouchable(dict[Any, Any]):
    """A partition that nobody may look at."""

    def values(self) -> Any:
        raise AssertionError("a query looked at another partition")


def test_a_query_looks_at_its_own_partition(table: str) -> None:
    read_partitions_only()
    moto_table = dynamodb_backends["123456789012"]["ap-northeast-2"].tables[table]
    [other] = [key for key in moto_table.items if key.value == "b"]
    moto_table.items[other] = Untouchable(moto_table.items[other])
    query: Any = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": "a"}}}
    assert aws.dynamodb().query(TableName=table, **query)["Count"] == 6
