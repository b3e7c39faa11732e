"""What a query is to the reader of a catalog: a condition on the relation `items`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True)
class Condition:
    """A condition that items meet or not.

    Attributes:
        sql: An expression over the columns of `items` (`catalog/columns.py`), with `?` for each parameter.
        parameters: Their values, in their order.
    """

    sql: str
    parameters: list[Any] = field(default_factory=list)


EVERYTHING: Final = Condition("true")
"""What every item meets."""
