import datetime as dt
import hashlib
from collections import Counter

import pytest

from framesift_local.standins.clipsite import CATEGORIES
from framesift_local.standins.clipsite.catalogue import VIEWS_MAX, VIEWS_MIN, Catalogue, catalogue
from framesift_local.standins.clipsite.edits import KINDS

DATE = dt.date(2026, 11, 20)


@pytest.fixture(scope="module")
def today() -> Catalogue:
    return catalogue(1, DATE, 200)


@pytest.fixture(scope="module")
def yesterday() -> Catalogue:
    return catalogue(1, DATE - dt.timedelta(days=1), 200)


def test_same_seed_and_date_give_the_same_day(today: Catalogue) -> None:
    catalogue.cache_clear()

    assert catalogue(1, DATE, 200) == today


def test_a_day_is_what_it_always_was() -> None:
    """Figures that were measured on the site stay comparable."""
    day = catalogue(1, DATE, 40)
    digest = hashlib.sha256(repr((sorted(day.clips.items()), day.feeds)).encode()).hexdigest()
    assert digest == "d2bfb90eff3e65a2c928c37387dc3c5051381e82e51008d45851ea1f07737f13"


def test_another_seed_gives_other_clips(today: Catalogue) -> None:
    assert not today.clips.keys() & catalogue(2, DATE, 200).clips.keys()


def test_each_category_lists_as_many_distinct_clips_as_asked(today: Catalogue) -> None:
    assert set(today.feeds) == set(CATEGORIES)
    for category, feed in today.feeds.items():
        assert len(set(feed)) == 200
        assert all(today.clips[id_].category == category for id_ in feed)


def test_doubled_entries_come_at_least_most_of_a_page_later(today: Catalogue) -> None:
    for feed in today.feeds.values():
        doubled = [id_ for id_, count in Counter(feed).items() if count > 1]
        assert doubled
    gaps = [
        feed[feed.index(id_) + 1 :].index(id_) + 1
        for feed in today.feeds.values()
        for id_ in feed
        if feed.count(id_) == 2
    ]
    assert sum(gap >= 20 for gap in gaps) / len(gaps) > 0.7  # The last page has no room for more.


def test_ids_have_19_digits_and_hold_their_time(today: Catalogue) -> None:
    for clip in today.clips.values():
        assert len(clip.id) == 19
        assert int(clip.id) >> 32 == clip.created_at_s


def test_a_share_stays_from_the_day_before_with_more_views(today: Catalogue, yesterday: Catalogue) -> None:
    staying = today.clips.keys() & yesterday.clips.keys()

    assert 0.1 < len(staying) / len(today.clips) < 0.3
    assert all(today.clips[id_].views >= yesterday.clips[id_].views for id_ in staying)
    assert all(clip.id in staying for clip in today.clips.values() if clip.born < DATE)


def test_reuploads_show_originals_of_the_last_days(today: Catalogue) -> None:
    originals = {}
    for days in range(6):
        originals |= catalogue(1, DATE - dt.timedelta(days=days), 200).clips
    reuploads = [clip for clip in today.clips.values() if clip.edit]

    for clip in reuploads:
        original = originals[clip.original_id]
        assert original.edit is None
        assert original.scene == clip.scene
        assert (original.author_id, original.id) != (clip.author_id, clip.id)
    assert any(originals[clip.original_id].category != clip.category for clip in reuploads)
    assert any(originals[clip.original_id].born < clip.born for clip in reuploads)
    more = sum(clip.views > originals[clip.original_id].views for clip in reuploads)
    assert 0.02 < more / len(reuploads) < 0.3


def test_every_kind_of_edit_is_there_about_equally_often(today: Catalogue) -> None:
    counts = Counter(clip.edit for clip in today.clips.values() if clip.edit)

    assert set(counts) == set(KINDS)
    assert min(counts.values()) > 0.7 * max(counts.values())


@pytest.mark.parametrize("clips_per_category", [60, 200])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_korean_top_10_remains_when_only_the_most_viewed_of_each_cluster_is_kept(
    seed: int, clips_per_category: int
) -> None:
    clips = catalogue(seed, DATE, clips_per_category).clips.values()
    best = {}
    for clip in sorted(clips, key=lambda clip: clip.views):
        best[clip.original_id] = clip

    korean = Counter(clip.category for clip in best.values() if clip.language == "ko" and clip.views >= 100_000)

    assert all(korean[category] >= 10 for category in CATEGORIES)


def test_views_are_heavy_tailed(today: Catalogue) -> None:
    views = sorted(clip.views for clip in today.clips.values())

    assert views[0] >= VIEWS_MIN
    assert views[-1] <= VIEWS_MAX
    assert views[len(views) // 2] < 150_000
    assert views[-len(views) // 100] > 2_000_000


def test_titles_are_missing_emoji_or_in_many_languages(today: Catalogue) -> None:
    clips = today.clips.values()

    assert {"ko", "en", "ja", "es", "th", "vi", "id"} <= {clip.language for clip in clips}
    assert any(not clip.title for clip in clips)
    assert any(clip.title and not any(char.isalnum() for char in clip.title) for clip in clips)
    hangul = [clip for clip in clips if clip.language == "ko" and clip.title]
    assert any("가" <= char <= "힣" for clip in hangul for char in clip.title)
