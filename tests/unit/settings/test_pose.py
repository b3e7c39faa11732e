import json

import jsonschema
import pytest

from framesift.errors import PoseConfigError, UnknownPresetError
from framesift.settings.pose import PRESETS, json_schema, load_pose_settings


@pytest.mark.parametrize(
    ("preset", "fps", "max_frames", "model"),
    [
        ("development", 15.0, 300, "lite"),
        ("production", 30.0, None, "full"),
        ("high_accuracy", 60.0, None, "heavy"),
        ("fast", 15.0, None, "lite"),
    ],
)
def test_the_presets(preset, fps, max_frames, model):
    settings = load_pose_settings(preset)
    assert (settings.video.target_fps, settings.video.max_frames, settings.landmarks.model) == (fps, max_frames, model)


def test_options_override_the_file_and_the_file_the_preset(tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"video": {"target_fps": 20, "max_frames": 7}}))
    settings = load_pose_settings("development", config, {"video.max_frames": 9, "landmarks.people": None})
    assert (settings.video.target_fps, settings.video.max_frames) == (20.0, 9)
    assert (settings.landmarks.model, settings.landmarks.people) == ("lite", 1)


def test_an_unknown_preset_is_refused_with_those_there_are():
    with pytest.raises(UnknownPresetError, match=r"'quick'.*development, production, high_accuracy, fast"):
        load_pose_settings("quick")


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ('{"video": {"fps": 30}}', r"'video\.fps'"),
        ('{"mediapipe": {"model_complexity": 1}}', "'mediapipe'"),
        ('{"video": {"target_fps": -1}}', r"'video\.target_fps' cannot be -1"),
        ('{"landmarks": {"model": "huge"}}', r"'landmarks\.model'"),
        ('{"video": 3}', "'video'"),
        ("[1]", "JSON object"),
        ("{", "not JSON"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path, content, named):
    config = tmp_path / "config.json"
    config.write_text(content)
    with pytest.raises(PoseConfigError, match=named) as caught:
        load_pose_settings(config=config)
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(PoseConfigError, match="cannot be read"):
        load_pose_settings(config=tmp_path / "none.json")


@pytest.mark.parametrize("preset", PRESETS)
def test_what_a_preset_writes_fits_the_schema_and_reads_back(tmp_path, preset):
    settings = load_pose_settings(preset)
    config = tmp_path / "config.json"
    config.write_text(settings.model_dump_json())
    jsonschema.validate(json.loads(config.read_text()), json_schema())
    assert load_pose_settings("fast", config) == settings


def test_the_schema_refuses_unknown_keys():
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"video": {"fps": 30}}, json_schema())


def test_what_is_recorded_leaves_out_what_does_not_change_the_sequence():
    plain = load_pose_settings()
    assert (
        load_pose_settings(options={"performance.workers": 7, "output.overwrite": True}).recorded() == plain.recorded()
    )
    assert load_pose_settings(options={"video.target_fps": 10.0}).recorded() != plain.recorded()
