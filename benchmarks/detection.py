"""How much faster ONNX detection is than the plain loop, on this machine's CPU: `python benchmarks/detection.py`.

The plain loop is what a user would write: Pillow decodes, an image is letterboxed and run, and the framework's own
suppression follows, one image at a time. Both use the same network, the same images and the same threads, in turns.
The network is a small YOLO-like one with random weights, made here: 640 pixels, a v8 head with 8,400 boxes of 80 tags.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime
import torch
import torchvision
from PIL import Image
from torch import nn

from framesift.detection.onnx import OnnxDetector
from framesift.models.card import DetectorForm
from framesift_local.standins.youtube.images import draw, encode

SIDE = 640
TAGS = tuple(f"tag{number}" for number in range(80))
MIN_SCORE = 0.5
IOU_THRESHOLD = 0.45


class TinyDetector(nn.Module):
    """About the work of the smallest YOLOs: 8 GFLOP, three scales, decoded boxes and probabilities."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 24, 48, 96, 192, 288)
        self.stages = nn.ModuleList(
            nn.Sequential(nn.Conv2d(narrow, wide, 3, 2, 1), nn.SiLU(), nn.Conv2d(wide, wide, 3, 1, 1), nn.SiLU())
            for narrow, wide in pairwise(widths)
        )
        self.heads = nn.ModuleList(nn.Conv2d(width, 4 + len(TAGS), 1) for width in widths[-3:])

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """(N, 3, 640, 640) float32 to (N, 84, 8400)."""
        scales = []
        for stage in self.stages:
            planes = stage(planes)
            scales.append(planes)
        found = []
        for head, scale, stride in zip(self.heads, scales[-3:], (8, 16, 32), strict=True):
            raw = head(scale)
            rows, columns = raw.shape[2:]
            y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
            centre = torch.stack([(raw[:, 0].sigmoid() + x) * stride, (raw[:, 1].sigmoid() + y) * stride], 1)
            size = raw[:, 2:4].sigmoid() * 4 * stride
            found.append(torch.cat([centre, size, raw[:, 4:].sigmoid()], 1).flatten(2))
        return torch.cat(found, 2)


def export(path: Path) -> None:
    """Make the network's file; its scores are set so that some boxes remain."""
    torch.manual_seed(1)
    network = TinyDetector().eval()
    for head in network.heads:
        nn.init.normal_(head.weight, 0, 6.0)
        nn.init.constant_(head.bias, -1.6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, SIDE, SIDE),),
            str(path),
            dynamo=False,
            opset_version=18,
            input_names=["images"],
            output_names=["output"],
            dynamic_axes={"images": {0: "n"}, "output": {0: "n"}},
        )


def plain(session: onnxruntime.InferenceSession, images: list[bytes]) -> int:
    """The loop that a user would write; gives how many boxes it found."""
    found = 0
    for data in images:
        image = Image.open(BytesIO(data)).convert("RGB")
        scale = min(SIDE / image.width, SIDE / image.height)
        resized = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BILINEAR)
        boxed = Image.new("RGB", (SIDE, SIDE), (114, 114, 114))
        boxed.paste(resized, ((SIDE - resized.width) // 2, (SIDE - resized.height) // 2))
        planes = np.asarray(boxed, np.float32).transpose(2, 0, 1)[None] / 255
        (output,) = session.run(None, {"images": planes})
        rows = torch.from_numpy(output[0].T)
        scores, classes = rows[:, 4:].max(1)
        sure = scores >= MIN_SCORE
        xyxy = torchvision.ops.box_convert(rows[sure, :4], "cxcywh", "xyxy")
        found += len(torchvision.ops.batched_nms(xyxy, scores[sure], classes[sure], IOU_THRESHOLD))
    return found


def main() -> None:
    """Measure, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    images = [encode(draw(number)[0], 1280, 720) for number in range(arguments.images)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        export(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = arguments.threads
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        form = DetectorForm(head="yolov8", tags=TAGS, width=SIDE, height=SIDE)
        ours = OnnxDetector(path, form, iou_threshold=IOU_THRESHOLD, threads=arguments.threads)
        plain(session, images[:4])
        ours.detect(images[:8], min_score=MIN_SCORE)
        times: dict[str, list[float]] = {"plain": [], "ours": []}
        for _ in range(arguments.rounds):
            started = time.perf_counter()
            plain(session, images)
            middle = time.perf_counter()
            ours.detect(images, min_score=MIN_SCORE)
            times["plain"].append(middle - started)
            times["ours"].append(time.perf_counter() - middle)
    each = {name: median(took) / arguments.images * 1000 for name, took in times.items()}
    print(
        f"plain loop {each['plain']:.1f} ms an image, ours {each['ours']:.1f} ms: {each['plain'] / each['ours']:.2f} x"
    )
    print(f"computed by {ours.device}, {arguments.threads} threads, {arguments.images} images of 1280 x 720")


if __name__ == "__main__":
    main()
