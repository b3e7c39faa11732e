"""Language without a network: scripts first, then a model for what they leave open.

Where the language to keep has a script of its own (Korean: Hangul), the model never changes what is kept; it only puts
a name to what is dropped. Then its quick mode is enough: three-letter statistics, 30 MB, loaded in 0.15 s, 10,000
Latin titles in half a second, and now and then a near relative's name on a short title. To keep a language of the
Latin, Cyrillic or Arabic script, the accurate mode decides: one to five letters, 220 MB, loaded in 2 s.

What is lost: Korean written in Latin letters (`annyeonghaseyo`) or wholly in Han characters passes for another
language. Google may know better.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

from framesift.language.detector import UNDECIDED, Guess
from framesift.language.scripts import MIN_PLAIN_LETTERS, SCRIPT_LANGUAGES, by_script

if TYPE_CHECKING:
    from lingua import LanguageDetector as Lingua

# Large languages of short clips in the scripts that need a model. More of them cost time and, among relatives
# (Indonesian and Malay), more errors than they mend.
_MODELLED = ("en", "es", "pt", "fr", "de", "it", "id", "vi", "tr", "ru", "uk", "kk", "ar", "fa", "ur")

# Below as many letters the model's probability is too high, by experience: `hello world` at 0.98 for Vietnamese.
_LETTERS_FOR_FULL_CONFIDENCE = 24


@cache
def _lingua(accurate: bool) -> Lingua:
    from lingua import IsoCode639_1, Language, LanguageDetectorBuilder

    languages = [Language.from_iso_code_639_1(IsoCode639_1.from_str(code)) for code in _MODELLED]
    builder = LanguageDetectorBuilder.from_languages(*languages)
    return (builder if accurate else builder.with_low_accuracy_mode()).build()


class OfflineDetector:
    """Tells languages by scripts and by lingua's models, which are in its package.

    Attributes:
        accurate: Use the model's slow, accurate mode.
    """

    name: Final = "offline"

    def __init__(self, *, accurate: bool = False) -> None:
        self.accurate = accurate

    @classmethod
    def to_keep(cls, code: str) -> OfflineDetector:
        """A detector as accurate as it takes to tell one language from all others."""
        return cls(accurate=code not in SCRIPT_LANGUAGES)

    def detect(self, texts: Sequence[str]) -> Iterator[Guess]:
        """Tell the language of each text, in order."""
        min_plain_letters = 1 if self.accurate else MIN_PLAIN_LETTERS
        found = {text: by_script(text, min_plain_letters) for text in dict.fromkeys(texts)}
        open_words = list(dict.fromkeys(words for words in found.values() if isinstance(words, str)))
        modelled = dict(zip(open_words, self._ask_model(open_words), strict=True))
        for text in texts:
            guess = found[text]
            yield modelled[guess] if isinstance(guess, str) else guess

    def _ask_model(self, texts: list[str]) -> list[Guess]:
        if not texts:
            return []
        model = _lingua(self.accurate)
        # Without capitals: names and shouting mislead the statistics.
        answers = model.compute_language_confidence_values_in_parallel([text.lower() for text in texts])
        guesses = []
        for text, (best, *_) in zip(texts, answers, strict=True):
            trust = min(1.0, len(text) / _LETTERS_FOR_FULL_CONFIDENCE)
            confidence = round(best.value * trust, 2)
            code = best.language.iso_code_639_1.name.lower()
            guesses.append(Guess(code, confidence) if confidence else UNDECIDED)
        return guesses
