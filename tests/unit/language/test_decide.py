"""Which text decides, and what happens when Google cannot."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from framesift.contracts import Clip, Language
from framesift.errors import TranslateDeniedError
from framesift.language import OfflineDetector, decide_language, make_decider
from framesift.language.google import GoogleDetector
from framesift.settings import LanguageSettings
from framesift_local.standins.service import Fault
from framesift_local.standins.translate import TranslateStandIn

OFFLINE = OfflineDetector()
ENGLISH_TITLES = [f"the best noodles I have ever had, part {part} of my trip" for part in ("one", "two", "three")]


def an_item(title: str = "", author_name: str = "", author: str = "someone") -> Clip:
    return Clip(
        source="tiktok",
        category="food",
        id="1",
        url="https://example.com/1",
        title=title,
        author=author,
        author_name=author_name,
        views=1,
        collected_at=dt.datetime(2026, 11, 20, tzinfo=dt.UTC),
    )


def languages(items: list[Clip], detector=OFFLINE) -> list[Language]:
    return [item.language for item in decide_language(items, detector, OFFLINE).items]


@pytest.mark.parametrize(
    ("item", "code", "decided_by"),
    [
        (an_item("오늘의 먹방", "Maria Gonzalez"), "ko", "title"),
        (an_item("what I eat in a day at university", "김치먹방"), "en", "title"),
        (an_item("", "김치먹방"), "ko", "author"),
        (an_item("🍜🔥 #fyp", "김치먹방"), "ko", "author"),
        (an_item("OOTD", "데일리룩"), "ko", "author"),
        (an_item("", "", "길동"), "ko", "author"),
        (an_item("", "길동", "さくらちゃん"), "ko", "author"),
        (an_item("OOTD", "Mia"), "und", "none"),
        (an_item(), "und", "none"),
    ],
)
def test_the_title_decides_and_the_author_where_it_says_nothing(item: Clip, code: str, decided_by: str):
    (language,) = languages([item])
    assert (language.code, language.decided_by, language.provider) == (code, decided_by, "offline")
    assert (language.confidence == 0) == (code == "und")


def test_no_items_are_no_work():
    assert decide_language([], OFFLINE, OFFLINE) == ([], None)


def test_items_keep_their_order_and_all_else():
    items = [an_item("오늘"), an_item("today I will show you my room"), an_item("오늘")]
    decided, degraded = decide_language(items, OFFLINE, OFFLINE)
    assert [item.model_copy(update={"language": None}) for item in decided] == items
    assert [item.language.code for item in decided] == ["ko", "en", "ko"]
    assert degraded is None


def test_google_is_asked_only_for_what_the_scripts_leave_in_doubt(
    google: TranslateStandIn, make_detector: Callable[..., GoogleDetector]
):
    items = [an_item("오늘 저녁은 김치찌개"), an_item("今日のご飯"), an_item("", "길동"), an_item(ENGLISH_TITLES[0])]
    decided = languages(items, make_detector())
    assert len(google.contents) == 1
    assert [language.provider for language in decided] == ["offline", "offline", "offline", "google"]
    assert [language.code for language in decided] == ["ko", "ja", "ko", "en"]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault.QUOTA, "daily quota"),
        (Fault.RATE_LIMIT, "quota for a minute"),
        (Fault.DOWN, "cannot be reached or fails"),
        (Fault.DROP, "cannot be reached or fails"),
    ],
)
def test_the_offline_decision_stands_where_google_fails(
    fault: Fault, says: str, google: TranslateStandIn, make_detector: Callable[..., GoogleDetector]
):
    google.misbehave(fault)
    items = [an_item(title) for title in ENGLISH_TITLES]
    decided, degraded = decide_language(items, make_detector(google_patience_s=0.2), OFFLINE)
    assert [(item.language.code, item.language.provider) for item in decided] == [("en", "offline")] * 3
    assert degraded.startswith("3 of 3 uncertain texts were decided offline: ")
    assert says in degraded
    assert "\n" not in degraded


def test_what_google_told_before_it_failed_stands(
    google: TranslateStandIn, make_detector: Callable[..., GoogleDetector]
):
    budget = len(ENGLISH_TITLES[0])
    items = [an_item(title) for title in ENGLISH_TITLES]
    decided, degraded = decide_language(items, make_detector(google_max_chars=budget), OFFLINE)
    assert [item.language.provider for item in decided] == ["google", "offline", "offline"]
    assert degraded.startswith("2 of 3 texts")


def test_a_wrong_key_is_not_hidden(google: TranslateStandIn, make_detector: Callable[..., GoogleDetector]):
    google.misbehave(Fault.DENIED)
    with pytest.raises(TranslateDeniedError):
        decide_language([an_item(ENGLISH_TITLES[0])], make_detector(), OFFLINE)


def test_the_settings_choose_the_provider(google: TranslateStandIn):
    offline = make_decider(LanguageSettings())
    asking = make_decider(LanguageSettings(provider="google", google_project="p", google_endpoint=google.url))
    items = [an_item(ENGLISH_TITLES[0])]
    assert offline(items).items[0].language.provider == "offline"
    assert asking(items).items[0].language.provider == "google"
