"""Settings: read from the environment, refused by name."""

from __future__ import annotations

import pytest

from framesift.errors import SettingsError
from framesift.pipeline.uploads import pose_settings
from framesift.pose import presets
from framesift.settings import UPLOAD_OVERRIDES, Settings, UploadSettings, load_settings


def test_uploads_take_the_preset_and_what_the_settings_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMESIFT_UPLOAD__PRESET", "fast")
    monkeypatch.setenv("FRAMESIFT_UPLOAD__MAX_FRAMES", "7")
    monkeypatch.setenv("FRAMESIFT_UPLOAD__MODEL", "heavy")
    expected = presets.load_settings("fast", options={"video.max_frames": 7, "landmarks.model": "heavy"})
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
    assert set(fields) == {"preset", "array_videos", *(name.split(".")[1] for name in UPLOAD_OVERRIDES)}
    assert Settings().upload.model_dump(exclude={"preset", "array_videos"}) == dict.fromkeys(
        (name.split(".")[1] for name in UPLOAD_OVERRIDES), None
    )
