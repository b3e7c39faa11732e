"""Telling languages: the port, its two providers, and the decision on an item."""

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
    "decider",
]


def decider(settings: LanguageSettings) -> Callable[[Sequence[Clip]], Decided]:
    """The decision as the settings want it; the detector's models and clients are made when they are first needed.

    Raises:
        SettingsError: If Google is named and its project or secret is not usable.
        TranslateDeniedError: If Google is named and there are no credentials.
    """
    fallback = OfflineDetector.to_keep(settings.keep)
    detector: LanguageDetector = fallback
    if settings.provider == "google":
        from framesift.language.google import GoogleDetector

        detector = GoogleDetector.from_settings(settings)
    return partial(decide_language, detector=detector, fallback=fallback)
