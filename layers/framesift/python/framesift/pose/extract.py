"""From videos to sequence files: plan, work in processes, stitch, refine, write, record."""

from __future__ import annotations

import math
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from framesift.contracts import FrameCounts, VideoEntry
from framesift.errors import FramesiftError, FramesLostError, InputError, NoPersonError, NoVideosError
from framesift.pose.decode import VideoFacts, file_sha256, probe
from framesift.pose.engine import PoseEngine, open_engine
from framesift.pose.files import readable
from framesift.pose.manifest import Manifest, read_manifest, write_pose_manifest
from framesift.pose.model import Bundle, resolve_bundle
from framesift.pose.refine import refine
from framesift.pose.segments import Segment, SegmentPoses, Source, follow, plan, stitch
from framesift.pose.sequence import PoseSequence, confidence, write_sequence
from framesift.pose.workers import Work, WorkerPool
from framesift.settings.pose import PoseSettings

_REPORT_EVERY_S = 0.25


def find_videos(path: Path, settings: PoseSettings) -> list[Source]:
    """List the videos to process: the file, or those of the folder and the folders below, sorted by path.

    Raises:
        NoVideosError: The path does not exist, or the folder holds no video.
    """
    if path.is_file():
        return [Source(path, readable(path.name))]
    if not path.is_dir():
        raise NoVideosError(f"There is no {path}: give a video or a folder of videos.")
    extensions = settings.video.extensions
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in extensions and file.is_file())
    if not found:
        raise NoVideosError(f"{path} holds no video ({', '.join(extensions)}): give another folder.")
    return [Source(file, readable(file.relative_to(path).as_posix())) for file in found]


def pending(sources: list[Source], folder: Path, settings: PoseSettings) -> list[Source]:
    """Return the videos that are not done yet with these settings."""
    if settings.output.overwrite:
        return sources
    manifest, recorded = read_manifest(folder), settings.recorded()
    return [source for source in sources if not _is_done(source, manifest, recorded, folder)]


def probe_all(sources: list[Source], settings: PoseSettings) -> Iterator[tuple[Source, VideoFacts | FramesiftError]]:
    """Read the facts of videos without processing them; yields each with its facts, or the error that it would give."""
    with _open_pool(_make_probe, (settings,), settings) as pool:
        yield from pool.run(sources)


def count_expected(facts: VideoFacts, settings: PoseSettings) -> int:
    """Return how many frames of a video will be processed, after sampling; with a variable rate they may be fewer."""
    counts = [facts.frame_count]
    if settings.video.target_fps is not None:
        last_frame_s = max(0.0, facts.length_s - 1 / (facts.frame_rate or 30))
        # As `select` rounds: half-way down.
        counts.append(math.ceil(last_frame_s * settings.video.target_fps - 0.5 - 1e-6) + 1)
    if settings.video.max_frames is not None:
        counts.append(settings.video.max_frames)
    return min(counts)


def extract(
    sources: list[Source],
    folder: Path,
    settings: PoseSettings,
    on_entry: Callable[[VideoEntry], None] = lambda _: None,
    bundle: Bundle | None = None,
    *,
    on_facts: Callable[[Source, VideoFacts], None] = lambda *_: None,
    on_frames: Callable[[Source, int], None] = lambda *_: None,
) -> Manifest:
    """Extract the poses of videos and record each in the folder's manifest as soon as it is done.

    It starts processes of its own: call it under `if __name__ == "__main__":` in a script.

    Args:
        sources: From `find_videos` or `pending`.
        folder: The output folder.
        settings: See `PoseSettings`.
        on_entry: Is called with the entry of each video that is done or has failed.
        bundle: The networks; by default those of the registry.
        on_facts: Is called with each video's facts before its frames are processed.
        on_frames: Is called with a video and how many more of its frames are done, a few times per second.

    Returns:
        The manifest, with the videos of earlier runs.

    Raises:
        ModelMissingError: The networks are not available; nothing was done.

    Example:
        ```python
        from pathlib import Path

        from framesift.pose.extract import extract, find_videos
        from framesift.settings.pose import load_pose_settings
        from framesift.pose.sequence import read_sequence

        if __name__ == "__main__":
            settings = load_pose_settings("production", options={"video.target_fps": 10.0})
            videos = find_videos(Path("videos"), settings)
            manifest = extract(videos, Path("poses"), settings)
            for name, entry in manifest.videos.items():
                if entry.output:
                    sequence = read_sequence(Path("poses") / entry.output)
                    print(name, sequence.landmarks.shape, sequence.time_s[-1])
        ```
    """
    manifest = read_manifest(folder)
    if not sources:
        return manifest
    bundle = bundle or resolve_bundle(settings.landmarks.model)
    for source, outcome in _outcomes(sources, settings, bundle, on_facts, on_frames):
        entry = _entry(source, outcome, folder, settings)
        manifest.videos[source.name] = entry
        write_pose_manifest(folder, manifest)
        on_entry(entry)
    return manifest


