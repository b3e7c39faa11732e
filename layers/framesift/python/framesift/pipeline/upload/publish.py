"""Publish poses: the collection's manifest lists what became of each video, and the run counts its own."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pydantic import ValidationError

from framesift import keys
from framesift.contracts import Finding, ItemError, PosesOutput, Run, StageInput, Upload, VideoEntry
from framesift.errors import ObjectMissingError, RunBusyError, TooManyFailedItemsError, VideoLostError
from framesift.pipeline.stage import run_once
from framesift.pipeline.upload.poses import failed_entry, pose_settings
from framesift.pose.manifest import Manifest, manifest_json
from framesift.settings import Settings
from framesift.storage import Store, read_lines
from framesift.table import Records, VideoRecord

_VIDEOS = {Finding.VIDEO, Finding.KNOWN, Finding.UNUSABLE}
_TRIES = 50
# A manifest of more videos is added to; each time that it has grown by so many, all records are read again.
_REREAD_VIDEOS = 50


def publish_poses(request: StageInput, settings: Settings, store: Store, records: Records) -> PosesOutput:
    """Write a collection's manifest, and count what became of the run's videos.

    A video that the job has recorded nothing about is recorded as lost: its process died, or the whole job did.

    Raises:
        TooManyFailedItemsError: If more of the run's videos failed than the settings tolerate. The manifest has them.
    """
    run, collection = request.run, request.scopes[0]

    def work() -> PosesOutput:
        uploads = read_lines(store, keys.manifest(run, collection, "collected"), Upload)
        ours = [upload for upload in uploads if upload.finding in _VIDEOS]
        _record_lost(run, collection, ours, settings, records)
        names = [upload.name for upload in ours]
        write_poses_manifest(collection, names, store, records)
        output = _count(collection, ours, records.videos.named(collection, names))
        if output.failed > settings.run.tolerated_failed_share * (output.done + output.failed):
            raise TooManyFailedItemsError(
                f"{collection}: {output.failed} of {output.done + output.failed} videos failed, more than the "
                f"{settings.run.tolerated_failed_share:.0%} that are tolerated; the first: {output.first_error}"
            )
        return output

    return run_once(records.stages, run, "poses", [collection], PosesOutput, work)


def write_poses_manifest(collection: str, names: Collection[str], store: Store, records: Records) -> None:
    """Bring a collection's manifest up to date with what is recorded of some of its videos.

    A small manifest is written from all records; to a large one only the named videos are added, so that a video costs
    the same in a collection of ten as in one of ten thousand. Runs of one collection do this at the same moment: each
    begins again where another one has replaced the manifest that it read, so none is lost.

    Args:
        collection: The collection.
        names: The videos that were recorded since; many at once are taken as a reason to read all records.
        store: Where the manifest is.
        records: What became of the videos.

    Raises:
        RunBusyError: If other runs replace the manifest each time.
    """
    key = keys.poses_manifest(collection)
    for _ in range(_TRIES):
        stored = store.describe(key)
        known = _read_videos(key, store) if stored else {}
        if len(known) < _REREAD_VIDEOS or len(known) % _REREAD_VIDEOS == 0 or len(names) >= _REREAD_VIDEOS:
            known, recorded = {}, records.videos.all(collection)
        else:
            recorded = records.videos.named(collection, names)
        videos = known | {name: video.entry for name, video in recorded.items()}
        body = manifest_json(Manifest(videos=dict(sorted(videos.items())))).encode()
        condition: Any = {"replaces": stored.etag} if stored else {"only_if_absent": True}
        if store.put(key, body, "application/json", **condition):
            return
    raise RunBusyError(f"{collection}: other runs write the manifest faster than this one can; try again.")


def _read_videos(key: str, store: Store) -> dict[str, VideoEntry]:
    try:
        return Manifest.model_validate_json(store.get(key)).videos
    except (ValidationError, ObjectMissingError):  # Edited by hand, or deleted just now: all is in the records.
        return {}


def _record_lost(run: Run, collection: str, uploads: list[Upload], settings: Settings, records: Records) -> None:
    recorded = pose_settings(settings.upload).recorded()
    videos = records.videos.named(collection, [upload.name for upload in uploads])
    record, fault = records.runs.get(run.source, run.id), records.stages.fault(run, "analyze")
    why = f"its process died or was stopped; `framesift run upload --collection '{collection}'` does it again."
    if record and fault and fault.at >= record.started_at:
        why = f"{fault.error}: {fault.message}"
    for upload in uploads:
        video = videos.get(upload.name)
        said = video and (video.modified_at > upload.modified_at or video.is_about(upload, recorded))
        if upload.finding is Finding.VIDEO and not said:
            error = ItemError(stage="analyze", error=VideoLostError.__name__, message=f"{upload.name} was lost: {why}")
            records.videos.put(collection, upload, failed_entry(upload, error, recorded))


def _count(collection: str, uploads: list[Upload], videos: dict[str, VideoRecord]) -> PosesOutput:
    found = [(upload, videos.get(upload.name)) for upload in uploads]
    entries = [video.entry for upload, video in found if video and video.is_of(upload)]
    failed = [entry for entry in entries if entry.status == "failed"]
    return PosesOutput(
        collection=collection,
        manifest_key=keys.poses_manifest(collection),
        done=len(entries) - len(failed),
        failed=len(failed),
        replaced=len(uploads) - len(entries),
        frames_kept=sum(entry.frames.kept for entry in entries if entry.frames),
        first_error=failed[0].message if failed else None,
    )
