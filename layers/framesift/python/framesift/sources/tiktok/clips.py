"""The clips of a crawl, gathered from list responses and from the page itself."""

from __future__ import annotations

from collections.abc import Iterable

from framesift.contracts import Clip
from framesift.sources.tiktok.parse import merge


class Clips:
    """Each clip once, in the order in which they were seen.

    A crawl that continues in a new browser sees the same clips again from the top: they are neither new nor repeats, so
    each visit counts separately.

    Args:
        min_views: Clips with at least as many views count towards the target.

    Attributes:
        repeated: How many entries of the site's lists repeated a clip of the same visit.
    """

    def __init__(self, min_views: int) -> None:
        self.repeated = 0
        self._min_views = min_views
        self._items: dict[str, Clip] = {}
        self._shown: set[str] = set()
        self._listed: set[str] = set()

    def begin_visit(self) -> None:
        """Start counting anew; what was gathered stays."""
        self._shown, self._listed, self.repeated = set(), set(), 0

    def add_listed(self, items: Iterable[Clip]) -> None:
        """Add entries of the site's lists; their values take precedence over the page's."""
        for item in items:
            if item.id in self._listed:
                self.repeated += 1
            else:
                self._listed.add(item.id)
                known = self._items.get(item.id)
                self._items[item.id] = item if known is None else merge(item, known)
            self._shown.add(item.id)

    def add_cards(self, items: Iterable[Clip]) -> None:
        """Add cards of the page; they fill in what the lists lack."""
        for item in items:
            known = self._items.get(item.id)
            self._items[item.id] = item if known is None else merge(known, item)
            self._shown.add(item.id)

    @property
    def items(self) -> list[Clip]:
        """All clips."""
        return list(self._items.values())

    @property
    def shown(self) -> int:
        """How many clips the current visit has seen."""
        return len(self._shown)

    @property
    def wanted(self) -> int:
        """How many clips have enough views."""
        return sum(item.views >= self._min_views for item in self._items.values())
