import gzip
import json
import pickle

import numpy as np
import pyarrow.parquet as pq
import pytest

from framesift.pose.export import EXPORTS
from framesift.pose.skeleton import COCO17, COCO17_BONES, LANDMARKS, OPENPOSE_BODY_25
from tests.unit.videos import make_sequence


def exported(tmp_path, name):
    sequence = make_sequence()
    write, ending = EXPORTS[name]
    write(sequence, tmp_path / f"a{ending}")
    return sequence, tmp_path / f"a{ending}"


def test_coco17(tmp_path):
    sequence, path = exported(tmp_path, "coco17")
    content = json.loads(path.read_text())
    assert len(content["images"]) == 40
    assert len(content["annotations"]) == int(sequence.present.sum())
    assert content["categories"][0]["keypoints"] == list(COCO17)
    second = next(a for a in content["annotations"] if a["image_id"] == 45 and a["track_id"] == 1)
    x, y, flag = second["keypoints"][3 * 9 : 3 * 9 + 3]  # The left wrist.
    assert (x, y) == pytest.approx(sequence.landmarks[20, 1, 15, :2] * (640, 480), abs=0.01)
    assert flag == 2
    assert second["num_keypoints"] == 17
    assert [a["id"] for a in content["annotations"]] == list(range(1, 71))


def test_exports_carry_the_frame_numbers_and_times_of_the_video(tmp_path):
    # Given a sequence whose frames are every second one of the video from the fifth on.
    sequence, coco = exported(tmp_path, "coco17")
    expected = [(5 + 2 * i, time_s) for i, time_s in enumerate(sequence.time_s)]
    images = json.loads(coco.read_text())["images"]
    assert [(image["frame"], image["time_s"]) for image in images] == expected
    assert len({image["id"] for image in images}) == len(images)
    _, folder = exported(tmp_path, "openpose")
    files = sorted(folder.iterdir())
    assert [path.name for path in files[:2]] == [f"a.mp4_{number:012}_keypoints.json" for number in (5, 7)]
    contents = [json.loads(path.read_text()) for path in files]
    assert [(content["frame"], content["time_s"]) for content in contents] == expected
    _, parquet = exported(tmp_path, "parquet")
    rows = pq.read_table(parquet, columns=["source_frame", "time_s"]).to_pylist()
    assert {(row["source_frame"], row["time_s"]) for row in rows} == set(expected)


def test_coco17_names_are_landmarks_of_ours():
    assert all(LANDMARKS[ours] == name for name, ours in COCO17.items())
    assert {joint for bone in COCO17_BONES for joint in bone} == set(range(17))


def test_openpose(tmp_path):
    sequence, path = exported(tmp_path, "openpose")
    files = sorted(path.iterdir())
    assert len(files) == 40
    people = json.loads(files[20].read_text())["people"]
    assert len(people) == 2
    keypoints = np.reshape(people[0]["pose_keypoints_2d"], (25, 3))
    points = sequence.landmarks[20, 0, :, :2] * (640, 480)
    assert keypoints[1, :2] == pytest.approx((points[11] + points[12]) / 2, abs=0.01)  # The neck.
    assert keypoints[8, :2] == pytest.approx((points[23] + points[24]) / 2, abs=0.01)  # The middle of the hips.
    assert keypoints[4, :2] == pytest.approx(points[16], abs=0.01)  # The right wrist.
    assert len(OPENPOSE_BODY_25) == 25


def test_parquet(tmp_path):
    sequence, path = exported(tmp_path, "parquet")
    table = pq.read_table(path)
    assert len(table) == int(sequence.present.sum()) * 33
    row = table.slice(33 * 2 + 5, 1).to_pylist()[0]
    assert (row["video"], row["frame"], row["person"], row["joint"]) == ("a.mp4", 2, 0, "right_eye")
    assert row["x"] == pytest.approx(sequence.landmarks[2, 0, 5, 0])
    assert row["world_z"] == pytest.approx(sequence.world[2, 0, 5, 2])


def test_pickle_gzip_holds_plain_values_only(tmp_path):
    sequence, path = exported(tmp_path, "pickle-gzip")

    class Plain(pickle.Unpickler):  # noqa: S301 - it refuses all that could run
        def find_class(self, module, name):
            raise AssertionError(f"{module}.{name} is no plain value")

    with gzip.open(path) as file:
        content = Plain(file).load()
    assert len(content["frames"]) == 40
    assert [len(frame["poses"]) for frame in content["frames"][9:11]] == [1, 2]
    assert content["frames"][3]["poses"][0][7]["x"] == pytest.approx(float(sequence.landmarks[3, 0, 7, 0]))


def test_a_sequence_without_frames_exports(tmp_path):
    empty = make_sequence().take(np.zeros(40, bool))
    for name, (write, ending) in EXPORTS.items():
        write(empty, tmp_path / f"{name}{ending}")
