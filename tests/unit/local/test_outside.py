"""Which outside services are the real ones: what a user sets always wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from framesift.errors import SettingsError, UnknownServiceError
from framesift.pipeline.branches import BRANCHES
from framesift.settings.own import digest_settings, read_own_settings
from framesift_local.machine import SOURCES
from framesift_local.outside import SERVICES, choose_services

BOTH = ("tiktok", "youtube")
YOUTUBE_KEY = {"FRAMESIFT_YOUTUBE__API_KEY": "key"}
AZURE_KEY = {"FRAMESIFT_CUSTOM_VISION__TRAINING_KEY": "key"}


def real(own: dict[str, str], wanted: tuple[str, ...] = (), sources: tuple[str, ...] = BOTH) -> set[str]:
    return {service.name for service in choose_services(own, wanted, sources).real}


def test_where_nothing_is_set_all_are_stand_ins() -> None:
    outside = choose_services({}, (), BOTH)
    assert outside.real == ()
    assert outside.describe() == "Stand-ins: TikTok, YouTube, Custom Vision."


@pytest.mark.parametrize(
    ("setting", "service"),
    [
        ("FRAMESIFT_CRAWL__SITE_URL", "tiktok"),
        ("FRAMESIFT_CRAWL__SESSION_FILE", "tiktok"),
        ("FRAMESIFT_YOUTUBE__API_KEY", "youtube"),
        ("FRAMESIFT_YOUTUBE__API_SECRET", "youtube"),
        ("FRAMESIFT_CUSTOM_VISION__TRAINING_KEY", "custom-vision"),
        ("FRAMESIFT_CUSTOM_VISION__SECRET", "custom-vision"),
    ],
)
def test_a_service_that_the_user_s_settings_reach_is_the_real_one(setting: str, service: str) -> None:
    assert real({setting: "value"}) == {service}


@pytest.mark.parametrize("setting", ["FRAMESIFT_CRAWL__TARGET_CLIPS", "FRAMESIFT_DETECTION__TAGS"])
def test_other_settings_leave_the_stand_ins(setting: str) -> None:
    assert real({setting: "value"}) == set()


def test_services_that_are_asked_for_are_the_real_ones() -> None:
    assert real({}, ("tiktok",)) == {"tiktok"}
    assert real({**YOUTUBE_KEY, **AZURE_KEY}, ("all",)) == {"tiktok", "youtube", "custom-vision"}
    assert real({}, ("all",), ("tiktok",)) == {"tiktok"}


@pytest.mark.parametrize(
    ("own", "missing"),
    [(AZURE_KEY, "FRAMESIFT_YOUTUBE__API_KEY"), (YOUTUBE_KEY, "FRAMESIFT_CUSTOM_VISION__TRAINING_KEY")],
)
def test_a_setting_that_a_real_service_needs_is_named(own: dict[str, str], missing: str) -> None:
    with pytest.raises(SettingsError, match=f"{missing}.*real-sites.md"):
        choose_services(own, ("all",), BOTH)


def test_an_unknown_service_is_refused_with_the_names() -> None:
    with pytest.raises(UnknownServiceError, match="all, tiktok, youtube, custom-vision"):
        choose_services({}, ("tictoc",), BOTH)


def test_a_key_of_the_user_s_wins_over_the_stack_s_secret() -> None:
    assert choose_services(YOUTUBE_KEY, (), BOTH).settings == {"FRAMESIFT_YOUTUBE__API_SECRET": ""}
    secret = {**YOUTUBE_KEY, "FRAMESIFT_YOUTUBE__API_SECRET": "arn"}
    assert choose_services(secret, (), BOTH).settings == {}


def test_own_settings_come_from_the_environment_and_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("FRAMESIFT_CRAWL__LOCALE=en-US\nFRAMESIFT_CRAWL__TARGET_CLIPS=5\nOTHER=1\n")
    monkeypatch.setenv("FRAMESIFT_CRAWL__TARGET_CLIPS", "9")
    monkeypatch.setenv("FRAMESIFT_PLATFORM__BUCKET", "bucket")
    monkeypatch.setenv("FRAMESIFT_STACK", "stack")
    own = read_own_settings(tmp_path / ".env")
    assert own == {"FRAMESIFT_CRAWL__LOCALE": "en-US", "FRAMESIFT_CRAWL__TARGET_CLIPS": "9"}
    assert digest_settings(own).keys() == own.keys()
    assert digest_settings(own) != digest_settings({**own, "FRAMESIFT_CRAWL__LOCALE": "ko-KR"})


def test_services_belong_to_the_sources_whose_runs_name_them() -> None:
    assert {name: branch.services for name, branch in BRANCHES.items() if branch.services} == {
        source: tuple(service.name for service in SERVICES if service.source == source) for source in SOURCES
    }


def test_a_detector_of_ones_own_calls_no_custom_vision() -> None:
    own = {"FRAMESIFT_DETECTION__PROVIDER": "onnx"}
    outside = choose_services(own, (), ("youtube",))
    assert outside.describe() == "Stand-ins: YouTube."
    assert (
        choose_services({**own, **AZURE_KEY}, (), ("youtube",)).describe() == "Real: Custom Vision. Stand-ins: YouTube."
    )
