"""Adds detectors: Custom Vision's export, or any ONNX file with its head and tags named.

Files are not trusted. A zip is read within limits; the network is loaded and tried in a process with limits on memory
and time (see `framesift.sandbox`).
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from framesift.errors import BadValueError, ModelTooCostlyError, NotADetectorError, NotAnExportError
from framesift.models.card import DetectorForm, Head, ModelCard
from framesift.sandbox import Sandbox, SandboxKilledError
from framesift.sources.untrusted import read_json, read_mapping, read_text, show

MAX_MODEL_BYTES = 1 << 30  # The largest detectors have some 500 MB.
_MAX_TEXT_BYTES = 1 << 20  # Of a manifest or a list of labels.
_MAX_MEMBERS = 10_000
_MAX_RATIO = 50  # Weights are nearly random: they compress to nine tenths.
_SMALL_BYTES = 1 << 24  # Up to here, any ratio.
_MAX_LABELS = 10_000
_MAX_LABEL_CHARS = 200
_MANIFEST = "cvexport.manifest"
_TIME_LIMIT_S = 120.0
# Loading takes the file, its parsed form, the optimized form, and the activations of a run.
_MEMORY_BYTES = 1 << 30
_MEMORY_TIMES_FILE = 6


@dataclass(frozen=True)
class AddedModel:
    """A model's file and the card that describes it."""

    card: ModelCard
    data: bytes


@dataclass(frozen=True)
class _Source:
    data: bytes
    tags: Sequence[str]
    origin: str = "an ONNX file"
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
    """Read and test a detector, and make its card.

    Args:
        path: The zip that Custom Vision exports (platform ONNX), or an ONNX file.
        name: The model's name.
        version: Its version; by default the exported iteration's, or the file's digest.
        head: The format of its outputs; Custom Vision's are recognized by the outputs' names.
        tags: Its classes, in the order of their numbers; a zip has them in `labels.txt`.
        size: The side of its square input in pixels, if the file does not fix it.
        licence: The model's licence.

    Raises:
        NotADetectorError: It is not a detector, or lacks something that must be passed as an argument.
        NotAnExportError: The zip is no export of Custom Vision, is damaged or encrypted.
        ExternalDataError: The network's weights are in other files.
        RowCountError: The network gives other than one row for each image.
        ModelTooCostlyError: The network takes more memory or time than its size justifies.

    Example:
        >>> from pathlib import Path
        >>> added = read_detector(Path("export.zip"), "parts")
        >>> added.card.detector.tags
        ('person', 'logo')
    """
    if path.stat().st_size > MAX_MODEL_BYTES:
        raise NotADetectorError(f"{path.name} has more than {MAX_MODEL_BYTES:,} bytes: too large for a detector.")
    source = _from_zip(path) if zipfile.is_zipfile(path) else _Source(path.read_bytes(), tags)
    if not source.tags:
        raise NotADetectorError(f"{path.name} has no labels: name its classes in order with --tag.")
    check_labels(source.tags, path.name)
    module = "framesift.detection.onnx.add_worker"
    found = inspect_network(module, source.data, file_name=path.name, head=head, size=size)
    digest = hashlib.sha256(source.data).hexdigest()
    try:
        card = ModelCard(
            name=name,
            version=version or source.version or digest[:12],
            file="model.onnx",
            sha256=digest,
            size_bytes=len(source.data),
            licence=licence,
            source=source.origin,
            input=f"an image in {found['width']} × {found['height']} pixels",
            output=f"objects: {', '.join(source.tags)}",
            detector=DetectorForm(**found, tags=tuple(source.tags)),
        )
    except ValidationError as error:
        fault = error.errors()[0]
        raise NotADetectorError(f"{path.name} cannot be added: {fault['loc'][-1]}: {fault['msg']}.") from error
    return AddedModel(card, source.data)