def _outcomes(
    sources: list[Source],
    settings: PoseSettings,
    bundle: Bundle,
    on_facts: Callable[[Source, VideoFacts], None],
    on_frames: Callable[[Source, int], None],
) -> Iterator[tuple[Source, list[SegmentPoses] | FramesiftError]]:
    """Each video with its segments in order, or with the error that ended it."""

    def on_progress(_: object, frames: Counter[Source]) -> None:
        for source, count in frames.items():
            on_frames(source, count)

    with _open_pool(_Work, (settings, bundle), settings, on_progress) as pool:
        facts: dict[str, VideoFacts] = {}
        for source, outcome in pool.run(sources):
            if isinstance(outcome, FramesiftError):
                yield source, outcome
            else:
                facts[source.name] = outcome
                on_facts(source, outcome)
        found = [source for source in sources if source.name in facts]
        tasks = plan(found, facts, settings, _worker_count(settings))
        collector = _Collector(tasks)
        for task, outcome in pool.run(tasks):
            yield from collector.take(task, outcome)


def _worker_count(settings: PoseSettings) -> int:
    return settings.performance.workers or os.cpu_count() or 1


def _open_pool(
    make_work: Callable[..., Work],
    arguments: tuple[Any, ...],
    settings: PoseSettings,
    on_progress: Callable[[Any, Any], None] = lambda *_: None,
) -> WorkerPool:
    return WorkerPool(
        make_work,
        arguments,
        workers=_worker_count(settings),
        memory_limit_mb=settings.performance.memory_limit_mb,
        timeout_s=settings.performance.video_timeout_s,
        on_progress=on_progress,
    )


def _make_probe(settings: PoseSettings) -> Work:
    return lambda source, _: probe(source.path, settings.video)


class _Work:
    """What a worker process does: probe a video, or follow people through segments."""

    def __init__(self, settings: PoseSettings, bundle: Bundle) -> None:
        self._settings = settings
        self._bundle = bundle
        self._engine: PoseEngine | None = None

    def __call__(
        self, task: Source | list[Segment], report: Callable[[Counter[Source]], None]
    ) -> VideoFacts | list[SegmentPoses | FramesiftError]:
        if isinstance(task, Source):
            return probe(task.path, self._settings.video)
        if self._engine is None:
            self._engine = open_engine(self._settings.landmarks, self._settings.performance, self._bundle)
        done: Counter[Source] = Counter()
        reported_s = time.monotonic()

        def on_frame(source: Source) -> None:
            nonlocal reported_s
            done[source] += 1
            if time.monotonic() - reported_s >= _REPORT_EVERY_S:
                report(Counter(done))
                done.clear()
                reported_s = time.monotonic()

        found = follow(task, self._engine, self._settings, on_frame)
        report(done)
        return found


class _Collector:
    """Puts segments back together: a video is complete with its last segment, or failed with its first error."""

    def __init__(self, tasks: list[list[Segment]]) -> None:
        self._missing = Counter(segment.source for task in tasks for segment in task)
        self._parts: dict[Source, list[SegmentPoses]] = defaultdict(list)
        self._failed: set[Source] = set()

    def take(
        self, task: list[Segment], outcome: list[SegmentPoses | FramesiftError] | FramesiftError
    ) -> Iterator[tuple[Source, list[SegmentPoses] | FramesiftError]]:
        """Add a task's outcome; an error instead of a list is that of all its segments."""
        results = [outcome] * len(task) if isinstance(outcome, FramesiftError) else outcome
        for segment, result in zip(task, results, strict=True):
            source = segment.source
            self._missing[source] -= 1
            if source in self._failed:
                continue
            if isinstance(result, FramesiftError):
                self._failed.add(source)
                yield source, result
            else:
                self._parts[source].append(result)
                if not self._missing[source]:
                    yield source, sorted(self._parts.pop(source), key=lambda part: part.segment.start_s)


