"""What is on the site on a date, and the truth about it.

Every day each category gets new clips; some stay for a second and a third day with grown views, and some of the new
ones are re-uploads: an original of this day or of the three before, mostly of the same category, edited and posted
by another author with another title. A clip is a function of (seed, date, category, slot), so any day can be made
without the days before it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypedDict

import numpy as np

from framesift_local.standins.clipsite import edits, scenes, texts

CATEGORIES = ("main", "dance", "challenge", "food", "tts")
VIEWS_MIN, VIEWS_MAX = 1_000, 50_000_000
REUPLOAD_SHARE = 0.25  # Of a day's new clips.
STAYING_SHARES = (0.14, 0.04)  # Of a day's clips: born one and two days before.
DOUBLED_SHARE = 0.04  # Of a feed's entries: a clip that an earlier page held already.
LAG_SHARES = (0.6, 0.2, 0.12, 0.08)  # How many days a re-upload comes after its original: 0, 1, 2, 3.
_POPULAR_KOREAN = 16  # The first originals of a category's day: enough for a top 10, whatever is dropped.
_KST = dt.timezone(dt.timedelta(hours=9))


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip as the site shows it, with the truth about it.

    Attributes:
        id: 19 digits.
        category: The page that lists it.
        born: The first day on which it is listed.
        slot: Its number among the clips born that day in that category.
        created_at_s: Unix time.
        author_id: The name in its URL, without the "@".
        nickname: The author's shown name.
        title: "" where there is none.
        language: See `texts.Text.language`.
        views: On the day that was asked for.
        duration_s: The clip's length.
        width: Of its cover, in pixels, before any edit.
        height: Of its cover, in pixels, before any edit.
        extension: Of its cover's file: jpeg, webp or png.
        original_id: The clip whose image it shows; its own id for an original.
        edit: How that image was edited, one of `edits.KINDS`; None for an original.
        scene: What the original's image is drawn from: seed, day, category, slot.
        edit_seed: What the edit is drawn from.
    """

    id: str
    category: str
    born: dt.date
    slot: int
    created_at_s: int
    author_id: str
    nickname: str
    title: str
    language: str
    views: int
    duration_s: int
    width: int
    height: int
    extension: str
    original_id: str
    edit: str | None
    scene: tuple[int, int, int, int]
    edit_seed: int

    @property
    def path(self) -> str:
        """The path of the clip's page."""
        return f"/@{self.author_id}/video/{self.id}"

    @property
    def media_name(self) -> str:
        """The name of its cover's file."""
        return f"{self.id}.{self.extension}"


@dataclass(frozen=True)
class Catalogue:
    """A day of the site.

    Attributes:
        date: The day.
        clips: Every clip that is listed, by id.
        feeds: Category to the ids in the order of its page; a few come twice.
    """

    date: dt.date
    clips: dict[str, Clip]
    feeds: dict[str, tuple[str, ...]]


@lru_cache(maxsize=8)
def catalogue(seed: int, date: dt.date, clips_per_category: int) -> Catalogue:
    """Makes a day of the site: the same for the same arguments, always.

    Args:
        seed: Which site.
        date: Which day of it.
        clips_per_category: How many distinct clips each category lists.
    """
    staying = [round(share * clips_per_category) for share in STAYING_SHARES]
    new = clips_per_category - sum(staying)
    clips: dict[str, Clip] = {}
    feeds: dict[str, tuple[str, ...]] = {}
    for category in CATEGORIES:
        listed = [_clip(seed, date, category, slot, new) for slot in range(new)]
        for age, count in enumerate(staying, start=1):
            born = date - dt.timedelta(days=age)
            listed += [_grown(_clip(seed, born, category, slot, new), age) for slot in _stayers(new, count)]
        clips |= {clip.id: clip for clip in listed}
        feeds[category] = _feed(_rng(seed, date, category, 1), [clip.id for clip in listed])
    return Catalogue(date, clips, feeds)


def _stayers(new: int, count: int) -> range:
    """Slots of the clips that stay: every third from the end, so that re-uploads are among them.

    Fewer stay for a third day, and they are among those of the second: no clip comes back after it went.
    """
    return range(new - 1, max(-1, new - 1 - 3 * count), -3)


def _rng(seed: int, date: dt.date, category: str, *more: int) -> np.random.Generator:
    return np.random.default_rng([seed, date.toordinal(), CATEGORIES.index(category), *more])


