from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from framesift.pose.batched import regions
from framesift.pose.frame import Frame
from tests.unit.videos import person_frames


def frame_of(photo: np.ndarray, pixel_format: str = "yuv420p", rotation_deg: int = 0, **colours: int) -> Frame:
    picture = av.VideoFrame.from_ndarray(person_frames(photo, 1, width=322, height=240)[0], "rgb24")
    return Frame(Fraction(0), 0, picture.reformat(format=pixel_format, **colours), rotation_deg)


@pytest.mark.parametrize(
    ("pixel_format", "colours"),
    [
        ("yuv420p", {}),
        ("yuv420p", {"dst_colorspace": Colorspace.ITU709}),
        ("yuv420p", {"dst_colorspace": Colorspace.BT2020}),
        ("yuv420p", {"dst_color_range": ColorRange.JPEG}),
        ("yuvj420p", {}),
        ("yuv422p", {}),
        ("yuv420p10le", {}),
        ("gray", {}),
    ],
)
@pytest.mark.parametrize("rotation_deg", [0, 90, 180])
def test_a_region_cut_out_of_planes_is_that_of_the_rgb_picture(astronaut, pixel_format, colours, rotation_deg):
    frame = frame_of(astronaut, pixel_format, rotation_deg, **colours)
    rgb, planes = frame.rgb(), frame.planes()
    assert rgb.shape[:2] == planes.luma.shape
    # A turned square that reaches beyond the picture.
    region = np.array([150.0, 130.0, 280.0, 0.3])
    cut = np.empty((256, 256, 3), np.uint8)
    regions.cut(planes, region, cut)
    matrix = cv2.getRotationMatrix2D((150, 130), np.degrees(0.3), 256 / 280)
    matrix[:, 2] += [128 - 150, 128 - 130]
    expected = cv2.warpAffine(rgb, matrix, (256, 256), borderMode=cv2.BORDER_REPLICATE)
    # FFmpeg itself rounds down (a mean of 1), and repeats chroma where this interpolates it.
    difference = cut.astype(int) - expected
    assert abs(difference.mean()) < 1.5
    assert np.abs(difference).mean() < 3


def test_a_letterbox_is_black_around_the_picture(astronaut):
    frame = frame_of(astronaut)
    boxed = regions.letterbox(frame.planes())
    scale = 224 / 322
    matrix = np.array([[scale, 0, 0], [0, scale, 112 - scale * 120]])
    expected = cv2.warpAffine(frame.rgb(), matrix, (224, 224))
    assert not boxed[:28].any()
    assert not boxed[-28:].any()
    assert np.abs(boxed[30:194].astype(int) - expected[30:194]).mean() < 3
