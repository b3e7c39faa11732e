"""Pose sequences, side by side with the plain loop: cv2.VideoCapture, one PoseLandmarker, one process.

Run `python benchmarks/pose.py` (or with `--video FILE` for a video of your own); it prints the tables of
`benchmarks/results/pose.md`. Each way is a process of its own, from nothing to its result; ways take turns, and the
median of the rounds counts. `--folder` does twenty short videos at once instead, and `--crossing` follows two people
who cross; `--comparison FILE` draws where the ways agree and where they do not.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

WAYS = ("plain", "mediapipe", "batched")

_FOLDER_VIDEOS, _FOLDER_VIDEO_S = 20, 6
_COMPARISON_SCALE = 0.35

# Two people who cross: where the measured figures are, and from which distance (shares of the width) they are apart.
_CROSSING_S, _CROSSINGS, _APART = 8, 4, 0.3

# What this file does as a process of its own.
_RENDER, _PLAIN, _PLAIN_WITH_NOISE = "--render", "--plain", "--plain-with-noise"


def render(path: Path, seconds: int, *, size: tuple[int, int] = (1280, 720)) -> None:
    """Render a video of a photographed person who sways, with camera noise; the photograph is scikit-image's."""
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
            encoded = av.VideoFrame.from_ndarray(frame.clip(0, 255).astype(np.uint8), "rgb24")
            container.mux(stream.encode(encoded))
        container.mux(stream.encode())


def plain(video: Path, output: Path, *, noise: bool = False) -> None:
    """What a user would do otherwise; keeps (F, 33, 5) landmarks, NaN where nobody is.

    With `noise`, each value of each pixel is off by -1, 0 or 1: how far MediaPipe is then from itself is what no other
    way can be expected to undercut.
    """
    import cv2
    from mediapipe.tasks.python import BaseOptions
    from mediapipe.tasks.python.vision import PoseLandmarker, PoseLandmarkerOptions, RunningMode
    from mediapipe.tasks.python.vision.core.image import Image, ImageFormat

    from framesift.pose.model import resolve_bundle

    base = BaseOptions(model_asset_path=str(resolve_bundle("full").path))
    options = PoseLandmarkerOptions(base_options=base, running_mode=RunningMode.VIDEO)
    found: list[Any] = []
    with PoseLandmarker.create_from_options(options) as landmarker:
        capture = cv2.VideoCapture(str(video))
        fps = capture.get(cv2.CAP_PROP_FPS)
        rng = np.random.default_rng(0)
        while True:
            read, frame = capture.read()
            if not read:
                break
            if noise:
                frame = (frame + rng.integers(-1, 2, frame.shape, np.int16)).clip(0, 255).astype(np.uint8)
            image = Image(ImageFormat.SRGB, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
            people = landmarker.detect_for_video(image, round(1000 * len(found) / fps)).pose_landmarks
            points = [[p.x, p.y, p.z, p.visibility, p.presence] for p in people[0]] if people else [[np.nan] * 5] * 33
            found.append(points)
    np.save(output / ("noisy.npy" if noise else "plain.npy"), np.array(found, np.float32))


def run(way: str, videos: Path, output: Path) -> dict[str, float]:
    """Run one way in a process of its own: wall and processor seconds, and its processes' largest memory."""
    if way == "plain":
        command = [sys.executable, __file__, _PLAIN, str(videos), str(output)]
    else:
        command = [str(Path(sys.executable).with_name("framesift")), "pose", "extract", str(videos), "-o", str(output)]
        command += ["--engine", way, "--min-confidence", "0", "--overwrite"]
    started_s = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)  # With the processes that it waited for itself.
    process.returncode = status
    assert status == 0, f"{way} failed"
    wall_s = time.perf_counter() - started_s
    return {"wall_s": wall_s, "cpu_s": used.ru_utime + used.ru_stime, "memory_mb": used.ru_maxrss / 1024}


def ours(path: Path, frames: int) -> np.ndarray[Any, Any]:
    """A sequence's landmarks in the rows of the plain loop: (F, 33, 5), NaN where nobody is."""
    from framesift.pose.sequence import read_sequence

    sequence = read_sequence(path)
    found = np.full((frames, 33, 5), np.nan, np.float32)
    found[np.round(sequence.time_s * sequence.video.frame_rate).astype(int)] = sequence.landmarks[:, 0]
    return found


