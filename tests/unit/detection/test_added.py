"""Detectors that a person brings: from Azure's zip to detections that come through the bucket of a real HTTP S3."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from moto.server import ThreadedMotoServer
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from typer.testing import CliRunner

from framesift import aws
from framesift.cli import models
from framesift.cli.connection import Connection
from framesift.contracts import Detection
from framesift.detection import open_detector
from framesift.detection.onnx import OnnxDetector
from framesift.detection.onnx.added import AddedModel, read_detector
from framesift.errors import (
    ExternalDataError,
    ModelMismatchError,
    ModelTooCostlyError,
    NotADetectorError,
    NotAnExportError,
    NotFoundError,
    RowCountError,
    SettingsError,
)
from framesift.models import BucketOrigin, default_cache_dir
from framesift.models.card import DetectorForm
from framesift.settings import AnalysisSettings, DetectionSettings, Settings, load_settings
from framesift.storage import S3Store

TAGS = ("person", "logo")
WIDTH, HEIGHT = 64, 48
CELL = 16
ROWS, COLUMNS = HEIGHT // CELL, WIDTH // CELL
ANCHORS = ((0.573, 0.677), (1.87, 2.06), (3.34, 5.47), (7.88, 3.53), (9.77, 9.17))
ITERATION = "ba339713-9c60-4cab-b10b-f776628e9dda"
MIN_SCORE = 0.25


def grid_network(half: bool = False, **metadata: str) -> bytes:
    """Custom Vision's compact form: a convolution with random weights, an output for each anchor and cell."""
    rng = np.random.default_rng(7)
    kind, dtype = (TensorProto.FLOAT16, np.float16) if half else (TensorProto.FLOAT, np.float32)
    channels = len(ANCHORS) * (5 + len(TAGS))
    # Pixels of 0 to 255 come in: weights of a convolution over 16 × 16 of them, for outputs around 1.
    weights = rng.normal(0, 0.0006, (channels, 3, CELL, CELL)).astype(dtype)
    node = helper.make_node("Conv", ["data", "weights"], ["model_outputs0"], strides=[CELL] * 2)
    graph = helper.make_graph(
        [node],
        "grid",
        [helper.make_tensor_value_info("data", kind, [1, 3, HEIGHT, WIDTH])],
        [helper.make_tensor_value_info("model_outputs0", kind, [1, channels, ROWS, COLUMNS])],
        [numpy_helper.from_array(weights, "weights")],
    )
    return _bytes(graph, metadata)


def s1_network(boxes: Sequence[Sequence[float]], classes: Sequence[int], **metadata: str) -> bytes:
    """The form S1: finished boxes; the scores are the means of the first, second and third plane, over 255.

    OpenVINO compiles no outputs that depend on nothing, as `detected_boxes` here: onnxruntime itself takes over.
    """
    axes = numpy_helper.from_array(np.array([2, 3], np.int64), "axes")
    full = numpy_helper.from_array(np.array(255.0, np.float32), "full")
    constants = [
        numpy_helper.from_array(np.array([boxes], np.float32), "boxes"),
        numpy_helper.from_array(np.array([classes], np.int64), "classes"),
    ]
    nodes = [
        helper.make_node("ReduceMean", ["image_tensor", "axes"], ["mean"], keepdims=0),
        helper.make_node("Div", ["mean", "full"], ["detected_scores"]),
        helper.make_node("Identity", ["boxes"], ["detected_boxes"]),
        helper.make_node("Identity", ["classes"], ["detected_classes"]),
    ]
    graph = helper.make_graph(
        nodes,
        "s1",
        [helper.make_tensor_value_info("image_tensor", TensorProto.FLOAT, [1, 3, HEIGHT, WIDTH])],
        [
            helper.make_tensor_value_info("detected_boxes", TensorProto.FLOAT, [1, 3, 4]),
            helper.make_tensor_value_info("detected_classes", TensorProto.INT64, [1, 3]),
            helper.make_tensor_value_info("detected_scores", TensorProto.FLOAT, [1, 3]),
        ],
        [axes, full, *constants],
    )
    return _bytes(graph, metadata)


