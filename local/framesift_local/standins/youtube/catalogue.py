"""The videos that the stand-in knows: the same for the same day."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import date as Date  # noqa: N812 - `date` is a parameter's name here

import numpy as np

_SUBJECTS = ("먹방", "브이로그", "직캠", "리뷰", "하이라이트", "몰래카메라", "공포게임", "메이크업", "캠핑", "라이브")
_MOODS = ("역대급", "충격", "실화?", "레전드", "㋡ 반전", "LIVE", "4K 🔥", "[ENG] CON:", "\u200bASMR\u0007")
_CHANNELS = ("오늘뭐먹지", "게임하는 곰", "Studio R&D", "산책일기", "뉴스<속보>", "키친/랩")


@dataclass(frozen=True)
class Video:
    """A video.

    Attributes:
        id: Eleven characters, as YouTube's are.
        number: Its place in the day's chart, from 0.
        title: With all that titles have: emoji, signs, control characters.
        channel_id: As YouTube's are.
        channel: The name it shows.
        views: Times seen.
        published_at: When it came.
        has_maxres: Whether the largest thumbnail exists; one that is named may be missing all the same.
        names_maxres: Whether the API names the largest thumbnail.
    """

    id: str
    number: int
    title: str
    channel_id: str
    channel: str
    views: int
    published_at: datetime
    has_maxres: bool
    names_maxres: bool


def video(day: Date, number: int) -> Video:
    """The video at a place of the day's chart."""
    digest = hashlib.sha256(f"{day}/{number}".encode()).digest()
    rng = np.random.default_rng(list(digest[:8]))
    channel = int(rng.integers(len(_CHANNELS)))
    names_maxres = bool(rng.random() < 0.9)
    return Video(
        id=base64.urlsafe_b64encode(digest).decode()[:11],
        number=number,
        title=f"{_MOODS[rng.integers(len(_MOODS))]} {_SUBJECTS[rng.integers(len(_SUBJECTS))]} {number + 1}화 👀",
        channel_id=channel_id(channel),
        channel=_CHANNELS[channel],
        views=int(5_000_000 * 0.985**number) + int(rng.integers(1000)),
        published_at=datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=int(rng.integers(1, 72))),
        has_maxres=names_maxres and bool(rng.random() < 0.95),
        names_maxres=names_maxres,
    )


def channel_id(number: int) -> str:
    """The id of a channel."""
    return "UC" + base64.urlsafe_b64encode(hashlib.sha256(f"channel {number}".encode()).digest()).decode()[:22]


def channel_ids() -> list[str]:
    """All channels."""
    return [channel_id(number) for number in range(len(_CHANNELS))]
