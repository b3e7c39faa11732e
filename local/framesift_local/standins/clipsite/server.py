"""The site as an HTTP server on loopback."""

from __future__ import annotations

import datetime as dt
import json
import random
import re
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from framesift_local.standins.clipsite import answers, images
from framesift_local.standins.clipsite.catalogue import (
    CATEGORIES,
    LAG_SHARES,
    STAYING_SHARES,
    Catalogue,
    Clip,
    catalogue,
)
from framesift_local.standins.clipsite.control import Control, Misbehaviour
from framesift_local.standins.service import Answer, Loopback, Request

_COUNT_MAX = 35  # The most clips that one request may ask for, as on the real site.
# A clip of today is at most this many days younger than its original.
_TRUTH_DAYS = len(LAG_SHARES) - 1 + len(STAYING_SHARES)
_HTML = "text/html; charset=utf-8"
_CATEGORY = "|".join(CATEGORIES)
_ROUTES = {
    "page": re.compile(rf"/(?P<category>{_CATEGORY})/?"),
    "items": re.compile(rf"/api/(?P<category>{_CATEGORY})/item_list/?"),
    "media": re.compile(r"/media/(?P<clip>\d{19})\.(?:jpeg|webp|png)"),
    "clip": re.compile(r"/@[\w.]+/video/(?P<clip>\d{19})"),
    "truth": re.compile(r"/control/truth"),
    "start_page": re.compile(r"/"),
}
_NOT_FOUND = Answer(HTTPStatus.NOT_FOUND, b"not found", "text/plain")


class ClipSite(Loopback):
    """A site that behaves like TikTok's category pages, with thousands of clips and the truth about them.

    Args:
        date: The day to show.
        cache_dir: Where covers are kept once they are drawn; made if missing.
        seed: Which site; the same seed and date give the same clips and images, byte for byte.
        clips_per_category: How many distinct clips each of the five categories lists.
        port: To listen on at 127.0.0.1; 0 takes a free one.
    """

    def __init__(
        self,
        *,
        date: dt.date,
        cache_dir: Path,
        seed: int = 1,
        clips_per_category: int = 400,
        port: int = 0,
    ) -> None:
        super().__init__(port)
        self.seed = seed
        self.clips_per_category = clips_per_category
        self.cache_dir = cache_dir
        self._control = Control(date=date)
        self._shown_dates = {date}
        self._dice = random.Random(seed)

    @property
    def date(self) -> dt.date:
        """The day that is shown."""
        return self._control.date

    def control(self, **changes: Any) -> Control:
        """Changes the date or the misbehaviour, as `POST /control` does.

        Args:
            **changes: Fields of `Control`; what is not given stays as it is.

        Raises:
            pydantic.ValidationError: An unknown field, or a value out of range.
        """
        self._control = Control.model_validate(self._control.model_dump() | changes)
        self._shown_dates.add(self._control.date)
        return self._control

    def catalogue(self, days_before: int = 0) -> Catalogue:
        """What the site lists on its date, or so many days before."""
        return catalogue(self.seed, self.date - dt.timedelta(days=days_before), self.clips_per_category)

    def truth(self) -> dict[str, Clip]:
        """All that is listed on the date and on the days before whose images may come again, by id.

        Of a clip that is listed on several of these days, the latest views are given.
        """
        clips: dict[str, Clip] = {}
        for days_before in range(_TRUTH_DAYS, -1, -1):
            clips |= self.catalogue(days_before).clips
        return clips

    def find(self, clip_id: str) -> Clip | None:
        """Finds a clip of a day that was shown since the start."""
        for date in sorted(self._shown_dates, reverse=True):
            clip = catalogue(self.seed, date, self.clips_per_category).clips.get(clip_id)
            if clip:
                return clip
        return None

    def misbehaviour(self, category: str) -> Misbehaviour:
        """Return how the site misbehaves in a category."""
        control = self._control
        return control if category in (control.categories or CATEGORIES) else Misbehaviour()

    def rolls_under(self, share: float) -> bool:
        """Throws the dice: true for `share` (0 to 1) of the calls."""
        return self._dice.random() < share

    # --- answering ---

    def respond(self, request: Request) -> Answer | None:
        """See `Loopback.respond`."""
        if request.path == "/control":
            return self._set_control(request) if request.method == "POST" else _shown(self._control)
        if request.method == "GET":
            for name, pattern in _ROUTES.items():
                if match := pattern.fullmatch(request.path):
                    answer: Answer | None = getattr(self, f"_{name}")(request.query, **match.groupdict())
                    return answer
        return _NOT_FOUND

    def _set_control(self, request: Request) -> Answer:
        try:
            return _shown(self.control(**json.loads(request.body)))
        except (ValidationError, ValueError, TypeError) as error:
            return Answer.of({"error": str(error)}, HTTPStatus.BAD_REQUEST)

    def _start_page(self, _query: dict[str, str]) -> Answer:
        return Answer(HTTPStatus.FOUND, content_type=_HTML, headers={"Location": f"/{CATEGORIES[0]}"})

    def _page(self, _query: dict[str, str], category: str) -> Answer | None:
        misbehaviour = self._misbehave(category)
        if misbehaviour is None:
            return None
        if misbehaviour.wall == "denied":
            return Answer(HTTPStatus.FORBIDDEN, answers.DENIED_PAGE.encode(), _HTML)
        return Answer(HTTPStatus.OK, answers.category_page(category, misbehaviour.wall).encode(), _HTML)

    def _items(self, query: dict[str, str], category: str) -> Answer | None:
        misbehaviour = self._misbehave(category)
        if misbehaviour is None:
            return None
        if misbehaviour.wall:
            blocked = answers.blocked_list(misbehaviour.wall)
            return Answer(HTTPStatus.OK) if blocked is None else Answer.of(blocked)
        cursor, count = query.get("cursor", "0"), query.get("count", "20")
        if not (cursor.isdecimal() and count.isdecimal()):
            return Answer.of({"statusCode": 10201, "statusMsg": "invalid parameters"})
        limit = min(int(count), _COUNT_MAX)
        return Answer.of(answers.item_list(self.catalogue(), category, int(cursor), limit, self.url))

    def _media(self, _query: dict[str, str], clip: str) -> Answer | None:
        found = self.find(clip)
        if found is None:
            return _NOT_FOUND
        misbehaviour = self._misbehave(found.category)
        if misbehaviour is None:
            return None
        media = images.cover(found, self.cache_dir)
        how = images.breakage(found, misbehaviour.broken_image_share)
        status, content_type, body = images.broken(media, how) if how else media
        return Answer(status, body, content_type)

    def _clip(self, _query: dict[str, str], clip: str) -> Answer:
        found = self.find(clip)
        return Answer(HTTPStatus.OK, answers.clip_page(found).encode(), _HTML) if found else _NOT_FOUND

    def _truth(self, _query: dict[str, str]) -> Answer:
        return Answer.of({id_: answers.truth(clip) for id_, clip in self.truth().items()})

    def _misbehave(self, category: str) -> Misbehaviour | None:
        """Wait as long as is set for the category; None: the connection is to be cut."""
        misbehaviour = self.misbehaviour(category)
        if misbehaviour.latency_s:
            time.sleep(misbehaviour.latency_s)
        return None if self.rolls_under(misbehaviour.drop_share) else misbehaviour


def _shown(control: Control) -> Answer:
    return Answer.of(control.model_dump(mode="json"))
