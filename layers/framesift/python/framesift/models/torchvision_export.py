"""torchvision's classifiers and detectors as ONNX files, each with a feature vector from before its output layer.

Needs `framesift[torch]`. `framesift models fetch NAME` builds the files with this: weights from their publisher,
checked by the digest in their name; the network traced with its preprocessing; the file refused unless it computes
what torch computes. Jobs read the files with onnxruntime and never load torch.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from framesift.errors import ModelInaccurateError
from framesift.models.normalisation import IMAGENET_DEVIATION, IMAGENET_MEAN

CLASSIFIER_SIDE: Final = 224
DETECTOR_SIDES: Final = {"fasterrcnn_resnet50_fpn_v2": 640, "retinanet_resnet50_fpn_v2": 640}
"""The side, pixels, that detectors take images in; those with a fixed size of their own are not here."""
SSDLITE_SIDE: Final = 320
MAX_DIFFERENCE: Final = 1e-3
"""Between torch's and the file's outputs: of probabilities, and of features relative to their largest."""

_OPSET = 17
_TEST_IMAGES = 2
_BEST_SCORES, _CERTAIN, _SAME_PLACE_PX = 20, 0.3, 2.0


def export_classifier(network: Any, destination: Path) -> None:
    """Write a torchvision classifier: `images` `(N, 224, 224, 3)` uint8 RGB to `scores` and `features`.

    Args:
        network: Its last layer is linear; what goes into it are the features.
        destination: Where the file goes.

    Raises:
        ModelInaccurateError: The file computes something else than torch; no file is left.
    """
    import torch

    wrapped = _classifier(network)
    images = _test_images(CLASSIFIER_SIDE)
    _export(
        wrapped,
        torch.from_numpy(images),
        destination,
        inputs=["images"],
        outputs=["scores", "features"],
        open_batch={name: {0: "n"} for name in ("images", "scores", "features")},
    )
    with torch.inference_mode():
        wanted = [output.numpy() for output in wrapped(torch.from_numpy(images))]
    _check(destination, [(images, wanted)])


def export_detector(network: Any, side: int, destination: Path) -> None:
    """Write a torchvision detector: `image` `(3, side, side)` float32 of 0 to 1 to boxes, labels, scores, features.

    Args:
        network: One of `torchvision.models.detection`.
        side: Width and height of its input, pixels.
        destination: Where the file goes.

    Raises:
        ModelInaccurateError: The file computes something else than torch; no file is left.
    """
    import torch

    wrapped = _detector(network)
    images = np.ascontiguousarray(_test_images(side).transpose(0, 3, 1, 2), np.float32) / 255
    outputs = ["boxes", "labels", "scores", "features"]
    open_count = {name: {0: "k"} for name in outputs[:3]}
    _export(wrapped, torch.from_numpy(images[0]), destination, inputs=["image"], outputs=outputs, open_batch=open_count)
    with torch.inference_mode():
        runs = [(image, [output.numpy() for output in wrapped(torch.from_numpy(image))]) for image in images]
    _check(destination, runs)


def _fetch_classifier(name: str, destination: Path) -> None:
    export_classifier(_published(name), destination)


def _fetch_detector(name: str, destination: Path) -> None:
    side = DETECTOR_SIDES.get(name, SSDLITE_SIDE)
    sizes = {"min_size": side, "max_size": side} if name in DETECTOR_SIDES else {}
    export_detector(_published(name, weights_backbone=None, **sizes), side, destination)


build_resnet50: Callable[[Path], None] = partial(_fetch_classifier, "resnet50")
build_efficientnet: Callable[[Path], None] = partial(_fetch_classifier, "efficientnet_b0")
build_convnext: Callable[[Path], None] = partial(_fetch_classifier, "convnext_tiny")
build_fasterrcnn: Callable[[Path], None] = partial(_fetch_detector, "fasterrcnn_resnet50_fpn_v2")
build_retinanet: Callable[[Path], None] = partial(_fetch_detector, "retinanet_resnet50_fpn_v2")
build_ssdlite: Callable[[Path], None] = partial(_fetch_detector, "ssdlite320_mobilenet_v3_large")


def _published(name: str, **options: Any) -> Any:
    """A torchvision network with its default weights."""
    import torch
    from torchvision import models

    weights = models.get_model_weights(name).DEFAULT
    # `check_hash`: the file's name carries the start of its sha256. `weights_only`: nothing is unpickled.
    state = torch.hub.load_state_dict_from_url(weights.url, map_location="cpu", check_hash=True, weights_only=True)
    network = models.get_model(name, weights=None, num_classes=len(weights.meta["categories"]), **options)
    network.load_state_dict(state)
    return network.eval()


def _classifier(network: Any) -> Any:
    import torch

    class Classifier(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network
            self.features: Any = None
            last = [module for module in network.modules() if isinstance(module, torch.nn.Linear)][-1]
            last.register_forward_pre_hook(self._keep)
            self.register_buffer("mean", 255 * torch.tensor(IMAGENET_MEAN).reshape(1, 3, 1, 1))
            self.register_buffer("deviation", 255 * torch.tensor(IMAGENET_DEVIATION).reshape(1, 3, 1, 1))

        def _keep(self, _: Any, inputs: Any) -> None:
            self.features = inputs[0]

        def forward(self, images: Any) -> tuple[Any, Any]:
            planes = (images.permute(0, 3, 1, 2).float() - self.mean) / self.deviation
            return torch.softmax(self.network(planes), dim=1), self.features

    return Classifier().eval()


def _detector(network: Any) -> Any:
    import torch

    class Detector(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network
            self.maps: Any = None
            # The trunk below a feature pyramid, or the whole of a backbone that has none.
            getattr(network.backbone, "body", network.backbone).register_forward_hook(self._keep)

        def _keep(self, _module: Any, _inputs: Any, outputs: Any) -> None:
            self.maps = list(outputs.values())

        def forward(self, image: Any) -> tuple[Any, Any, Any, Any]:
            found = self.network([image])[0]
            deepest = max(self.maps, key=lambda each: each.shape[1])
            return found["boxes"], found["labels"], found["scores"], deepest.mean(dim=(2, 3))[0]

    return Detector().eval()


def _export(
    network: Any,
    example: Any,
    destination: Path,
    *,
    inputs: list[str],
    outputs: list[str],
    open_batch: dict[str, dict[int, str]],
) -> None:
    import torch

    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # Of tracing: what varies here are sizes, and they are fixed.
        torch.onnx.export(
            network,
            (example,),
            str(destination),
            dynamo=False,
            opset_version=_OPSET,
            input_names=inputs,
            output_names=outputs,
            dynamic_axes=open_batch,
        )


def _check(path: Path, runs: list[tuple[NDArray[Any], list[NDArray[Any]]]]) -> None:
    """Compare the file's outputs with torch's; of a detector's boxes those that count, in any order."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    for given, wanted_rows in runs:
        wanted = dict(zip(names, wanted_rows, strict=True))
        found = dict(zip(names, session.run(None, {session.get_inputs()[0].name: given}), strict=True))
        differing = [] if _are_near(wanted.pop("features"), found.pop("features")) else ["features"]
        if "boxes" in names:
            differing += [] if _show_the_same(wanted, found) else ["boxes"]
        else:
            differing += [name for name, values in wanted.items() if not _are_near(values, found[name])]
        if differing:
            path.unlink()
            raise ModelInaccurateError(
                f"The exported network's {' and '.join(differing)} differ from torch's: use another version of torch."
            )


