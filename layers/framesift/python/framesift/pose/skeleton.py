"""The 33 landmarks in BlazePose's order, their bones, and how other schemas derive from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LANDMARKS = (
    "nose",
    *("left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer"),
    *("left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder", "right_shoulder"),
    *("left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_pinky", "right_pinky"),
    *("left_index", "right_index", "left_thumb", "right_thumb", "left_hip", "right_hip"),
    *("left_knee", "right_knee", "left_ankle", "right_ankle", "left_heel", "right_heel"),
    *("left_foot_index", "right_foot_index"),
)
LANDMARK_COUNT = len(LANDMARKS)

# The last axis of landmarks: x and y in shares of the image's width and height, z in shares of its width with the
# hips at 0 and less being nearer; visibility and presence from 0 to 1.
CHANNELS = ("x", "y", "z", "visibility", "presence")
WORLD_CHANNELS = ("x", "y", "z")  # Metres from the middle of the hips.
VISIBILITY = CHANNELS.index("visibility")

BONES = (
    *((0, 1), (1, 2), (2, 3), (3, 7), (0, 4), (4, 5), (5, 6), (6, 8), (9, 10)),
    *((11, 12), (11, 23), (12, 24), (23, 24)),
    *((11, 13), (13, 15), (15, 17), (15, 19), (15, 21), (17, 19)),
    *((12, 14), (14, 16), (16, 18), (16, 20), (16, 22), (18, 20)),
    *((23, 25), (25, 27), (27, 29), (29, 31), (27, 31)),
    *((24, 26), (26, 28), (28, 30), (30, 32), (28, 32)),
)

LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP = 11, 12, 23, 24

# COCO's keypoints, each one of ours.
COCO17 = {
    "nose": 0,
    "left_eye": 2,
    "right_eye": 5,
    "left_ear": 7,
    "right_ear": 8,
    "left_shoulder": 11,
    "right_shoulder": 12,
    "left_elbow": 13,
    "right_elbow": 14,
    "left_wrist": 15,
    "right_wrist": 16,
    "left_hip": 23,
    "right_hip": 24,
    "left_knee": 25,
    "right_knee": 26,
    "left_ankle": 27,
    "right_ankle": 28,
}
COCO17_BONES = (
    *((15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8)),
    *((7, 9), (8, 10), (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6)),
)

# OpenPose's BODY_25, each the mean of ours: neck and mid-hip are between two.
OPENPOSE_BODY_25 = (
    *((0,), (11, 12), (12,), (14,), (16,), (11,), (13,), (15,), (23, 24)),
    *((24,), (26,), (28,), (23,), (25,), (27,), (5,), (2,), (8,), (7,)),
    *((31,), (31,), (29,), (32,), (32,), (30,)),
)


def torso_length(landmarks: NDArray[np.floating], width: int, height: int) -> NDArray[np.float64]:
    """Distance from the middle of the shoulders to the middle of the hips.

    Args:
        landmarks: (..., 33, 5), as `CHANNELS`.
        width: Of the image, pixels.
        height: Likewise.

    Returns:
        (...) pixels.
    """
    xy = np.asarray(landmarks[..., :2], np.float64) * (width, height)
    shoulders = (xy[..., LEFT_SHOULDER, :] + xy[..., RIGHT_SHOULDER, :]) / 2
    hips = (xy[..., LEFT_HIP, :] + xy[..., RIGHT_HIP, :]) / 2
    length: NDArray[np.float64] = np.linalg.norm(shoulders - hips, axis=-1)
    return length
