"""Classifiers: labels with probabilities, features kept, and files that are none are named."""

import numpy as np
import pytest

from framesift.classification import OnnxClassifier
from framesift.classification.added import read_classifier
from framesift.errors import DetectorError, ExternalDataError, NotAClassifierError, RowCountError
from framesift.models import Model
from framesift.vision.image_model import Prepared
from framesift.vision.inputs import prepare_input
from tests.unit.networks import colour_classifier

LABELS = ("red", "green", "blue")


def of_colour(*rgb: int) -> np.ndarray:
    return np.tile(np.array(rgb, np.uint8), (60, 90, 1))


def prepared(classifier: OnnxClassifier, image: np.ndarray) -> Prepared:
    return Prepared(prepare_input(image, classifier.input_form), image.shape[1], image.shape[0])


def opened(tmp_path, **options) -> OnnxClassifier:
    path = colour_classifier(tmp_path / "colours.onnx", **options)
    added = read_classifier(path, "colours", labels=LABELS, version="1")
    return OnnxClassifier(Model(added.card, path), exact=True)


@pytest.mark.parametrize("options", [{}, {"softmax": False}, {"batch": 1}, {"batch": 4}], ids=str)
def test_each_image_gets_its_label_and_its_features(tmp_path, options):
    classifier = opened(tmp_path, **options)
    images = [of_colour(200, 20, 10), of_colour(10, 200, 20), of_colour(20, 10, 200)] * 3
    looks = classifier.look([prepared(classifier, image) for image in images], min_score=0.05, max_predictions=2)
    assert [look.predictions[0].label for look in looks] == list(LABELS) * 3
    logits = 10 * np.array([200, 20, 10]) / 255
    wanted = np.exp(logits) / np.exp(logits).sum()
    assert looks[0].predictions[0].score == pytest.approx(wanted[0], abs=1e-4)
    assert {each.model for look in looks for each in look.predictions} == {"colours@1"}
    assert looks[0].features.dtype == np.float16
    assert looks[0].features == pytest.approx(np.array([200, 20, 10]) / 255, abs=1e-3)


def test_only_probable_labels_are_kept_and_no_more_than_asked_for(tmp_path):
    classifier = opened(tmp_path)
    grey = prepared(classifier, of_colour(100, 100, 100))
    assert [
        len(classifier.look([grey], min_score=s, max_predictions=n)[0].predictions)
        for s, n in [(0.4, 3), (0.3, 3), (0.3, 1)]
    ] == [0, 3, 1]


def test_without_features_there_are_none(tmp_path):
    classifier = opened(tmp_path, features=False)
    assert (
        classifier.look([prepared(classifier, of_colour(9, 9, 9))], min_score=0, max_predictions=3)[0].features is None
    )


def test_the_card_says_how_the_network_is_used(tmp_path):
    path = colour_classifier(tmp_path / "colours.onnx", softmax=False)
    card = read_classifier(path, "colours", labels=LABELS, imagenet=True, resize=36, licence="MIT").card
    assert (card.classifier.scores, card.classifier.width, card.classifier.resize) == ("logits", 32, 36)
    assert card.classifier.mean == (0.485, 0.456, 0.406)
    assert card.label == f"colours@{card.sha256[:12]}"
    assert "features: (3,)" in card.output


def test_imagenets_mean_is_subtracted(tmp_path):
    path = colour_classifier(tmp_path / "colours.onnx")
    added = read_classifier(path, "colours", labels=LABELS, imagenet=True)
    classifier = OnnxClassifier(Model(added.card, path), exact=True)
    look = classifier.look([prepared(classifier, of_colour(124, 116, 104))], min_score=0, max_predictions=3)[0]
    assert look.features == pytest.approx(np.zeros(3), abs=0.02)


@pytest.mark.parametrize(
    ("labels", "error", "says"),
    [
        ((), NotAClassifierError, "no labels"),
        (("one", "two"), NotAClassifierError, "3 scores an image, and 2 labels"),
        (("a", "b", "c\n"), DetectorError, "is no name"),
    ],
)
def test_labels_that_do_not_fit_are_refused(tmp_path, labels, error, says):
    with pytest.raises(error, match=says):
        read_classifier(colour_classifier(tmp_path / "colours.onnx"), "colours", labels=labels)


def test_what_is_no_network_is_named(tmp_path):
    path = tmp_path / "no.onnx"
    path.write_bytes(b"this is no network at all")
    with pytest.raises(NotAClassifierError, match=r"no\.onnx"):
        read_classifier(path, "no", labels=LABELS)


def test_weights_in_other_files_are_never_read(tmp_path):
    import onnx

    model = onnx.load(str(colour_classifier(tmp_path / "colours.onnx")))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    (tmp_path / "split.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ExternalDataError):
        read_classifier(tmp_path / "split.onnx", "split", labels=LABELS)


def test_a_network_that_forgets_the_batch_is_refused(tmp_path):
    import onnx
    from onnx import helper

    model = onnx.load(str(colour_classifier(tmp_path / "colours.onnx")))
    model.graph.node[-1].output[0] = "all"
    model.graph.node.append(helper.make_node("ReduceMean", ["all"], ["scores"], keepdims=1))
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 1
    (tmp_path / "one.onnx").write_bytes(model.SerializeToString())
    with pytest.raises((RowCountError, NotAClassifierError)):
        read_classifier(tmp_path / "one.onnx", "one", labels=LABELS)