def _are_near(one: NDArray[Any], other: NDArray[Any]) -> bool:
    scale = max(1.0, float(np.abs(one).max(initial=0)))
    return one.shape == other.shape and bool(np.abs(one - other).max(initial=0) <= MAX_DIFFERENCE * scale)


def _show_the_same(wanted: dict[str, NDArray[Any]], found: dict[str, NDArray[Any]]) -> bool:
    """Whether the best scores agree, and each certain object is found in its place; weak ones may change places."""
    best = [np.sort(each["scores"])[::-1][:_BEST_SCORES] for each in (wanted, found)]
    if len(best[0]) != len(best[1]) or np.abs(best[0] - best[1]).max(initial=0) > 10 * MAX_DIFFERENCE:
        return False
    for box, label, score in zip(wanted["boxes"], wanted["labels"], wanted["scores"], strict=True):
        same = found["labels"] == label
        near = np.abs(found["boxes"][same] - box).max(axis=1, initial=0) <= _SAME_PLACE_PX
        if score >= _CERTAIN and not near.any():
            return False
    return True


def _test_images(side: int) -> NDArray[np.uint8]:
    """Images with structure at several scales, `(N, side, side, 3)` uint8; the same ones each time."""
    rng = np.random.default_rng(0)
    layers = [
        np.kron(rng.integers(0, 85, (_TEST_IMAGES, cells, cells, 3)), np.ones((1, side // cells, side // cells, 1)))
        for cells in (4, 16, side // 2)
    ]
    return np.asarray(sum(layers), np.uint8)
