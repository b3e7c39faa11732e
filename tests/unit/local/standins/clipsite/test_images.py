import datetime as dt
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pdqhash
import pytest

from framesift_local.standins.clipsite import edits, images, scenes
from framesift_local.standins.clipsite.catalogue import Clip, catalogue
from framesift_local.standins.clipsite.photos import Image

CLIPS = list(catalogue(1, dt.date(2026, 11, 20), 60).clips.values())
PDQ_SAME = 31  # The distance up to which PDQ's makers call two images the same.


def pdq(image: Image) -> np.ndarray:
    bits, _quality = pdqhash.compute(np.ascontiguousarray(image[..., ::-1]))
    return bits


def distances(bits: np.ndarray, others: np.ndarray) -> np.ndarray:
    a, b = bits * 2.0 - 1, others * 2.0 - 1
    return (bits.shape[1] - a @ b.T) / 2


def decode(data: bytes) -> Image:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image


def drawn_small(clip: Clip) -> Image:
    return scenes.draw(np.random.default_rng(clip.scene), clip.width // 3, clip.height // 3)


def test_no_two_originals_are_alike_under_pdq_even_mirrored() -> None:
    # Drawn small to be quick; the next test says how little that changes the bits.
    clips = catalogue(1, dt.date(2026, 11, 20), 200).clips.values()
    small = [drawn_small(clip) for clip in clips if not clip.edit]
    bits = np.array([pdq(image) for image in small])
    mirrored = np.array([pdq(image[:, ::-1]) for image in small])
    apart = ~np.eye(len(small), dtype=bool)

    assert len(small) > 600
    assert distances(bits, bits)[apart].min() > 2 * PDQ_SAME
    assert distances(bits, mirrored)[apart].min() > 2 * PDQ_SAME


def test_a_scene_is_the_same_picture_at_any_size() -> None:
    for clip in CLIPS[:8]:
        assert np.count_nonzero(pdq(drawn_small(clip)) != pdq(images.draw(clip))) <= PDQ_SAME


@pytest.mark.parametrize("clip", [*CLIPS[:4], *(clip for clip in CLIPS if clip.edit)][:24], ids=lambda clip: clip.edit)
def test_covers_decode_and_are_the_same_bytes_each_time(clip: Clip) -> None:
    data = images.encode(clip)

    assert data == images.encode(clip)
    assert min(decode(data).shape[:2]) >= 150


def test_covers_come_as_jpeg_webp_and_png(tmp_path: Path) -> None:
    starts = {"jpeg": b"\xff\xd8", "webp": b"RIFF", "png": b"\x89PNG"}
    for extension, start in starts.items():
        clip = replace(CLIPS[0], extension=extension)

        assert images.cover(clip, tmp_path).body.startswith(start)


def test_a_cover_is_read_from_the_cache_when_it_was_drawn_before(tmp_path: Path) -> None:
    drawn = images.cover(CLIPS[0], tmp_path)
    (path,) = tmp_path.rglob("*.*eg")
    path.write_bytes(b"cached")

    assert drawn.body != b"cached"
    assert images.cover(CLIPS[0], tmp_path).body == b"cached"


@pytest.mark.parametrize("kind", edits.KINDS)
def test_an_edit_leaves_its_source_alone_and_is_deterministic(kind: str) -> None:
    source = scenes.draw(np.random.default_rng(1), 360, 640)
    before = source.copy()
    edited = [edits.apply(kind, source, np.random.default_rng(2)) for _ in range(2)]

    assert np.array_equal(source, before)
    assert np.array_equal(*edited)
    assert edited[0].dtype == np.uint8
    assert kind == "reencode" or edited[0].shape != before.shape or not np.array_equal(edited[0], before)


@pytest.mark.parametrize("kind", ["reencode", "resize", "mirror"])
def test_plain_edits_stay_the_same_picture_under_pdq(kind: str) -> None:
    for clip in [clip for clip in CLIPS if clip.edit == kind][:3]:
        original = images.draw(replace(clip, edit=None))
        copy = decode(images.encode(clip))
        if kind == "mirror":
            copy = cv2.flip(copy, 1)

        assert np.count_nonzero(pdq(original) != pdq(copy)) <= PDQ_SAME


@pytest.mark.parametrize("kind", ["crop", "border", "inset"])
def test_hard_edits_are_hard_for_pdq(kind: str) -> None:
    rng = np.random.default_rng(3)
    source = scenes.draw(rng, 360, 640)

    assert np.count_nonzero(pdq(source) != pdq(edits.apply(kind, source, rng))) > PDQ_SAME
