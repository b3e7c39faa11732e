"""Settings: read from the environment, refused by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from framesift.errors import SettingsError, UnknownSettingError
from framesift.pipeline.upload.poses import pose_settings
from framesift.settings import OTHER_VARIABLES, UPLOAD_OVERRIDES, Settings, UploadSettings, load_settings, variables_of
from framesift.settings import pose as presets


def test_uploads_take_the_preset_and_what_the_settings_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMESIFT_UPLOAD__PRESET", "fast")
    monkeypatch.setenv("FRAMESIFT_UPLOAD__MAX_FRAMES", "7")
    monkeypatch.setenv("FRAMESIFT_UPLOAD__MODEL", "heavy")
    expected = presets.load_pose_settings("fast", options={"video.max_frames": 7, "landmarks.model": "heavy"})
    assert pose_settings(load_settings().upload) == expected


def test_an_upload_setting_has_the_limits_of_the_pose_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("TARGET_FPS", "0"), ("PEOPLE", "17"), ("ENGINE", "other"), ("MIN_CONFIDENCE", "1.1")):
        with monkeypatch.context() as environment:
            environment.setenv(f"FRAMESIFT_UPLOAD__{name}", value)
            load_settings.cache_clear()
            with pytest.raises(SettingsError, match=f"FRAMESIFT_UPLOAD__{name}"):
                load_settings()


def test_every_override_is_a_documented_setting() -> None:
    fields = UploadSettings.model_fields
    assert all(fields[name.split(".")[1]].description for name in UPLOAD_OVERRIDES)
    assert all(getattr(Settings().upload, name.split(".")[1]) is None for name in UPLOAD_OVERRIDES)


def refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str, kind: type[SettingsError] = SettingsError) -> str:
    """The message that refuses a variable."""
    monkeypatch.setenv(name, value)
    load_settings.cache_clear()
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert type(caught.value) is kind
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("FRAMESIFT_CRAWL__TARGET_CLIP", "FRAMESIFT_CRAWL__TARGET_CLIPS"),
        ("FRAMESIFT_CRAWLER__TARGET_CLIPS", "FRAMESIFT_CRAWL__TARGET_CLIPS"),
        ("FRAMESIFT_CRAWL_TARGET_CLIPS", "FRAMESIFT_CRAWL__TARGET_CLIPS"),
        ("framesift_crawl__target_clip", "FRAMESIFT_CRAWL__TARGET_CLIPS"),
        ("FRAMESIFT_STAK", "FRAMESIFT_STACK"),
    ],
)
def test_a_misspelt_name_is_refused_with_the_nearest(monkeypatch: pytest.MonkeyPatch, name: str, nearest: str) -> None:
    message = refused(monkeypatch, name, "5", UnknownSettingError)
    assert f"{name.upper()} (did you mean {nearest}?)" in message


def test_a_misspelt_name_in_the_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("OTHER_TOOL=1\nframesift_crawl__target_clip=5\n")
    monkeypatch.setitem(Settings.model_config, "env_file", str(path))
    with pytest.raises(UnknownSettingError, match="did you mean FRAMESIFT_CRAWL__TARGET_CLIPS"):
        load_settings()
    path.write_text("OTHER_TOOL=1\nFRAMESIFT_CRAWL__TARGET_CLIPS=5\n")
    assert load_settings().crawl.target_clips == 5


def test_a_name_inside_a_groups_json_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    message = refused(monkeypatch, "FRAMESIFT_CRAWL", '{"target_clip": 5}', UnknownSettingError)
    assert "FRAMESIFT_CRAWL__TARGET_CLIP (did you mean FRAMESIFT_CRAWL__TARGET_CLIPS?)" in message


def test_a_setting_below_a_plain_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    refused(monkeypatch, "FRAMESIFT_CRAWL__TARGET_CLIPS__DANCE", "5", UnknownSettingError)


@pytest.mark.parametrize("value", ["dance", "[", "[" * 100_000])
def test_a_list_that_is_not_json_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    message = refused(monkeypatch, "FRAMESIFT_RUN__CATEGORIES", value)
    assert "FRAMESIFT_RUN__CATEGORIES: lists and tables are JSON" in message


def test_groups_tables_and_other_variables_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OTHER_VARIABLES:
        monkeypatch.setenv(name, "value")
    monkeypatch.setenv("FRAMESIFT_RUN", '{"timezone": "UTC"}')
    monkeypatch.setenv("FRAMESIFT_CRAWL__PATHS", '{"dance": "/a"}')
    monkeypatch.setenv("FRAMESIFT_CRAWL__PATHS__FOOD", "/b")
    settings = load_settings()
    assert (settings.run.timezone, settings.crawl.paths) == ("UTC", {"dance": "/a", "food": "/b"})


def test_each_variable_that_the_code_reads_is_known() -> None:
    root = Path(__file__).parents[3]
    folders = ("cdk", "containers", "functions", "layers", "local", "tests", "benchmarks", "docs")
    texts = [
        path.read_text("utf-8", errors="ignore")
        for folder in folders
        for path in (root / folder).rglob("*")
        if path.suffix in (".py", ".md", ".json") and path != Path(__file__) and "node_modules" not in path.parts
    ]
    used = {name for text in texts for name in re.findall(r"\bFRAMESIFT_[A-Z0-9]+(?:_+[A-Z0-9]+)*\b", text)}
    known = {*variables_of(), *OTHER_VARIABLES}
    assert {name for name in used if name not in known and not any(each.startswith(name) for each in known)} == set()
