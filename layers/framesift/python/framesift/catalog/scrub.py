"""Taking deleted items and people out of what is kept of a catalog: changes, their payloads, rows of snapshots.

What is left says the same about everything else, so the log still rebuilds the catalog as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from framesift.catalog.log import payload_key
from framesift.contracts import CatalogItem, Change, RemoveItems, SetAnnotations, SetViewers

FORGOTTEN: Final = "deleted-user"
"""Stands for every user whose account was deleted."""


@dataclass(frozen=True)
class Scrub:
    """What is to be taken out.

    Attributes:
        items: Ids of deleted items; each with the number of the last change that may not name it.
        users: Ids of people whose accounts are deleted.
    """

    items: Mapping[str, int] = field(default_factory=dict)
    users: frozenset[str] = frozenset()

    def covers(self, item_id: str, number: int) -> bool:
        """Whether what a change of that number says about an item is to be taken out."""
        return number <= self.items.get(item_id, 0)

    def scrub_change(self, change: Change) -> Change:
        """A change without what its record says about them; its payload is `scrub_line`'s."""
        update: dict[str, Any] = {"ids": [each for each in change.body.ids if not self.covers(each, change.number)]}
        match change.body:
            case SetAnnotations(annotations=annotations):
                update["annotations"] = [each.model_copy(update={"by": self._name(each.by)}) for each in annotations]
            case SetViewers(viewers=list(viewers)):
                update["viewers"] = [each for each in viewers if each not in self.users]
        body = change.body.model_copy(update=update)
        if not body.ids and not payload_key(body):
            body = RemoveItems()
        return change.model_copy(update={"by": self._name(change.by), "body": body})

    def scrub_line(self, line: dict[str, Any], number: int) -> dict[str, Any] | None:
        """A line of the payload of a change of that number; None: it is to go."""
        if self.covers(line["id"], number):
            return None
        duplicate = line.get("duplicate")
        if duplicate and self.covers(duplicate["of"], number):
            line = {**line, "duplicate": None}
        if self.users:
            line = self._scrub_people(line)
        return line

    def scrub_item(self, item: CatalogItem, number: int) -> CatalogItem | None:
        """An item of a snapshot after a change of that number; None: it is to go."""
        line = self.scrub_line(item.model_dump(mode="json"), number)
        return CatalogItem.model_validate(line) if line else None

    def _scrub_people(self, line: dict[str, Any]) -> dict[str, Any]:
        named: dict[str, Any] = {name: self._name(line[name]) for name in ("added_by", "changed_by") if name in line}
        if line.get("annotations"):
            named["annotations"] = [{**each, "by": self._name(each.get("by", ""))} for each in line["annotations"]]
        if line.get("viewers"):
            named["viewers"] = [each for each in line["viewers"] if each not in self.users]
        return {**line, **named}

    def _name(self, user: str) -> str:
        return FORGOTTEN if user in self.users else user
