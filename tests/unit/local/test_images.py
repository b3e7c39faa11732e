"""The images that `framesift local run images` makes, and what it knows about them."""

from __future__ import annotations

from itertools import islice

import cv2
import numpy as np

from framesift.synthetic.vocabulary import DEFECTS, GOOD
from framesift_local.commands.images import choose_photographs, edit_photograph, make_images


def test_as_many_images_as_asked_for_with_their_truth(tmp_path):
    folder = tmp_path / "images" / "50"
    made = make_images(folder, 50)
    assert len({each.name for each in made}) == len(made) == 50
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")}
    assert files == {each.name for each in made}
    assert len({path.read_bytes() for path in folder.rglob("*.*")}) == 50
    parts = [each for each in made if each.name.startswith("parts/")]
    assert len(parts) == 40
    assert {annotation.label for each in parts for annotation in each.annotations} == {GOOD, *DEFECTS}
    for each in made:
        image = cv2.imdecode(np.fromfile(folder / each.name, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        assert image.std() > 3
        assert bool(each.annotations) == bool(each.fields) == each.name.startswith("parts/")
        defects = [annotation for annotation in each.annotations if annotation.label != GOOD]
        assert bool(defects) == ("severity" in each.fields)
        for annotation in defects:
            assert annotation.box is not None
            assert annotation.box.left + annotation.box.width <= 1
            assert annotation.box.top + annotation.box.height <= 1


def test_no_two_images_are_the_same(tmp_path):
    photographs = list(islice(choose_photographs(), 150))
    images = [edit_photograph(*each)[1] for each in photographs]
    assert len({image.tobytes() for image in images}) == len({edit_photograph(*each)[0] for each in photographs}) == 150


def test_a_second_call_takes_what_is_there(tmp_path):
    folder = tmp_path / "20"
    made = make_images(folder, 20)
    (folder / made[0].name).write_bytes(b"mine")
    assert make_images(folder, 20) == made
    assert (folder / made[0].name).read_bytes() == b"mine"