def agreement(reference: np.ndarray[Any, Any], other: np.ndarray[Any, Any], size: tuple[int, int]) -> list[str]:
    """Distance to the plain loop's landmarks, percent of the torso's length, over frames where both see a person."""
    from framesift.pose.skeleton import torso_length

    both = ~np.isnan(reference[:, 0, 0]) & ~np.isnan(other[:, 0, 0])
    theirs, mine = reference[both], other[both]
    share = 100 * np.linalg.norm((theirs - mine)[..., :2] * size, axis=-1) / torso_length(theirs, *size)[:, None]
    visible = share[theirs[..., 3] > 0.5]
    return [f"{share.mean():.2f}", f"{visible.mean():.2f}", f"{np.median(visible):.2f}"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--video", type=Path)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", nargs="+", default=list(WAYS))
    parser.add_argument("--folder", action="store_true")
    parser.add_argument("--crossing", action="store_true")
    parser.add_argument("--comparison", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if options.crossing:
            report_crossing(folder)
            return
        video = options.video or folder / "person.mp4"
        if options.video is None:
            seconds = _FOLDER_VIDEO_S if options.folder else options.seconds
            subprocess.run([sys.executable, __file__, _RENDER, str(video), str(seconds)], check=True)
        if options.folder:
            report_folder(video, folder, options.ways)
            return
        measured: dict[str, list[dict[str, float]]] = {way: [] for way in options.ways}
        for _ in range(options.rounds):
            for way in options.ways:
                (folder / way).mkdir(exist_ok=True)
                measured[way].append(run(way, video, folder / way))
        report(measured, folder, video)
        if options.comparison:
            draw_comparison(folder, video, options.comparison)


def render_crossing(path: Path, *, alike: bool, size: tuple[int, int] = (960, 540)) -> np.ndarray[Any, Any]:
    """Render a photographed person and her mirror image crossing four times, one in front of the other in turns.

    Args:
        path: The video.
        alike: Both in the same colours; else the second's hues are turned by half.
        size: Width and height, pixels.

    Returns:
        (F, 2) each person's x, shares of the width.
    """
    import av
    import cv2

    photo, mask = cut_out_person()
    other = photo[:, ::-1].copy()
    if not alike:
        hsv = cv2.cvtColor(other, cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0].astype(int) + 90) % 180
        other = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    figures = [(photo, mask), (other, mask[:, ::-1].copy())]
    (width, height), side, frames = size, len(photo), 30 * _CROSSING_S
    scale, truth, rng = 0.8 * height / side, [], np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for i in range(frames):
            swing = 0.32 * np.cos(np.pi * _CROSSINGS * i / frames)
            truth.append((0.5 - swing, 0.5 + swing))
            frame = np.full((height, width, 3), (96, 112, 128), np.float32)
            for k in (1, 0) if i * _CROSSINGS // frames % 2 == 0 else (0, 1):
                shift = [truth[-1][k] * width - scale * side / 2, height - scale * side]
                matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
                image, alpha = (cv2.warpAffine(layer, matrix, size) for layer in figures[k])
                frame += (image - frame) * alpha[..., None]
            frame += rng.integers(-5, 6, (height, width, 1))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame.clip(0, 255).astype(np.uint8), "rgb24")))
        container.mux(stream.encode())
    return np.array(truth)


def cut_out_person() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Cut scikit-image's photograph of a person out: (512, 512, 3) uint8 RGB and its (512, 512) mask from 0 to 1."""
    from mediapipe.tasks.python import BaseOptions
    from mediapipe.tasks.python.vision import PoseLandmarker, PoseLandmarkerOptions
    from mediapipe.tasks.python.vision.core.image import Image, ImageFormat
    from skimage import data

    from framesift.pose.model import resolve_bundle

    photo = np.ascontiguousarray(data.astronaut())  # type: ignore[no-untyped-call]
    base = BaseOptions(model_asset_path=str(resolve_bundle("full").path))
    options = PoseLandmarkerOptions(base_options=base, output_segmentation_masks=True)
    with PoseLandmarker.create_from_options(options) as landmarker:
        mask = landmarker.detect(Image(ImageFormat.SRGB, photo)).segmentation_masks[0].numpy_view()
    return photo, np.squeeze(mask).copy()


def report_crossing(folder: Path) -> None:
    """Follow two people who cross, and print how often they trade numbers, and how often one of the two is missed."""
    from framesift.pose.extract import extract, find_videos
    from framesift.pose.sequence import read_sequence
    from framesift.settings.pose import load_pose_settings

    print("| engine | clothes | traded numbers, of 4 crossings | missed while apart |")
    print("|" + " --- |" * 4)
    for alike in (False, True):
        video = folder / f"crossing-{alike}.mp4"
        truth = render_crossing(video, alike=alike)
        for engine in ("mediapipe", "batched"):
            options = {"landmarks.people": 2, "landmarks.min_confidence": 0.0, "landmarks.engine": engine}
            settings = load_pose_settings(options={**options, "performance.workers": 1})
            output = folder / f"{engine}-{alike}"
            extract(find_videos(video, settings), output, settings)
            sequence = read_sequence(output / f"{video.name}.pose.parquet")
            found = np.full(truth.shape, np.nan)
            found[sequence.source_frame] = sequence.landmarks[:, :, [11, 12, 23, 24], 0].mean(axis=2)
            traded, missed = count_trades(found, truth)
            print(f"| {engine} | {'the same' if alike else 'different'} | {traded} | {missed:.0%} |")


