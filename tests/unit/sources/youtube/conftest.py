from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from pydantic import SecretStr

from framesift.settings import DownloadSettings, Settings, YoutubeSettings
from framesift_local.standins.youtube import YoutubeStandIn
from framesift_local.standins.youtube.server import API_KEY


@pytest.fixture
def youtube() -> Iterator[YoutubeStandIn]:
    with YoutubeStandIn(date(2026, 11, 20), videos=120) as stand_in:
        yield stand_in


@pytest.fixture
def settings(youtube: YoutubeStandIn) -> Settings:
    return Settings(
        youtube=YoutubeSettings(api_url=youtube.api_url, api_key=SecretStr(API_KEY), patience_s=1.2),
        download=DownloadSettings(allow_loopback=True, concurrency=4),
    )
