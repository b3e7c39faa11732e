"""Which language an item is in: its title's, or its author's name's where the title says nothing.

Google, where it is the provider, is asked only for what the scripts leave in doubt: a title in Hangul alone needs no
second opinion, and most of a day's quota is saved. Where Google is down or out of quota, the offline decision stands
for what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from framesift.contracts import Clip, Language
from framesift.errors import TranslateQuotaError, TranslateUnavailableError
from framesift.language.detector import UNDECIDED, UNDECIDED_CODE, Guess, LanguageDetector
from framesift.language.scripts import by_script

# A script that holds as much of a title (see `scripts`) is not doubted.
SURE_CONFIDENCE = 0.9


class Decided(NamedTuple):
    """What was decided.

    Attributes:
        items: The items with their languages, in the order that they came in.
        degraded: One sentence where the detector failed and the fallback decided what was missing, else None.
    """

    items: list[Clip]
    degraded: str | None


class _Answer(NamedTuple):
    guess: Guess
    provider: str


def decide_language(items: Sequence[Clip], detector: LanguageDetector, fallback: LanguageDetector) -> Decided:
    """Decide the language of items by their titles, then by their authors' names.

    Args:
        items: What to decide on; `title`, `author_name` and `author` are read.
        detector: The provider that the settings name.
        fallback: What decides where the scripts are sure, and where the detector fails.

    Raises:
        TranslateDeniedError: If the detector refuses the key or the project: a person has to mend that.
    """
    asked = _Asked(detector, fallback)
    titles = asked.answer(item.title for item in items)
    undecided = [item for item in items if titles[item.title].guess.code == UNDECIDED_CODE]
    names = asked.answer(_shown_name(item) for item in undecided)
    decided = [item.model_copy(update={"language": _language(item, titles, names)}) for item in items]
    return Decided(decided, asked.degraded)


def _language(item: Clip, titles: Mapping[str, _Answer], names: Mapping[str, _Answer]) -> Language:
    decided_by: Literal["title", "author", "none"] = "title"
    answer = titles[item.title]
    if answer.guess.code == UNDECIDED_CODE:
        answer, decided_by = names[_shown_name(item)], "author"
    guess, provider = answer
    if guess.code == UNDECIDED_CODE:
        decided_by = "none"
    return Language(code=guess.code, confidence=guess.confidence, decided_by=decided_by, provider=provider)


def _shown_name(item: Clip) -> str:
    return item.author_name or item.author


class _Asked:
    """Asks the detector until it fails, and the fallback from then on."""

    def __init__(self, detector: LanguageDetector, fallback: LanguageDetector) -> None:
        self._detector = detector
        self._fallback = fallback
        self.degraded: str | None = None

    def answer(self, texts: Iterable[str]) -> dict[str, _Answer]:
        """The language of each text, and who told it."""
        distinct = list(dict.fromkeys(texts))
        answers: dict[str, _Answer] = {}
        if self._detector is not self._fallback and not self.degraded:
            self._ask([text for text in distinct if _in_doubt(text)], answers)
        rest = [text for text in distinct if text not in answers]
        for text, guess in zip(rest, self._fallback.detect(rest), strict=True):
            answers[text] = _Answer(guess, self._fallback.name)
        return answers

    def _ask(self, texts: list[str], answers: dict[str, _Answer]) -> None:
        try:
            for text, guess in zip(texts, self._detector.detect(texts), strict=True):
                answers[text] = _Answer(guess, self._detector.name)
        except (TranslateQuotaError, TranslateUnavailableError) as error:
            missing = len(texts) - len(answers)
            self.degraded = f"{missing} of {len(texts)} texts in doubt were decided offline: {error}"


def _in_doubt(text: str) -> bool:
    found = by_script(text)
    return found != UNDECIDED and (isinstance(found, str) or found.confidence < SURE_CONFIDENCE)
