"""Detectors that a person brings: Custom Vision's export as it gives it, or any ONNX file with what it lacks."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from framesift.errors import NotADetectorError
from framesift.models.card import DetectorForm, Head, ModelCard

# A member of a zip that claims to be larger is not unpacked; the largest detectors have some 500 MB.
_MAX_MODEL_BYTES = 1 << 30
_S1_OUTPUTS = {"detected_boxes", "detected_classes", "detected_scores"}
_MANIFEST = "cvexport.manifest"


@dataclass(frozen=True)
class AddedModel:
    """A detector's file and the card that describes it."""

    card: ModelCard
    data: bytes


@dataclass(frozen=True)
class _Source:
    data: bytes
    tags: Sequence[str]
    said: str = "an ONNX file"
    version: str = ""


def read_detector(
    path: Path,
    name: str,
    *,
    version: str = "",
    head: Head | None = None,
    tags: Sequence[str] = (),
    size: int = 0,
    licence: str = "its owner's",
) -> AddedModel:
    """Read a detector, and write its card.

    Args:
        path: The zip that Custom Vision exports (platform ONNX), or an ONNX file.
        name: What the model is to be called.
        version: Its version; by default the exported iteration's, or the file's digest.
        head: How its outputs are read; told by the outputs' names for Custom Vision's.
        tags: What it finds, by its class number; a zip has them in `labels.txt`.
        size: The side of its square input in pixels, where the file leaves it open.
        licence: Whose it is.

    Raises:
        NotADetectorError: It is none, or something must be said that the file does not say.
    """
    source = _from_zip(path) if zipfile.is_zipfile(path) else _Source(path.read_bytes(), tags)
    if not source.tags:
        raise NotADetectorError(f"{path.name} does not say what it finds: name its classes in order with --tag.")
    network = _Network(source.data, path.name)
    width, height = network.size(size)
    digest = hashlib.sha256(source.data).hexdigest()
    try:
        card = ModelCard(
            name=name,
            version=version or source.version or digest[:12],
            file="model.onnx",
            sha256=digest,
            size_bytes=len(source.data),
            licence=licence,
            source=source.said,
            input=f"a picture in {width} × {height} pixels",
            output=f"objects: {', '.join(source.tags)}",
            detector=DetectorForm(head=head or network.head(), tags=tuple(source.tags), width=width, height=height),
        )
    except ValidationError as error:
        fault = error.errors()[0]
        raise NotADetectorError(f"{path.name} cannot be added: {fault['loc'][-1]}: {fault['msg']}.") from error
    return AddedModel(card, source.data)


def _from_zip(path: Path) -> _Source:
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(_member(archive, _MANIFEST))
            if manifest["DomainType"] != "ObjectDetection" or manifest["Platform"] != "ONNX":
                raise NotADetectorError(
                    f"{path.name} is Custom Vision's export of {manifest['DomainType']} for {manifest['Platform']}: "
                    "export an object detection iteration for ONNX."
                )
            labels = _member(archive, manifest["LabelFileName"]).decode("utf-8-sig").splitlines()
            iteration = str(manifest["IterationId"])
            return _Source(
                _member(archive, manifest["ModelFileName"]),
                [label for line in labels if (label := line.strip())],
                f"Custom Vision's export of iteration {iteration}, {manifest.get('ExportedDate', 'undated')}",
                iteration[:8],
            )
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise NotADetectorError(
            f"{path.name} is no export of Custom Vision ({error}): it has {_MANIFEST}, model.onnx and labels.txt."
        ) from error


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > _MAX_MODEL_BYTES:
        raise NotADetectorError(f"{name} has {info.file_size:,} bytes: no detector is so large.")
    return archive.read(info)


class _Network:
    """What an ONNX file says of itself."""

    def __init__(self, data: bytes, file_name: str) -> None:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as faults

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        self._file_name = file_name
        try:
            session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except (faults.Fail, faults.InvalidArgument, faults.InvalidGraph, faults.InvalidProtobuf) as error:
            raise NotADetectorError(f"{file_name} is no ONNX network that can be run: {error}") from error
        self._input_shape: list[Any] = session.get_inputs()[0].shape
        self._outputs = [output.name for output in session.get_outputs()]

    def head(self) -> Head:
        """Custom Vision's forms are told by their outputs."""
        if set(self._outputs) == _S1_OUTPUTS:
            return "custom_vision_s1"
        if self._outputs == ["model_outputs0"]:
            return "custom_vision"
        raise NotADetectorError(
            f"{self._file_name} has the outputs {', '.join(self._outputs)}: say with --head how they are read "
            f"({', '.join(get_args(Head))})."
        )

    def size(self, asked: int) -> tuple[int, int]:
        """Width and height of the input, pixels."""
        height, width = self._input_shape[-2:] if len(self._input_shape) >= 2 else (None, None)
        width, height = (side if isinstance(side, int) else asked for side in (width, height))
        if not width or not height:
            raise NotADetectorError(f"{self._file_name} leaves the size of its input open: say it with --size.")
        return width, height
