"""Language identification: the port, two providers, and the decision for an item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from framesift.language.decide import Decided, decide_language
from framesift.language.detector import UNDECIDED, Guess, LanguageDetector
from framesift.language.offline import OfflineDetector

if TYPE_CHECKING:
    from framesift.contracts import Clip
    from framesift.settings import LanguageSettings

__all__ = [
    "UNDECIDED",
    "Decided",
    "Guess",
    "LanguageDetector",
    "OfflineDetector",
    "decide_language",
    "make_decider",
]


def make_decider(settings: LanguageSettings) -> Callable[[Sequence[Clip]], Decided]:
    """Make the function that decides languages as configured; models and clients are loaded on first use.

    Raises:
        SettingsError: If Google is configured and its project or secret cannot be used.
        TranslateDeniedError: If Google is configured and there are no credentials.
    """
    fallback = OfflineDetector.for_keeping(settings.keep)
    detector: LanguageDetector = fallback
    if settings.provider == "google":
        from framesift.language.google import GoogleDetector

        detector = GoogleDetector.from_settings(settings)
    return partial(decide_language, detector=detector, fallback=fallback)
