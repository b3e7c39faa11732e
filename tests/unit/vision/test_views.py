import numpy as np
import pytest
from PIL import Image

from framesift.vision.views import is_plain, middle_square, squash, three_views


def test_views_are_what_the_usual_transforms_give(photographs):
    """Crop-before-resize stays near resize-then-crop by Pillow, the plain way."""
    image = photographs[1]
    picture = Image.fromarray(image)
    views = three_views(image)
    assert (views.shape, views.dtype) == ((3, 224, 224, 3), np.uint8)
    for view, short_side in ((views[0], 256), (views[2], 320)):
        scale = short_side / min(picture.size)
        scaled = picture.resize([round(side * scale) for side in picture.size], Image.Resampling.BILINEAR)
        left, top = ((side - 224) // 2 for side in scaled.size)
        wanted = np.asarray(scaled.crop((left, top, left + 224, top + 224))).astype(int)
        assert np.abs(view.astype(int) - wanted).mean() < 5
    wanted = np.asarray(picture.resize((224, 224), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(views[1].astype(int) - wanted).mean() < 5


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (7, 3), (224, 224)])
def test_pictures_of_any_shape_have_views(shape):
    assert three_views(np.zeros((*shape, 3), np.uint8)).shape == (3, 224, 224, 3)


def test_the_middle_square_is_in_the_middle():
    image = np.zeros((10, 20, 3), np.uint8)
    image[3:7, 8:12] = 1
    assert (middle_square(image, 0.4) == 1).all()
    assert middle_square(image, 0.4).shape == (4, 4, 3)


def test_squash_ignores_the_aspect():
    assert squash(np.full((30, 90, 3), 9, np.uint8), 16).tolist() == np.full((16, 16, 3), 9).tolist()


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_one_colour_is_plain_even_with_noise(grey):
    noise = np.random.default_rng(0).integers(-3, 4, size=(200, 300, 3))
    assert is_plain(np.clip(grey + noise, 0, 255).astype(np.uint8))


def test_photographs_are_not_plain_even_dark(photographs):
    assert not any(is_plain(image) for image in photographs)
    assert not is_plain((photographs[0] * 0.2).astype(np.uint8))
