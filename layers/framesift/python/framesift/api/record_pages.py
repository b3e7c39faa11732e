"""Pages of a collection's records: what was asked for in it, or came into it, the newest first."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Annotated, Protocol, TypeVar

from aws_lambda_powertools.event_handler.openapi.params import Query

RecordLimit = Annotated[int, Query(ge=1, le=100)]
RecordCursor = Annotated[str, Query(pattern=r"^[A-Za-z0-9-]{0,60}$")]


class _Record(Protocol):
    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=_Record)


def take_page(records: Iterable[R], limit: int, cursor: str) -> tuple[list[R], str | None]:
    """Take a page of records.

    Args:
        records: By their ids, the last one first.
        limit: How many are taken at most.
        cursor: The id of the last record of the page before; empty: the first page.

    Returns:
        The page, and the cursor of the next one; None: there is none.
    """
    found = list(islice((record for record in records if not cursor or record.id < cursor), limit + 1))
    page = found[:limit]
    return page, page[-1].id if len(found) > limit else None
