"""Rank: which clips make a category's list, and why each other one does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from framesift.contracts import Clip, Decision, DropReason


def rank(
    clips: Iterable[Clip],
    *,
    category: str,
    top: int,
    keep_language: str,
    taken_down: Mapping[str, str],
) -> list[Clip]:
    """Decide about every clip: in the list with its rank, or dropped with the reason.

    Clips go by views, most first; equal views go by id, so that the same items give the same list in any order.

    Args:
        clips: A category's clips after language detection.
        category: The category's name, which list ids begin with.
        top: How many a list holds.
        keep_language: The language that is kept (ISO 639-1).
        taken_down: Ids that must not be listed, with the reason.

    Returns:
        The clips with their decisions, best first.
    """
    seen_urls: dict[str, str] = {}
    decided = []
    place = 0
    for clip in sorted(clips, key=lambda clip: (-clip.views, clip.id)):
        decision = _refuse(clip, keep_language, taken_down, seen_urls)
        if decision is None:
            seen_urls[clip.url] = clip.id
            place += 1
            decision = _place(category, place, top)
        decided.append(clip.model_copy(update={"decision": decision}))
    return decided


def _refuse(
    clip: Clip, keep_language: str, taken_down: Mapping[str, str], seen_urls: Mapping[str, str]
) -> Decision | None:
    if clip.error is not None:
        return Decision(dropped=DropReason.FAILED, why=f"{clip.error.error}: {clip.error.message}")
    if clip.id in taken_down:
        return Decision(dropped=DropReason.TAKEN_DOWN, why=f"taken down: {taken_down[clip.id]}")
    if clip.url in seen_urls:
        return Decision(dropped=DropReason.REPEATED, why=f"the same URL as {seen_urls[clip.url]}")
    if clip.duplicate is not None:
        where = f" of {clip.duplicate.of_date}" if clip.duplicate.of_date else ""
        why = f"a re-upload of {clip.duplicate.of}{where} ({clip.duplicate.method}, {clip.duplicate.score:.2f})"
        return Decision(dropped=DropReason.DUPLICATE, why=why)
    if clip.language is None or clip.language.code != keep_language:
        language = f"{clip.language.code} by its {clip.language.decided_by}" if clip.language else "not detected"
        return Decision(dropped=DropReason.LANGUAGE, why=f"language is {language}, not {keep_language}")
    return None


def _place(category: str, place: int, top: int) -> Decision:
    if place <= top:
        return Decision(list_id=f"{category}{place:02d}", rank=place, why=f"number {place} by views")
    return Decision(rank=place, dropped=DropReason.BELOW_TOP, why=f"number {place} by views; the list holds {top}")
