"""The figures are what their definitions say, and a report compares what it names."""

import json
import sys
from types import ModuleType

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from framesift.cli.copydetect import app
from framesift.copydetect import evaluate
from framesift.copydetect.evaluate import Scores, bootstrap_interval, find_packaged_photos, score, select_half
from framesift.copydetect.hashes import HashMethod, compute_dhash, compute_pdq, compute_phash
from framesift.copydetect.report import fill_card, open_installed_methods
from framesift.copydetect.synthetic import draw_image


@pytest.fixture
def scores():
    return Scores(
        positive=np.array([0.9, 0.8, 0.3, 0.7], np.float32),
        negative=np.array([[0.1, 0.2], [0.75, 0.2], [0.1, 0.0], [0.5, 0.1]], np.float32),
        photo=np.array([0, 0, 1, 1]),
        kind=np.array(["crop mild", "crop strong", "crop mild", "blur mild"]),
        describe_ms=1.0,
    )


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for family in range(4):
        Image.fromarray(draw_image(11, family, 0)).save(folder / f"photo{family}.png")
    return evaluate.find_folder_photos(folder)


def test_recall_at_a_false_positive_rate(scores):
    assert scores.threshold(0) == pytest.approx(0.75)
    assert scores.recall(scores.threshold(0)) == 0.5
    assert scores.threshold(1 / 8) == pytest.approx(0.5)
    assert scores.recall(scores.threshold(1 / 8)) == 0.75
    assert scores.recall(scores.threshold(0), "crop") == pytest.approx(2 / 3)


def test_micro_ap_is_the_mean_precision_at_each_positive(scores):
    # In order: 0.9 + | 0.8 + | 0.75 - | 0.7 + | 0.5 - | 0.3 + | the rest.
    assert scores.micro_ap() == pytest.approx((1 + 1 + 3 / 4 + 4 / 6) / 4)


def test_ties_count_against_the_positives():
    tied = Scores(np.ones(1, np.float32), np.ones((1, 3), np.float32), np.zeros(1, int), np.array(["a"]), 0.0)

    assert tied.micro_ap() == pytest.approx(1 / 4)
    assert tied.recall(tied.threshold(0)) == 0


def test_the_interval_holds_the_value_and_shrinks_to_it_for_one_photo(scores):
    low, high = bootstrap_interval(scores)
    assert low <= scores.micro_ap() <= high
    assert bootstrap_interval(scores.of_photos(np.array([0]))) == (1.0, 1.0)


def test_halves_share_no_photo():
    names = list("fbdaec")
    choose, report = select_half(names, "choose"), select_half(names, "report")

    assert sorted(choose + report) == select_half(names, "all") == list(range(6))
    assert sorted(names[number] for number in choose) == ["a", "c", "e"]


def test_every_query_meets_its_original_and_only_strangers(photos):
    class Knowing:
        """Describes an image by its mean colour: enough to see what is compared with what."""

        name = "mean"

        def describe(self, images):
            return np.stack([image.mean(axis=(0, 1)) for image in images])

        def similarity(self, queries, references):
            return -np.abs(queries[:, None] - references[None]).sum(axis=2).astype(np.float32)

    chosen, reported = (score(Knowing(), photos, half=half) for half in ("choose", "report"))

    assert chosen.positive.shape == (2 * 32,)
    assert chosen.negative.shape == (2 * 32, 1 * 5)
    assert reported.negative.shape == (2 * 32, 3 * 5)
    resized = np.char.startswith(chosen.kind, "resize")
    assert chosen.positive[resized].min() > -2


@pytest.mark.parametrize("bits", [compute_pdq, compute_phash, compute_dhash])
def test_a_hash_finds_the_resized_image_among_others(bits):
    images = [draw_image(11, family, 0) for family in range(6)]
    smaller = [np.asarray(Image.fromarray(image).resize((150, 140))) for image in images]
    method = HashMethod("hash", bits)
    similarity = method.similarity(method.describe(smaller), method.describe(images))

    assert similarity.shape == (6, 6)
    assert (similarity.argmax(axis=1) == np.arange(6)).all()
    assert np.allclose(np.diag(method.similarity(method.describe(images), method.describe(images))), 1)


def test_imagededups_network_is_compared_where_it_is_installed(photos, monkeypatch):
    class CNN:
        """Says and takes what imagededup's does, and sees the mean colours of an image's quarters."""

        def __init__(self, verbose):
            assert not verbose

        def encode_image(self, image_array):
            return np.asarray(Image.fromarray(image_array).resize((2, 2), Image.Resampling.BOX), float).reshape(1, -1)

    methods = ModuleType("imagededup.methods")
    methods.CNN = CNN
    monkeypatch.setitem(sys.modules, "imagededup", ModuleType("imagededup"))
    monkeypatch.setitem(sys.modules, "imagededup.methods", methods)
    method = next(method for method in open_installed_methods() if method.name == "imagededup CNN")
    scores = score(method, photos)

    assert np.allclose(scores.positive[np.char.startswith(scores.kind, "resize mild")], 1, atol=0.01)
    assert scores.negative.max() <= 1 + 1e-6


def test_photographs_are_found_in_installed_packages():
    found = find_packaged_photos()

    assert {"astronaut", "coffee", "china", "flower"} <= set(found)
    assert all(path.is_file() for path in found.values())


def test_the_command_writes_table_image_and_figures(photos, tmp_path, monkeypatch):
    monkeypatch.setenv("FRAMESIFT_ANALYSIS__MODEL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(evaluate, "find_packaged_photos", dict)  # a few photos of our own are enough here
    folder = next(iter(photos.values())).parent
    arguments = ["evaluate", "copydetect", "--photos", str(folder), "--half", "choose", "--to", str(tmp_path)]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)

    figures = json.loads((tmp_path / "evaluation.json").read_text("utf-8"))
    assert result.exit_code == 0
    assert "| copydetect |" in result.stdout
    assert figures["copydetect"]["queries"] == 64
    assert figures["copydetect"]["micro_ap"] > figures["dHash"]["micro_ap"]
    with Image.open(tmp_path / "recall.png") as image:
        assert image.width > 600


def test_a_card_is_filled_with_digest_thresholds_and_figures(photos, tmp_path, monkeypatch):
    monkeypatch.setenv("FRAMESIFT_ANALYSIS__MODEL_CACHE", str(tmp_path / "cache"))
    card = tmp_path / "card.json"
    card.write_text('{"name": "copydetect"}', encoding="utf-8")
    fill_card(card, photos, file=None)
    filled = json.loads(card.read_text("utf-8"))

    assert filled["name"] == "copydetect"
    assert len(filled["sha256"]) == 64
    assert filled["thresholds"]["0.01"] <= filled["thresholds"]["0.001"] <= filled["thresholds"]["0"]
    assert filled["figures"]["all photos"]["queries"] == 4 * 32
