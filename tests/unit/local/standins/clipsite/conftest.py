import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from framesift_local.standins.clipsite import ClipSite

DATE = dt.date(2026, 11, 20)


@pytest.fixture(scope="module")
def running_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClipSite]:
    cache_dir: Path = tmp_path_factory.mktemp("covers")
    with ClipSite(date=DATE, cache_dir=cache_dir, clips_per_category=60) as site:
        yield site


@pytest.fixture
def site(running_site: ClipSite) -> Iterator[ClipSite]:
    yield running_site
    running_site.control(date=DATE, wall=None, latency_s=0.0, drop_share=0.0, broken_image_share=0.0, categories=None)


@pytest.fixture
def client(site: ClipSite) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url) as client:
        yield client