def inspect_network(module: str, data: bytes, *, file_name: str, **keywords: Any) -> dict[str, Any]:
    """Call a worker's `inspect` on an untrusted network, with limits that its size justifies.

    Raises:
        ModelTooCostlyError: It takes more memory or time.
    """
    memory = _MEMORY_BYTES + _MEMORY_TIMES_FILE * len(data)
    try:
        with Sandbox(module, timeout_s=_TIME_LIMIT_S, memory_limit_bytes=memory, workers=1) as sandbox:
            return sandbox.call("inspect", data, file_name=file_name, **keywords).fields
    except SandboxKilledError as fault:
        raise ModelTooCostlyError(f"{file_name} cannot be loaded: {fault}.") from None


def check_labels(labels: Sequence[str], file_name: str) -> None:
    """Check that labels are names.

    Raises:
        NotADetectorError: They are too many, or one is too long or cannot be printed.
    """
    if len(labels) > _MAX_LABELS:
        raise NotADetectorError(f"{file_name} has {len(labels):,} labels; at most {_MAX_LABELS:,} are taken.")
    for number, label in enumerate(labels):
        if not label.isprintable() or len(label) > _MAX_LABEL_CHARS:
            raise NotADetectorError(
                f"{file_name}: label {number}, {show(label)}, is no name: at most {_MAX_LABEL_CHARS} printable "
                "characters."
            )


def _from_zip(path: Path) -> _Source:
    try:
        with zipfile.ZipFile(path) as archive:
            if len(archive.infolist()) > _MAX_MEMBERS:
                raise NotAnExportError(f"{path.name} has more than {_MAX_MEMBERS:,} members.")
            return _from_export(archive, path.name)
    except BadValueError as error:
        raise NotAnExportError(f"{path.name} is no export of Custom Vision: {_MANIFEST}: {error}") from None
    except (KeyError, ValueError, NotImplementedError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise NotAnExportError(
            f"{path.name} is no export of Custom Vision ({error}): it has {_MANIFEST}, model.onnx and labels.txt."
        ) from error


def _from_export(archive: zipfile.ZipFile, file_name: str) -> _Source:
    manifest = read_mapping(read_json(_member(archive, _MANIFEST, _MAX_TEXT_BYTES)))
    domain, platform = read_text(manifest.get("DomainType"), 80), read_text(manifest.get("Platform"), 80)
    if (domain, platform) != ("ObjectDetection", "ONNX"):
        raise NotADetectorError(
            f"{file_name} is Custom Vision's export of {domain or 'an unnamed domain'} for "
            f"{platform or 'an unnamed platform'}: "
            "export an object detection iteration for ONNX."
        )
    labels = _member(archive, read_text(manifest.get("LabelFileName")), _MAX_TEXT_BYTES)
    iteration = read_text(manifest.get("IterationId"), 80)
    exported = read_text(manifest.get("ExportedDate"), 80) or "undated"
    return _Source(
        _member(archive, read_text(manifest.get("ModelFileName")), MAX_MODEL_BYTES),
        [label for line in labels.decode("utf-8-sig").splitlines() if (label := line.strip())],
        f"Custom Vision's export of iteration {iteration}, {exported}",
        iteration[:8],
    )


def _member(archive: zipfile.ZipFile, name: str, max_bytes: int) -> bytes:
    info = archive.getinfo(name)
    if info.flag_bits & 1:
        raise NotAnExportError(f"{show(name)} in the zip is encrypted: export it again, without a password.")
    if info.file_size > max_bytes:
        raise NotAnExportError(f"{show(name)} in the zip has {info.file_size:,} bytes; at most {max_bytes:,} are read.")
    if info.file_size > max(_SMALL_BYTES, _MAX_RATIO * info.compress_size):
        raise NotAnExportError(
            f"{show(name)} in the zip unpacks from {info.compress_size:,} to {info.file_size:,} bytes: no network does."
        )
    return archive.read(info)