def _clip(seed: int, born: dt.date, category: str, slot: int, new: int) -> Clip:
    originals = new - round(REUPLOAD_SHARE * new)
    if slot < originals:
        return _original(seed, born, category, slot, originals)
    return _reupload(seed, born, category, slot, originals)


def _original(seed: int, born: dt.date, category: str, slot: int, originals: int) -> Clip:
    rng = _rng(seed, born, category, 0, slot)
    popular_korean = slot < min(_POPULAR_KOREAN, originals // 3)
    text = texts.write(rng, category, "ko" if popular_korean else None)
    width, height = scenes.pick_size(rng)
    views = _views(rng, min_views=120_000 if popular_korean else VIEWS_MIN)
    post = _post(seed, born, category, slot, text)
    return Clip(
        **post,
        author_id=_author_id(rng),
        views=views,
        duration_s=int(rng.integers(6, 91)),
        width=width,
        height=height,
        extension=_extension(rng, width),
        original_id=post["id"],
        edit=None,
        scene=(seed, born.toordinal(), CATEGORIES.index(category), slot),
        edit_seed=0,
    )


def _reupload(seed: int, born: dt.date, category: str, slot: int, originals: int) -> Clip:
    rng = _rng(seed, born, category, 0, slot)
    source_day = born - dt.timedelta(days=int(rng.choice(len(LAG_SHARES), p=LAG_SHARES)))
    source_category = category if rng.random() < 0.7 else str(rng.choice(CATEGORIES))
    source_slot = int(originals * rng.random() ** 1.5)  # The popular ones, in front, more often.
    source = _original(seed, source_day, source_category, source_slot, originals)
    text = texts.write(rng, category)
    more_than_original = rng.random() < 0.12
    factor = rng.uniform(1.1, 3.0) if more_than_original else rng.uniform(0.01, 0.9)
    return replace(
        source,
        **_post(seed, born, category, slot, text),
        author_id=_author_id(rng),
        views=int(np.clip(source.views * factor, VIEWS_MIN, VIEWS_MAX)),
        extension=_extension(rng, source.width),
        edit=edits.KINDS[(slot + 3 * CATEGORIES.index(category) + born.toordinal()) % len(edits.KINDS)],
        edit_seed=int(rng.integers(2**31)),
    )


class _Post(TypedDict):
    """What is a clip's own, whosever image it shows."""

    id: str
    category: str
    born: dt.date
    slot: int
    created_at_s: int
    nickname: str
    title: str
    language: str


def _post(seed: int, born: dt.date, category: str, slot: int, text: texts.Text) -> _Post:
    number = CATEGORIES.index(category) << 20 | slot
    midnight = dt.datetime.combine(born, dt.time(), _KST)
    created_at_s = int(midnight.timestamp()) - 1 - number * 7919 % 86_400
    return {
        "id": str(created_at_s << 32 | (seed & 0xFF) << 24 | number),  # The time in the upper bits, as real ones have.
        "category": category,
        "born": born,
        "slot": slot,
        "created_at_s": created_at_s,
        "nickname": text.nickname,
        "title": text.title,
        "language": text.language,
    }


def _views(rng: np.random.Generator, min_views: int) -> int:
    """Heavy-tailed: half of all clips have about 60,000 or less, one in a hundred over 6 million."""
    return min(VIEWS_MAX, min_views + int(60_000 * np.exp(rng.normal(0, 2))))


def _grown(clip: Clip, age_days: int) -> Clip:
    growth = 1 + age_days * (0.05 + clip.slot % 7 / 20)
    return replace(clip, views=min(VIEWS_MAX, int(clip.views * growth)))


def _author_id(rng: np.random.Generator) -> str:
    stem = ("minji", "dance", "jay", "cook", "story", "lia", "kim", "user", "daily", "mo.no")[rng.integers(10)]
    return f"{stem}{('_', '.', '')[rng.integers(3)]}{rng.integers(100, 10**7)}"


def _extension(rng: np.random.Generator, width: int) -> str:
    """Most covers are JPEG; large ones always, since the others take long to write."""
    kind = rng.random()
    if width > 400 or kind < 0.9:
        return "jpeg"
    return "webp" if kind < 0.97 else "png"


def _feed(rng: np.random.Generator, ids: list[str]) -> tuple[str, ...]:
    """Shuffles, and serves some ids a second time at least a page later."""
    feed = [ids[index] for index in rng.permutation(len(ids))]
    for _ in range(round(DOUBLED_SHARE * len(ids))):
        first = int(rng.integers(len(feed)))
        feed.insert(int(rng.integers(min(first + 20, len(feed)), len(feed) + 1)), feed[first])
    return tuple(feed)
