"""The bundle's two networks on OpenVINO: bytes of pixels in, raw tensors out, in batches."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import properties
from openvino.preprocess import PrePostProcessor

DETECTOR_SIDE = 224
LANDMARKS_SIDE = 256

# The landmark network's outputs in the file's order; the segmentation, at 2, is left out with the layers before it.
_LANDMARKS, _FLAG, _HEATMAP, _WORLD = 0, 1, 3, 4

Pixels = NDArray[np.uint8]
Tensor = NDArray[np.float32]


class Network:
    """One compiled network.

    Args:
        file: Of the TFLite network.
        side: Of its square input, pixels.
        mean: Of the input's scaling `(x - mean) / std`.
        std: Likewise.
        outputs: Positions of the outputs to compute.
        threads: To run on.
    """

    def __init__(self, file: Path, side: int, *, mean: float, std: float, outputs: Sequence[int], threads: int) -> None:
        core = ov.Core()
        model = core.read_model(file)
        model = ov.Model([model.outputs[i] for i in outputs], model.get_parameters())
        model.reshape([-1, side, side, 3])
        scaling = PrePostProcessor(model)
        scaling.input().tensor().set_element_type(ov.Type.u8)
        scaling.input().preprocess().convert_element_type(ov.Type.f32).mean(mean).scale(std)
        # bfloat16 where the processor multiplies it; OpenVINO's own choice would be the same on such machines only.
        fast = "BF16" in core.get_property("CPU", properties.device.capabilities())
        self.precision = "bf16" if fast else "f32"
        compiled = core.compile_model(
            scaling.build(),
            "CPU",
            {
                properties.hint.inference_precision(): ov.Type.bf16 if fast else ov.Type.f32,
                properties.hint.performance_mode(): properties.hint.PerformanceMode.LATENCY,
                properties.inference_num_threads(): threads,
            },
        )
        self._request = compiled.create_infer_request()
        self._outputs = len(outputs)

    def run(self, pixels: Pixels) -> list[Tensor]:
        """Run a batch.

        Args:
            pixels: (N, side, side, 3) uint8 RGB, N at least 1.

        Returns:
            The outputs, (N, …) float32 each; valid until the next run.
        """
        self._request.infer([pixels], share_inputs=True)
        return [self._request.get_output_tensor(i).data for i in range(self._outputs)]


class Networks:
    """The detector and the landmark network of a bundle.

    Args:
        bundle: A `.task` file.
        threads: To run on.
    """

    def __init__(self, bundle: Path, threads: int) -> None:
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(bundle) as archive:
            detector = Path(archive.extract("pose_detector.tflite", folder))
            landmarks = Path(archive.extract("pose_landmarks_detector.tflite", folder))
            self._detector = Network(detector, DETECTOR_SIDE, mean=127.5, std=127.5, outputs=(0, 1), threads=threads)
            self._landmarks = Network(
                landmarks,
                LANDMARKS_SIDE,
                mean=0.0,
                std=255.0,
                outputs=(_LANDMARKS, _FLAG, _HEATMAP, _WORLD),
                threads=threads,
            )

    @property
    def runtime(self) -> str:
        """The library and the precision, for the record."""
        return f"openvino {version('openvino')} {self._landmarks.precision}"

    def detect(self, pixels: Pixels) -> tuple[Tensor, Tensor]:
        """Raw boxes (N, 2254, 12) and score logits (N, 2254) of (N, 224, 224, 3)."""
        boxes, scores = self._detector.run(pixels)
        return boxes, scores[..., 0]

    def landmarks(self, pixels: Pixels) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Landmarks, presence, heat maps and world landmarks of crops.

        Args:
            pixels: (N, 256, 256, 3) uint8 RGB.

        Returns:
            (N, 39, 5) x, y, z in pixels of the crop and two logits; (N,) from 0 to 1; (N, 64, 64, 39) logits;
            (N, 39, 3) metres.
        """
        landmarks, flag, heatmap, world = self._landmarks.run(pixels)
        count = len(pixels)
        return landmarks.reshape(count, 39, 5), flag[:, 0], heatmap, world.reshape(count, 39, 3)
