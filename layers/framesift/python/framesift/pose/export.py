"""Sequences in other formats."""

from __future__ import annotations

import gzip
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from framesift.pose.files import atomic_path
from framesift.pose.sequence import PoseSequence
from framesift.pose.skeleton import CHANNELS, COCO17, COCO17_BONES, LANDMARKS, OPENPOSE_BODY_25, VISIBILITY

# COCO's flags: 0 not labelled, 1 labelled and hidden, 2 labelled and visible.
_VISIBLE_FROM = 0.5
_PICKLE_PROTOCOL = 4  # Python 3.4 and later read it.

Array = NDArray[np.float64]


def to_coco17(sequence: PoseSequence, path: Path) -> None:
    """Write COCO keypoints JSON, in pixels: an image for each frame, an annotation for each person in it.

    An image's `id` and `frame` are the frame's number in the video, from 0; `time_s` is when it is shown.
    """
    width, height = sequence.video.width, sequence.video.height
    ours = list(COCO17.values())
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for i, (number, time_s) in enumerate(zip(sequence.source_frame.tolist(), sequence.time_s.tolist(), strict=True)):
        image = {"id": number, "file_name": f"{sequence.video.name}#t={time_s:.6f}", "width": width, "height": height}
        images.append(image | {"frame": number, "time_s": time_s})
        for person in np.flatnonzero(sequence.present[i]):
            points = sequence.landmarks[i, person, ours].astype(np.float64)
            xy = points[:, :2] * (width, height)
            flags = np.where(points[:, VISIBILITY] >= _VISIBLE_FROM, 2, 1)
            low, high = xy.min(axis=0), xy.max(axis=0)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "track_id": int(person),
                    "keypoints": np.column_stack([xy.round(2), flags]).ravel().tolist(),
                    "num_keypoints": int((flags > 0).sum()),
                    "bbox": [*low.round(2).tolist(), *(high - low).round(2).tolist()],
                    "area": round(float((high - low).prod()), 2),
                    "iscrowd": 0,
                    "score": round(float(points[:, VISIBILITY].mean()), 4),
                }
            )
    skeleton = [[a + 1, b + 1] for a, b in COCO17_BONES]  # COCO counts key points from 1.
    category = {"id": 1, "name": "person", "keypoints": list(COCO17), "skeleton": skeleton}
    _write_json(path, {"images": images, "annotations": annotations, "categories": [category]})


def to_openpose(sequence: PoseSequence, path: Path) -> None:
    """Write OpenPose's JSON (version 1.3, BODY_25), in pixels: a folder with one file for each frame.

    Files are numbered as OpenPose numbers them, by the frame's number in the video; `frame` and `time_s` repeat it.
    """
    size = np.array([sequence.video.width, sequence.video.height])
    path.mkdir(parents=True, exist_ok=True)
    for i, (number, time_s) in enumerate(zip(sequence.source_frame.tolist(), sequence.time_s.tolist(), strict=True)):
        people = []
        for person in np.flatnonzero(sequence.present[i]):
            points = sequence.landmarks[i, person].astype(np.float64)
            keypoints = [_mean_point(points[list(ours)], size) for ours in OPENPOSE_BODY_25]
            people.append(
                {
                    "person_id": [int(person)],
                    "pose_keypoints_2d": [round(value, 4) for point in keypoints for value in point],
                    "face_keypoints_2d": [],
                    "hand_left_keypoints_2d": [],
                    "hand_right_keypoints_2d": [],
                }
            )
        content = {"version": 1.3, "frame": number, "time_s": time_s, "people": people}
        _write_json(path / f"{sequence.video.name}_{number:012d}_keypoints.json", content)


def to_parquet(sequence: PoseSequence, path: Path) -> None:
    """Write a long Parquet table: each row is one landmark of one person in one frame."""
    frame, person = np.nonzero(sequence.present)
    rows, joints = len(frame), len(LANDMARKS)
    image = sequence.landmarks[frame, person].reshape(-1, len(CHANNELS)).astype(np.float32)
    world = sequence.world[frame, person].reshape(-1, 3).astype(np.float32)
    columns: dict[str, Any] = {
        "video": pa.DictionaryArray.from_arrays(np.zeros(rows * joints, np.int8), [sequence.video.name]),
        "frame": np.repeat(frame.astype(np.int32), joints),
        "source_frame": np.repeat(sequence.source_frame[frame], joints),
        "time_s": np.repeat(sequence.time_s[frame], joints),
        "person": np.repeat(person.astype(np.int8), joints),
        "joint": pa.DictionaryArray.from_arrays(np.tile(np.arange(joints, dtype=np.int8), rows), list(LANDMARKS)),
        "filled": np.repeat(sequence.filled[frame, person], joints),
    }
    columns |= {name: np.ascontiguousarray(image[:, i]) for i, name in enumerate(CHANNELS)}
    columns |= {f"world_{name}": np.ascontiguousarray(world[:, i]) for i, name in enumerate("xyz")}
    with atomic_path(path) as scratch:
        pq.write_table(pa.table(columns), scratch, compression="zstd")


def to_pickle_gzip(sequence: PoseSequence, path: Path) -> None:
    """Write a gzipped pickle for programs that still read one; nothing here ever loads it.

    It holds only plain lists, dicts, numbers and strings.
    """
    content = {
        "video": sequence.video.name,
        "fps": sequence.video.frame_rate,
        "width": sequence.video.width,
        "height": sequence.video.height,
        "frames": [
            {
                "frame": int(sequence.source_frame[i]),
                "timestamp": float(sequence.time_s[i]),
                "poses": [
                    [dict(zip(CHANNELS, point, strict=True)) for point in sequence.landmarks[i, person].tolist()]
                    for person in np.flatnonzero(sequence.present[i])
                ],
            }
            for i in range(len(sequence.pts))
        ],
    }
    with atomic_path(path) as scratch, gzip.open(scratch, "wb") as file:
        pickle.dump(content, file, protocol=_PICKLE_PROTOCOL)


# By the name that the command takes: the writer, and the suffix of its files.
EXPORTS: dict[str, tuple[Callable[[PoseSequence, Path], None], str]] = {
    "coco17": (to_coco17, ".coco.json"),
    "openpose": (to_openpose, ".openpose"),
    "parquet": (to_parquet, ".long.parquet"),
    "pickle-gzip": (to_pickle_gzip, ".pkl.gz"),
}


def _mean_point(points: Array, size: Array) -> tuple[float, float, float]:
    """Return the mean of some landmarks as x, y in pixels, and their lowest visibility."""
    x, y = points[:, :2].mean(axis=0) * size
    return float(x), float(y), float(points[:, VISIBILITY].min())


def _write_json(path: Path, content: Any) -> None:
    with atomic_path(path) as scratch:
        scratch.write_text(json.dumps(content, ensure_ascii=False), "utf-8")
