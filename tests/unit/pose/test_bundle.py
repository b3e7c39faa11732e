import zipfile
from pathlib import Path

import pytest

from framesift.errors import ModelMismatchError
from framesift.models import shipped_card
from framesift.pose.bundle import bundle_from_wheel


def test_the_cards_of_all_three_models_name_an_origin_and_a_digest():
    for name in ("pose-lite", "pose-full", "pose-heavy"):
        card = shipped_card(name)
        assert card.sha256
        assert bool(card.url) != bool(card.builder)


def test_a_wheel_with_other_networks_is_refused_by_name(tmp_path: Path):
    wheel = tmp_path / "mediapipe-0.10.21.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("mediapipe/modules/pose_detection/pose_detection.tflite", b"something else")
    with pytest.raises(ModelMismatchError, match=r"pose_detection\.tflite"):
        bundle_from_wheel(wheel, tmp_path / "bundle.task")


def test_the_built_bundle_is_the_one_of_its_card(pose_model: Path):
    with zipfile.ZipFile(pose_model) as bundle:
        assert bundle.namelist() == ["pose_detector.tflite", "pose_landmarks_detector.tflite"]
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in bundle.infolist())
