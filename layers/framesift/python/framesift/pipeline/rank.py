"""Rank: which clips make a category's list, and why each other one does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from framesift.contracts import Decision, DropReason, Item


def rank(
    items: Iterable[Item],
    *,
    category: str,
    top: int,
    keep_language: str,
    taken_down: Mapping[str, str],
) -> list[Item]:
    """Decide about every item: in the list with its rank, or dropped with the reason.

    Clips go by views, most first; equal views go by id, so that the same items give the same list in any order.

    Args:
        items: A category's items after language detection.
        category: The category's name, which list ids begin with.
        top: How many a list holds.
        keep_language: The language that is kept (ISO 639-1).
        taken_down: Ids that must not be listed, with the reason.

    Returns:
        The items with their decisions, best first.
    """
    seen_urls: dict[str, str] = {}
    decided = []
    place = 0
    for item in sorted(items, key=lambda item: (-item.views, item.id)):
        decision = _refuse(item, keep_language, taken_down, seen_urls)
        if decision is None:
            seen_urls[item.url] = item.id
            place += 1
            decision = _place(category, place, top)
        decided.append(item.model_copy(update={"decision": decision}))
    return decided


def _refuse(
    item: Item, keep_language: str, taken_down: Mapping[str, str], seen_urls: Mapping[str, str]
) -> Decision | None:
    if item.error is not None:
        return Decision(dropped=DropReason.FAILED, why=f"{item.error.error}: {item.error.message}")
    if item.id in taken_down:
        return Decision(dropped=DropReason.TAKEN_DOWN, why=f"taken down: {taken_down[item.id]}")
    if item.url in seen_urls:
        return Decision(dropped=DropReason.REPEATED, why=f"the same URL as {seen_urls[item.url]}")
    if item.duplicate is not None:
        where = f" of {item.duplicate.of_date}" if item.duplicate.of_date else ""
        why = f"a re-upload of {item.duplicate.of}{where} ({item.duplicate.method}, {item.duplicate.score:.2f})"
        return Decision(dropped=DropReason.DUPLICATE, why=why)
    if item.language is None or item.language.code != keep_language:
        said = f"{item.language.code} by its {item.language.decided_by}" if item.language else "not looked at"
        return Decision(dropped=DropReason.LANGUAGE, why=f"language is {said}, not {keep_language}")
    return None


def _place(category: str, place: int, top: int) -> Decision:
    if place <= top:
        return Decision(list_id=f"{category}{place:02d}", rank=place, why=f"number {place} by views")
    return Decision(rank=place, dropped=DropReason.BELOW_TOP, why=f"number {place} by views; the list holds {top}")
