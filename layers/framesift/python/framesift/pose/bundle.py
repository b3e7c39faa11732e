"""Builds the `pose-full` bundle from the two networks that the published mediapipe 0.10.21 package carries.

A bundle (`.task`) is a stored zip of two TFLite files whose metadata says how pixels are scaled. The package's files
lack that metadata; everything else about them is as published.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import flatbuffers  # type: ignore[import-untyped]
from mediapipe.tasks.metadata import metadata_schema_py_generated as metadata_schema
from mediapipe.tasks.metadata import schema_py_generated as tflite_schema

from framesift.errors import ModelMismatchError, ModelMissingError, ModelUnreachableError
from framesift.pose.tflite import LANDMARKS_NETWORK, read_network, write_network

PACKAGE = "mediapipe==0.10.21"
_PYTHON_VERSION = "3.12"  # The last one that this release was built for; the networks are the same in all its wheels.
_METADATA_NAME = b"TFLITE_METADATA"
_DOWNLOAD_TIMEOUT_S = 300


@dataclass(frozen=True)
class _Network:
    """A network of the package: its path there, its name in the bundle, and its input `(x - mean) / std`."""

    path: str
    name: str
    sha256: str
    mean: float
    std: float


_NETWORKS = (
    _Network(
        "mediapipe/modules/pose_detection/pose_detection.tflite",
        "pose_detector.tflite",
        "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
        mean=127.5,
        std=127.5,
    ),
    _Network(
        "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
        LANDMARKS_NETWORK,
        "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        mean=0.0,
        std=255.0,
    ),
)


def build_full(destination: Path) -> None:
    """Write the `pose-full` bundle; the models' registry calls it.

    Raises:
        ModelMissingError: The package cannot be downloaded.
        ModelMismatchError: The package holds other networks than it should.
    """
    with tempfile.TemporaryDirectory() as folder:
        bundle_from_wheel(_download_wheel(Path(folder)), destination)


def bundle_from_wheel(wheel: Path, destination: Path) -> None:
    """Write the bundle from the package's wheel; the same bytes each time.

    Raises:
        ModelMismatchError: The wheel lacks a network, or holds another one.
    """
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(destination, "w", zipfile.ZIP_STORED) as bundle:
        for network in _NETWORKS:
            content = source.read(network.path) if network.path in source.namelist() else b""
            if hashlib.sha256(content).hexdigest() != network.sha256:
                raise ModelMismatchError(f"{wheel.name} does not hold the published {network.path}: get {PACKAGE}.")
            # A fixed date (the format's first) makes the bundle's digest the same everywhere.
            bundle.writestr(zipfile.ZipInfo(network.name), _with_normalization(content, network.mean, network.std))


def _download_wheel(folder: Path) -> Path:
    options = ["--no-deps", "--only-binary", ":all:", "--python-version", _PYTHON_VERSION, PACKAGE]
    if importlib.util.find_spec("pip"):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder), *options]
    elif uvx := shutil.which("uvx"):
        command = [uvx, "pip", "download", "--quiet", "--dest", str(folder), *options]
    else:
        raise ModelMissingError("Building pose-full needs pip or uv: install one of them.")
    try:
        # S603: the command is made of the constants above.
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_DOWNLOAD_TIMEOUT_S)  # noqa: S603
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        cause = str(error.stderr or error).strip().splitlines()[-1]
        raise ModelUnreachableError(
            f"{PACKAGE}, which carries the pose networks, could not be downloaded ({cause}): "
            "run `framesift models fetch pose-full` where there is a network."
        ) from error
    return next(folder.glob("*.whl"))


def _with_normalization(tflite: bytes, mean: float, std: float) -> bytes:
    """Return the TFLite file with metadata that says `(x - mean) / std` of an RGB image."""
    model = read_network(tflite)
    buffer = tflite_schema.BufferT()
    buffer.data = _normalization_metadata(mean, std)
    model.buffers.append(buffer)
    entry = tflite_schema.MetadataT()
    entry.name, entry.buffer = _METADATA_NAME, len(model.buffers) - 1
    model.metadata = [kept for kept in model.metadata or [] if kept.name != _METADATA_NAME] + [entry]
    return write_network(model)


def _normalization_metadata(mean: float, std: float) -> bytes:
    normalization = metadata_schema.NormalizationOptionsT()
    normalization.mean, normalization.std = [mean], [std]
    unit = metadata_schema.ProcessUnitT()
    unit.optionsType = metadata_schema.ProcessUnitOptions.NormalizationOptions
    unit.options = normalization
    image = metadata_schema.ImagePropertiesT()
    image.colorSpace = metadata_schema.ColorSpaceType.RGB
    content = metadata_schema.ContentT()
    content.contentPropertiesType = metadata_schema.ContentProperties.ImageProperties
    content.contentProperties = image
    tensor = metadata_schema.TensorMetadataT()
    tensor.name, tensor.content, tensor.processUnits = "image", content, [unit]
    subgraph = metadata_schema.SubGraphMetadataT()
    subgraph.inputTensorMetadata = [tensor]
    metadata = metadata_schema.ModelMetadataT()
    metadata.subgraphMetadata = [subgraph]
    builder = flatbuffers.Builder(0)
    builder.Finish(metadata.Pack(builder), b"M001")
    return bytes(builder.Output())
