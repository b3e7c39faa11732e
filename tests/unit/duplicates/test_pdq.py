"""PDQ finds what it should, and nothing among plain images."""

import io

import cv2
import numpy as np
import pdqhash
import pytest
from PIL import Image

from framesift.duplicates import pdq
from framesift.duplicates.pdq import MIN_QUALITY, pdq_hash, similar_hashes, similar_hashes_between, trim_margins
from framesift.vision.decode import decode_image
from tests.unit.images import encode


def words_of(*images):
    return np.stack([pdq_hash(image).words for image in images])


def re_encoded(image):
    return decode_image(encode(image, quality=30))


def resized(image):
    return cv2.resize(image, None, fx=0.45, fy=0.45, interpolation=cv2.INTER_AREA)


def mirrored(image):
    return np.ascontiguousarray(image[:, ::-1])


def bordered(image):
    height = image.shape[0] // 8
    return cv2.copyMakeBorder(image, height, height, height, height, cv2.BORDER_CONSTANT, value=(10, 10, 10))


def letterboxed_and_mirrored(image):
    return cv2.copyMakeBorder(mirrored(image), 60, 60, 0, 0, cv2.BORDER_CONSTANT)


def webp(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", quality=40)
    return decode_image(buffer.getvalue())


def tiny(image):
    return cv2.resize(image, (96, 96), interpolation=cv2.INTER_AREA)


EDITS = [tiny, re_encoded, resized, webp, mirrored, bordered, letterboxed_and_mirrored]


@pytest.mark.parametrize("edit", EDITS)
def test_a_re_upload_is_found_and_nothing_else(photographs, edit):
    pairs = similar_hashes(words_of(*photographs, edit(photographs[2])))
    assert (pairs.first.tolist(), pairs.second.tolist()) == ([2], [5])
    assert pairs.scores[0] >= 1 - 31 / 256


def test_two_frames_of_different_colour_around_one_image_are_found(photographs):
    white = cv2.copyMakeBorder(photographs[1], 30, 80, 20, 20, cv2.BORDER_CONSTANT, value=(250, 250, 250))
    assert len(similar_hashes(words_of(bordered(photographs[1]), white))) == 1


def test_a_set_is_asked_in_both_roles(photographs):
    old, new = words_of(*photographs), words_of(bordered(photographs[3]), mirrored(photographs[0]))
    pairs = similar_hashes_between(new, old)
    assert list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == [(0, 3), (1, 0)]
    swapped = similar_hashes_between(old, new)
    assert list(zip(swapped.first.tolist(), swapped.second.tolist(), strict=True)) == [(0, 1), (3, 0)]


def test_the_hash_matches_the_published_one(photographs):
    for image in photographs:
        vector, quality = pdqhash.compute(image)
        mine = pdq_hash(image)
        bits = np.unpackbits(mine.words[0].view(np.uint8))
        assert int((bits != vector).sum()) <= 20
        assert abs(mine.quality - quality) <= 5


def test_distances_are_those_of_the_bits(photographs):
    rng = np.random.default_rng(0)
    words = rng.integers(0, 2**63, size=(600, 4, 4), dtype=np.uint64)
    words[:, 2:] = words[:, :2]  # no margins
    words[:, 1] = words[:, 3] = ~words[:, 0]
    for row in range(0, 600, 50):  # partners 0 to 33 bits away
        words[row + 1] = words[row]
        bits = np.unpackbits(words[row, 0].view(np.uint8))
        bits[: 3 * row // 50] ^= 1
        words[row + 1, 0] = words[row + 1, 2] = np.packbits(bits).view(np.uint64)
        words[row + 1, 1] = words[row + 1, 3] = ~words[row + 1, 0]
    pairs = similar_hashes(words, threshold=31)
    assert pairs.first.tolist() == list(range(0, 550, 50))
    assert pairs.scores.tolist() == pytest.approx([1 - 3 * step / 256 for step in range(11)])


@pytest.mark.parametrize("threshold", [0, 15, 16, 31, 47, 60])
def test_looking_up_chunks_finds_what_comparing_all_finds(monkeypatch, threshold):
    rng = np.random.default_rng(threshold)
    words = rng.integers(0, 2**64, size=(300, 4, 4), dtype=np.uint64)
    words[::2, 2:] = words[::2, :2]  # Half of them have no margins.
    for row in range(0, 300, 3):  # A neighbour up to 70 bits away, in scattered bits or side by side.
        bits = np.unpackbits(words[row].view(np.uint8).reshape(4, 32), axis=1)
        flipped = rng.choice(256, rng.integers(70), replace=False) if row % 2 else np.arange(rng.integers(70))
        bits[:, flipped] ^= 1
        words[row + 1] = np.packbits(bits, axis=1).view(np.uint64)
    words[-20:, :, 0] = 7  # Many share a chunk.
    every = similar_hashes(words, threshold)
    monkeypatch.setattr(pdq, "_FEW_PAIRS", 0)
    monkeypatch.setattr(pdq, "_PLACES_AT_ONCE", 100)
    found = similar_hashes(words, threshold)
    assert len(found) > 0 or threshold == 0
    for one, other in zip((found.first, found.second, found.scores), vars(every).values(), strict=True):
        assert one.tolist() == other.tolist()


def test_no_images_make_no_pair():
    assert len(similar_hashes(np.zeros((0, 4, 4), np.uint64))) == 0


@pytest.mark.parametrize("grey", [0, 127, 255])
def test_plain_images_have_no_quality(grey):
    assert pdq_hash(np.full((100, 80, 3), grey, np.uint8)).quality < MIN_QUALITY


def test_photographs_have_quality(photographs):
    assert all(pdq_hash(image).quality >= MIN_QUALITY for image in photographs)


def test_margins_are_cut_to_the_pixel(photographs):
    image = photographs[1]
    framed = cv2.copyMakeBorder(image, 11, 22, 33, 44, cv2.BORDER_CONSTANT, value=(255, 0, 0))
    assert (trim_margins(framed) == image).all()


def test_an_object_on_a_plain_ground_keeps_its_ground():
    image = np.full((100, 100, 3), 255, np.uint8)
    image[40:60, 40:60] = 0
    assert trim_margins(image).shape == image.shape
    assert trim_margins(np.zeros((50, 60, 3), np.uint8)).shape == (50, 60, 3)
