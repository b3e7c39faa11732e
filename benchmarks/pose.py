"""Pose sequences, side by side with the plain loop: cv2.VideoCapture, one PoseLandmarker, one process.

Run `python benchmarks/pose.py` (or with `--video FILE` for a video of your own); it prints the tables of
`benchmarks/results/pose.md`. Each way is a process of its own, from nothing to its result; ways take turns, and the
median of the rounds counts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

WAYS = ("plain", "mediapipe", "batched")
_PLAIN_FLAG = "--plain"


def render(path: Path, seconds: int, *, size: tuple[int, int] = (1280, 720)) -> None:
    """Render a video of a photographed person who sways, with the grain of a camera; the picture is scikit-image's."""
    import av
    import cv2
    from skimage import data

    photo: Any = data.astronaut()  # type: ignore[no-untyped-call]
    width, height = size
    side = photo.shape[0]
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "veryfast", "crf": "23"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for i in range(30 * seconds):
            t = i / 30
            matrix = cv2.getRotationMatrix2D((side / 2, side / 2), 8 * np.sin(1.1 * t), height / side)
            matrix[:, 2] += [
                width / 2 - side / 2 + 160 * np.sin(0.9 * t),
                height / 2 - side / 2 + 20 * np.sin(1.7 * t),
            ]
            frame = cv2.warpAffine(photo, matrix, size, borderValue=(96, 112, 128)).astype(np.int16)
            frame += rng.integers(-6, 7, (height, width, 1), np.int16)
            picture = av.VideoFrame.from_ndarray(frame.clip(0, 255).astype(np.uint8), "rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def plain(video: Path, output: Path) -> None:
    """What a user would do otherwise; keeps (F, 33, 5) landmarks, NaN where nobody is."""
    import cv2
    from mediapipe.tasks.python import BaseOptions
    from mediapipe.tasks.python.vision import PoseLandmarker, PoseLandmarkerOptions, RunningMode
    from mediapipe.tasks.python.vision.core.image import Image, ImageFormat

    from framesift.pose.model import resolve_model

    base = BaseOptions(model_asset_path=str(resolve_model("full").path))
    options = PoseLandmarkerOptions(base_options=base, running_mode=RunningMode.VIDEO)
    found: list[Any] = []
    with PoseLandmarker.create_from_options(options) as landmarker:
        capture = cv2.VideoCapture(str(video))
        fps = capture.get(cv2.CAP_PROP_FPS)
        while True:
            read, frame = capture.read()
            if not read:
                break
            image = Image(ImageFormat.SRGB, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
            people = landmarker.detect_for_video(image, round(1000 * len(found) / fps)).pose_landmarks
            points = [[p.x, p.y, p.z, p.visibility, p.presence] for p in people[0]] if people else [[np.nan] * 5] * 33
            found.append(points)
    np.save(output / "plain.npy", np.array(found, np.float32))


def run(way: str, videos: Path, output: Path) -> dict[str, float]:
    """Run one way in a process of its own: wall and processor seconds, and its processes' largest memory."""
    if way == "plain":
        command = [sys.executable, __file__, _PLAIN_FLAG, str(videos), str(output)]
    else:
        command = [sys.executable, "-m", "framesift.pose.commands", "extract", str(videos), "-o", str(output)]
        command += ["--engine", way, "--min-confidence", "0", "--overwrite"]
    before, started_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    wall_s = time.perf_counter() - started_s
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": wall_s, "cpu_s": cpu_s, "memory_mb": after.ru_maxrss / 1024}


def agreement(reference: np.ndarray[Any, Any], path: Path) -> dict[str, float]:
    """Distance to the plain loop's landmarks, percent of the torso's length, over frames where both see a person."""
    from framesift.pose.sequence import read_sequence
    from framesift.pose.skeleton import torso_length

    sequence = read_sequence(path)
    rate = Fraction(sequence.video.frame_rate).limit_denominator(1001)
    rows = np.round(sequence.time_s * float(rate)).astype(int)
    theirs, ours = reference[rows], sequence.landmarks[:, 0].astype(np.float32)
    both = ~np.isnan(theirs[:, 0, 0])
    size = (sequence.video.width, sequence.video.height)
    distance = np.linalg.norm((theirs - ours)[both][..., :2] * size, axis=-1)
    torso = torso_length(theirs[both], *size)[:, None]
    visible = theirs[both][..., 3] > 0.5
    share = 100 * distance / torso
    return {
        "frames": float(both.sum()),
        "all": float(share.mean()),
        "visible": float(share[visible].mean()),
        "visible_median": float(np.median(share[visible])),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--video", type=Path)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", nargs="+", default=list(WAYS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        video = options.video or folder / "person.mp4"
        if options.video is None:
            render(video, options.seconds)
        measured: dict[str, list[dict[str, float]]] = {way: [] for way in options.ways}
        for _ in range(options.rounds):
            for way in options.ways:
                (folder / way).mkdir(exist_ok=True)
                measured[way].append(run(way, video, folder / way))
        report(measured, folder, video)


def report(measured: dict[str, list[dict[str, float]]], folder: Path, video: Path) -> None:
    """Print the tables."""
    reference = np.load(folder / "plain" / "plain.npy")
    frames, size_bytes = len(reference), video.stat().st_size
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {frames} frames\n")
    print("| way | frames/s | to plain | processor ms/frame | off, % of torso | visible only | its median | size |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    plain_s = statistics.median(one["wall_s"] for one in measured["plain"])
    for way, rounds in measured.items():
        wall_s = statistics.median(one["wall_s"] for one in rounds)
        cpu_ms = 1000 * statistics.median(one["cpu_s"] for one in rounds) / frames
        cells = [way, f"{frames / wall_s:.1f}", f"{plain_s / wall_s:.2f} x", f"{cpu_ms:.1f}"]
        if way != "plain":
            path = folder / way / f"{video.name}.pose.parquet"
            off = agreement(reference, path)
            cells += [f"{off['all']:.2f}", f"{off['visible']:.2f}", f"{off['visible_median']:.2f}"]
            cells += [f"{path.stat().st_size / size_bytes:.1%}"]
        print("| " + " | ".join(cells + ["-"] * (8 - len(cells))) + " |")
    peak_mb = max(one["memory_mb"] for rounds in measured.values() for one in rounds)
    print(f"\nThe largest process held {peak_mb:.0f} MB at its peak.")
    print(json.dumps(measured))


if __name__ == "__main__":
    if sys.argv[1:2] == [_PLAIN_FLAG]:
        plain(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
