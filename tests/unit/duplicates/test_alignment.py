"""Aligning real photographs."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from framesift.duplicates.alignment import SIDE, Alignment, align, local_features

CAT, COFFEE, ROCKET = (np.ascontiguousarray(getattr(data, name)()[..., :3]) for name in ("chelsea", "coffee", "rocket"))

ALIKE = 0.75


def captioned(image):
    image = image.copy()
    image[-image.shape[0] // 6 :] = 255
    cv2.putText(image, "wait for it", (20, image.shape[0] - 20), cv2.FONT_HERSHEY_SIMPLEX, 1, (0, 0, 0), 2)
    return image


def screenshot(image):
    height, width = image.shape[:2]
    page = np.full((2 * height, round(1.5 * width), 3), 245, np.uint8)
    page[height // 3 : height // 3 + height, 30 : 30 + width] = image
    return page


def darker(image):
    return (image * 0.6 + 20).astype(np.uint8)


COPIES = {
    "smaller": lambda image: cv2.resize(image, None, fx=0.4, fy=0.5, interpolation=cv2.INTER_AREA),
    "cropped": lambda image: image[40:-60, 70:-50],
    "mirrored": lambda image: image[:, ::-1],
    "cropped and mirrored": lambda image: image[20:-50, 70:-20][:, ::-1],
    "captioned": captioned,
    "shown on a page": screenshot,
    "darker": darker,
    "turned": lambda image: cv2.warpAffine(
        image, cv2.getRotationMatrix2D((image.shape[1] / 2, image.shape[0] / 2), 12, 1.1), image.shape[1::-1]
    ),
}


def features(image):
    return local_features(np.ascontiguousarray(image))


@pytest.mark.parametrize("edit", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("photo", [CAT, COFFEE, ROCKET], ids=["cat", "coffee", "rocket"])
def test_a_copy_agrees_whichever_comes_first(photo, edit):
    original, copy = features(photo), features(edit(photo))
    for alignment in (align(original, copy), align(copy, original)):
        assert alignment is not None
        assert alignment.confirms(ALIKE), alignment


def test_the_same_place_with_something_else_before_it_is_no_copy():
    """A whole backdrop agrees, but for a third of it: that is another image."""
    scenes = []
    for thing, left in ((ROCKET, 30), (COFFEE, 180)):
        scene = CAT.copy()
        scene[50:270, left : left + 240] = cv2.resize(thing, (240, 220), interpolation=cv2.INTER_AREA)
        scenes.append(features(scene))

    alignment = align(*scenes)
    assert alignment is not None, "they do lie over each other"
    assert alignment.covered > 0.9
    assert not alignment.confirms(ALIKE), alignment


def test_the_less_alike_the_more_must_agree():
    assert Alignment(covered=1, agreeing=0.7).confirms(0.81)
    assert not Alignment(covered=1, agreeing=0.7).confirms(0.79)
    assert Alignment(covered=1, agreeing=0.95).confirms(0.56)
    assert not Alignment(covered=0.8, agreeing=1).confirms(0.9), "neither lies within the other"


def test_strangers_have_nothing_in_common():
    for one, other in ((CAT, COFFEE), (COFFEE, ROCKET), (ROCKET, CAT)):
        alignment = align(features(one), features(other))
        assert alignment is None or not alignment.confirms(ALIKE)


def test_an_image_without_structure_agrees_with_nothing():
    plain = features(np.full((90, 120, 3), 128, np.uint8))
    assert plain.points.shape == (0, 2)
    assert align(plain, plain) is None
    assert align(features(CAT), plain) is None


def test_mirrored_features_are_those_of_the_mirrored_image():
    mirrored, of_mirrored = features(COFFEE).mirrored(), features(COFFEE[:, ::-1])
    cosines = mirrored.descriptors @ of_mirrored.descriptors.T
    nearest = cosines.argmax(axis=1)
    same = cosines.max(axis=1) > 0.99

    assert same.mean() > 0.9
    assert np.median(np.abs(mirrored.points - of_mirrored.points[nearest])[same]) < 1


@pytest.mark.parametrize("shape", [(1000, 300), (200, 2000), (40, 60)])
def test_images_are_compared_at_one_size_and_never_enlarged(shape):
    grey = features(cv2.resize(CAT, shape[::-1])).grey
    assert max(grey.shape) == min(SIDE, max(shape))
