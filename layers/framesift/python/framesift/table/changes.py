"""Catalogs' logs: changes numbered without gaps, each written only if its number is new."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter

from framesift.contracts.catalog import Change, ChangeBody
from framesift.errors import CollectionDeletedError
from framesift.table.expiry import HISTORY_DAYS, PROGRESS_DAYS, expires_in
from framesift.table.table import Table

_BODY: Final[TypeAdapter[ChangeBody]] = TypeAdapter(ChangeBody)
_CLOSED: Final = "closed"
_LONGEST_PAUSE_S: Final = 0.5


@dataclass(frozen=True)
class Changes:
    """The changes of catalogs.

    Every catalog has a log of its own, whose id is random: a collection that is made anew under the name of a deleted
    one begins a new log.
    """

    table: Table

    def head(self, log: str) -> int:
        """The number of a log's newest change; 0: there is none.

        Raises:
            CollectionDeletedError: The log is closed.
        """
        newest = next(self.table.query(_partition(log), newest_first=True, page_size=1), None)
        if newest is None:
            return 0
        if _CLOSED in newest:
            raise CollectionDeletedError("The collection has been deleted.")
        return int(newest["sk"])

    def put(self, log: str, change: Change, request_id: str = "") -> bool:
        """Write a change.

        Returns:
            False, and nothing is written, if the log has a change of that number.
        """
        record = {
            "at": change.at.isoformat(),
            "by": change.by,
            "body": change.body.model_dump_json(),
            "request_id": request_id or None,
        }
        return self.table.put(_partition(log), _number(change.number), record, "attribute_not_exists(pk)")

    def replace(self, log: str, change: Change) -> None:
        """Write a change that is there already anew: without what was deleted.

        What a request's id was is forgotten.
        """
        record = {
            "at": change.at.isoformat(),
            "by": change.by,
            "body": change.body.model_dump_json(),
        }
        self.table.put(_partition(log), _number(change.number), record, "attribute_exists(pk)")

    def after(self, log: str, number: int, *, until: int | None = None) -> Iterator[Change]:
        """The changes behind a number in their order, read a page at a time.

        Args:
            log: The log's id.
            number: The changes behind this one; 0: all.
            until: Up to this one, inclusive; None: all there are.
        """
        for change, _ in self._read(log, number, until):
            yield change

    def find_request(self, log: str, request_id: str, number: int) -> Change | None:
        """The change behind a number that a request has made; None if it has made none yet."""
        return next((change for change, made_by in self._read(log, number, None) if made_by == request_id), None)

    def note_request(self, log: str, request_id: str, head: int) -> int:
        """Note that a request is about to make a change.

        Args:
            log: The log's id.
            request_id: The request's id.
            head: The log's newest change.

        Returns:
            The newest change when the request was first noted: what it has made lies behind it.
        """
        record = {"head": head, "expires_at": expires_in(HISTORY_DAYS)}
        if self.table.put(_requests(log), request_id, record, "attribute_not_exists(pk)"):
            return head
        noted = self.table.get(_requests(log), request_id)
        return int(noted["head"]) if noted else 0

    def close(self, log: str) -> None:
        """Let the log take no more changes; closing it again is no error.

        Since numbers have no gaps, whoever appends meets the mark at the log's end.
        """
        while True:
            try:
                number = self.head(log) + 1
            except CollectionDeletedError:
                return
            record = {_CLOSED: True, "expires_at": expires_in(PROGRESS_DAYS)}
            if self.table.put(_partition(log), _number(number), record, "attribute_not_exists(pk)"):
                return
            pause()

    def delete(self, log: str) -> None:
        """Delete a closed log; the mark at its end stays for a day, for those who are about to append."""
        for record in self.table.query(_partition(log)):
            if _CLOSED not in record:
                self.table.delete(record["pk"], record["sk"])
        for record in self.table.query(_requests(log)):
            self.table.delete(record["pk"], record["sk"])

    def _read(self, log: str, number: int, until: int | None) -> Iterator[tuple[Change, str]]:
        """Changes, and the ids of the requests that made them."""
        for record in self.table.query(_partition(log), after=_number(number)):
            if _CLOSED in record or (until is not None and int(record["sk"]) > until):
                return
            body = _BODY.validate_json(record["body"])
            change = Change(number=int(record["sk"]), at=record["at"], by=record["by"], body=body)
            yield change, record.get("request_id", "")


def pause() -> None:
    """Wait for a moment of random length, so that those who collided do not meet again."""
    time.sleep(random.uniform(0, _LONGEST_PAUSE_S) ** 2)


def _partition(log: str) -> str:
    return f"CHANGES#{log}"


def _requests(log: str) -> str:
    return f"REQUESTS#{log}"


def _number(number: int) -> str:
    return f"{number:012d}"
