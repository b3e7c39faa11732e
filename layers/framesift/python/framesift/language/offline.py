"""Offline language detection: by script first, then by a model where the script leaves several languages.

If the language to keep is the only one of its script (Korean: Hangul), the model never affects what is kept; it only
names what is dropped. Its fast mode suffices then: trigrams, 30 MB, loaded in 0.15 s, 10,000 Latin titles in half a
second, with occasional confusion of related languages on short titles. To keep a language of the Latin, Cyrillic or
Arabic script, the accurate mode decides: 1- to 5-grams, 220 MB, loaded in 2 s.

Limitation: Korean written in Latin letters (`annyeonghaseyo`) or entirely in Han characters is detected as another
language. Google may do better.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

from framesift.language.detector import UNDECIDED, Guess
from framesift.language.scripts import MIN_PLAIN_LETTERS, SCRIPT_LANGUAGES, detect_by_script

if TYPE_CHECKING:
    from lingua import LanguageDetector as Lingua

# Large languages of short clips in the scripts that need a model. More of them cost time and, among relatives
# (Indonesian and Malay), more errors than they prevent.
_MODELLED = ("en", "es", "pt", "fr", "de", "it", "id", "vi", "tr", "ru", "uk", "kk", "ar", "fa", "ur")

# For fewer letters the model's probability is too high: `hello world` is Vietnamese with 0.98.
_LETTERS_FOR_FULL_CONFIDENCE = 24


@cache
def _lingua(accurate: bool) -> Lingua:
    from lingua import IsoCode639_1, Language, LanguageDetectorBuilder

    languages = [Language.from_iso_code_639_1(IsoCode639_1.from_str(code)) for code in _MODELLED]
    builder = LanguageDetectorBuilder.from_languages(*languages)
    return (builder if accurate else builder.with_low_accuracy_mode()).build()


class OfflineDetector:
    """Detects languages by script and by the models in the lingua package.

    Attributes:
        accurate: Whether to use the model's slow, accurate mode.
    """

    name: Final = "offline"

    def __init__(self, *, accurate: bool = False) -> None:
        self.accurate = accurate

    @classmethod
    def for_keeping(cls, code: str) -> OfflineDetector:
        """Make a detector that is accurate enough to separate one language from all others."""
        return cls(accurate=code not in SCRIPT_LANGUAGES)

    def detect(self, texts: Sequence[str]) -> Iterator[Guess]:
        """Detect the language of each text, in order."""
        min_plain_letters = 1 if self.accurate else MIN_PLAIN_LETTERS
        found = {text: detect_by_script(text, min_plain_letters) for text in dict.fromkeys(texts)}
        undecided_words = list(dict.fromkeys(words for words in found.values() if isinstance(words, str)))
        modelled = dict(zip(undecided_words, self._call_model(undecided_words), strict=True))
        for text in texts:
            guess = found[text]
            yield modelled[guess] if isinstance(guess, str) else guess

    def _call_model(self, texts: list[str]) -> list[Guess]:
        if not texts:
            return []
        model = _lingua(self.accurate)
        # In lower case: names and all-caps text mislead the model.
        answers = model.compute_language_confidence_values_in_parallel([text.lower() for text in texts])
        guesses = []
        for text, (best, *_) in zip(texts, answers, strict=True):
            trust = min(1.0, len(text) / _LETTERS_FOR_FULL_CONFIDENCE)
            confidence = round(best.value * trust, 2)
            code = best.language.iso_code_639_1.name.lower()
            guesses.append(Guess(code, confidence) if confidence else UNDECIDED)
        return guesses