def _bytes(graph: onnx.GraphProto, metadata: dict[str, str]) -> bytes:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, {f"Image.{name}": value for name, value in metadata.items()})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def azures_zip(path: Path, network: bytes, **manifest: Any) -> Path:
    """The export as Azure gives it; the labels have Windows' line ends there."""
    facts = {
        "DomainType": "ObjectDetection",
        "Platform": "ONNX",
        "ExporterVersion": "2.1",
        "ExportedDate": "2026-11-20T03:00:00Z",
        "IterationId": ITERATION,
        "ModelFileName": "model.onnx",
        "LabelFileName": "labels.txt",
        **manifest,
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cvexport.manifest", json.dumps(facts))
        archive.writestr("labels.txt", "".join(f"{tag}\r\n" for tag in TAGS))
        archive.writestr("model.onnx", network)
        archive.writestr("python/labels.txt", "another\n")
    return path


def photo(width: int = WIDTH, height: int = HEIGHT, seed: int = 1) -> NDArray[np.uint8]:
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def png(image: NDArray[np.uint8]) -> bytes:
    file = BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def decoded(network: bytes, image: NDArray[np.uint8], *, bgr: bool = True) -> list[tuple[str, float, list[float]]]:
    """YOLOv2 by the book, written without our code: a cell, an anchor and a tag at a time, in float64."""
    import onnxruntime

    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    planes = (image[:, :, ::-1] if bgr else image).transpose(2, 0, 1)[None].astype(np.float32)
    (output,) = session.run(None, {"data": planes})

    def logistic(value: float) -> float:
        return 1 / (1 + float(np.exp(-value)))

    candidates = []
    each = 5 + len(TAGS)
    for row in range(ROWS):
        for column in range(COLUMNS):
            for anchor, (width, height) in enumerate(ANCHORS):
                tx, ty, tw, th, to, *tc = output[0, anchor * each : (anchor + 1) * each, row, column].astype(float)
                x, y = (logistic(tx) + column) / COLUMNS, (logistic(ty) + row) / ROWS
                w, h = np.exp(tw) * width / COLUMNS, np.exp(th) * height / ROWS
                softmax = np.exp(tc) / np.exp(tc).sum()
                for tag, share in zip(TAGS, softmax, strict=True):
                    if (score := share * logistic(to)) >= MIN_SCORE:
                        candidates.append((score, tag, (x - w / 2, y - h / 2, x + w / 2, y + h / 2)))
    kept: list[tuple[float, str, tuple[float, float, float, float]]] = []
    for score, tag, box in sorted(candidates, reverse=True):
        if all(tag != other or iou(box, seen) <= 0.45 for _, other, seen in kept):
            kept.append((score, tag, box))
    return [(tag, score, [min(max(side, 0.0), 1.0) for side in box]) for score, tag, box in kept]


def iou(one: Sequence[float], other: Sequence[float]) -> float:
    width = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


def as_corners(found: object) -> list[tuple[str, float, list[float]]]:
    assert isinstance(found, list)
    boxes: list[Detection] = found
    return [
        (box.tag, box.probability, [box.left, box.top, box.left + box.width, box.top + box.height]) for box in boxes
    ]


def opened(added: AddedModel, folder: Path) -> OnnxDetector:
    assert added.card.detector
    (folder / "model.onnx").write_bytes(added.data)
    return OnnxDetector(folder / "model.onnx", added.card.detector, threads=1, exact=True)


@pytest.mark.parametrize(
    "metadata",
    [{}, {"BitmapPixelFormat": "Bgr8", "NominalPixelRange": "NominalRange_0_255"}, {"BitmapPixelFormat": "Rgb8"}],
)
@pytest.mark.parametrize("half", [False, True])
def test_the_compact_domains_grid_equals_yolov2_by_the_book(
    metadata: dict[str, str], half: bool, tmp_path: Path
) -> None:
    added = read_detector(azures_zip(tmp_path / "b.zip", grid_network(half, **metadata)), "b")
    assert (added.card.folder, added.card.detector and added.card.detector.head) == ("b/ba339713", "custom_vision")
    image = photo()
    wanted = decoded(grid_network(), image, bgr=metadata.get("BitmapPixelFormat") != "Rgb8")
    (found,) = opened(added, tmp_path).detect([png(image)], min_score=MIN_SCORE)
    ours = as_corners(found)
    assert len(ours) == len(wanted) > 5
    for (tag, score, corners), (own_tag, own_score, own_corners) in zip(ours, wanted, strict=True):
        assert tag == own_tag
        assert score == pytest.approx(own_score, abs=5e-3 if half else 1e-4)
        assert corners == pytest.approx(own_corners, abs=1e-2 if half else 1e-3)


@pytest.mark.parametrize(("order", "strongest"), [("", 0), ("Rgb8", 0), ("Bgr8", 2)])
def test_s1s_boxes_are_shares_of_the_image_and_its_pixels_rgb_of_0_to_255(
    order: str, strongest: int, tmp_path: Path
) -> None:
    boxes = [[0.1, 0.2, 0.5, 0.6], [0.3, 0.3, 0.9, 0.9], [-0.1, 0.5, 0.4, 1.2]]
    metadata = {"BitmapPixelFormat": order} if order else {}
    added = read_detector(azures_zip(tmp_path / "s1.zip", s1_network(boxes, [0, 1, 1], **metadata)), "b")
    assert added.card.detector == added.card.detector.model_copy(
        update={"head": "custom_vision_s1", "tags": TAGS, "width": WIDTH, "height": HEIGHT}
    )
    red = np.zeros((30, 90, 3), np.uint8)
    red[:, :, 0] = 204  # 0.8 in the plane of red; the image's shape is given up.
    (found,) = opened(added, tmp_path).detect([png(red)], min_score=0.1)
    ((tag, score, corners),) = as_corners(found)
    assert (tag, score) == (TAGS[min(strongest, 1)], pytest.approx(0.8, abs=1e-3))
    assert corners == pytest.approx([min(max(side, 0), 1) for side in boxes[strongest]], abs=1e-6)


# --- through the bucket ---


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[S3Store]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    name = f"models-{uuid.uuid4().hex}"  # moto keeps its buckets for the process, and ports come again.
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    aws.forget_clients()
    aws.s3().create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"})
    monkeypatch.setenv("FRAMESIFT_ANALYSIS__MODEL_CACHE", str(tmp_path / "cache"))
    load_settings.cache_clear()
    yield S3Store(name)
    load_settings.cache_clear()
    aws.forget_clients()
    server.stop()


def predicting_with(model: str) -> Settings:
    return Settings(
        detection=DetectionSettings(provider="onnx", tags=dict.fromkeys(TAGS, MIN_SCORE), model=model),
        analysis=AnalysisSettings(threads=1),
    )


def test_a_detector_goes_through_the_bucket_to_a_verified_cache_and_detects_the_same(
    bucket: S3Store, tmp_path: Path
) -> None:
    added = read_detector(azures_zip(tmp_path / "b.zip", grid_network()), "b")
    BucketOrigin(bucket).push(added.card, added.data)
    settings = predicting_with("b/ba339713")
    detector = open_detector(settings, bucket, None)
    assert (detector.name, dict(detector.tags())) == ("onnx/b/ba339713", {"the model onnx/b/ba339713": TAGS})
    cached = default_cache_dir() / "b/ba339713/model.onnx"
    assert cached.read_bytes() == added.data

    image = png(photo())
    (found,) = detector.detect([image], min_score=MIN_SCORE)
    (alone,) = opened(added, tmp_path).detect([image], min_score=MIN_SCORE)
    assert as_corners(found) == [(tag, pytest.approx(score, abs=1e-2), pytest.approx(corners, abs=1e-2))
                                 for tag, score, corners in as_corners(alone)]  # fmt: skip

    aws.s3().delete_object(Bucket=bucket.bucket, Key="models/b/ba339713/model.onnx")
    assert open_detector(settings, bucket, None).name == detector.name, "the cache serves what is there"
    cached.write_bytes(b"damaged")
    with pytest.raises(ModelMismatchError, match="delete"):
        open_detector(settings, bucket, None)


def test_a_file_that_was_exchanged_in_the_bucket_is_refused(bucket: S3Store, tmp_path: Path) -> None:
    added = read_detector(azures_zip(tmp_path / "b.zip", grid_network()), "b")
    BucketOrigin(bucket).push(added.card, added.data)
    bucket.put("models/b/ba339713/model.onnx", grid_network(half=True))
    with pytest.raises(ModelMismatchError, match="sha256"):
        open_detector(predicting_with("b/ba339713"), bucket, None)
    assert not (default_cache_dir() / "b/ba339713").exists()


def test_the_command_adds_a_detector_and_never_changes_a_version(
    bucket: S3Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Connection(bucket=bucket.bucket, table="", state_machine_arn="", api_url="")
    monkeypatch.setattr("framesift.cli.models.connect", lambda _: here)
    path = azures_zip(tmp_path / "b.zip", grid_network())
    command = ["add", str(path), "--name", "b"]
    for _ in range(2):  # Twice the same is no change.
        ran = CliRunner().invoke(models.app, command)
        assert ran.exit_code == 0, ran.output
    assert open_detector(predicting_with("b/ba339713"), bucket, None).name == "onnx/b/ba339713"
    azures_zip(path, grid_network(half=True))
    with pytest.raises(ModelMismatchError, match="choose another --version"):
        CliRunner().invoke(models.app, command, catch_exceptions=False)
    assert CliRunner().invoke(models.app, [*command, "--version", "2"]).exit_code == 0


@pytest.mark.parametrize("name", ["b/1", "../models/b", "b/../b", "b/", "/b", "a/b/c"])
def test_a_model_that_nobody_added_is_named(name: str, bucket: S3Store) -> None:
    with pytest.raises(NotFoundError, match="framesift models add"):
        open_detector(predicting_with(name), bucket, None)


def test_no_model_and_no_detector_are_named(bucket: S3Store) -> None:
    with pytest.raises(SettingsError, match="NAME/VERSION"):
        open_detector(predicting_with(""), bucket, None)
    with pytest.raises(NotADetectorError, match="no object detector"):
        open_detector(predicting_with("copydetect"), bucket, None)


def test_in_lambda_models_are_kept_where_it_can_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "predict_items")
    assert default_cache_dir() == Path("/tmp/framesift/models")  # noqa: S108 - Lambda's own


# --- what cannot be added ---


def test_an_onnx_file_needs_what_it_does_not_say(tmp_path: Path) -> None:
    path = tmp_path / "best.onnx"
    path.write_bytes(s1_network([[0, 0, 1, 1]] * 3, [0, 0, 0]).replace(b"detected_boxes", b"detected_cubes"))
    with pytest.raises(NotADetectorError, match="--tag"):
        read_detector(path, "mine")
    with pytest.raises(NotADetectorError, match="--head"):
        read_detector(path, "mine", tags=TAGS)
    added = read_detector(path, "mine", tags=TAGS, head="yolov8", version="2")
    assert (added.card.folder, added.card.detector and added.card.detector.width) == ("mine/2", WIDTH)
    with pytest.raises(NotADetectorError, match="name: String should match"):
        read_detector(path, "no name", tags=TAGS, head="yolov8")


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ({"DomainType": "Classification"}, "export of Classification for ONNX"),
        ({"Platform": "TensorFlow"}, "for TensorFlow"),
    ],
)
def test_another_export_is_named(manifest: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(NotADetectorError, match=said):
        read_detector(azures_zip(tmp_path / "b.zip", grid_network(), **manifest), "b")


def test_a_file_that_is_no_network_is_named(tmp_path: Path) -> None:
    (tmp_path / "b.onnx").write_bytes(b"no network")
    with pytest.raises(NotADetectorError, match="no ONNX network"):
        read_detector(tmp_path / "b.onnx", "b", tags=TAGS)


@pytest.mark.parametrize(
    "manifest",
    [
        {"LabelFileName": "nothing.txt"},
        {"ModelFileName": "nothing.onnx"},
        {"ModelFileName": ["model.onnx"]},
        {"LabelFileName": None},
    ],
)
def test_an_export_that_lacks_something_is_named(manifest: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(NotAnExportError, match="no export of Custom Vision"):
        read_detector(azures_zip(tmp_path / "b.zip", grid_network(), **manifest), "b")


@pytest.mark.parametrize("manifest", [b"", b"\xff", b"[" * 200_000, b" " * (1 << 21)], ids=range(4))
def test_a_manifest_that_cannot_be_read_is_named(manifest: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("cvexport.manifest", manifest)
    with pytest.raises(NotAnExportError, match=r"cvexport\.manifest"):
        read_detector(tmp_path / "b.zip", "b")


@pytest.mark.parametrize("manifest", [b"[]", b"7", b'"x"', b"null", b"{}", b'{"DomainType": {}}'])
def test_a_manifest_of_another_form_is_no_detectors(manifest: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("cvexport.manifest", manifest)
    with pytest.raises(NotADetectorError, match="export an object detection iteration"):
        read_detector(tmp_path / "b.zip", "b")


def test_an_encrypted_zip_is_named(tmp_path: Path) -> None:
    data = bytearray(azures_zip(tmp_path / "b.zip", grid_network()).read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        position = -1
        while (position := data.find(signature, position + 1)) >= 0:
            data[position + offset] |= 1
    (tmp_path / "b.zip").write_bytes(data)
    with pytest.raises(NotAnExportError, match="encrypted"):
        read_detector(tmp_path / "b.zip", "b")


def test_a_damaged_zip_is_named(tmp_path: Path) -> None:
    data = bytearray(azures_zip(tmp_path / "b.zip", grid_network()).read_bytes())
    data[data.index(b"DomainType")] ^= 1
    (tmp_path / "b.zip").write_bytes(data)
    with pytest.raises(NotAnExportError, match="CRC"):
        read_detector(tmp_path / "b.zip", "b")


@pytest.mark.parametrize(
    ("field", "why"), [("ModelFileName", "no network does"), ("LabelFileName", "at most 1,048,576")]
)
def test_a_zip_that_unpacks_to_far_more_is_refused_before_it_is_unpacked(field: str, why: str, tmp_path: Path) -> None:
    path = azures_zip(tmp_path / "b.zip", grid_network(), **{field: "huge"})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("huge", bytes(1 << 26))
    assert path.stat().st_size < 300_000
    with pytest.raises(NotAnExportError, match=why):
        read_detector(path, "b")


def test_a_zip_of_countless_members_is_refused(tmp_path: Path) -> None:
    path = azures_zip(tmp_path / "b.zip", grid_network())
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(10_000):
            archive.writestr(f"{number}", b"")
    with pytest.raises(NotAnExportError, match="more than 10,000 members"):
        read_detector(path, "b")


def folding_network(side: int) -> bytes:
    """Some bytes that are folded to a constant of side² numbers when they are loaded."""
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["huge"]),
        helper.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0),
        helper.make_node("Add", ["data", "sum"], ["model_outputs0"]),
    ]
    kind = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "fold",
        [kind("data", TensorProto.FLOAT, [1, 3, HEIGHT, WIDTH])],
        [kind("model_outputs0", TensorProto.FLOAT, [1, 3, HEIGHT, WIDTH])],
        [numpy_helper.from_array(np.array([side, side], np.int64), "shape")],
    )
    return _bytes(graph, {})


def plain_network(
    inputs: dict[str, list[int | str]], *, node: str = "Identity", kind: int = TensorProto.FLOAT, **attributes: Any
) -> bytes:
    """One node on the first input, or on a constant."""
    graph = helper.make_graph(
        [helper.make_node(node, [*inputs, "constant"][:1], ["model_outputs0"], **attributes)],
        "plain",
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info("model_outputs0", kind, None)],
        [] if inputs else [numpy_helper.from_array(np.zeros(3, np.float32), "constant")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return bytes(model.SerializeToString())


def read(tmp_path: Path, network: bytes, **given: Any) -> AddedModel:
    (tmp_path / "b.onnx").write_bytes(network)
    return read_detector(tmp_path / "b.onnx", "b", tags=TAGS, **given)


@pytest.mark.skipif(sys.platform != "linux", reason="macOS enforces no limit on memory")
def test_some_bytes_that_unfold_to_gigabytes_are_named(tmp_path: Path) -> None:
    hostile = folding_network(40_000)
    assert len(hostile) < 400
    with pytest.raises(ModelTooCostlyError, match=r"b\.onnx cannot be loaded: it needs more memory"):
        read(tmp_path, hostile)


@pytest.mark.parametrize("where", ["initializer", "node", "branch"])
def test_weights_in_other_files_are_refused_and_never_read(where: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(np.full(3 * HEIGHT * WIDTH, 7, np.float32).tobytes())
    model = onnx.ModelProto.FromString(plain_network({"data": [1, 3, HEIGHT, WIDTH]}))
    tensor = onnx.TensorProto(name="outside", data_type=TensorProto.FLOAT, dims=[1, 3, HEIGHT, WIDTH])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd" if where == "node" else "secret.bin")
    if where == "initializer":
        model.graph.initializer.append(tensor)
    else:
        constant = helper.make_node("Constant", [], ["outside"])
        constant.attribute.add(name="value", type=onnx.AttributeProto.TENSOR).t.CopyFrom(tensor)
        if where == "branch":
            inner = helper.make_graph([constant], "branch", [], [])
            constant = helper.make_node("If", ["data"], ["outside"], then_branch=inner, else_branch=inner)
        model.graph.node.append(constant)
    with pytest.raises(ExternalDataError, match="other files"):
        read(tmp_path, model.SerializeToString())


@pytest.mark.parametrize(
    ("network", "why"),
    [
        (plain_network({}), "takes 0 inputs"),
        (plain_network({"a": [1, 3, 64, 64], "b": [1]}), "takes 2 inputs"),
        (plain_network({"a": [1, 3, 64, 64]}, kind=TensorProto.STRING), r"takes tensor\(string\)"),
        (plain_network({"a": ["n", 3, "h", "w"]}), "--size"),
        (plain_network({"a": []}), "--size"),
        (b"\x3a\xff\xff\xff\xff\x0f", "no ONNX network"),
        (b"", "no ONNX network"),
    ],
    ids=range(7),
)
def test_a_network_that_cannot_be_fed_is_named(network: bytes, why: str, tmp_path: Path) -> None:
    with pytest.raises(NotADetectorError, match=why):
        read(tmp_path, network)


def test_a_network_that_gives_fewer_rows_than_it_got_images_is_named(tmp_path: Path) -> None:
    axes = {"data": ["n", 3, 64, 64]}
    with pytest.raises(RowCountError, match="1 rows for 2 images"):
        read(tmp_path, plain_network(axes, node="ReduceMean", keepdims=1), head="yolov8")
    one_row = plain_network({"data": ["n", 3, 32, 32]}, node="ReduceMean", keepdims=1)
    (tmp_path / "model.onnx").write_bytes(one_row)
    form = DetectorForm(head="yolov8", tags=TAGS, width=32, height=32)
    with pytest.raises((RowCountError, NotADetectorError)):
        OnnxDetector(tmp_path / "model.onnx", form, threads=1).detect([png(photo())] * 2, min_score=MIN_SCORE)


@pytest.mark.parametrize("label", ["[/x]", "[red]", "<script>", "라벨", "a\\b"])
def test_labels_are_data(label: str, bucket: S3Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Connection(bucket=bucket.bucket, table="", state_machine_arn="", api_url="")
    monkeypatch.setattr("framesift.cli.models.connect", lambda _: here)
    (tmp_path / "b.onnx").write_bytes(grid_network())
    ran = CliRunner().invoke(models.app, ["add", str(tmp_path / "b.onnx"), "--name", "b", "--tag", label, "--tag", "x"])
    assert ran.exit_code == 0, ran.exception
    assert f"{label}, x" in ran.output


@pytest.mark.parametrize("label", ["\x1b[2J", "a\nb", "x" * 201, "\u202eabc"], ids=range(4))
def test_labels_that_are_no_names_are_refused(label: str, tmp_path: Path) -> None:
    (tmp_path / "b.onnx").write_bytes(grid_network())
    with pytest.raises(NotADetectorError, match="label 0"):
        read_detector(tmp_path / "b.onnx", "b", tags=[label])


def test_the_detection_image_has_all_that_a_detector_imports() -> None:
    """In a process that has no other packages than that image's."""
    lock = (Path(__file__).parents[3] / "requirements/detection.txt").read_text(encoding="utf-8")
    locked = {line.split("==")[0] for line in lock.splitlines() if line[0].isalnum()}
    program = """
import importlib.metadata, json, re, sys
locked = set(json.loads(sys.argv[1])) | {"framesift"}
for module, packages in importlib.metadata.packages_distributions().items():
    if not locked & {re.sub("[-_.]+", "-", package).lower() for package in packages}:
        sys.modules[module] = None
import framesift.detection.onnx, framesift.detection.azure, functions.predict_items.handler
assert "onnxruntime" in sys.modules
try:
    import faiss
except ModuleNotFoundError:
    sys.exit(0)
"""
    root = Path(__file__).parents[3]
    ran = subprocess.run(
        [sys.executable, "-c", program, json.dumps(sorted(locked))],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
