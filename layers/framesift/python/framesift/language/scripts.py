"""Language detection by script alone.

Most texts are decided here: only Korean is written in Hangul, so Korean clips seldom need a model. The rules:

1. URLs, mentions, `#` and everything that is not a letter (digits, emoji, invisible characters) are ignored. Text is
   normalized to NFKC first, so that decomposed Hangul, full-width and ornamental letters count as plain ones.
2. Prose decides. Hashtags count only if it decides nothing: `踊ってみた #챌린지` is Japanese, `OOTD #데일리룩`
   is Korean.
3. Letters are weighted by information: a Han character or a Hangul syllable is worth about three Latin letters.
4. Latin words occur in all languages (brands, songs, "ASMR"), other scripts do not: the heaviest other script wins,
   even over Latin if it has a quarter of the weight. `먹방 ASMR` is Korean; `I love 김치 so much, it is amazing` is
   not.
5. A few plain Latin letters (`OOTD`, `K-POP`, `#fyp`) occur in every language and decide nothing.
"""

from __future__ import annotations

import math
import re
import unicodedata
from bisect import bisect_right
from functools import cache
from typing import NamedTuple

from framesift.language.detector import UNDECIDED, Guess

# Inclusive ranges of Unicode 16's blocks, in order: first, last, script.
BLOCKS = (
    (0x0041, 0x024F, "latin"),
    (0x0250, 0x02AF, "latin"),
    (0x0370, 0x03FF, "greek"),
    (0x0400, 0x052F, "cyrillic"),
    (0x0531, 0x058F, "armenian"),
    (0x0590, 0x05FF, "hebrew"),
    (0x0600, 0x06FF, "arabic"),
    (0x0750, 0x077F, "arabic"),
    (0x0870, 0x08FF, "arabic"),
    (0x0900, 0x097F, "devanagari"),
    (0x0980, 0x09FF, "bengali"),
    (0x0A00, 0x0A7F, "gurmukhi"),
    (0x0A80, 0x0AFF, "gujarati"),
    (0x0B80, 0x0BFF, "tamil"),
    (0x0C00, 0x0C7F, "telugu"),
    (0x0C80, 0x0CFF, "kannada"),
    (0x0D00, 0x0D7F, "malayalam"),
    (0x0D80, 0x0DFF, "sinhala"),
    (0x0E00, 0x0E7F, "thai"),
    (0x0E80, 0x0EFF, "lao"),
    (0x1000, 0x109F, "burmese"),
    (0x10A0, 0x10FF, "georgian"),
    (0x1100, 0x11FF, "jamo"),
    (0x1200, 0x139F, "ethiopic"),
    (0x1780, 0x17FF, "khmer"),
    (0x1E00, 0x1EFF, "latin"),
    (0x1F00, 0x1FFF, "greek"),
    (0x3005, 0x3007, "han"),
    (0x3041, 0x30FF, "kana"),
    (0x3130, 0x318F, "jamo"),
    (0x31F0, 0x31FF, "kana"),
    (0x3400, 0x4DBF, "han"),
    (0x4E00, 0x9FFF, "han"),
    (0xA960, 0xA97F, "jamo"),
    (0xAC00, 0xD7A3, "hangul"),
    (0xD7B0, 0xD7FF, "jamo"),
    (0xF900, 0xFAFF, "han"),
    (0x20000, 0x323AF, "han"),
)
_FIRSTS = [first for first, _, _ in BLOCKS]

# Latin letters that one letter of the script stands for, roughly: by the lengths of the same text in each.
_WEIGHTS = {"hangul": 3, "han": 3, "kana": 2}

# Scripts that one language uses, or one so much more than others that a title need not be doubted.
_LANGUAGES = {
    "hangul": "ko",
    "kana": "ja",
    "han": "zh",
    "thai": "th",
    "greek": "el",
    "hebrew": "he",
    "armenian": "hy",
    "georgian": "ka",
    "devanagari": "hi",
    "bengali": "bn",
    "gurmukhi": "pa",
    "gujarati": "gu",
    "tamil": "ta",
    "telugu": "te",
    "kannada": "kn",
    "malayalam": "ml",
    "sinhala": "si",
    "lao": "lo",
    "burmese": "my",
    "khmer": "km",
    "ethiopic": "am",
}
SCRIPT_LANGUAGES = frozenset(_LANGUAGES.values())

