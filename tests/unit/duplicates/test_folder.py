"""A folder on disk: clusters, keepers, what cannot be read, and what is written down."""

import csv
import io
import json
import os
import re

import pytest

from framesift.duplicates.clusters import find_duplicates
from framesift.duplicates.folder import SUFFIXES, list_images, read_file, show_name
from framesift.duplicates.report import CSV_COLUMNS, to_csv, to_html, to_json
from framesift.errors import MediaTooLargeError, ModelMissingError, NoImagesError, NotAnImageError

from .conftest import EMOJI, KOREAN, NOT_UTF8


@pytest.fixture(scope="module")
def found(photo_files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for name, data in photo_files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return find_duplicates(folder)


def test_clusters_have_the_largest_image_as_keeper(found):
    assert [(cluster.keeper.path, [one.file.path for one in cluster.duplicates]) for cluster in found.clusters] == [
        ("cat.png", [NOT_UTF8, KOREAN]),
        ("rocket.jpg", [EMOJI]),
    ]
    assert all(0.8 < one.score <= 1 for cluster in found.clusters for one in cluster.duplicates)
    assert (found.images, found.duplicates) == (8, 3)
    assert found.duplicate_bytes == sum(one.file.size_bytes for c in found.clusters for one in c.duplicates)


def test_unreadable_files_are_named_and_cost_only_themselves(found):
    assert {(file.path, file.error) for file in found.unreadable} == {
        ("torn.jpg", "NotAnImageError"),
        ("<b>text</b>.jpg", "NotAnImageError"),
    }
    assert all(file.message.endswith(".") for file in found.unreadable)


def test_progress_ends_with_all(photo_folder):
    calls = []
    find_duplicates(photo_folder, model="pdq", on_progress=lambda done, total: calls.append((done, total)))
    assert calls[0] == (0, 10)
    assert calls[-1] == (10, 10)


def test_identical_files_are_duplicates_even_if_plain(photo_folder):
    (photo_folder / "grey again.jpg").write_bytes((photo_folder / "grey.jpg").read_bytes())
    clusters = {c.keeper.path: c.duplicates for c in find_duplicates(photo_folder).clusters}
    (one,) = clusters["grey again.jpg"]
    assert (one.file.path, one.method, one.score) == ("grey.jpg", "sha256", 1.0)


def test_the_threshold_decides(photo_folder, photographs):
    import cv2

    from tests.unit.images import encode

    (photo_folder / "cropped.jpg").write_bytes(encode(photographs[2][20:-60, 40:-90]))
    turned = cv2.flip(photographs[4], 0)
    (photo_folder / "stars.jpg").write_bytes(encode(photographs[4]))
    (photo_folder / "stars turned.jpg").write_bytes(encode(turned))
    strict, usual = (find_duplicates(photo_folder, threshold=one) for one in (1.0, None))
    assert "coffee.jpg" in {cluster.keeper.path for cluster in usual.clusters}
    assert strict.threshold == 1.0
    assert strict.duplicates <= usual.duplicates


def test_a_model_that_is_not_installed_is_an_error(photo_folder, monkeypatch, tmp_path):
    monkeypatch.setenv("FRAMESIFT_ANALYSIS__MODEL_CACHE", str(tmp_path / "models"))
    with pytest.raises(ModelMissingError, match="models fetch resnet50"):
        find_duplicates(photo_folder, model="resnet50")


@pytest.mark.parametrize("kind", ["missing", "empty"])
def test_a_folder_without_images_is_an_error(tmp_path, kind):
    folder = tmp_path / "photos\x1b[31m"
    if kind == "empty":
        folder.mkdir()
    with pytest.raises(NoImagesError, match=r"photos\\x1b\[31m"):
        find_duplicates(folder)


def test_hidden_files_links_and_other_files_are_left_out(photo_folder, photo_files):
    assert [file.path for file in list_images(photo_folder)] == sorted(photo_files)
    assert ".txt" not in SUFFIXES


def test_a_file_that_cannot_be_read_says_why(photo_folder):
    files = {file.path: file for file in list_images(photo_folder)}
    (photo_folder / "cat.png").unlink()
    with pytest.raises(NotAnImageError, match="No such file"):
        read_file(photo_folder, files["cat.png"])


def test_a_file_that_is_no_photograph_is_not_read(tmp_path):
    with (tmp_path / "disk.png").open("wb") as file:
        os.truncate(file.fileno(), 513 << 20)  # a hole: it takes no space
    (file,) = list_images(tmp_path)
    with pytest.raises(MediaTooLargeError, match="537,919,488 bytes"):
        read_file(tmp_path, file)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("고양이 👩‍🚀.jpg", "고양이 👩‍🚀.jpg"),
        (NOT_UTF8, r"caf\xe9.png"),
        ("two\nlines\x1b[2J", r"two\nlines\x1b[2J"),
        ("gpj.\u202etac", r"gpj.\u202etac"),
    ],
    ids=["letters and emoji", "not UTF-8", "control characters", "a change of direction"],
)
def test_names_are_safe_to_show(name, shown):
    assert show_name(name) == shown
    assert show_name(name).encode("utf-8")


@pytest.mark.parametrize(
    ("name", "cell"),
    [("=1+1.jpg", "'=1+1.jpg"), ("@SUM.jpg", "'@SUM.jpg"), ("a\n=1.jpg", "a=1.jpg"), ("a-b.jpg", "a-b.jpg")],
)
def test_csv_holds_no_formula(tmp_path, name, cell):
    (tmp_path / name).write_bytes(b"no image")
    rows = list(csv.DictReader(io.StringIO(to_csv(find_duplicates(tmp_path, model="pdq")).decode())))
    assert [row["path"] for row in rows] == [cell]


def test_csv_has_a_line_for_each_image_and_leads_back_to_the_files(found):
    text = to_csv(found).decode("utf-8", "surrogateescape")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert [(row["cluster"], row["keep"], row["path"]) for row in rows[:5]] == [
        ("1", "yes", "cat.png"),
        ("1", "no", NOT_UTF8),
        ("1", "no", KOREAN),
        ("2", "yes", "rocket.jpg"),
        ("2", "no", EMOJI),
    ]
    assert all((found.folder / row["path"]).exists() for row in rows)
    assert [row["error"] != "" for row in rows] == [False] * 5 + [True] * 2


def test_json_has_everything(found):
    read = json.loads(to_json(found))
    assert [cluster["keeper"]["path"] for cluster in read["clusters"]] == ["cat.png", "rocket.jpg"]
    assert read["clusters"][0]["duplicates"][0]["file"]["path"] == NOT_UTF8
    assert "most pixels" in read["keeper_rule"]
    assert {file["path"] for file in read["unreadable"]} == {"torn.jpg", "<b>text</b>.jpg"}


def test_the_page_needs_nothing_from_elsewhere_and_names_cannot_become_markup(found):
    page = to_html(found)
    assert page.encode("utf-8")
    assert page.count("data:image/jpeg;base64,") == 5
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page)
    assert "<script" not in page
    assert "<b>text" not in page
    assert "&lt;b&gt;text&lt;/b&gt;.jpg" in page
    assert KOREAN in page
    assert r"caf\xe9.png" in page


def test_the_page_shows_where_an_image_is_gone(photo_folder):
    found = find_duplicates(photo_folder, model="pdq")
    (photo_folder / "rocket.jpg").unlink()
    assert to_html(found).count('class="gone"') == 1
