from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from framesift.contracts import Clip, Duplicate, ItemError, Language
from framesift.pipeline.tiktok.rank import rank

KOREAN = Language(code="ko", confidence=1.0, decided_by="title", provider="offline")
ENGLISH = Language(code="en", confidence=0.9, decided_by="author", provider="offline")


def an_item(item_id: str, views: int, **fields: Any) -> Clip:
    defaults: dict[str, Any] = {
        "source": "tiktok",
        "category": "dance",
        "url": f"https://www.tiktok.com/@a/video/{item_id}",
        "collected_at": datetime(2026, 11, 20, tzinfo=UTC),
        "language": KOREAN,
    }
    return Clip(id=item_id, views=views, **{**defaults, **fields})


def ranked(items: list[Clip], top: int = 10, taken_down: dict[str, str] | None = None) -> list[Clip]:
    return rank(items, category="dance", top=top, keep_language="ko", taken_down=taken_down or {})


def list_ids(items: list[Clip]) -> dict[str, str]:
    return {item.decision.list_id: item.id for item in items if item.decision and item.decision.list_id}


def test_no_items_give_no_items() -> None:
    assert ranked([]) == []


def test_most_views_first_with_ids_for_the_app() -> None:
    items = ranked([an_item("a", 5), an_item("b", 9), an_item("c", 7)])
    assert list_ids(items) == {"dance01": "b", "dance02": "c", "dance03": "a"}


def test_what_does_not_fit_keeps_its_rank_and_reason() -> None:
    last = ranked([an_item(str(n), 100 - n) for n in range(12)])[-1]
    assert last.decision is not None
    assert (last.decision.rank, last.decision.dropped) == (12, "below_top")
    assert last.decision.why == "number 12 by views; the list holds 10"


def test_one_entry_a_url_the_one_with_most_views() -> None:
    url = "https://www.tiktok.com/@a/video/1"
    items = ranked([an_item("1", 5, url=url), an_item("2", 9, url=url)])
    assert list_ids(items) == {"dance01": "2"}
    assert items[1].decision is not None
    assert items[1].decision.dropped == "repeated_url"


def test_each_reason_to_drop_is_named() -> None:
    items = ranked(
        [
            an_item("failed", 9, error=ItemError(stage="collect", error="NotAnImageError", message="damaged")),
            an_item("copy", 8, duplicate=Duplicate(of="x", method="pdq", score=0.97)),
            an_item("old-copy", 7, duplicate=Duplicate(of="y", of_date="2026-11-19", method="pdq", score=0.97)),
            an_item("english", 6, language=ENGLISH),
            an_item("unseen", 5, language=None),
            an_item("gone", 4),
        ],
        taken_down={"gone": "the author asked"},
    )
    why = {item.id: item.decision.why for item in items if item.decision}
    assert why == {
        "failed": "NotAnImageError: damaged",
        "copy": "a re-upload of x (pdq, 0.97)",
        "old-copy": "a re-upload of y of 2026-11-19 (pdq, 0.97)",
        "english": "language is en by its author, not ko",
        "unseen": "language is not detected, not ko",
        "gone": "taken down: the author asked",
    }
    assert list_ids(items) == {}


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["ko", "en"])), max_size=30), st.integers())
def test_the_same_items_give_the_same_list_in_any_order(clips: list[tuple[int, str]], seed: int) -> None:
    items = [
        an_item(str(n), views, language=KOREAN if code == "ko" else ENGLISH) for n, (views, code) in enumerate(clips)
    ]
    shuffled = random.Random(seed).sample(items, len(items))
    assert ranked(items) == ranked(shuffled)
    assert sorted(list_ids(ranked(items))) == [
        f"dance{n + 1:02d}" for n in range(min(10, sum(c == "ko" for _, c in clips)))
    ]
