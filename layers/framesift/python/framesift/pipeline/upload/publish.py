"""Publish poses: the collection's manifest lists what became of each video, and the run counts its own."""

from __future__ import annotations

from framesift import keys
from framesift.contracts import Finding, ItemError, PosesOutput, Run, StageInput, Upload
from framesift.errors import RunBusyError, TooManyFailedItemsError, VideoLostError
from framesift.pipeline.stage import run_once
from framesift.pipeline.upload.poses import failed_entry, pose_settings
from framesift.pose.manifest import Manifest, manifest_json
from framesift.settings import Settings
from framesift.storage import Store, read_lines
from framesift.table import Records, VideoRecord

_VIDEOS = {Finding.VIDEO, Finding.KNOWN, Finding.UNUSABLE}
_WRITES = 20


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
        videos = write_poses_manifest(collection, store, records)
        output = _count(collection, ours, videos)
        if output.failed > settings.run.tolerated_failed_share * (output.done + output.failed):
            raise TooManyFailedItemsError(
                f"{collection}: {output.failed} of {output.done + output.failed} videos failed, more than the "
                f"{settings.run.tolerated_failed_share:.0%} that are tolerated; the first: {output.first_error}"
            )
        return output

    return run_once(records.stages, run, "poses", [collection], PosesOutput, work)


def write_poses_manifest(collection: str, store: Store, records: Records) -> dict[str, VideoRecord]:
    """Write what is recorded; return it by name.

    Runs of one collection do this at the same moment: each repeats until what it wrote is what is recorded
    afterwards, so whoever writes last has written all.

    Raises:
        RunBusyError: If the records change faster than they can be written.
    """
    videos = records.videos.all(collection)
    for _ in range(_WRITES):
        manifest = Manifest(videos={name: video.entry for name, video in sorted(videos.items())})
        store.put(keys.poses_manifest(collection), manifest_json(manifest).encode(), "application/json")
        written, videos = videos, records.videos.all(collection)
        if videos == written:
            return videos
    raise RunBusyError(f"{collection}: other runs record videos faster than the manifest can be written; try again.")


def _record_lost(run: Run, collection: str, uploads: list[Upload], settings: Settings, records: Records) -> None:
    videos, recorded = records.videos.all(collection), pose_settings(settings.upload).recorded()
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
