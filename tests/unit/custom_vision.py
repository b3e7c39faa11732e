"""Custom Vision's stand-in with a serving and a candidate project, and images with objects."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from pydantic import SecretStr

from framesift import keys
from framesift.contracts import Clip, Media, Run
from framesift.settings import CustomVisionSettings, DetectionSettings, DownloadSettings, Settings
from framesift.sources.download import DownloadedImage
from framesift.storage import S3Store, write_manifest
from framesift_local.standins.customvision import CustomVisionStandIn
from framesift_local.standins.customvision.account import RESOURCE_ID, Account, Training
from framesift_local.standins.customvision.server import PREDICTION_KEY, TRAINING_KEY
from framesift_local.standins.youtube.images import draw, encode

RUN = Run(source="youtube", date="2026-11-20", attempt=1)
TAGS = ("person", "logo")


@cache
def make_image(number: int, width: int = 480, height: int = 270) -> bytes:
    return encode(draw(number)[0], width, height)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[CustomVisionStandIn]:
    with CustomVisionStandIn(Account(tmp_path / "customvision", training=Training(training_s=0))) as stand_in:
        stand_in.account.make_project("serving", TAGS, publish="stable")
        stand_in.account.make_project("candidate")
        yield stand_in


@pytest.fixture
def settings(service: CustomVisionStandIn) -> Settings:
    serving, candidate = service.account.projects.values()
    return Settings(
        custom_vision=CustomVisionSettings(
            training_endpoint=service.url,
            training_key=SecretStr(TRAINING_KEY),
            prediction_endpoint=service.url,
            prediction_key=SecretStr(PREDICTION_KEY),
            prediction_resource_id=RESOURCE_ID,
            serving_project=serving.id,
            candidate_project=candidate.id,
            requests_per_s=500,
            concurrency=2,
            patience_s=2.5,
        ),
        detection=DetectionSettings(tags={"person": 0.5, "logo": 0.75}, review_from=0.45),
        download=DownloadSettings(allow_loopback=True, concurrency=4),
    )


def collect(store: S3Store, images: list[bytes], run: Run = RUN, category: str = "popular") -> None:
    """Write what collecting a day leaves, without YouTube."""
    items = []
    for number, data in enumerate(images):
        image = DownloadedImage.check(data, 100_000_000)
        key = keys.media(run, category, f"v{number}", image.facts.extension)
        store.put(key, data)
        media = Media(
            key=key,
            sha256=image.sha256,
            content_type=image.facts.content_type,
            size_bytes=len(data),
            width=image.facts.width,
            height=image.facts.height,
        )
        items.append(
            Clip(
                source="youtube",
                category=category,
                id=f"v{number}",
                url=f"https://www.youtube.com/watch?v=v{number}",
                title=f"영상 🔥 {number}",
                views=1000 - number,
                collected_at=datetime(2026, 11, 20, tzinfo=UTC),
                media=media,
            )
        )
    write_manifest(store, keys.manifest(run, category, "collected"), items)
