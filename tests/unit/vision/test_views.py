import cv2
import numpy as np
import pytest
from PIL import Image
from torchvision import transforms

from framesift.vision.views import is_plain, make_views, squash


@pytest.mark.parametrize("turned", [False, True])
def test_views_are_what_torchvision_gives(photographs, turned):
    """Cut and scaled in one step, or resized and cropped: the same pixels but for rounding."""
    for image in photographs[:3]:
        upright = Image.fromarray(np.ascontiguousarray(image.transpose(1, 0, 2) if turned else image))
        usual = [
            transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224)]),
            transforms.Resize((224, 224)),
            transforms.Compose([transforms.Resize(320), transforms.CenterCrop(224)]),
        ]
        views = make_views(np.asarray(upright))
        assert (views.shape, views.dtype) == ((3, 224, 224, 3), np.uint8)
        for view, transform in zip(views, usual, strict=True):
            difference = np.abs(view.astype(int) - np.asarray(transform(upright)).astype(int))
            assert difference.mean() < 0.5
            assert np.percentile(difference, 99.9) <= 2


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (7, 3), (224, 224)])
def test_images_of_any_shape_have_views(shape):
    assert make_views(np.zeros((*shape, 3), np.uint8)).shape == (3, 224, 224, 3)


@pytest.mark.parametrize("shape", [(701, 430), (128, 900), (255, 256), (1031, 517)])
def test_squash_averages_areas_however_it_gets_there(shape, photographs):
    image = cv2.resize(photographs[0], shape[::-1], interpolation=cv2.INTER_AREA)
    at_once = cv2.resize(image, (128, 128), interpolation=cv2.INTER_AREA)
    assert np.abs(squash(image, 128).astype(int) - at_once).mean() < 3.5


def test_squash_ignores_the_aspect():
    assert squash(np.full((30, 90, 3), 9, np.uint8), 16).tolist() == np.full((16, 16, 3), 9).tolist()


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_one_colour_is_plain_even_with_noise(grey):
    noise = np.random.default_rng(0).integers(-3, 4, size=(200, 300, 3))
    assert is_plain(np.clip(grey + noise, 0, 255).astype(np.uint8))


def test_photographs_are_not_plain_even_dark(photographs):
    assert not any(is_plain(image) for image in photographs)
    assert not is_plain((photographs[0] * 0.2).astype(np.uint8))
