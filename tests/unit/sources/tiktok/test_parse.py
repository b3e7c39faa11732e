"""From the site's JSON and cards to items."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framesift.contracts import Clip
from framesift.sources.tiktok.clips import Clips
from framesift.sources.tiktok.parse import (
    CrawlContext,
    clip_url,
    list_entries,
    merge,
    parse_card,
    parse_entries,
    parse_entry,
)

CONTEXT = CrawlContext("dance", "https://www.tiktok.com", dt.datetime(2026, 11, 20, tzinfo=dt.UTC))


def entry(**changes: Any) -> dict[str, Any]:
    return {
        "id": "7709822134378299587",
        "desc": "댄스 챌린지 #fyp 💃",
        "createTime": 1763625600,
        "author": {"uniqueId": "dance.kim_1", "nickname": "댄스하는 김"},
        "stats": {"playCount": 1_200_000},
        "statsV2": {"playCount": "1234567"},
        "video": {
            "cover": "https://p16.tiktokcdn.com/a.webp?x-expires=1",
            "originCover": "https://p16.tiktokcdn.com/b",
        },
        **changes,
    }


def parsed(**changes: Any) -> Clip:
    item = parse_entry(entry(**changes), CONTEXT)
    assert item is not None
    return item


def test_reads_an_entry() -> None:
    assert parsed() == Clip(
        source="tiktok",
        category="dance",
        id="7709822134378299587",
        url="https://www.tiktok.com/@dance.kim_1/video/7709822134378299587",
        title="댄스 챌린지 #fyp 💃",
        author="dance.kim_1",
        author_name="댄스하는 김",
        views=1_234_567,
        posted_at=dt.datetime(2025, 11, 20, 8, 0, tzinfo=dt.UTC),
        thumbnail_url="https://p16.tiktokcdn.com/a.webp?x-expires=1",
        collected_at=CONTEXT.seen_at,
    )


@pytest.mark.parametrize(
    ("changes", "views"),
    [
        ({"statsV2": {}}, 1_200_000),
        ({"statsV2": None}, 1_200_000),
        ({"statsV2": {"playCount": "many"}}, 1_200_000),
        ({"statsV2": {"playCount": "1.5M"}}, 1_500_000),
        ({"statsV2": {}, "stats": {"playCount": -1}}, 0),
        ({"statsV2": {}, "stats": {"playCount": True}}, 0),
        ({"statsV2": {}, "stats": []}, 0),
    ],
)
def test_exact_views_first_then_what_there_is(changes: dict[str, Any], views: int) -> None:
    assert parsed(**changes).views == views


def test_what_is_missing_is_empty() -> None:
    bare = parse_entry({"id": 7, "author": {"uniqueId": "kim"}}, CONTEXT)
    assert bare is not None
    assert (bare.id, bare.title, bare.author_name, bare.views) == ("7", "", "", 0)
    assert (bare.posted_at, bare.thumbnail_url) == (None, None)


def test_the_second_cover_where_the_first_is_none() -> None:
    assert parsed(video={"cover": "", "originCover": "https://h/b"}).thumbnail_url == "https://h/b"
    assert parsed(video={"cover": "data:image/png;base64,x"}).thumbnail_url is None


@pytest.mark.parametrize("moment", [0, -5, "soon", None, 10**20, float("nan"), [], {}])
def test_a_moment_that_is_none(moment: Any) -> None:
    assert parsed(createTime=moment).posted_at is None


def test_odd_ids_and_names_leave_no_folder_and_no_url() -> None:
    odd = parsed(id="../../etc/passwd", author={"uniqueId": "a/b?c#d 가"})
    assert odd.id.startswith("x")
    assert odd.id.isalnum()
    assert odd.url == "https://www.tiktok.com/@a%2Fb%3Fc%23d%20%EA%B0%80/video/..%2F..%2Fetc%2Fpasswd"


def test_half_a_surrogate_pair_can_be_written() -> None:
    assert parsed(desc="춤 \ud83d").model_dump_json()


def test_what_is_no_clip_is_left_out_and_order_is_kept() -> None:
    entries = [entry(id="2"), None, "x", {}, entry(id=""), entry(author=None), entry(author={}), entry(id="1")]
    assert [item.id for item in parse_entries(entries, CONTEXT)] == ["2", "1"]


@pytest.mark.parametrize(
    ("answer", "count"),
    [
        ({"itemList": [1]}, 1),
        ({"item_list": [1, 2]}, 2),
        ({}, 0),
        ({"itemList": None}, 0),
        ([], 0),
        (None, 0),
        ("x", 0),
    ],
)
def test_lists_under_either_name(answer: Any, count: int) -> None:
    assert len(list_entries(answer)) == count


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = dict.fromkeys(entry(), JSON)


@settings(deadline=None)  # A busy machine is no failure.
@given(st.fixed_dictionaries({}, optional=FIELDS) | st.fixed_dictionaries(FIELDS))
def test_odd_json_never_fails(odd: dict[str, Any]) -> None:
    for changed in (odd, {**entry(), **odd}, {**odd, "id": "1", "author": {"uniqueId": "kim"}}):
        item = parse_entry(changed, CONTEXT)
        assert item is None or item.model_dump_json()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"statsV2": {"playCount": str(10**40)}}, "statsV2.playCount"),
        ({"statsV2": {}, "stats": {"playCount": 10**40}}, "stats.playCount"),
        ({"video": {"cover": "http://["}}, "http://["),
        ({"video": {"cover": "https://h/" + "a" * 5_000}}, "cover"),
    ],
)
def test_a_value_that_cannot_be_used_marks_its_own_item(changes: dict[str, Any], named: str) -> None:
    bad, good = parse_entries([entry(id="1", **changes), entry(id="2")], CONTEXT)
    assert bad.error is not None
    assert (bad.error.stage, bad.error.error) == ("collect", "BadValueError")
    assert named in bad.error.message
    assert (bad.id, bad.views) == ("1", 0)
    assert (good.id, good.error, good.views) == ("2", None, 1_234_567)


def test_another_sighting_without_the_fault_clears_it() -> None:
    bad = parsed(statsV2={"playCount": 10**40})
    card = parse_card({"href": bad.url, "views": "1.2M", "title": "춤"}, CONTEXT)
    assert card is not None
    for merged in (merge(bad, card), merge(card, bad)):
        assert (merged.id, merged.error, merged.views) == (bad.id, None, 1_200_000)


# --- cards ---

HREF = "https://www.tiktok.com/@kim/video/77?is_from_webapp=1#x"


def test_reads_a_card() -> None:
    card = {"href": HREF, "views": " 12.3만 ", "title": None, "image": "https://h/a.jpg", "alt": "제목"}
    item = parse_card(card, CONTEXT)
    assert item is not None
    assert (item.id, item.url) == ("77", "https://www.tiktok.com/@kim/video/77")
    assert (item.views, item.views_text, item.title) == (123_000, "12.3만", "제목")
    assert (item.author, item.thumbnail_url) == ("kim", "https://h/a.jpg")


@pytest.mark.parametrize(
    "href", ["", None, "https://www.tiktok.com/@kim", "https://www.tiktok.com/video/7", "/@a/photo/7"]
)
def test_a_link_to_no_clip_is_no_card(href: Any) -> None:
    assert parse_card({"href": href}, CONTEXT) is None


def test_a_clip_has_one_url_wherever_it_is_seen() -> None:
    url = clip_url("https://s", "춤 kim", "7")
    card = parse_card({"href": f"{url}?a=1"}, CrawlContext("dance", "https://s", CONTEXT.seen_at))
    assert card is not None
    assert card.url == url


def test_merging_fills_gaps_and_changes_nothing_else() -> None:
    known = parsed(desc="", video={})
    card = parse_card({"href": HREF, "views": "1M", "title": "제목", "image": "https://h/a"}, CONTEXT)
    assert card is not None
    merged = merge(known, card)
    assert (merged.title, merged.thumbnail_url, merged.views_text) == ("제목", "https://h/a", "1M")
    assert (merged.views, merged.author) == (1_234_567, "dance.kim_1")


# --- gathering ---


def listed(*ids: str, views: int = 200_000) -> list[Clip]:
    return [parsed(id=id_, statsV2={"playCount": str(views)}) for id_ in ids]


def test_each_clip_once_in_the_order_seen() -> None:
    clips = Clips(min_views=100_000)
    clips.add_listed(listed("3", "1", "3"))
    clips.add_listed(listed("2", "1"))
    clips.add_listed(listed("9", views=99_999))
    assert [item.id for item in clips.items] == ["3", "1", "2", "9"]
    assert (clips.repeated, clips.shown, clips.wanted) == (2, 4, 3)


def test_cards_of_listed_clips_are_no_repeats_and_lists_win() -> None:
    clips = Clips(min_views=0)
    card = parse_card(
        {"href": "https://www.tiktok.com/@dance.kim_1/video/1", "views": "12만", "title": "카드"}, CONTEXT
    )
    assert card is not None
    clips.add_cards([card])
    clips.add_listed(listed("1"))
    clips.add_cards([card])
    assert clips.repeated == 0
    assert [(item.title, item.views, item.views_text) for item in clips.items] == [
        ("댄스 챌린지 #fyp 💃", 200_000, "12만")
    ]


def test_a_new_visit_counts_anew_and_keeps_what_there_is() -> None:
    clips = Clips(min_views=0)
    clips.add_listed(listed("1", "2"))
    clips.begin_visit()
    assert (clips.shown, len(clips.items)) == (0, 2)
    clips.add_listed(listed("1", "2", "3"))
    assert (clips.shown, clips.repeated, len(clips.items)) == (3, 0, 3)


@pytest.mark.parametrize("href", ["http://[/@a/video/1", "https://h:99999999/@a/video/1", "//[/@a/video/1"])
def test_a_link_that_cannot_be_parsed_becomes_an_item_that_names_it(href: str) -> None:
    item = parse_card({"href": href, "views": "1.2M"}, CONTEXT)
    assert item is not None
    assert item.error is not None
    assert item.error.error == "BadValueError"
    assert href in item.error.message
    assert item.model_dump_json()


@pytest.mark.parametrize("card", [{"views": "9" * 50}, {"views": "9" * 20 + "조"}, {"image": "http://["}])
def test_a_card_with_a_value_that_cannot_be_used_never_fails(card: dict[str, Any]) -> None:
    item = parse_card({"href": HREF, **card}, CONTEXT)
    assert item is not None
    assert item.views == 0


@settings(deadline=None)  # A busy machine is no failure.
@given(
    st.fixed_dictionaries(
        {"href": st.text() | st.sampled_from([HREF, "http://[/@a/video/1"])},
        optional=dict.fromkeys(["views", "title", "author_name", "image", "alt"], JSON),
    )
)
def test_odd_cards_never_fail(card: dict[str, Any]) -> None:
    item = parse_card(card, CONTEXT)
    assert item is None or item.model_dump_json()
