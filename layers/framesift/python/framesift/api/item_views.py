"""What the API shows of a catalog, to people and to whoever has a link."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Final, Literal

from framesift import keys
from framesift.api.collection_messages import (
    Facets,
    History,
    HistoryEntry,
    ItemPage,
    QuerySuggestion,
    QuerySuggestions,
    ServedImage,
    ValueCount,
)
from framesift.catalog.access import includes
from framesift.errors import NotFoundError, RoleTooLowError
from framesift.settings import load_settings

if TYPE_CHECKING:
    from framesift.api.gate import Entered
    from framesift.catalog.condition import Condition
    from framesift.contracts import CatalogItem, Change

MediaSize = Literal["256", "1024", "original"]

_HISTORY_CHANGES: Final = 200
"""Changes of the log that one page of an item's history looks through."""
_PAGE_BYTES: Final = 4_000_000
"""Of the items on a page: a function's answer has at most 6 MB, and links and escapes come on top."""
_SUGGESTED: Final = {
    "tag": "tags",
    "label": "labels",
    "model": "models",
    "source": "source",
    "type": "content_type",
    "meta": "metadata",
}
"""For fields of the query language, the facets that their values come from."""
_SUGGESTED_VALUES: Final = 200
_OWN_FIELD: Final = re.compile(r"""meta\.("[^"\\]+"|[^\s()":<>=!\\]+)\s*[:=<>!]+[^\s]*\Z""")
_INNER: Final = {"ids", "ids_key", "kind", "items_key", "predictions_key", "values_key", "annotations_key"} | {
    "duplicates_key"
}


def compile_text(query: str) -> Condition:
    """The condition of a query's text; empty: every item."""
    from framesift.catalog.condition import EVERYTHING
    from framesift.catalog.query import compile_query

    return compile_query(query) if query.strip() else EVERYTHING


def find_page(entered: Entered, query: str, sort: str, limit: int, cursor: str) -> ItemPage:
    """A page of the items that a query finds."""
    from framesift.catalog.condition import Condition
    from framesift.catalog.paging import Order

    condition = compile_text(query)
    if entered.item is not None:
        only = Condition("id = ?", [entered.item])
        condition = Condition(f"({only.sql}) AND ({condition.sql})", [*only.parameters, *condition.parameters])
    order = Order(sort.removeprefix("-"), descending=sort.startswith("-")) if sort else Order()
    page = entered.reader.page(
        condition, order=order, limit=limit, cursor=cursor, viewer=entered.viewer, max_bytes=_PAGE_BYTES
    )
    items = [show_item(entered, item, alone=False) for item in page.items]
    return ItemPage(items=items, next_cursor=page.next, number=page.number)


def show_item(entered: Entered, item: CatalogItem, *, alone: bool = True) -> ServedImage:
    """An item as somebody sees it, with links to its image: alone, or as one of a page."""

    def link(size: int) -> str:
        return entered.store.link(keys.collection_thumbnail(entered.id, item.id, size), link_s)

    link_s, (small, large) = load_settings().api.media_url_s, keys.THUMBNAIL_SIZES
    to_editor = includes(entered.role, "editor")
    return ServedImage.of(
        item, to_editor=to_editor, thumbnail_url=link(small), image_url=link(large) if alone else None
    )


def find_facets(entered: Entered, query: str, kinds: list[str], limit: int) -> Facets:
    """How many of the items that a query finds have which value."""
    found = entered.reader.facets(compile_text(query), kinds=kinds, limit=limit, viewer=entered.viewer)
    counts = {
        kind: [ValueCount(value=each.value, count=each.count) for each in values] for kind, values in found.items()
    }
    return Facets(facets=counts)


def suggest(entered: Entered, text: str, cursor: int) -> QuerySuggestions:
    """How a query could go on where the cursor stands, with the values that the catalog has."""
    from framesift.catalog.query import complete_query

    typed = _OWN_FIELD.search(text[:cursor])
    name = typed[1].strip('"') if typed else ""
    kinds = [*_SUGGESTED.values(), *([f"metadata:{name}"] if name else [])]
    found = entered.reader.facets(kinds=kinds, limit=_SUGGESTED_VALUES, viewer=entered.viewer)
    known = {field: [each.value for each in found[kind]] for field, kind in _SUGGESTED.items()}
    if name:
        known[f"meta.{name}"] = [each.value for each in found[f"metadata:{name}"]]
    suggestions = [
        QuerySuggestion(text=each.text, start=each.start, end=each.end, help=each.help)
        for each in complete_query(text, cursor, known)
    ]
    return QuerySuggestions(suggestions=suggestions)


def find_history(entered: Entered, item_id: str, after: int) -> History:
    """The changes that touched an item, among the next ones of the log."""
    log = entered.log
    changes = list(islice(log.after(after), _HISTORY_CHANGES + 1))
    found = [
        _entry(change, row.value)
        for change in changes[:_HISTORY_CHANGES]
        for row in log.rows(change)
        if row.id == item_id
    ]
    more = len(changes) > _HISTORY_CHANGES
    return History(changes=found, next_cursor=changes[_HISTORY_CHANGES - 1].number if more else None)


def find_media(entered: Entered, item: CatalogItem, size: MediaSize) -> str:
    """A link to an item's image that works for a while.

    Raises:
        RoleTooLowError: The original, which may say where it was taken, is for owners.
        NotFoundError: The image stays in another bucket, or has no thumbnail.
    """
    link_s = load_settings().api.media_url_s
    if size != "original":
        return entered.store.link(keys.collection_thumbnail(entered.id, item.id, int(size)), link_s)
    if not includes(entered.role, "owner"):
        raise RoleTooLowError("The original may say where it was taken, and is for owners: take the size 1024.")
    if item.key is None:
        raise NotFoundError(f"The original stays where it is: {item.uri}. Take the size 1024.")
    return entered.store.link(item.key, link_s)


def _entry(change: Change, value: dict[str, object] | None) -> HistoryEntry:
    said = value if value is not None else change.body.model_dump(mode="json")
    says = {name: each for name, each in said.items() if name not in _INNER}
    return HistoryEntry(number=change.number, at=change.at, by=change.by, kind=change.body.kind, says=says)