LATIN_SHARE = 0.25
# Japanese text has at least a tenth of kana; Chinese has almost none.
_KANA_SHARE = 0.1
# Han alone may also be Japanese.
_HAN_CONFIDENCE = 0.8
# Less than two ordinary words; longer plain Latin text is prose in some language.
MIN_PLAIN_LETTERS = 12

# Unicode's Default_Ignorable_Code_Point: joiners, marks of direction, the Hangul fillers, variation selectors.
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
_NOT_PROSE = re.compile(r"https?://\S+|www\.\S+|@[\w.]+", re.IGNORECASE)
_HASHTAG = re.compile(r"#+(\w+)")
_NOT_LETTERS = re.compile(r"[\W\d_]+")


class Words(NamedTuple):
    """The letters of a text that indicate its language.

    Attributes:
        prose: Its words outside of hashtags.
        hashtags: The words of its hashtags.
    """

    prose: str
    hashtags: str


@cache
def script_of(letter: str) -> str | None:
    """Name the script of a letter; None where its block is none of ours."""
    code = ord(letter)
    _, last, script = BLOCKS[bisect_right(_FIRSTS, code) - 1]
    return script if code <= last else None


def extract_words(text: str) -> Words:
    """Extract the letters of a text that indicate its language."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _IGNORABLE.sub("", text))
    text = _NOT_PROSE.sub(" ", text)
    hashtags = " ".join(_HASHTAG.findall(text)) if "#" in text else ""
    prose = _HASHTAG.sub(" ", text) if hashtags else text
    return Words(_NOT_LETTERS.sub(" ", prose).strip(), _NOT_LETTERS.sub(" ", hashtags).strip())


def _weigh(letters: str) -> dict[str, int]:
    """Sum the weight of each script; jamo counts as Hangul, kana and Han together as Japanese or Chinese."""
    weights: dict[str, int] = {}
    for letter in letters:
        script = script_of(letter) if letter != " " else None
        if script:
            weights[script] = weights.get(script, 0) + _WEIGHTS.get(script, 1)
    if "jamo" in weights:
        weights["hangul"] = weights.get("hangul", 0) + weights.pop("jamo")
    if "kana" in weights and "han" in weights:
        japanese = weights["kana"] >= _KANA_SHARE * (weights["kana"] + weights["han"])
        main, other = ("kana", "han") if japanese else ("han", "kana")
        weights[main] += weights.pop(other)
    return weights


def _select_script(letters: str, script: str) -> str:
    return " ".join(word for word in letters.split() if script_of(word[0]) == script)


def _judge(letters: str, min_plain_letters: float) -> Guess | str:
    weights = _weigh(letters)
    if not weights:
        return UNDECIDED
    total = sum(weights.values())
    latin = weights.pop("latin", 0)
    if latin > (1 - LATIN_SHARE) * total:
        plain = not weights and letters.isascii()
        return UNDECIDED if plain and latin < min_plain_letters else _select_script(letters, "latin")
    script = max(weights, key=weights.__getitem__)
    if script not in _LANGUAGES:
        return _select_script(letters, script)
    # 0.5 if Latin almost wins, or another script weighs as much; 1 if there is no other script.
    against_latin = 0.5 + 0.5 * (1 - latin / total - LATIN_SHARE) / (1 - LATIN_SHARE)
    confidence = against_latin * weights[script] / (total - latin)
    return Guess(_LANGUAGES[script], round(min(confidence, _HAN_CONFIDENCE if script == "han" else 1.0), 2))


def detect_by_script(text: str, min_plain_letters: int = MIN_PLAIN_LETTERS) -> Guess | str:
    """Detect the language of a text by its script.

    Args:
        text: A title or a name.
        min_plain_letters: Plain Latin prose with fewer letters decides nothing.

    Returns:
        The guess if the script decides; `UNDECIDED` if nothing does; else the words for a model: those of a script that
        several languages use (Latin, Cyrillic, Arabic).
    """
    prose, hashtags = extract_words(text)
    found = _judge(prose, min_plain_letters)
    # Plain Latin hashtags (#fyp #viral) are used in all languages, however many there are.
    return _judge(hashtags, math.inf) if found == UNDECIDED else found
