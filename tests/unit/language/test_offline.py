"""Language without a network."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest

from framesift.language import UNDECIDED as NOTHING
from framesift.language import Guess, OfflineDetector
from framesift.language.scripts import detect_by_script, extract_words
from tests.unit.language.titles import KOREAN, NOT_KOREAN, UNDECIDED

QUICK = OfflineDetector()


def tell(title: str, detector: OfflineDetector = QUICK) -> Guess:
    (guess,) = detector.detect([title])
    return guess


@pytest.mark.parametrize("title", KOREAN)
def test_tells_korean_however_it_is_written(title: str):
    assert tell(title).code == "ko"
    assert tell(title).confidence >= 0.5
    assert tell(unicodedata.normalize("NFD", title)).code == "ko"


@pytest.mark.parametrize(("title", "code"), NOT_KOREAN.items())
def test_tells_that_a_title_is_not_korean(title: str, code: str):
    assert tell(title).code == code


@pytest.mark.parametrize("title", UNDECIDED)
def test_says_nothing_where_no_word_does(title: str):
    assert tell(title) == NOTHING


def test_no_texts_give_no_guesses():
    assert list(QUICK.detect([])) == []


def test_gives_one_guess_for_each_text_in_order():
    texts = ["안녕", "hello to everyone out there", "안녕", "", "hello to everyone out there"]
    assert [guess.code for guess in QUICK.detect(texts)] == ["ko", "en", "ko", "und", "en"]


def test_the_accurate_mode_also_judges_short_plain_titles():
    assert tell("hello world") == NOTHING
    assert tell("hello world", OfflineDetector(accurate=True)).code == "en"


def test_a_language_without_its_own_script_needs_the_accurate_mode():
    assert not OfflineDetector.for_keeping("ko").accurate
    assert OfflineDetector.for_keeping("en").accurate


def test_confidence_falls_with_the_share_of_other_letters():
    shares = [tell(title).confidence for title in ("먹방", "먹방 asmr", "먹방 asmr video", "먹방 asmr video review")]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 1.0
    assert 0.5 <= shares[-1] < 0.6


def test_confidence_in_a_model_grows_with_the_length_of_the_text():
    assert tell("ngon quá").confidence < tell("món này ngon quá mọi người ơi").confidence


def test_korean_never_needs_a_model():
    code = (
        "import sys\n"
        "from framesift.language import OfflineDetector\n"
        "guesses = OfflineDetector().detect(['오늘의 먹방', '今日のご飯', '🍜'])\n"
        "assert [guess.code for guess in guesses] == ['ko', 'ja', 'und']\n"
        "assert not {'lingua', 'google.cloud', 'numpy'} & set(sys.modules), 'too much was imported'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_words_are_what_is_left_without_links_mentions_and_signs():
    assert extract_words("먹방!! #ASMR @friend http://a.example/b 2026 🍜") == ("먹방", "ASMR")


def test_a_script_of_several_languages_is_left_to_a_model():
    assert detect_by_script("сегодня 먹 готовим ужин дома") == "сегодня готовим ужин дома"
