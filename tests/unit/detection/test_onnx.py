"""Our reading of networks against the framework's own on the same random weights."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from framesift.contracts import Detection
from framesift.detection.onnx import OnnxDetector
from framesift.detection.onnx.heads import Boxes, suppress
from framesift.errors import NotADetectorError, NotAnImageError
from framesift.models.card import DetectorForm
from framesift.vision.inputs import letterbox, stretch

TAGS = ("person", "logo", "cup")
SIDE = 64
MIN_SCORE = 0.3
OVERLAP = 0.45


def photo(width: int, height: int, seed: int = 0) -> NDArray[np.uint8]:
    """An image without sharp edges, so that a resize is no matter of taste."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def png(image: NDArray[np.uint8]) -> bytes:
    file = BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


class Head(nn.Module):
    """A network as small as can be whose output has a YOLO's layout: decoded boxes in pixels and probabilities."""

    def __init__(self, layout: str) -> None:
        super().__init__()
        self.layout = layout
        extra = 5 if layout == "yolov5" else 4
        self.body = nn.Sequential(nn.Conv2d(3, 16, 8, 8), nn.SiLU(), nn.Conv2d(16, extra + len(TAGS), 1))
        with torch.no_grad():
            self.body[2].weight.mul_(8)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        raw = self.body(planes)
        rows, columns = raw.shape[2:]
        y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        centre_x = (raw[:, 0].sigmoid() * 2 - 0.5 + x) * 8
        centre_y = (raw[:, 1].sigmoid() * 2 - 0.5 + y) * 8
        size = (raw[:, 2:4].sigmoid() * 2) ** 2 * 10
        decoded = torch.cat([centre_x[:, None], centre_y[:, None], size, raw[:, 4:].sigmoid()], 1).flatten(2)
        return decoded.transpose(1, 2) if self.layout == "yolov5" else decoded


def exported(network: nn.Module, path: Path, example: object, outputs: list[str], **options: object) -> Path:
    with warnings.catch_warnings():  # The newer exporter needs a package that nothing else here does.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (example,),
            str(path),
            dynamo=False,
            opset_version=18,
            input_names=["images"],
            output_names=outputs,
            **options,
        )
    return path


@pytest.fixture(scope="module")
def yolo(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Head, Path]]:
    folder = tmp_path_factory.mktemp("onnx")
    made: dict[str, tuple[Head, Path]] = {}

    def make(layout: str) -> tuple[Head, Path]:
        if layout not in made:
            torch.manual_seed(3)
            network = Head(layout)
            example = torch.zeros(1, 3, SIDE, SIDE)
            axes = {"images": {0: "n"}, "output": {0: "n"}}
            made[layout] = network, exported(network, folder / f"{layout}.onnx", example, ["output"], dynamic_axes=axes)
        return made[layout]

    return make


def expected(layout: str, network: Head, image: NDArray[np.uint8]) -> list[tuple[str, float, list[float]]]:
    """The whole way by torch and torchvision alone."""
    boxed, place = letterbox(image, SIDE, SIDE)
    planes = torch.from_numpy(boxed).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        output = network(planes)[0]
    rows = output if layout == "yolov5" else output.T
    probabilities = rows[:, 5:] * rows[:, 4:5] if layout == "yolov5" else rows[:, 4:]
    picked, classes = torch.nonzero(probabilities >= MIN_SCORE, as_tuple=True)
    scores = probabilities[picked, classes]
    corners = torchvision.ops.box_convert(rows[picked, :4], "cxcywh", "xyxy")
    kept = torchvision.ops.batched_nms(corners, scores, classes, OVERLAP)
    height, width = image.shape[:2]
    shift = torch.tensor([place.left, place.top] * 2)
    shares = (corners - shift) / place.scale_x / torch.tensor([width, height] * 2)
    return [(TAGS[classes[i]], float(scores[i]), shares[i].clamp(0, 1).tolist()) for i in kept]


def as_corners(found: list[Detection]) -> list[tuple[str, float, list[float]]]:
    return [
        (each.tag, each.probability, [each.left, each.top, each.left + each.width, each.top + each.height])
        for each in found
    ]


def assert_same(found: list[Detection], wanted: list[tuple[str, float, list[float]]], tolerance: float = 2e-4) -> None:
    visible = [each for each in wanted if each[2][2] - each[2][0] > 1e-4 and each[2][3] - each[2][1] > 1e-4]
    ours = as_corners(found)
    assert len(ours) == len(visible)
    for tag, score, corners in visible:  # In any order: equal probabilities have none.
        match = next(
            (
                each
                for each in ours
                if each[0] == tag
                and each[1] == pytest.approx(score, abs=tolerance)
                and each[2] == pytest.approx(corners, abs=tolerance)
            ),
            None,
        )
        assert match, f"{tag} {score} {corners} is not among {ours}"
        ours.remove(match)


