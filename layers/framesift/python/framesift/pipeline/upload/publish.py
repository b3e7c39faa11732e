"""Publish poses: the run's manifest lists what became of each of its videos, and the run counts them."""

from __future__ import annotations

from framesift import keys
from framesift.contracts import Finding, ItemError, PosesOutput, Run, StageInput, Upload, VideoEntry
from framesift.errors import TooManyFailedItemsError, VideoLostError
from framesift.pipeline.stage import run_once
from framesift.pipeline.upload.poses import failed_entry, pose_settings
from framesift.pose.manifest import Manifest, manifest_json
from framesift.settings import Settings
from framesift.storage import Store, read_lines
from framesift.table import Records

_VIDEOS = {Finding.VIDEO, Finding.KNOWN, Finding.UNUSABLE}


def publish_poses(request: StageInput, settings: Settings, store: Store, records: Records) -> PosesOutput:
    """Write the run's manifest, and count what became of its videos.

    Each run has a manifest of its own: an upload costs the same in a collection of ten videos as in one of ten
    thousand, and no run waits for another's. The records hold the whole collection.

    A video that the job has recorded nothing about is recorded as lost: its process died, or the whole job did.

    Raises:
        TooManyFailedItemsError: If more of the run's videos failed than the settings tolerate. The manifest has them.
    """
    run, collection = request.run, request.scopes[0]

    def work() -> PosesOutput:
        uploads = read_lines(store, keys.manifest(run, collection, "collected"), Upload)
        ours = [upload for upload in uploads if upload.finding in _VIDEOS]
        _record_lost(run, collection, ours, settings, records)
        recorded = records.videos.named(collection, [upload.name for upload in ours])
        found = [(upload, recorded.get(upload.name)) for upload in ours]
        videos = {upload.name: video.entry for upload, video in found if video and video.is_of(upload)}
        key = keys.poses_manifest(run, collection)
        store.put(key, manifest_json(Manifest(videos=dict(sorted(videos.items())))).encode(), "application/json")
        output = _count(collection, key, len(ours), list(videos.values()))
        if output.failed > settings.run.tolerated_failed_share * (output.done + output.failed):
            raise TooManyFailedItemsError(
                f"{collection}: {output.failed} of {output.done + output.failed} videos failed, more than the "
                f"{settings.run.tolerated_failed_share:.0%} that are tolerated; the first: {output.first_error}"
            )
        return output

    return run_once(records.stages, run, "poses", [collection], PosesOutput, work)


def _record_lost(run: Run, collection: str, uploads: list[Upload], settings: Settings, records: Records) -> None:
    recorded = pose_settings(settings.upload).recorded()
    videos = records.videos.named(collection, [upload.name for upload in uploads])
    record, fault = records.runs.get(run.source, run.id), records.stages.fault(run, "analyze")
    why = f"its process died or was stopped; `framesift run upload --collection '{collection}'` does it again."
    if record and fault and fault.at >= record.started_at:
        why = f"{fault.error}: {fault.message}"
    for upload in uploads:
        video = videos.get(upload.name)
        known = video and (video.modified_at > upload.modified_at or video.is_about(upload, recorded))
        if upload.finding is Finding.VIDEO and not known:
            error = ItemError(stage="analyze", error=VideoLostError.__name__, message=f"{upload.name} was lost: {why}")
            records.videos.put(collection, upload, failed_entry(upload, error, recorded))


def _count(collection: str, manifest_key: str, uploads: int, entries: list[VideoEntry]) -> PosesOutput:
    failed = [entry for entry in entries if entry.status == "failed"]
    return PosesOutput(
        collection=collection,
        manifest_key=manifest_key,
        done=len(entries) - len(failed),
        failed=len(failed),
        replaced=uploads - len(entries),
        frames_kept=sum(entry.frames.kept for entry in entries if entry.frames),
        first_error=failed[0].message if failed else None,
    )
