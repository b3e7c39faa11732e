"""From videos to sequence files: plan, work in processes, stitch, refine, write, record."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from framesift.errors import FramesiftError, FramesLostError, InputError, NoPersonError, NoVideosError
from framesift.pose.decode import VideoFacts, file_sha256, probe
from framesift.pose.engine import PoseEngine, open_engine
from framesift.pose.manifest import FrameCounts, Manifest, VideoEntry, read_manifest, write_manifest
from framesift.pose.model import Bundle, resolve_bundle
from framesift.pose.presets import PoseSettings
from framesift.pose.refine import refine
from framesift.pose.segments import Segment, SegmentPoses, Source, follow, plan, stitch
from framesift.pose.sequence import PoseSequence, confidence, write_sequence
from framesift.pose.workers import WorkerPool


def find_videos(path: Path, settings: PoseSettings) -> list[Source]:
    """List the videos to do: the file, or those of the folder and the folders below, by name.

    Raises:
        NoVideosError: There is nothing there.
    """
    if path.is_file():
        return [Source(path, path.name)]
    if not path.is_dir():
        raise NoVideosError(f"There is no {path}: give a video or a folder of videos.")
    extensions = settings.video.extensions
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in extensions and file.is_file())
    if not found:
        raise NoVideosError(f"{path} holds no video ({', '.join(extensions)}): give another folder.")
    return [Source(file, file.relative_to(path).as_posix()) for file in found]


def pending(sources: list[Source], folder: Path, settings: PoseSettings) -> list[Source]:
    """The videos that are not done yet with these settings."""
    if settings.output.overwrite:
        return sources
    manifest, recorded = read_manifest(folder), settings.recorded()
    return [source for source in sources if not _is_done(source, manifest, recorded, folder)]


def extract(
    sources: list[Source],
    folder: Path,
    settings: PoseSettings,
    on_entry: Callable[[VideoEntry], None] = lambda _: None,
    bundle: Bundle | None = None,
) -> Manifest:
    """Do videos and record them in the folder's manifest, each as soon as it is done.

    Args:
        sources: From `pending`.
        folder: The output folder.
        settings: See `PoseSettings`.
        on_entry: Hears of each video.
        bundle: The networks; by default those that the registry has.

    Returns:
        The manifest, with the videos of earlier runs.

    Raises:
        ModelMissingError: The networks are not at hand; nothing was done.
    """
    manifest = read_manifest(folder)
    if not sources:
        return manifest
    bundle = bundle or resolve_bundle(settings.landmarks.model)
    for source, outcome in _outcomes(sources, settings, bundle):
        entry = _entry(source, outcome, folder, settings)
        manifest.videos[source.name] = entry
        write_manifest(folder, manifest)
        on_entry(entry)
    return manifest


def _outcomes(
    sources: list[Source], settings: PoseSettings, bundle: Bundle
) -> Iterator[tuple[Source, list[SegmentPoses] | FramesiftError]]:
    """Each video with its segments in order, or with the error that ended it."""
    performance = settings.performance
    workers = performance.workers or os.cpu_count() or 1
    with WorkerPool(
        _Work,
        (settings, bundle),
        workers=workers,
        memory_limit_mb=performance.memory_limit_mb,
        timeout_s=performance.video_timeout_s,
    ) as pool:
        facts: dict[str, VideoFacts] = {}
        for source, outcome in pool.run(sources):
            if isinstance(outcome, FramesiftError):
                yield source, outcome
            else:
                facts[source.name] = outcome
        tasks = plan([source for source in sources if source.name in facts], facts, settings, workers)
        collector = _Collector(tasks)
        for task, outcome in pool.run(tasks):
            yield from collector.take(task, outcome)


class _Work:
    """What a worker process does: probe a video, or follow people through segments."""

    def __init__(self, settings: PoseSettings, bundle: Bundle) -> None:
        self._settings = settings
        self._bundle = bundle
        self._engine: PoseEngine | None = None

    def __call__(self, task: Source | list[Segment]) -> VideoFacts | list[SegmentPoses | FramesiftError]:
        if isinstance(task, Source):
            return probe(task.path, self._settings.video)
        if self._engine is None:
            self._engine = open_engine(self._settings.landmarks, self._settings.performance, self._bundle)
        return follow(task, self._engine, self._settings)


class _Collector:
    """Puts segments back together: a video is given when its last one is there, or its first error."""

    def __init__(self, tasks: list[list[Segment]]) -> None:
        self._missing = Counter(segment.source for task in tasks for segment in task)
        self._parts: dict[Source, list[SegmentPoses]] = defaultdict(list)
        self._failed: set[Source] = set()

    def take(
        self, task: list[Segment], outcome: list[SegmentPoses | FramesiftError] | FramesiftError
    ) -> Iterator[tuple[Source, list[SegmentPoses] | FramesiftError]]:
        """Take in a task's outcome; an error instead of a list is that of all its segments."""
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
    """Write a video's sequence, or what kept it from being made, and say so."""
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
        return False  # It fails again, and is said again.


def _failed(source: Source, error: FramesiftError, recorded: dict[str, Any]) -> VideoEntry:
    message = str(error) if source.path.name in str(error) else f"{source.path.name}: {error}"
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
            f"{facts.name} has {facts.frame_count} frames, of which {undecoded} cannot be decoded: convert it anew, "
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
