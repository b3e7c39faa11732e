"""Published lists as every view shows them: without the clips that were taken down since."""

from __future__ import annotations

from framesift import keys
from framesift.contracts import TopList
from framesift.errors import NotFoundError
from framesift.storage import Store, write_json
from framesift.table import ListPointer, Records


def read_shown(key: str, store: Store, records: Records) -> TopList:
    """Read a list without the clips that were taken down since it was published; the others keep their ids and ranks.

    Raises:
        NotFoundError: If there is no such list.
    """
    published = TopList.model_validate_json(store.get(key))
    taken_down = records.items.taken_down(published.source)
    items = [item for item in published.items if item.clip_id not in taken_down]
    if len(items) == len(published.items):
        return published
    note = describe_shortness(published.count, published.wanted)
    gone = f"{published.count - len(items)} taken down since it was published."
    return published.model_copy(
        update={"items": items, "count": len(items), "note": f"{note} {gone}" if note else gone}
    )


def describe_shortness(count: int, wanted: int) -> str | None:
    """Why a list has fewer clips than it could; None where it has not."""
    return None if count == wanted else f"Only {count} of {wanted}: no more clips qualified."


def key_of_day(pointer: ListPointer, date: str, store: Store) -> str:
    """The key of a day's newest list; a day has an edition per publication: `2026-11-20`, `2026-11-20.2` and so on.

    Args:
        pointer: The newest list of the category.
        date: The day, YYYY-MM-DD.
        store: Where lists are.

    Raises:
        NotFoundError: If none was published on that day.
    """
    if date == pointer.date:
        return pointer.key
    # A later day's list may be written already, but is not published yet.
    if date < pointer.date:
        ending = keys.top_list("", pointer.category).removeprefix("published/")
        editions = [key for key in store.list(f"published/{date}") if key.endswith(ending)]
        if editions:
            return max(editions, key=lambda key: (len(key), key))  # .10 comes after .9
    raise NotFoundError(f"No list of {pointer.category!r} was published on {date}; the newest is of {pointer.date}.")


def copy_newest(category: str, store: Store, records: Records) -> None:
    """Write the copy of a category's newest list, as every view shows it."""
    if pointer := records.lists.pointer(category):
        write_json(store, keys.latest_list(category), read_shown(pointer.key, store, records))
