"""Pose sequences, side by side with the plain loop: cv2.VideoCapture, one PoseLandmarker, one process.

Run `python benchmarks/pose.py` (or with `--video FILE` for a video of your own); it prints the tables of
`benchmarks/results/pose.md`. Each way is a process of its own, from nothing to its result; ways take turns, and the
median of the rounds counts. `--folder` does twenty short videos at once instead; `--pictures FILE` draws where the ways
agree and where they do not.
"""

from __future__ import annotations

import argparse
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
_PICTURE_SCALE = 0.35

# What this file does as a process of its own.
_RENDER, _PLAIN, _PLAIN_WITH_NOISE = "--render", "--plain", "--plain-with-noise"


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
    parser.add_argument("--pictures", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
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
        if options.pictures:
            draw_pictures(folder, video, options.pictures)


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


def draw_pictures(folder: Path, video: Path, path: Path) -> None:
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
    sheet = cv2.resize(np.vstack(rows), None, fx=_PICTURE_SCALE, fy=_PICTURE_SCALE, interpolation=cv2.INTER_AREA)
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
