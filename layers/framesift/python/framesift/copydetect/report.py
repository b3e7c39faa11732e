"""Reports of the evaluation: all methods side by side, and the figures on the model's card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from framesift.copydetect.evaluate import Method, score, summarize
from framesift.copydetect.hashes import make_hash_methods
from framesift.copydetect.model import NAME, CopyDetector
from framesift.embedding.resnet50 import open_on_cpu
from framesift.errors import ModelError
from framesift.models import Model, default_cache_dir, open_registry, shipped_card
from framesift.vision.decode import RgbImage

Figures = Mapping[str, Mapping[str, Any]]
"""The results of `evaluate.summarize`, by method."""


class DetectorMethod:
    """The copy-detection model, with one window per query or all; see `evaluate.Method`."""

    def __init__(self, detector: CopyDetector, *, windows: bool) -> None:
        self.name = f"{NAME}, query windows" if windows else NAME
        self._detector = detector
        self._windows = windows

    def describe(self, images: Sequence[RgbImage]) -> NDArray[np.float16]:
        """Describe images: (N, W, 192), the whole image first."""
        if self._windows:
            return self._detector.embed_windows(images)
        return self._detector.embed(images)[:, None]

    def similarity(self, queries: NDArray[np.generic], references: NDArray[np.generic]) -> NDArray[np.float32]:
        """The best cosine over the queries' windows and the whole references."""
        whole = references[:, 0].astype(np.float32).T
        cosines = [queries[:, place].astype(np.float32) @ whole for place in range(queries.shape[1])]
        return np.asarray(np.max(cosines, axis=0), np.float32)


class ResNet50Method:
    """The pipeline's ResNet50 features; see `evaluate.Method`."""

    name = "resnet50"

    def __init__(self, model: Model) -> None:
        self._embedder = open_on_cpu(model, threads=1)

    def describe(self, images: Sequence[RgbImage]) -> NDArray[np.float16]:
        """Describe images: (N, 2048)."""
        return self._embedder.embed([self._embedder.prepare(image) for image in images])

    def similarity(self, queries: NDArray[np.generic], references: NDArray[np.generic]) -> NDArray[np.float32]:
        """Cosines."""
        return queries.astype(np.float32) @ references.astype(np.float32).T


class ImagededupMethod:
    """imagededup's CNN features, compared by cosine similarity as in that package; see `evaluate.Method`.

    Args:
        cnn: An `imagededup.methods.CNN`.
    """

    name = "imagededup CNN"

    def __init__(self, cnn: Any) -> None:
        self._cnn = cnn

    def describe(self, images: Sequence[RgbImage]) -> NDArray[np.float32]:
        """Describe images: (N, D), L2-normalised."""
        rows = np.concatenate([self._cnn.encode_image(image_array=image) for image in images])
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    def similarity(self, queries: NDArray[np.generic], references: NDArray[np.generic]) -> NDArray[np.float32]:
        """Cosines."""
        return queries.astype(np.float32) @ references.astype(np.float32).T


def open_installed_methods() -> Iterator[Method]:
    """Open the third-party networks whose weights are installed: ResNet50, imagededup's CNN."""
    with suppress(ModelError):
        yield ResNet50Method(open_registry(default_cache_dir()).resolve("resnet50"))
    # It downloads its weights on construction, if it can.
    with suppress(ModuleNotFoundError, OSError):
        yield ImagededupMethod(import_module("imagededup.methods").CNN(verbose=False))


def open_detector(file: Path | None) -> CopyDetector:
    """Open the model that is included, or another file of the same kind."""
    return CopyDetector(None if file is None else Model(shipped_card(NAME), file))


def compare(photos: dict[str, Path], *, file: Path | None, half: Literal["choose", "report", "all"]) -> Figures:
    """Score the model, the hashes, and the third-party networks that are installed.

    Args:
        photos: Files by name.
        file: The model's ONNX file; `None`: the included one.
        half: The photos to edit, as in `evaluate.score`.
    """
    detector = open_detector(file)
    methods: list[Method] = [DetectorMethod(detector, windows=False), DetectorMethod(detector, windows=True)]
    methods += [*make_hash_methods(), *open_installed_methods()]
    return {method.name: summarize(score(method, photos, half=half)) for method in methods}


def format_table(figures: Figures) -> str:
    """Format the figures as a Markdown table, a row per method."""
    lines = [
        "| method | micro-AP (95 % interval) | recall at 1 % | at 0.1 % | at 0.01 % | none false | ms per image |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, figure in figures.items():
        low, high = figure["micro_ap_interval"]
        recalls = " | ".join(f"{value:.3f}" for value in figure["recall"].values())
        interval = f"{figure['micro_ap']:.3f} ({low:.3f} to {high:.3f})"
        lines.append(f"| {name} | {interval} | {recalls} | {figure['describe_ms']:.1f} |")
    return "\n".join(lines)


def fill_card(card: Path, photos: dict[str, Path], *, file: Path | None) -> None:
    """Write into a card the file's digest, the thresholds over all photos and the figures on the `report` half.

    Args:
        card: The JSON file; its other fields are kept.
        photos: Files by name.
        file: The model's ONNX file; `None`: the included one.
    """
    method = DetectorMethod(open_detector(file), windows=False)
    path = file or open_registry(default_cache_dir()).resolve(NAME).path
    known = json.loads(card.read_text(encoding="utf-8"))
    everything = summarize(score(method, photos, half="all"))
    known["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    known["size_bytes"] = path.stat().st_size
    known["thresholds"] = everything["thresholds"]
    known["figures"] = {"all photos": everything, "reported half": summarize(score(method, photos, half="report"))}
    card.write_text(json.dumps(known, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
