"""The YouTube Data API v3 over HTTP: one key, counted units, ETags, and its errors as ours."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo

from framesift import keys
from framesift.errors import (
    BadValueError,
    FeedError,
    NotFoundError,
    YoutubeKeyError,
    YoutubeQuotaError,
    YoutubeUnavailableError,
)
from framesift.pacing import call_with_retries
from framesift.secrets import read_json_secret, wrong_content
from framesift.sources.untrusted import read_json, read_list, read_mapping, read_text, show

if TYPE_CHECKING:
    import httpx

    from framesift.settings import YoutubeSettings
    from framesift.storage import Store
    from framesift.table import Quotas

PAGE_SIZE = 50  # The most that any list method gives at once.
# Units of a request (developers.google.com/youtube/v3/determine_quota_cost).
_UNITS = {"search": 100}
_TIMEOUT_S = 20.0
_QUOTA_DAY = ZoneInfo("America/Los_Angeles")
_QUOTA_USED_UP = {"quotaExceeded", "dailyLimitExceeded", "dailyLimitExceededUnreg"}
_SLOW_DOWN = {"rateLimitExceeded", "userRateLimitExceeded", "servingLimitExceeded"}
_BAD_KEY = {"keyInvalid", "keyExpired", "badRequestKey", "accessNotConfigured", "forbidden", "ipRefererBlocked"}


class Listing(ABC):
    """The API's list methods: live, or from stored responses.

    Attributes:
        units: Units of the quota that the answers so far cost.
    """

    def __init__(self) -> None:
        self.units = 0

    @abstractmethod
    def get(self, method: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        """One page."""

    def items(self, method: str, limit: int, **parameters: str) -> Iterator[dict[str, Any]]:
        """The items of a list method, page after page.

        Raises:
            YoutubeKeyError: The key is refused.
            YoutubeQuotaError: The day's units are used up.
            YoutubeUnavailableError: YouTube cannot be reached, or fails for too long.
            FeedError: YouTube knows no such channel, playlist or chart.
        """
        page_token: str | None = None
        while limit > 0:
            request = {**parameters, "maxResults": str(min(limit, PAGE_SIZE))}
            page = self.get(method, {**request, "pageToken": page_token} if page_token else request)
            found = read_list(page.get("items"))[:limit]
            yield from found
            limit -= len(found)
            page_token = read_text(page.get("nextPageToken"))
            if not page_token or not found:
                return


class KeptAnswers(Listing):
    """Stored responses of earlier requests, without new ones.

    Args:
        store: Keeps the answers.
    """

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    def get(self, method: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        """One page of the last response.

        Raises:
            NotFoundError: It was never requested.
        """
        kept = json.loads(self._store.get(_answer_key(method, parameters)))
        self.units += units_of(method)
        return dict(kept["body"])


class YoutubeApi(Listing):
    """The API itself.

    Use it as a context manager.

    Args:
        settings: The address, the key and the quota.
        store: Keeps answers by their ETags: what has not changed is not sent again.
        quotas: Counts the day's units, also over several runs.
    """

    def __init__(self, settings: YoutubeSettings, store: Store, quotas: Quotas) -> None:
        import httpx

        super().__init__()
        self._settings = settings
        self._store = store
        self._quotas = quotas
        # In a header, so that no log of addresses ever holds it.
        self._client = httpx.Client(
            headers={"X-Goog-Api-Key": _key(settings), "User-Agent": "Framesift/1 (gzip)"}, timeout=_TIMEOUT_S
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, method: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        """One page; see `items` for what it raises."""
        key = _answer_key(method, parameters)
        kept = self._kept(key)
        response = call_with_retries(
            lambda: self._request(method, parameters, kept), _wait_hint_s, patience_s=self._settings.patience_s
        )
        if response.status_code == 304 and kept:
            return dict(kept["body"])
        try:
            body = read_mapping(read_json(response.content))
        except BadValueError as error:
            raise YoutubeUnavailableError(f"YouTube answers what cannot be read: {error}") from None
        if etag := response.headers.get("ETag") or read_text(body.get("etag")):
            self._store.put(key, json.dumps({"etag": etag, "body": body}).encode(), "application/json")
        return body

    def _kept(self, key: str) -> dict[str, Any] | None:
        try:
            kept: dict[str, Any] = json.loads(self._store.get(key))
        except NotFoundError:
            return None
        return kept

    def _request(self, method: str, parameters: Mapping[str, str], kept: dict[str, Any] | None) -> httpx.Response:
        import httpx

        self._spend(units_of(method))
        headers = {"If-None-Match": kept["etag"]} if kept else {}
        try:
            response = self._client.get(f"{self._settings.api_url}/{method}", params=parameters, headers=headers)
        except httpx.TransportError as error:
            raise YoutubeUnavailableError(f"YouTube cannot be reached ({type(error).__name__}): {error}.") from error
        if response.status_code in (200, 304):
            return response
        raise _fault(response)

    def _spend(self, units: int) -> None:
        today = datetime.now(UTC).astimezone(_QUOTA_DAY).date().isoformat()
        if not self._quotas.spend("youtube", today, units, self._settings.daily_quota_units):
            raise YoutubeQuotaError(
                f"The {self._settings.daily_quota_units:,} units of YouTube's quota for {today} are used up until "
                "midnight Pacific time: shorten FRAMESIFT_YOUTUBE__FEEDS, or raise "
                "FRAMESIFT_YOUTUBE__DAILY_QUOTA_UNITS if Google allows more."
            )
        self.units += units


def _key(settings: YoutubeSettings) -> str:
    key = _secret_key(settings.api_secret) if settings.api_secret else settings.api_key.get_secret_value()
    if not key or not key.isascii() or not key.isprintable():
        raise YoutubeKeyError(
            "There is no key for the YouTube Data API: set FRAMESIFT_YOUTUBE__API_KEY in .env, or put it into the "
            "secret that FRAMESIFT_YOUTUBE__API_SECRET names."
        )
    return key


def _secret_key(secret_id: str) -> str:
    expected = 'a JSON object such as {"api_key": "…"}'
    value = read_json_secret(secret_id, expected)
    if "api_key" not in value:
        raise wrong_content(secret_id, expected)
    return str(value["api_key"]).strip()


def units_of(method: str) -> int:
    """What a request of a list method costs, in units of the quota."""
    return _UNITS.get(method, 1)


def _answer_key(method: str, parameters: Mapping[str, str]) -> str:
    request = json.dumps([method, sorted(parameters.items())]).encode()
    return keys.youtube_answer(hashlib.sha256(request).hexdigest()[:32])


def _wait_hint_s(error: Exception) -> float | None:
    return 0.0 if isinstance(error, YoutubeUnavailableError) else None


def _fault(response: httpx.Response) -> Exception:
    """Our error for YouTube's: the reason distinguishes errors that share a status."""
    reason, message = _reason(response)
    if reason in _QUOTA_USED_UP:
        return YoutubeQuotaError(f"YouTube's quota for today is used up until midnight Pacific time: {message}")
    if reason in _SLOW_DOWN or response.status_code == 429 or response.status_code >= 500:
        return YoutubeUnavailableError(f"YouTube answers HTTP {response.status_code} for too long: {message}")
    if reason in _BAD_KEY or "API_KEY" in reason or response.status_code in (401, 403):
        return YoutubeKeyError(
            f"YouTube refuses the key (HTTP {response.status_code}, {reason or 'no reason'}): {message}"
        )
    return FeedError(
        f"YouTube does not give this feed (HTTP {response.status_code}, {reason or 'no reason'}): {message}"
    )


def _reason(response: httpx.Response) -> tuple[str, str]:
    """The reason's name and the message of an error; a detail's reason goes before the general one."""
    try:
        error = read_mapping(read_mapping(read_json(response.content)).get("error"))
    except BadValueError:
        return "", show(response.text)
    listed = [read_text(read_mapping(entry).get("reason")) for entry in read_list(error.get("errors"))[:1]]
    details = [read_text(read_mapping(entry).get("reason")) for entry in read_list(error.get("details"))]
    reason = next((detail for detail in details if "API_KEY" in detail), listed[0] if listed else "")
    return reason, read_text(error.get("message"), 500)
