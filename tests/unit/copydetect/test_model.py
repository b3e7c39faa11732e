"""The model that ships: its card's file, the same vectors everywhere, copies near, plain images left out."""

import numpy as np
import pytest
from PIL import Image, ImageOps
from skimage import data

from framesift.copydetect.model import CopyDetector, is_judged
from framesift.copydetect.report import DetectorMethod
from framesift.errors import ModelMismatchError
from framesift.models import default_cache_dir, open_registry, registry, shipped_card
from framesift.settings import load_settings
from tests.unit.copydetect.golden import GOLDEN_FILE, golden_images

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket", "camera", "hubble_deep_field")


@pytest.fixture(autouse=True)
def _cache(monkeypatch, tmp_path):
    monkeypatch.setenv("FRAMESIFT_ANALYSIS__MODEL_CACHE", str(tmp_path))
    load_settings.cache_clear()


@pytest.fixture
def detector():
    return CopyDetector()


@pytest.fixture(scope="module")
def photographs():
    return [np.asarray(Image.fromarray(getattr(data, name)()).convert("RGB")) for name in PHOTOGRAPHS]


def cosines(first, second):
    return first.astype(np.float32) @ second.astype(np.float32).T


def test_the_golden_vectors(detector):
    found = detector.embed(golden_images())

    # Half precision keeps 11 bits; CPUs differ in the order of their sums.
    assert np.abs(found.astype(np.float32) - np.load(GOLDEN_FILE).astype(np.float32)).max() < 2e-3


def test_vectors_are_unit_rows_whatever_the_batch(detector, photographs):
    together = detector.embed(photographs)
    alone = np.concatenate([detector.embed([photograph]) for photograph in photographs])

    assert together.shape == (len(photographs), detector.dimension)
    assert together.dtype == np.float16
    assert np.allclose(np.linalg.norm(together.astype(np.float32), axis=1), 1, atol=1e-3)
    assert np.abs(together.astype(np.float32) - alone.astype(np.float32)).max() < 2e-3
    assert detector.embed([]).shape == (0, detector.dimension)


def test_edited_copies_are_told_from_strangers(detector, photographs):
    one_in_a_thousand = 0.5  # The card's threshold for as many false positives.

    def copies(photograph):
        image = Image.fromarray(photograph)
        width, height = image.size
        yield ImageOps.mirror(image)
        yield ImageOps.expand(image, height // 10, "white")
        yield image.crop((width // 10, height // 10, width, height))
        yield image.resize((width // 2, height // 3))

    originals = detector.embed(photographs)
    for row, photograph in enumerate(photographs):
        edited = detector.embed([np.asarray(copy) for copy in copies(photograph)])
        assert cosines(edited, originals[row : row + 1]).min() > one_in_a_thousand, PHOTOGRAPHS[row]
    strangers = cosines(originals, originals) - 2 * np.eye(len(originals))
    assert strangers.max() < one_in_a_thousand < detector.threshold


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((480, 640, 3), np.uint8),
        np.full((300, 300, 3), (200, 30, 90), np.uint8),
        np.random.default_rng(0).integers(0, 3, (480, 270, 3)).astype(np.uint8),
        np.random.default_rng(0).integers(0, 256, (20, 200, 3)).astype(np.uint8),
    ],
    ids=["black", "one colour", "black with noise", "too small"],
)
def test_what_cannot_be_judged_is_similar_to_nothing(detector, image, photographs):
    assert not is_judged(image)
    vectors = detector.embed([image, image, photographs[0]])
    assert (cosines(vectors[:2], vectors) == 0).all()


def test_photographs_are_judged(photographs):
    assert all(is_judged(photograph) for photograph in photographs)


def test_windows_start_with_the_whole_and_find_what_it_holds(detector, photographs):
    page = np.full((900, 700, 3), 245, np.uint8)
    inset = np.asarray(Image.fromarray(photographs[1]).resize((420, 380)))
    page[40:420, 20:440] = inset
    windows = detector.embed_windows([page])
    method = DetectorMethod(detector, windows=True)
    references = method.describe([photographs[1]])

    assert windows.shape == (1, 6, detector.dimension)
    assert np.abs(windows[0, 0].astype(np.float32) - detector.embed([page])[0].astype(np.float32)).max() < 2e-3
    whole = cosines(windows[0, :1], references[0, :1])
    assert method.similarity(windows, references) >= whole


def test_a_file_that_is_not_its_cards_is_refused(monkeypatch, tmp_path):
    whole = open_registry(default_cache_dir()).resolve("copydetect")
    damaged = bytearray(whole.path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    # A package's folder of its own: the one that ships is only ever read.
    (tmp_path / whole.path.name).write_bytes(damaged)
    monkeypatch.setattr(registry, "PACKAGED", tmp_path)

    with pytest.raises(ModelMismatchError, match="sha256"):
        CopyDetector()


def test_the_card_says_what_the_file_is(detector):
    card = shipped_card("copydetect")
    path = open_registry(default_cache_dir()).resolve("copydetect").path

    assert card.size_bytes == path.stat().st_size <= 6_000_000
    assert card.dimension == 192
    assert 0.3 < detector.threshold < 0.95
