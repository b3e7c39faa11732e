"""The table of Unicode blocks against Unicode itself."""

from __future__ import annotations

import unicodedata

import pytest

from framesift.language.scripts import BLOCKS, script_of

NAMES = {
    "LATIN SMALL": "latin",
    "CYRILLIC SMALL": "cyrillic",
    "HANGUL SYLLABLE": "hangul",
    "HANGUL CHOSEONG": "jamo",
    "HANGUL JONGSEONG": "jamo",
    "HIRAGANA LETTER": "kana",
    "KATAKANA LETTER": "kana",
    "CJK UNIFIED IDEOGRAPH": "han",
    "THAI CHARACTER": "thai",
    "ARABIC LETTER": "arabic",
    "HEBREW LETTER": "hebrew",
    "GREEK SMALL": "greek",
    "DEVANAGARI LETTER": "devanagari",
    "TAMIL LETTER": "tamil",
    "KHMER LETTER": "khmer",
    "GEORGIAN LETTER": "georgian",
}


def test_blocks_are_in_order_and_apart():
    edges = [edge for first, last, _ in BLOCKS for edge in (first, last)]
    assert edges == sorted(edges)
    assert len(set(edges)) == len(edges)


@pytest.mark.parametrize(("prefix", "script"), NAMES.items())
def test_a_letter_is_of_the_script_that_its_name_says(prefix: str, script: str):
    # The blocks of living languages; phonetic and historical supplements lie between and beyond.
    blocks = (range(0x41, 0x0750), range(0x0900, 0x1200), range(0x1780, 0x1800), range(0x3040, 0xA000))
    letters = [chr(code) for block in (*blocks, range(0xAC00, 0xD7FC)) for code in block]
    letters = [letter for letter in letters if unicodedata.name(letter, "").startswith(prefix) and letter.isalpha()]
    normal = {letter for letter in letters if unicodedata.is_normalized("NFKC", letter)}
    assert len(normal) > 20
    assert {letter for letter in normal if script_of(letter) != script} == set()
