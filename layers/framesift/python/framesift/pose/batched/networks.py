"""The bundle's two networks on OpenVINO: bytes of pixels in, raw tensors out, in batches."""

from __future__ import annotations

import tempfile
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as opset
from openvino import properties
from openvino.preprocess import PrePostProcessor

DETECTOR_SIDE = 224
LANDMARKS_SIDE = 256

# The landmark network's outputs in the file's order; the segmentation, at 2, is left out with the layers before it.
_LANDMARKS, _FLAG, _HEATMAP, _WORLD = 0, 1, 3, 4

# Larger batches are cut: they gain nothing, and each size takes memory and a quarter of a second. Rather than compile
# for one more size, fill a batch up to so many times its own.
_LARGEST_BATCH = 8
_MOST_FILLED = 1.5

Pixels = NDArray[np.uint8]
Tensor = NDArray[np.float32]


class OpenVinoNetwork:
    """A network, compiled for each size of batch that comes: left open, the size costs a fifth of the time.

    Args:
        model: Its first axis is the batch.
        precision: Of its arithmetic.
        threads: To run on.
    """

    def __init__(self, model: ov.Model, precision: ov.Type, threads: int) -> None:
        self._model = model
        self._settings = {
            properties.hint.inference_precision(): precision,
            properties.hint.performance_mode(): properties.hint.PerformanceMode.LATENCY,
            properties.inference_num_threads(): threads,
            # Each worker's threads would be tied to the first cores, all workers' to the same.
            properties.hint.enable_cpu_pinning(): False,
        }
        self._requests: dict[int, Any] = {}

    def run(self, batch: NDArray[Any]) -> list[Tensor]:
        """Run a batch, (N, …) with N at least 1; the outputs are valid until the next run."""
        count = len(batch)
        if count > _LARGEST_BATCH:
            cuts = [batch[i : i + _LARGEST_BATCH] for i in range(0, count, _LARGEST_BATCH)]
            parts = [[output.copy() for output in self.run(cut)] for cut in cuts]
            return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]
        size = min((size for size in self._requests if count <= size <= _MOST_FILLED * count), default=count)
        if size > count:
            batch = np.concatenate([batch, np.zeros((size - count, *batch.shape[1:]), batch.dtype)])
        elif size not in self._requests:
            self._requests[size] = self._compiled(size)
        request = self._requests[size]
        request.infer([batch], share_inputs=True)
        return [request.get_output_tensor(i).data[:count] for i in range(len(self._model.outputs))]

    def _compiled(self, size: int) -> Any:
        model = self._model.clone()
        rest = model.input().partial_shape[1:]
        model.reshape([size, *(axis.get_length() for axis in rest)])
        return ov.Core().compile_model(model, "CPU", self._settings).create_infer_request()


class Networks:
    """The detector and the landmark network of a bundle.

    Where the processor multiplies bfloat16, the landmark network's trunk runs in it. Its heads stay in float32: they
    give coordinates up to 256, of which bfloat16 keeps whole pixels only. The detector seldom runs, in float32.

    Args:
        bundle: A `.task` file.
        threads: To run on.
    """

    def __init__(self, bundle: Path, threads: int) -> None:
        capable = "BF16" in ov.Core().get_property("CPU", properties.device.capabilities())
        self._precision = ov.Type.bf16 if capable else ov.Type.f32
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(bundle) as archive:
            detector = Path(archive.extract("pose_detector.tflite", folder))
            landmarks = Path(archive.extract("pose_landmarks_detector.tflite", folder))
            detecting = _from_bytes(ov.Core().read_model(detector), DETECTOR_SIDE, mean=127.5, std=127.5)
            trunk, heads = _split(ov.Core().read_model(landmarks))
        self._detector = OpenVinoNetwork(detecting, ov.Type.f32, threads)
        self._trunk = OpenVinoNetwork(_from_bytes(trunk, LANDMARKS_SIDE, mean=0.0, std=255.0), self._precision, threads)
        self._heads = OpenVinoNetwork(heads, ov.Type.f32, threads)

    @property
    def runtime(self) -> str:
        """The library and the precision, for the record."""
        return f"openvino {version('openvino')} {self._precision.get_type_name()}"

    def detect(self, pixels: Pixels) -> tuple[Tensor, Tensor]:
        """Raw boxes (2254, 12) and score logits (2254,) of one image (224, 224, 3).

        One at a time: the network's own reshapes would mix a batch. It runs only where somebody is to be found.
        """
        boxes, scores = self._detector.run(pixels[None])
        return boxes[0], scores[0, :, 0]

    def landmarks(self, pixels: Pixels) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Landmarks, presence, heat maps and world landmarks of crops.

        Args:
            pixels: (N, 256, 256, 3) uint8 RGB.

        Returns:
            (N, 39, 5) x, y, z in pixels of the crop and two logits; (N,) from 0 to 1; (N, 64, 64, 39) logits;
            (N, 39, 3) metres.
        """
        features, heatmap = self._trunk.run(pixels)
        landmarks, flag, world = self._heads.run(features)
        count = len(pixels)
        return landmarks.reshape(count, 39, 5), flag[:, 0], heatmap, world.reshape(count, 39, 3)


def _from_bytes(model: ov.Model, side: int, *, mean: float, std: float) -> ov.Model:
    """Let a model take batches of (side, side, 3) uint8 and scale them by `(x - mean) / std` itself."""
    model.reshape([-1, side, side, 3])
    scaling = PrePostProcessor(model)
    scaling.input().tensor().set_element_type(ov.Type.u8)
    scaling.input().preprocess().convert_element_type(ov.Type.f32).mean(mean).scale(std)
    return scaling.build()


def _split(model: ov.Model) -> tuple[ov.Model, ov.Model]:
    """Cut the landmark network before its heads.

    Returns:
        The trunk, which gives features and heat maps, and the heads, which give landmarks, presence and world
        landmarks of the features.
    """
    ends = [_last_convolution(model.outputs[i]) for i in (_LANDMARKS, _FLAG, _WORLD)]
    features = ends[0].input_value(0)
    trunk = ov.Model([features, model.outputs[_HEATMAP]], model.get_parameters()).clone()
    shape = features.get_partial_shape()
    parameter = opset.parameter([-1, *(shape[i].get_length() for i in range(1, len(shape)))], np.float32)
    for end in ends:
        end.input(0).replace_source_output(parameter.output(0))
    return trunk, ov.Model([model.outputs[i] for i in (_LANDMARKS, _FLAG, _WORLD)], [parameter])


def _last_convolution(output: Any) -> Any:
    node = output.get_node()
    while node.get_type_name() != "Convolution":
        node = node.input_value(0).get_node()
    return node