def _entry(
    source: Source, outcome: list[SegmentPoses] | FramesiftError, folder: Path, settings: PoseSettings
) -> VideoEntry:
    """Write a video's sequence; returns its entry, or that of the error that kept it from being made."""
    recorded = settings.recorded()
    if isinstance(outcome, FramesiftError):
        return _failed(source, outcome, recorded)
    try:
        sequence = assemble(outcome, settings)
    except InputError as error:
        return _failed(source, error, recorded)
    path = folder / source.output
    write_sequence(sequence, path)
    size_bytes = path.stat().st_size
    return VideoEntry(
        source=source.name,
        sha256=sequence.video.sha256,
        status="done",
        output=source.output,
        output_sha256=file_sha256(path),
        settings=recorded,
        frames=sequence.counts,
        duration_s=round(float(outcome[-1].time_s[-1] if len(outcome[-1].time_s) else sequence.time_s[-1]), 6),
        seconds=round(sum(part.seconds for part in outcome), 3),
        source_size_bytes=sequence.video.size_bytes,
        output_size_bytes=size_bytes,
        ratio=round(size_bytes / sequence.video.size_bytes, 6),
    )


def _is_done(source: Source, manifest: Manifest, recorded: dict[str, Any], folder: Path) -> bool:
    try:
        return manifest.is_done(source.name, file_sha256(source.path), recorded, folder)
    except FramesiftError:
        return False  # It cannot be read: extracting it reports why.


def _failed(source: Source, error: FramesiftError, recorded: dict[str, Any]) -> VideoEntry:
    reason = readable(str(error))
    message = reason if readable(source.path.name) in reason else f"{readable(source.path.name)}: {reason}"
    return VideoEntry(
        source=source.name, status="failed", settings=recorded, error=type(error).__name__, message=message
    )


def assemble(parts: list[SegmentPoses], settings: PoseSettings) -> PoseSequence:
    """Stitch segments, refine, and leave out frames without a person who is certain enough.

    Raises:
        FramesLostError: Too many frames could not be decoded.
        NoPersonError: No frame is left.
    """
    facts = parts[0].segment.facts
    undecoded = _undecoded(parts)
    if undecoded > settings.video.max_undecoded_share * facts.frame_count:
        raise FramesLostError(
            f"{facts.name} has {facts.frame_count} frames, of which {undecoded} cannot be decoded: convert it again, "
            "or raise video.max_undecoded_share."
        )
    earlier = np.cumsum([0, *(part.decoded or 0 for part in parts[:-1])])  # Frames before each segment.
    landmarks, world = stitch(parts)
    everything = PoseSequence(
        landmarks=landmarks,
        world=world,
        source_frame=np.concatenate([part.number + before for part, before in zip(parts, earlier, strict=True)]),
        pts=np.concatenate([part.pts for part in parts]),
        time_s=np.concatenate([part.time_s for part in parts]),
        filled=np.zeros(landmarks.shape[:2], bool),
        video=facts,
        model=parts[0].model,
        settings=settings.recorded(),
    )
    refined = refine(everything, settings.refinement)
    sure = confidence(refined.landmarks)
    somebody = refined.present.any(axis=1)
    kept = somebody & (sure >= settings.landmarks.min_confidence)
    if not kept.any():
        raise NoPersonError(f"{facts.name} shows no person in any of {len(kept)} frames: lower --min-confidence?")
    sequence = refined.take(kept)
    counts = FrameCounts(
        read=len(kept),
        kept=int(kept.sum()),
        no_person=int((~somebody).sum()),
        low_confidence=int((somebody & ~kept).sum()),
        filled=int((sequence.filled.any(axis=1)).sum()),
        stored=facts.frame_count,
        undecoded=undecoded,
    )
    return replace(sequence, counts=counts).astype(settings.output.dtype)


def _undecoded(parts: list[SegmentPoses]) -> int:
    decoded = [part.decoded for part in parts if part.decoded is not None]
    return max(0, parts[0].segment.facts.frame_count - sum(decoded)) if len(decoded) == len(parts) else 0
