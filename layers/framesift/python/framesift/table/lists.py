"""Which list of a category is the newest: the switch that makes a publication atomic."""

from __future__ import annotations

from dataclasses import dataclass

from framesift.contracts import Contract, PublishedList, Run
from framesift.table.table import Table


class ListPointer(Contract):
    """The newest list of a category."""

    source: str
    category: str
    date: str
    edition: str
    key: str
    count: int
    previous_key: str | None = None


@dataclass(frozen=True)
class Lists:
    """Pointers to the newest lists."""

    table: Table

    def pointer(self, category: str) -> ListPointer | None:
        """The newest list of a category."""
        found = self.table.get("LIST", category)
        return ListPointer.model_validate({**found, "count": int(found["count"])}) if found else None

    def pointers(self) -> list[ListPointer]:
        """The newest list of every category."""
        found = self.table.query("LIST")
        return [ListPointer.model_validate({**pointer, "count": int(pointer["count"])}) for pointer in found]

    def switch(self, run: Run, published: PublishedList, previous_key: str | None) -> bool:
        """Make a list the newest of its category, unless a later day's is.

        Args:
            run: The run that published it.
            published: The list.
            previous_key: The list of the day before, which ranks are compared with.

        Returns:
            False if a later day's list is published already.
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
        return self.table.put(
            "LIST",
            published.category,
            pointer.model_dump(exclude_none=True),
            "attribute_not_exists(pk) OR #date <= :day",
            day=run.date,
        )
