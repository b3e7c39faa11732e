"""Queries of moto's DynamoDB that read one partition.

moto sorts the whole table by Python comparisons for each page of each query, so that a day or a collection of some
thousand records made every query of the embedded AWS take seconds.
"""

from __future__ import annotations

import copy
import inspect
from typing import Any

from moto.dynamodb.models.table import Table

from framesift_local.aws.patching import original, replace


def read_partitions_only() -> None:
    """Let queries of moto's tables look at no more than their partition, and order records by plain values."""
    query = original(Table, "query")
    all_items = original(Table, "all_items")
    parameters = inspect.signature(query)

    def query_partition(self: Any, *args: Any, **more: Any) -> Any:
        call = parameters.bind(self, *args, **more).arguments
        if call.get("index_name") or not self.has_range_key:  # An index has partitions of its own.
            return query(self, *args, **more)
        partition = copy.copy(self)
        partition.items = {call["hash_key"]: self.items.get(call["hash_key"], {})}
        return query(partition, *args, **more)

    def order_items(self: Any) -> Any:
        if not self.has_range_key:
            return all_items(self)
        items = [item for partition in self.items.values() for item in partition.values()]
        return sorted(items, key=lambda item: (item.hash_key.cast_value, item.range_key.cast_value))

    replace(Table, "query", query_partition)
    replace(Table, "all_items", order_items)