def count_trades(found: np.ndarray[Any, Any], truth: np.ndarray[Any, Any]) -> tuple[int, float]:
    """Count how often two people have traded slots when they are apart again, and the share in which one is missed."""
    apart = np.flatnonzero(np.abs(truth[:, 0] - truth[:, 1]) > _APART)
    both = [i for i in apart if not np.isnan(found[i]).any()]
    swapped = [bool((found[i, 0] < found[i, 1]) != (truth[i, 0] < truth[i, 1])) for i in both]
    return sum(a != b for a, b in itertools.pairwise(swapped)), 1 - len(both) / len(apart)


def report_folder(video: Path, folder: Path, ways: list[str]) -> None:
    """Do copies of a short video at once, and print how busy the cores were: processor time by wall time and cores."""
    (folder / "videos").mkdir()
    for i in range(_FOLDER_VIDEOS):
        shutil.copy(video, folder / "videos" / f"{i:02}.mp4")
    frames = _FOLDER_VIDEOS * _FOLDER_VIDEO_S * 30
    print("| engine | frames/s | cores busy | processor ms/frame | memory of the largest process |")
    print("|" + " --- |" * 5)
    for way in ways:
        if way != "plain":
            used = run(way, folder / "videos", folder / way)
            busy = used["cpu_s"] / used["wall_s"] / (os.cpu_count() or 1)
            cells = [way, f"{frames / used['wall_s']:.1f}", f"{busy:.0%}", f"{1000 * used['cpu_s'] / frames:.1f}"]
            print("| " + " | ".join([*cells, f"{used['memory_mb']:.0f} MB"]) + " |")


def draw_comparison(folder: Path, video: Path, path: Path) -> None:
    """Draw a typical frame and the worst: MediaPipe, MediaPipe with its pixels off by one, and the batched engine."""
    import av
    import cv2

    from framesift.pose.overlay import draw

    plain_found, noisy = (np.load(folder / name) for name in ("plain/plain.npy", "noisy.npy"))
    batched = ours(folder / "batched" / f"{video.name}.pose.parquet", len(plain_found))
    both = np.flatnonzero(~np.isnan(plain_found[:, 0, 0]) & ~np.isnan(batched[:, 0, 0]))
    off = np.linalg.norm((plain_found - batched)[both, :, :2], axis=-1).mean(axis=1)
    typical, worst = both[np.argsort(off)[len(off) // 2]], both[np.argmax(off)]
    frames: dict[int, Any] = {}
    with av.open(str(video)) as container:
        for i, frame in enumerate(container.decode(video=0)):
            if i in (typical, worst):
                frames[i] = frame.to_ndarray(format="rgb24")
    ways = (plain_found, noisy, batched)
    rows = [np.hstack([draw(frames[i], found[i : i + 1]) for found in ways]) for i in (typical, worst)]
    sheet = cv2.resize(np.vstack(rows), None, fx=_COMPARISON_SCALE, fy=_COMPARISON_SCALE, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(path), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])


def report(measured: dict[str, list[dict[str, float]]], folder: Path, video: Path) -> None:
    """Print the tables."""
    import cv2

    subprocess.run(
        [sys.executable, __file__, _PLAIN_WITH_NOISE, str(video), str(folder)], check=True, capture_output=True
    )
    capture = cv2.VideoCapture(str(video))
    size = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    reference = np.load(folder / "plain" / "plain.npy")
    frames, plain_s = len(reference), statistics.median(one["wall_s"] for one in measured["plain"])
    plain_cpu_s = statistics.median(one["cpu_s"] for one in measured["plain"])
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {frames} frames of {size}\n")
    print("| way | frames/s | to plain | processor ms/frame | to plain | all | visible | median | memory | size |")
    print("|" + " --- |" * 10)
    for way, rounds in measured.items():
        wall_s, cpu_s = (statistics.median(one[name] for one in rounds) for name in ("wall_s", "cpu_s"))
        cells = [way, f"{frames / wall_s:.1f}", f"{plain_s / wall_s:.2f} x"]
        cells += [f"{1000 * cpu_s / frames:.1f}", f"{plain_cpu_s / cpu_s:.2f} x"]
        path = folder / way / f"{video.name}.pose.parquet"
        off = agreement(reference, ours(path, frames), size) if path.exists() else ["0", "0", "0"]
        share = f"{path.stat().st_size / video.stat().st_size:.1%}" if path.exists() else "-"
        cells += [*off, f"{max(one['memory_mb'] for one in rounds):.0f} MB", share]
        print("| " + " | ".join(cells) + " |")
    floor = agreement(reference, np.load(folder / "noisy.npy"), size)
    print("| plain, pixels off by 1 | | | | | " + " | ".join(floor) + " | | |")


if __name__ == "__main__":
    match sys.argv[1:]:
        case [flag, video, seconds] if flag == _RENDER:
            render(Path(video), int(seconds))
        case [flag, video, output] if flag in (_PLAIN, _PLAIN_WITH_NOISE):
            plain(Path(video), Path(output), noise=flag == _PLAIN_WITH_NOISE)
        case _:
            main()
