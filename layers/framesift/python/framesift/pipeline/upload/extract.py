"""Extract poses: the vision job over videos, one after the other, each on its own.

A video's sequence is written under a name made of what is in the video and of the settings, and then recorded; so
doing one twice changes nothing, and one that is recorded is not done again, by whatever run. What a video cannot give
is recorded too, with the reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from framesift import keys
from framesift.contracts import ItemError, PoseJob, Upload, VideoEntry
from framesift.errors import InputError, NotFoundError, VideoUnreadableError
from framesift.names import safe_name
from framesift.pipeline.upload.poses import failed_entry
from framesift.pose.decode import VideoFacts, file_sha256
from framesift.pose.extract import count_expected, extract
from framesift.pose.model import Bundle
from framesift.pose.segments import Source
from framesift.settings.pose import PoseSettings
from framesift.storage import Store
from framesift.table import Records
from framesift.table.stages import FRAMES
from framesift.table.videos import settings_digest

OnFrames = Callable[[int, int], None]

_REPORT_EVERY_S = 1.0


@dataclass(frozen=True)
class Extractor:
    """What the job works with.

    Attributes:
        store: The bucket.
        records: Where each video's outcome goes.
        bundle: The pose networks.
        settings: How poses are found.
        collection: Where the videos are.
    """

    store: Store
    records: Records
    bundle: Bundle
    settings: PoseSettings
    collection: str

    def process(self, upload: Upload, on_frames: OnFrames = lambda *_: None) -> VideoEntry:
        """Extract a video's poses, unless that is done, and record what became of it.

        Args:
            upload: The video.
            on_frames: Is called with how many of its frames are done, and of how many, about once a second.
        """
        before = self.records.videos.get(self.collection, upload.name)
        if before and before.is_done(upload, self.settings.recorded()):
            return before.entry
        try:
            entry = self._extract(upload, on_frames)
        except InputError as error:  # Not one that says to try the job again.
            fault = ItemError.of(error, "analyze")
            entry = failed_entry(upload, fault, self.settings.recorded())
        entry = entry.model_copy(update={"source": upload.name})
        self.records.videos.put(self.collection, upload, entry)
        return entry

    def _extract(self, upload: Upload, on_frames: OnFrames) -> VideoEntry:
        with TemporaryDirectory() as scratch:
            # The user's name stays out of our paths but for what is safe of it, which the sequence then says.
            video = Source(Path(scratch) / safe_name(Path(upload.name).name), "video")
            try:
                self.store.download(upload.key, video.path, upload.version_id)
            except NotFoundError as error:
                raise VideoUnreadableError(f"{upload.name} is gone: {error}") from error
            sha256 = file_sha256(video.path)
            known = self.records.videos.sequence(self.collection, sha256, self.settings.recorded())
            if known:
                return known
            folder = Path(scratch) / "poses"
            count = _FrameCount(self.settings, on_frames)
            manifest = extract(
                [video], folder, self.settings, bundle=self.bundle, on_facts=count.expect, on_frames=count.add
            )
            count.end()
            entry = manifest.videos[video.name]
            return self._keep(entry, folder) if entry.output else entry.model_copy(update={"sha256": sha256})

    def _keep(self, entry: VideoEntry, folder: Path) -> VideoEntry:
        key = keys.pose_sequence(self.collection, str(entry.sha256), settings_digest(entry.settings))
        self.store.upload(folder / str(entry.output), key)
        entry = entry.model_copy(update={"output": key.removeprefix(keys.poses_prefix(self.collection))})
        self.records.videos.put_sequence(self.collection, entry)
        return entry


class _FrameCount:
    """Counts a video's frames as they are done, and reports them about once a second."""

    def __init__(self, settings: PoseSettings, report: OnFrames) -> None:
        self._settings = settings
        self._report = report
        self._done = self._expected = 0
        self._reported_s = 0.0

    def expect(self, _: Source, facts: VideoFacts) -> None:
        self._expected = count_expected(facts, self._settings)
        self._report(0, self._expected)
        self._reported_s = time.monotonic()

    def add(self, _: Source, count: int) -> None:
        self._done += count
        if time.monotonic() - self._reported_s >= _REPORT_EVERY_S:
            self._report(self._done, max(self._done, self._expected))
            self._reported_s = time.monotonic()

    def end(self) -> None:
        if self._expected:  # Else it could not even be looked at.
            self._report(self._done, self._done)


def extract_poses(job: PoseJob, extractor: Extractor, child: int = 0) -> Iterator[VideoEntry]:
    """Process a job's videos, or an array child's part of them; yield each one's entry once it is recorded."""
    mine = job.videos[child :: job.array_size]
    total, stages = len(job.videos), extractor.records.stages
    for done, upload in enumerate(mine, start=1):
        yield extractor.process(upload, partial(stages.report_progress, job.run, FRAMES, upload.name))
        # An array's children go about equally far.
        stages.report_progress(job.run, "analyze", job.collection, min(done * job.array_size, total), total)
