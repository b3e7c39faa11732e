"""An index is kept, brought up to date and searched."""

import io
import os
from dataclasses import replace

import numpy as np
import pytest

from framesift.duplicates.clusters import find_duplicates
from framesift.duplicates.compare import Criteria, find_similar
from framesift.duplicates.fingerprints import Fingerprints, fingerprint
from framesift.duplicates.images import Candidate, Comparison, ImageSet
from framesift.duplicates.index import MAX_PIXELS, build_index, load_index, open_model
from framesift.errors import IndexModelError, NotAnImageError, NotAnIndexError, NotFoundError
from tests.unit.images import encode

from .conftest import EMOJI, KOREAN, NOT_UTF8


@pytest.fixture
def index(photo_folder, tmp_path):
    build_index(photo_folder).save(tmp_path / "index.npz")
    return load_index(tmp_path / "index.npz")


def test_an_index_is_read_back_as_it_was_written(index, photo_folder):
    made = build_index(photo_folder)
    assert index.files == made.files
    assert {file.path for file in index.files} >= {KOREAN, NOT_UTF8, EMOJI}
    assert index.unreadable == made.unreadable
    assert index.folder == photo_folder
    assert np.array_equal(index.fingerprints.features, made.fingerprints.features)


def test_only_new_and_changed_files_are_read_again(index, photo_folder, photographs):
    (photo_folder / "stars.jpg").write_bytes(encode(photographs[4]))
    (photo_folder / "coffee.jpg").write_bytes(encode(photographs[0]))
    (photo_folder / "cat.png").unlink()
    for path in (photo_folder / "rocket.jpg", photo_folder / KOREAN):  # what is not read cannot be missed
        facts = path.stat()
        path.write_bytes(b"x" * facts.st_size)
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    read = []

    updated = build_index(photo_folder, previous=index, on_progress=lambda done, total: read.append(total))

    assert read[-1] == 4, "a new one, a changed one, and two that could not be read before"
    before, after = ({file.path: file for file in one.files} for one in (index, updated))
    assert set(after) == set(before) - {"cat.png"} | {"stars.jpg"}
    assert after["rocket.jpg"] == before["rocket.jpg"]
    assert after["coffee.jpg"] != before["coffee.jpg"]
    assert [file.path for file in updated.files] == sorted(after)


def test_an_index_by_another_model_or_of_another_folder_is_not_used(index, photo_folder):
    read = []
    made = build_index(photo_folder, previous=index, model="pdq", on_progress=lambda done, total: read.append(total))
    assert read[-1] == 10
    assert made.fingerprints.embedder == "pdq"
    build_index(
        photo_folder / "sub", previous=index, model="copydetect", on_progress=lambda done, total: read.append(total)
    )
    assert read[-1] == 1


def test_find_takes_an_index(index, photo_folder):
    assert find_duplicates(photo_folder, previous=index) == find_duplicates(photo_folder)


def test_search_finds_copies_of_an_image_from_elsewhere(index, photo_folder, photographs, tmp_path):
    cropped = tmp_path / "new.jpg"
    cropped.write_bytes(encode(photographs[2][15:-15, 22:-22]))
    assert [result.path for result in index.search(cropped)] == ["coffee.jpg"]
    results = index.search(photo_folder / KOREAN)
    assert (results[0].path, results[0].method) == (KOREAN, "sha256")
    assert {result.path for result in results} == {KOREAN, "cat.png", NOT_UTF8}
    unknown = tmp_path / "astronaut.jpg"
    unknown.write_bytes(encode(photographs[0]))
    assert index.search(unknown) == []


def test_a_plain_image_is_found_by_its_bytes_alone(index, photo_folder):
    assert [result.path for result in index.search(photo_folder / "grey.jpg")] == ["grey.jpg"]


def test_unsure_matches_are_confirmed_by_alignment_while_the_files_are_there(
    index, photo_folder, photographs, tmp_path
):
    image = tmp_path / "crop.jpg"
    image.write_bytes(encode(photographs[2][40:-40, 60:-60]))
    unsure = replace(open_model("copydetect"), threshold=0.999, candidate_threshold=0.4)
    assert [(one.path, one.method) for one in index.search(image, model=unsure)] == [("coffee.jpg", "aligned")]
    (photo_folder / "coffee.jpg").unlink()
    assert index.search(image, model=unsure) == []


