"""The Data API: feeds, quota, ETags, and what a bad day gives; against the stand-in over real HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from framesift import aws
from framesift.contracts import Clip, FeedOutput, Run, ScopeInput
from framesift.errors import (
    EmptyFeedError,
    FeedError,
    SettingsError,
    YoutubeKeyError,
    YoutubeQuotaError,
    YoutubeUnavailableError,
)
from framesift.pipeline.youtube.collect import collect_feed
from framesift.settings import Settings, YoutubeSettings
from framesift.sources.youtube import Feed, YoutubeApi, list_videos, most_units, parse_feed
from framesift.sources.youtube.videos import parse_video
from framesift.storage import S3Store, read_lines
from framesift.table import Records
from framesift_local.standins.service import Fault
from framesift_local.standins.youtube import YoutubeStandIn
from framesift_local.standins.youtube.catalogue import channel_ids

RUN = Run(source="youtube", date="2026-11-20", attempt=1)


def videos_of(feed: str, settings: YoutubeSettings, store: S3Store, records: Records, limit: int = 200) -> list[Clip]:
    with YoutubeApi(settings, store, records.quotas) as api:
        return list_videos(api, parse_feed(feed), "feed", limit)


def units_spent(records: Records) -> int:
    today = datetime.now(UTC).astimezone(ZoneInfo("America/Los_Angeles")).date().isoformat()
    found = records.table.get("QUOTA#youtube", today)
    return int(found["spent"]) if found else 0


@pytest.mark.parametrize(
    ("text", "feed"),
    [
        ("chart:KR", Feed("chart", "KR")),
        ("chart:KR:10", Feed("chart", "KR", "10")),
        (f"channel:{channel_ids()[0]}", Feed("channel", channel_ids()[0])),
        ("channel:@studio", Feed("channel", "@studio")),
        ("playlist:PLabc_-1", Feed("playlist", "PLabc_-1")),
        ("search: 먹방: 라면", Feed("search", "먹방: 라면")),
    ],
)
def test_feeds_are_read(text: str, feed: Feed) -> None:
    assert parse_feed(text) == feed


@pytest.mark.parametrize("text", ["", "chart", "chart:kr", "trending:KR", "channel:abc", "playlist:a b", "search:"])
def test_a_feed_of_the_wrong_form_is_refused(text: str) -> None:
    with pytest.raises(FeedError, match="is no feed of YouTube"):
        parse_feed(text)


@pytest.mark.parametrize(
    "feed", ["chart:KR", "chart:KR:10", f"channel:{channel_ids()[0]}", f"channel:@{channel_ids()[1]}", "search:먹방"]
)
def test_every_feed_gives_videos_with_views_and_thumbnails(
    feed: str, youtube: YoutubeStandIn, settings: Settings, store: S3Store, records: Records
) -> None:
    items = videos_of(feed, settings.youtube, store, records)
    assert len({item.id for item in items}) == len(items) > 5
    for item in items:
        assert item.views > 0
        assert item.title
        assert item.thumbnail_url
        assert len(item.smaller_thumbnail_urls) >= 3
        assert item.posted_at is not None


def test_units_are_counted_as_youtube_counts_them(settings: Settings, store: S3Store, records: Records) -> None:
    videos_of("chart:KR", settings.youtube, store, records)
    assert units_spent(records) == 3  # 120 videos, 50 a page
    videos_of("search:먹방", settings.youtube, store, records)
    assert units_spent(records) == 3 + 100 + 1


def test_the_quota_is_respected_before_youtube_is_asked(
    youtube: YoutubeStandIn, settings: Settings, store: S3Store, records: Records
) -> None:
    short = settings.youtube.model_copy(update={"daily_quota_units": 50})
    with pytest.raises(YoutubeQuotaError, match="midnight Pacific"):
        videos_of("search:먹방", short, store, records)
    assert youtube.requests == []


def test_what_has_not_changed_is_not_sent_again(
    youtube: YoutubeStandIn, settings: Settings, store: S3Store, records: Records
) -> None:
    first = videos_of("chart:KR", settings.youtube, store, records)
    answers: list[int] = []
    real = youtube.answer
    youtube.answer = lambda asked: answers.append((answer := real(asked)).status) or answer  # type: ignore[method-assign,func-returns-value]
    second = videos_of("chart:KR", settings.youtube, store, records)
    assert answers == [304, 304, 304]
    assert [item.id for item in first] == [item.id for item in second]


def test_a_wrong_key_is_named(settings: Settings, store: S3Store, records: Records) -> None:
    wrong = settings.youtube.model_copy(update={"api_key": SecretStr("wrong")})
    with pytest.raises(YoutubeKeyError, match="API key not valid"):
        videos_of("chart:KR", wrong, store, records)


def test_no_key_is_named(settings: Settings, store: S3Store, records: Records) -> None:
    with pytest.raises(YoutubeKeyError, match="FRAMESIFT_YOUTUBE__API_KEY"):
        videos_of("chart:KR", settings.youtube.model_copy(update={"api_key": SecretStr("")}), store, records)


def test_the_key_may_lie_in_a_secret(settings: Settings, store: S3Store, records: Records) -> None:
    aws.secretsmanager().create_secret(Name="youtube", SecretString='{"api_key": "stand-in-key"}')
    aws.secretsmanager().create_secret(Name="broken", SecretString="stand-in-key")
    secret = settings.youtube.model_copy(update={"api_key": SecretStr(""), "api_secret": "youtube"})
    assert videos_of("chart:KR", secret, store, records, limit=5)
    with pytest.raises(SettingsError, match="'broken'"):
        videos_of("chart:KR", secret.model_copy(update={"api_secret": "broken"}), store, records)


def test_a_quota_that_is_gone_is_named(
    youtube: YoutubeStandIn, settings: Settings, store: S3Store, records: Records
) -> None:
    youtube.misbehave(Fault.QUOTA)
    with pytest.raises(YoutubeQuotaError, match="used up"):
        videos_of("chart:KR", settings.youtube, store, records)
    assert len(youtube.requests) == 1


@pytest.mark.parametrize("fault", [Fault.TOO_MANY, Fault.DOWN, Fault.DROP])
def test_a_short_outage_is_waited_for(
    fault: Fault, youtube: YoutubeStandIn, settings: Settings, store: S3Store, records: Records
) -> None:
    youtube.misbehave(fault, requests=1)
    assert len(videos_of("chart:KR", settings.youtube, store, records)) == 120


def test_a_long_outage_is_named(youtube: YoutubeStandIn, settings: Settings, store: S3Store, records: Records) -> None:
    youtube.misbehave(Fault.DOWN)
    with pytest.raises(YoutubeUnavailableError, match="503"):
        videos_of("chart:KR", settings.youtube, store, records)


@pytest.mark.parametrize("feed", ["chart:ZZ", "playlist:PLnothing", "channel:UC" + "x" * 22])
def test_what_youtube_does_not_know_is_named(feed: str, settings: Settings, store: S3Store, records: Records) -> None:
    with pytest.raises(FeedError):
        videos_of(feed, settings.youtube, store, records)


def test_a_feed_without_a_video_is_no_success(settings: Settings, store: S3Store, records: Records) -> None:
    with pytest.raises(EmptyFeedError, match="no video"):
        videos_of("search:nothing like it", settings.youtube, store, records)


def test_the_best_thumbnail_that_exists_is_kept(
    youtube: YoutubeStandIn, settings: Settings, store: S3Store, records: Records
) -> None:
    output = collect_feed(ScopeInput(run=RUN, scope="popular"), settings, store, records)
    assert output.manifest_key
    items = read_lines(store, output.manifest_key, Clip)
    assert output.items == len(items) == 120
    assert output.failed_items == 0
    widths = [item.media.width for item in items if item.media]
    assert widths.count(1280) > 80
    missing = [item for item in items if item.thumbnail_url and "maxres" in item.thumbnail_url]
    fell_back = [item for item in missing if item.media and item.media.width == 640]
    assert fell_back  # named by the API, 404 at its address


# --- dry runs ---


@pytest.mark.parametrize(
    ("feed", "limit"),
    [
        ("chart:KR", 100),
        (f"channel:{channel_ids()[0]}", 6),
        (f"playlist:UU{channel_ids()[1][2:]}", 6),
        ("search:먹방", 6),
    ],
)
def test_what_a_feed_costs_at_most_is_what_a_full_one_costs(
    feed: str, limit: int, settings: Settings, store: S3Store, records: Records
) -> None:
    assert len(videos_of(feed, settings.youtube, store, records, limit)) == limit
    assert units_spent(records) == most_units(parse_feed(feed), limit)


def test_a_dry_run_asks_nothing_and_tells_what_the_next_run_costs_and_fetches(
    youtube: YoutubeStandIn, settings: Settings, store: S3Store, records: Records
) -> None:
    def collect(date: str, *, dry_run: bool) -> FeedOutput:
        run = Run(source="youtube", date=date, attempt=1)
        return collect_feed(ScopeInput(run=run, scope="popular", dry_run=dry_run), settings, store, records)

    never = collect("2026-11-20", dry_run=True)
    assert never.cut_short
    assert never.units == 4  # 200 videos at most
    assert youtube.requests == []
    first = collect("2026-11-20", dry_run=False)
    assert (first.units, first.fetched) == (3, 120)

    asked, spent, kept = list(youtube.requests), units_spent(records), list(store.list("runs/"))
    foretold = collect("2026-11-21", dry_run=True)
    there = collect("2026-11-20", dry_run=True)
    assert (youtube.requests, units_spent(records), list(store.list("runs/"))) == (asked, spent, kept)
    assert (there.seen, there.fetched) == (120, 0)
    second = collect("2026-11-21", dry_run=False)
    assert (second.seen, second.items, second.units, second.fetched) == (
        foretold.seen,
        foretold.items,
        foretold.units,
        foretold.fetched,
    )
    assert units_spent(records) == spent + foretold.units


def a_video(**changes: Any) -> dict[str, Any]:
    return {
        "id": "dQw4w9WgXcQ",
        "snippet": {
            "title": "먹방",
            "channelId": "UCx",
            "channelTitle": "kim",
            "publishedAt": "2026-11-19T08:00:00Z",
            "thumbnails": {"high": {"url": "https://i.ytimg.com/a.jpg", "width": 480, "height": 360}},
        },
        "statistics": {"viewCount": "1234567"},
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"id": None}, "id None"),
        ({"id": {"kind": "youtube#channel"}}, "youtube#channel"),
        ({"id": "../../etc"}, "../../etc"),
        ({"statistics": {"viewCount": "9" * 41}}, "viewCount"),
        ({"statistics": {"viewCount": 10**40}}, "viewCount"),
        ({"snippet": {"thumbnails": {"high": {"url": "http://["}}}}, "http://["),
    ],
)
def test_a_video_with_a_value_that_cannot_be_used_is_named(changes: dict[str, Any], named: str) -> None:
    item = parse_video(a_video(**changes), "feed", datetime.now(UTC))
    assert item.error is not None
    assert item.error.error == "BadValueError"
    assert named in item.error.message
    assert item.model_dump_json()


@pytest.mark.parametrize(
    "changes",
    [
        {"statistics": {}},
        {"statistics": []},
        {"snippet": "none"},
        {"snippet": {"title": 7, "publishedAt": "yesterday", "thumbnails": [1]}},
        {"snippet": {"thumbnails": {"high": None, "low": {"url": None, "width": "wide"}}}},
    ],
)
def test_what_a_video_lacks_is_empty(changes: dict[str, Any]) -> None:
    item = parse_video(a_video(**changes), "feed", datetime.now(UTC))
    assert item.error is None
    assert item.id == "dQw4w9WgXcQ"
    assert item.model_dump_json()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["http://[", "9" * 50]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "id": JSON,
            "statistics": JSON | st.fixed_dictionaries({"viewCount": JSON}),
            "snippet": JSON
            | st.fixed_dictionaries(
                {"thumbnails": st.dictionaries(st.text(), st.fixed_dictionaries({"url": JSON, "width": JSON}))},
                optional=dict.fromkeys(["title", "channelId", "channelTitle", "publishedAt"], JSON),
            ),
        },
    )
    | JSON
)
def test_an_odd_video_never_fails(video: Any) -> None:
    assert parse_video(video, "feed", datetime.now(UTC)).model_dump_json()
    if isinstance(video, dict):
        assert parse_video(a_video(**video), "feed", datetime.now(UTC)).model_dump_json()
