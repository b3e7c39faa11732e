"""What every provider must do alike."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from framesift.language import LanguageDetector, OfflineDetector
from framesift.language.google import GoogleDetector
from tests.unit.language.titles import CLEAR


@pytest.fixture(params=["quick", "accurate", "google"])
def detector(request: pytest.FixtureRequest, make_detector: Callable[..., GoogleDetector]) -> LanguageDetector:
    if request.param == "google":
        return make_detector()
    return OfflineDetector(accurate=request.param == "accurate")


def test_tells_what_is_clear(detector: LanguageDetector):
    guesses = list(detector.detect([title for _, title in CLEAR]))
    assert [guess.code for guess in guesses] == [code for code, _ in CLEAR]
    assert all(0.5 <= guess.confidence <= 1 for guess in guesses)


def test_gives_nothing_for_nothing(detector: LanguageDetector):
    assert list(detector.detect([])) == []


def test_says_that_signs_have_no_language(detector: LanguageDetector):
    assert [guess.code for guess in detector.detect(["", "🍜🔥", "2026", "https://example.com"])] == ["und"] * 4


def test_answers_a_text_as_often_as_it_comes(detector: LanguageDetector):
    (_, korean), (_, english) = CLEAR[0], CLEAR[3]
    assert [guess.code for guess in detector.detect([korean, english, korean])] == ["ko", "en", "ko"]


def test_has_the_name_that_the_settings_use(detector: LanguageDetector):
    assert detector.name in {"offline", "google"}