def test_an_image_is_aligned_with_those_that_are_most_like_it(photographs):
    """Of four images that are alike, each is aligned with the nearest one: pairs that are nobody's nearest are not."""
    unsure = replace(open_model("copydetect"), threshold=2.0, candidate_threshold=-1.0)
    images = [photographs[2][cut : -cut - 1, cut : -cut - 1] for cut in (1, 3, 20, 40)]
    files = {f"{number:x}" * 64: encode(image) for number, image in enumerate(images)}
    candidates = [Candidate(digest, digest, ()) for digest in files]
    fingerprints = Fingerprints.blank(unsure.label, list(files), list(files), unsure.dimension)
    for row, image in enumerate(images):
        fingerprints.fill(row, fingerprint(encode(image), unsure.embedder, max_pixels=MAX_PIXELS))
    fingerprints.features[:] = unsure.embedder.embed([unsure.embedder.prepare(image) for image in images])
    nothing = ImageSet([], Fingerprints.blank(unsure.label, [], [], unsure.dimension))
    read: list[str] = []

    def read_image(candidate: Candidate) -> bytes:
        read.append(candidate.id)
        return files[candidate.id]

    comparison = Comparison(ImageSet(candidates, fingerprints), nothing)
    every = find_similar(comparison, Criteria(unsure, pdq_threshold=0), read_image)["aligned"]
    few = find_similar(comparison, Criteria(unsure, pdq_threshold=0, aligned_each=1), read_image)["aligned"]
    assert len(every) == 6
    assert 2 <= len(few) <= 4
    assert few.items() <= every.items()
    for digest in files:
        best = max(score for pair, score in every.items() if digest in pair)
        assert any(digest in pair and score == best for pair, score in few.items()), "each one's nearest"
    assert sorted(read) == sorted([*files, *files]), "each image is read once in each comparison"


def test_an_image_that_cannot_be_searched_is_an_error(index, photo_folder, tmp_path):
    with pytest.raises(NotAnImageError):
        index.search(photo_folder / "torn.jpg")
    with pytest.raises(NotFoundError, match="nothing"):
        index.search(tmp_path / "nothing.jpg")


def test_an_index_is_searched_by_the_model_that_made_it(index, photo_folder):
    with pytest.raises(IndexModelError, match="build it again"):
        index.search(photo_folder / "cat.png", model=open_model("pdq"))
    unknown = replace(index, fingerprints=replace(index.fingerprints, embedder="clip/7"))
    with pytest.raises(IndexModelError, match="clip/7"):
        unknown.search(photo_folder / "cat.png")


@pytest.mark.parametrize("content", [None, b"", b"text", b"PK\x03\x04 torn", "npz"], ids=str)
def test_another_file_is_no_index(tmp_path, content):
    path = tmp_path / "index.npz"
    if content == "npz":
        np.savez(path, something=np.zeros(3))
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(NotAnIndexError, match="duplicates index"):
        load_index(path)


def test_an_index_with_objects_is_refused(tmp_path):
    path = tmp_path / "index.npz"
    np.savez(path, format=np.array([object()]))
    with pytest.raises(NotAnIndexError):
        load_index(path)


def test_an_unreadable_file_keeps_its_error_apart_from_its_message(index, tmp_path):
    index.save(tmp_path / "index.npz")
    unreadable = {file.path: file for file in load_index(tmp_path / "index.npz").unreadable}
    assert unreadable["torn.jpg"].error == "NotAnImageError"
    assert unreadable["torn.jpg"].message == "A damaged JPEG image: Premature end of JPEG file."


def test_fingerprints_without_messages_are_read():
    blank = Fingerprints.blank("pdq", ["a", "b"], ["A", "B"], 0)
    buffer = io.BytesIO()
    np.savez(buffer, **{name: values for name, values in vars(blank).items() if name != "messages"})
    assert Fingerprints.from_bytes(buffer.getvalue()).messages.tolist() == ["", ""]


def test_features_of_another_embedder_resemble_nothing():
    one, other = (Fingerprints.blank(name, ["a"], ["A"], size) for name, size in (("new/1", 4), ("old/1", 8)))
    one.features[:], other.features[:] = 0.5, 0.35
    joined = Fingerprints.concatenate("new/1", 4, [one, other])
    assert joined.features.tolist() == [[0.5] * 4, [0.0] * 4]
