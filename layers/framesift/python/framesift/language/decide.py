"""Decides an item's language: its title's or, if that is undetermined, its author's name's.

Google, if configured, is called only for texts whose script leaves doubt: a title in Hangul alone is Korean, which
saves most of a day's quota. If Google is unavailable or its quota is used up, the offline decision is used instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from framesift.contracts import Clip, Language
from framesift.errors import TranslateQuotaError, TranslateUnavailableError
from framesift.language.detector import UNDECIDED, UNDECIDED_CODE, Guess, LanguageDetector
from framesift.language.scripts import detect_by_script

# A script with at least this share of a title (see `scripts`) decides.
SURE_CONFIDENCE = 0.9


class Decided(NamedTuple):
    """The items with their languages.

    Attributes:
        items: The items with their languages, in the given order.
        degraded: Why the fallback decided some of them, if the detector failed; else None.
    """

    items: list[Clip]
    degraded: str | None


class _Answer(NamedTuple):
    guess: Guess
    provider: str


def decide_language(items: Sequence[Clip], detector: LanguageDetector, fallback: LanguageDetector) -> Decided:
    """Decide the language of items by their titles, then by their authors' names.

    Args:
        items: The items; `title`, `author_name` and `author` are read.
        detector: The configured provider.
        fallback: Decides if the script is certain, and if the detector fails.

    Raises:
        TranslateDeniedError: If the provider rejects the key or the project.
    """
    detectors = _Detectors(detector, fallback)
    titles = detectors.detect(item.title for item in items)
    undecided = [item for item in items if titles[item.title].guess.code == UNDECIDED_CODE]
    names = detectors.detect(_get_display_name(item) for item in undecided)
    decided = [item.model_copy(update={"language": _choose_language(item, titles, names)}) for item in items]
    return Decided(decided, detectors.degraded)


def _choose_language(item: Clip, titles: Mapping[str, _Answer], names: Mapping[str, _Answer]) -> Language:
    decided_by: Literal["title", "author", "none"] = "title"
    answer = titles[item.title]
    if answer.guess.code == UNDECIDED_CODE:
        answer, decided_by = names[_get_display_name(item)], "author"
    guess, provider = answer
    if guess.code == UNDECIDED_CODE:
        decided_by = "none"
    return Language(code=guess.code, confidence=guess.confidence, decided_by=decided_by, provider=provider)


def _get_display_name(item: Clip) -> str:
    return item.author_name or item.author


class _Detectors:
    """Calls the detector until it fails, and the fallback after that."""

    def __init__(self, detector: LanguageDetector, fallback: LanguageDetector) -> None:
        self._detector = detector
        self._fallback = fallback
        self.degraded: str | None = None

    def detect(self, texts: Iterable[str]) -> dict[str, _Answer]:
        """Detect the language of each text, and return it with the provider."""
        distinct = list(dict.fromkeys(texts))
        answers: dict[str, _Answer] = {}
        if self._detector is not self._fallback and not self.degraded:
            self._call_detector([text for text in distinct if _is_uncertain(text)], answers)
        rest = [text for text in distinct if text not in answers]
        for text, guess in zip(rest, self._fallback.detect(rest), strict=True):
            answers[text] = _Answer(guess, self._fallback.name)
        return answers

    def _call_detector(self, texts: list[str], answers: dict[str, _Answer]) -> None:
        try:
            for text, guess in zip(texts, self._detector.detect(texts), strict=True):
                answers[text] = _Answer(guess, self._detector.name)
        except (TranslateQuotaError, TranslateUnavailableError) as error:
            missing = len(texts) - len(answers)
            self.degraded = f"{missing} of {len(texts)} uncertain texts were decided offline: {error}"


def _is_uncertain(text: str) -> bool:
    found = detect_by_script(text)
    return found != UNDECIDED and (isinstance(found, str) or found.confidence < SURE_CONFIDENCE)
