"""A Google Cloud Translate to ask, on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from framesift.language.google import GoogleDetector
from framesift.settings import LanguageSettings
from framesift_local.standins.translate import TranslateStandIn


@pytest.fixture(scope="session")
def running_stand_in() -> Iterator[TranslateStandIn]:
    with TranslateStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def google(running_stand_in: TranslateStandIn) -> TranslateStandIn:
    """The stand-in, well-behaved, with nothing asked yet."""
    running_stand_in.misbehave(None)
    running_stand_in.contents.clear()
    return running_stand_in


@pytest.fixture
def make_detector(google: TranslateStandIn) -> Callable[..., GoogleDetector]:
    """Makes detectors that ask the stand-in as they would ask Google."""

    def make(**changes: object) -> GoogleDetector:
        settings = {
            "google_project": "a-project",
            "google_endpoint": google.url,
            "google_requests_per_s": 1000,
            "google_patience_s": 5,
        }
        return GoogleDetector.from_settings(LanguageSettings.model_validate(settings | changes))

    return make