@pytest.mark.parametrize("layout", ["yolov5", "yolov8"])
@pytest.mark.parametrize("size", [(64, 64), (100, 40), (33, 90)])
def test_yolo_heads_equal_torchs_own_boxes(
    layout: str, size: tuple[int, int], yolo: Callable[[str], tuple[Head, Path]]
) -> None:
    network, path = yolo(layout)
    form = DetectorForm(head=layout, tags=TAGS, width=SIDE, height=SIDE)
    detector = OnnxDetector(path, form, iou_threshold=OVERLAP, threads=1, exact=True)
    image = photo(*size)
    (found,) = detector.detect([png(image)], min_score=MIN_SCORE)
    wanted = expected(layout, network, image)
    assert isinstance(found, list)
    assert len(wanted) >= 3
    assert_same(found, wanted)


def test_a_batch_gives_what_single_images_give(yolo: Callable[[str], tuple[Head, Path]]) -> None:
    _, path = yolo("yolov8")
    form = DetectorForm(head="yolov8", tags=TAGS, width=SIDE, height=SIDE)
    detector = OnnxDetector(path, form, batch=4, threads=1, exact=True)
    images = [png(photo(60 + number, 50, number)) for number in range(9)]
    images[4] = b"no image"
    together = detector.detect(images, min_score=MIN_SCORE)
    assert isinstance(together[4], NotAnImageError)
    for number, image in enumerate(images):
        if number != 4:
            (alone,) = detector.detect([image], min_score=MIN_SCORE)
            assert isinstance(alone, list)
            assert isinstance(together[number], list)
            assert_same(together[number], as_corners(alone))


def test_a_torchvision_detector_equals_itself(tmp_path: Path) -> None:
    torch.manual_seed(5)
    network = torchvision.models.detection.ssdlite320_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=1 + len(TAGS), detections_per_img=20, topk_candidates=50
    ).eval()
    with torch.no_grad():  # Random weights are sure of nothing: let layers see an image, and spread what they say.
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = None
        network.train()
        network.head(list(network.backbone(torch.rand(2, 3, 320, 320)).values()))
        network.eval()
        for name, parameter in network.head.named_parameters():
            if "classification" in name and parameter.dim() > 1:
                parameter.mul_(0.5)
    min_score = 0.56
    example = torch.zeros(3, 320, 320)
    path = exported(network, tmp_path / "ssd.onnx", [example], ["boxes", "scores", "labels"])
    image = photo(320, 320)
    with torch.no_grad():
        (own,) = network([torch.from_numpy(image.copy()).permute(2, 0, 1).float() / 255])
    tags = ("background", *TAGS)
    wanted = [
        (tags[label], float(score), (box / 320).tolist())
        for box, label, score in zip(own["boxes"], own["labels"], own["scores"], strict=True)
        if score >= min_score
    ]
    assert len(wanted) >= 3
    form = DetectorForm(head="torchvision", tags=tags, width=320, height=320)
    detector = OnnxDetector(path, form, threads=1, exact=True)
    (found,) = detector.detect([png(image)], min_score=min_score)
    assert isinstance(found, list)
    assert_same(found, wanted, tolerance=2e-3)
    assert list(detector.tags().values()) == [TAGS]


@pytest.mark.parametrize("seed", range(5))
def test_suppression_equals_torchvisions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    corner, size = rng.uniform(0, 600, (400, 2)), rng.uniform(10, 120, (400, 2))
    boxes = Boxes(
        np.concatenate([corner, corner + size], 1).astype(np.float32),
        rng.permutation(np.linspace(0.1, 0.99, 400)).astype(np.float32),
        rng.integers(0, 80, 400),
    )
    kept = suppress(boxes, 0.5)
    indices = torchvision.ops.batched_nms(
        torch.from_numpy(boxes.xyxy), torch.from_numpy(boxes.scores), torch.from_numpy(boxes.classes), 0.5
    )
    assert kept.scores.tolist() == boxes.scores[indices.numpy()[:300]].tolist()


def test_an_image_keeps_its_shape_in_the_letterbox() -> None:
    boxed, place = letterbox(np.full((50, 100, 3), 255, np.uint8), 64, 64)
    assert place == (0.64, 0.64, 0, 16)
    assert (boxed[:16] == 114).all()
    assert (boxed[16:48] == 255).all()
    assert (boxed[48:] == 114).all()
    assert stretch(np.zeros((50, 100, 3), np.uint8), 64, 64)[1] == (0.64, 1.28, 0, 0)


def test_a_file_that_is_not_what_its_card_says_is_named(yolo: Callable[[str], tuple[Head, Path]]) -> None:
    _, path = yolo("yolov8")
    for head in ("yolov5", "custom_vision", "custom_vision_s1"):
        form = DetectorForm(head=head, tags=TAGS, width=SIDE, height=SIDE)
        with pytest.raises(NotADetectorError, match="card"):
            OnnxDetector(path, form, threads=1).detect([png(photo(64, 64))], min_score=MIN_SCORE)
