"""Rewrites TFLite files: layers that are not needed are removed."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import flatbuffers  # type: ignore[import-untyped]
from mediapipe.tasks.metadata import schema_py_generated as schema

LANDMARKS_NETWORK = "pose_landmarks_detector.tflite"
_MASK_SHAPE, _PRESENCE_SHAPE = (1, 256, 256, 1), (1, 1)


def read_network(content: bytes) -> Any:
    """Parse a TFLite file: the schema's `ModelT`."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))


def write_network(model: Any) -> bytes:
    """Make a TFLite file of a `ModelT`."""
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def bundle_without_mask(bundle: Path) -> bytes:
    """A bundle (`.task`) whose landmark network computes no segmentation mask, a third of MediaPipe's time."""
    content = io.BytesIO()
    with zipfile.ZipFile(bundle) as source, zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as target:
        for name in source.namelist():
            network = source.read(name)
            target.writestr(name, without_mask(network) if name == LANDMARKS_NETWORK else network)
    return content.getvalue()


def without_mask(network: bytes) -> bytes:
    """Take the layers that only the segmentation mask needs out of a landmark network.

    MediaPipe tells outputs apart by position and looks at the mask only when it is asked for it: the score of presence
    stands in its place. All other outputs stay the same to the bit.

    Returns:
        The network; as it was, where it is not built as the published ones are.
    """
    model = read_network(network)
    graph = model.subgraphs[0]
    by_shape = {tuple(graph.tensors[output].shape): output for output in graph.outputs}
    mask, presence = by_shape.get(_MASK_SHAPE), by_shape.get(_PRESENCE_SHAPE)
    if mask is None or presence is None or len(model.subgraphs) > 1 or model.signatureDefs:
        return network
    graph.outputs = [presence if output == mask else output for output in graph.outputs]
    needed, kept = set(graph.outputs), []
    for operator in reversed(graph.operators):  # They stand in the order in which they run.
        if needed.intersection(operator.outputs):
            needed.update(operator.inputs)
            kept.append(operator)
    graph.operators = kept[::-1]
    return write_network(model)
