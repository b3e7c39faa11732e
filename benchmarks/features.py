"""ResNet50 features of three views, from JPEG bytes, against what one would do otherwise, in one run.

    python -m benchmarks.features [--images 24] [--rounds 5]

The weights are random, with batch normalisations calibrated so that features separate images: speed is what is
measured, and how near the vectors come to the plain way's; nothing about accuracy is. Writes
`benchmarks/results/features.md`.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage import data as skimage_data
from sklearn.datasets import load_sample_images
from torchvision import transforms

from benchmarks.rounds import interleaved, machine, report, table
from framesift.embedding import resnet50_graph
from framesift.embedding.embedder import Embedder
from framesift.embedding.resnet50 import open_on_cpu
from framesift.vision.decode import decode_image
from framesift.vision.onnx_session import usable_cores
from tests.unit.images import model_of, random_network

SIZES = {"480 x 360": (480, 360), "1280 x 720": (1280, 720)}
IMAGES_AT_ONCE = 8

_NORMALISE = transforms.Compose(
    [transforms.ToTensor(), transforms.Normalize(resnet50_graph.MEAN, resnet50_graph.DEVIATION)]
)
PLAIN_VIEWS = [
    transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224), _NORMALISE]),
    transforms.Compose([transforms.Resize((224, 224)), _NORMALISE]),
    transforms.Compose([transforms.Resize(320), transforms.CenterCrop(224), _NORMALISE]),
]

Rows = NDArray[np.float64]


def photographs() -> list[NDArray[np.uint8]]:
    """Photographs that come with scikit-image and scikit-learn."""
    names = ("astronaut", "chelsea", "coffee", "rocket", "hubble_deep_field")
    return [getattr(skimage_data, name)()[..., :3] for name in names] + load_sample_images().images


def jpegs(size: tuple[int, int], count: int) -> list[bytes]:
    """Different cuts of the photographs as JPEG files of that size."""
    rng = np.random.default_rng(0)
    sources = [Image.fromarray(image) for image in photographs()]
    files = []
    for number in range(count):
        source = sources[number % len(sources)]
        left, top = (int(rng.integers(side // 5)) for side in source.size)
        buffer = io.BytesIO()
        part = source.crop((left, top, source.width - left // 2, source.height - top // 2))
        part.resize(size, Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=88)
        files.append(buffer.getvalue())
    return files


def unit(rows: NDArray[Any]) -> Rows:
    """Rows of length 1."""
    exact = rows.astype(np.float64)
    return exact / np.linalg.norm(exact, axis=1, keepdims=True)


def plain(network: torch.nn.Module, files: list[bytes]) -> Rows:
    """Pillow, torchvision's transforms, torch in eager float32, one view at a time."""
    rows = []
    with torch.inference_mode():
        for file in files:
            photo = Image.open(io.BytesIO(file)).convert("RGB")
            views = [network(view(photo)[None])[0].numpy() for view in PLAIN_VIEWS]
            rows.append(np.mean(views, axis=0))
    return unit(np.array(rows))


def batched_onnxruntime(session: onnxruntime.InferenceSession, files: list[bytes]) -> Rows:
    """Pillow, and onnxruntime's own CPU provider in float32 on batches of 24 views."""
    rows: list[NDArray[np.float32]] = []
    for start in range(0, len(files), IMAGES_AT_ONCE):
        views = []
        for file in files[start : start + IMAGES_AT_ONCE]:
            photo = Image.open(io.BytesIO(file)).convert("RGB")
            short = min(photo.size)
            for side in (256, None, 320):
                scaled = [224, 224] if side is None else [round(length * side / short) for length in photo.size]
                resized = photo.resize(scaled, Image.Resampling.BILINEAR)
                left, top = ((length - 224) // 2 for length in resized.size)
                views.append(np.asarray(resized.crop((left, top, left + 224, top + 224))))
        rows.extend(session.run(None, {"pictures": np.stack(views)})[0].reshape(-1, 3, 2048).mean(axis=1))
    return unit(np.array(rows))


def ours(embedder: Embedder, pool: ThreadPoolExecutor, files: list[bytes]) -> Rows:
    """Decode and cut in threads, ahead of the network, as the vision job does."""

    def prepare(file: bytes) -> NDArray[np.uint8]:
        return embedder.prepare(decode_image(file, min_side=embedder.needed_side))

    prepared = [pool.submit(prepare, file) for file in files]
    parts = [
        embedder.embed([future.result() for future in prepared[start : start + IMAGES_AT_ONCE]])
        for start in range(0, len(files), IMAGES_AT_ONCE)
    ]
    return unit(np.concatenate(parts))


def main() -> None:
    """Run the comparison and write its report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(usable_cores())
    network = random_network(photographs()[:5])
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(usable_cores()) as pool:
        path = Path(folder) / "resnet50.onnx"
        resnet50_graph.write_onnx(resnet50_graph.feature_weights(network), path)
        network.fc = torch.nn.Identity()
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        model = model_of(path, "resnet50")
        fast, exact = open_on_cpu(model), open_on_cpu(model, exact=True)
        ways = {
            "Pillow + torch eager float32, a view at a time": partial(plain, network),
            "Pillow + onnxruntime float32, batched": partial(batched_onnxruntime, session),
            f"framesift, {exact.device}": partial(ours, exact, pool),
            f"framesift, {fast.device}": partial(ours, fast, pool),
        }
        lines = _compare(ways, arguments.images, arguments.rounds)
    report(
        "features",
        [*lines, *machine(["torch", "onnxruntime-openvino", "simplejpeg", "opencv-python-headless", "pillow"])],
    )


def _compare(ways: dict[str, Any], count: int, rounds: int) -> list[str]:
    lines = [f"# Features of three views from JPEG bytes, {count} images", ""]
    for name, size in SIZES.items():
        files = jpegs(size, count)
        vectors = {way: run(files) for way, run in ways.items()}
        seconds = interleaved({way: partial(run, files) for way, run in ways.items()}, rounds)
        first = next(iter(ways))
        rows = []
        for way in ways:
            cosines = (vectors[way] * vectors[first]).sum(axis=1)
            moved = np.abs(vectors[way] @ vectors[way].T - vectors[first] @ vectors[first].T).max()
            rate, ratio = count / seconds[way], seconds[first] / seconds[way]
            rows.append([way, f"{rate:.1f}", f"{ratio:.1f} x", f"{cosines.min():.5f}", f"{moved:.4f}"])
        similarities = (vectors[first] @ vectors[first].T)[np.triu_indices(count, 1)]
        header = [name, "images/s", "faster", "least cosine to plain", "most that a pair's similarity moved"]
        spread = f"{similarities.min():.2f} to {similarities.max():.2f}"
        lines += [*table(header, rows), "", f"Similarities between the images: {spread}.", ""]
    return [*lines, f"- medians of {rounds} interleaved rounds; weights are random: no word on accuracy"]


if __name__ == "__main__":
    main()
