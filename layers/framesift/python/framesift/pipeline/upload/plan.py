"""Plan the vision job over videos: one video a child of an array, as far as AWS Batch takes them."""

from __future__ import annotations

from framesift import keys
from framesift.contracts import Finding, PlanOutput, PoseJob, StageInput, Upload
from framesift.pipeline.plan import MAX_ARRAY_SIZE, job_name
from framesift.pipeline.upload.poses import pose_settings
from framesift.settings import Settings
from framesift.storage import Store, read_lines, write_json
from framesift.table import Records


def plan_poses(request: StageInput, settings: Settings, store: Store, records: Records) -> PlanOutput:
    """Write the job's spec; there is no job where every video is done, by this run or before."""
    run, (collection,) = request.run, request.scopes
    wanted = pose_settings(settings.upload)
    uploads = read_lines(store, keys.manifest(run, collection, "collected"), Upload)
    videos = [upload for upload in uploads if upload.finding is Finding.VIDEO]
    known = records.videos.named(collection, [upload.name for upload in videos])
    todo = [
        upload
        for upload in videos
        if not (upload.name in known and known[upload.name].is_done(upload, wanted.recorded()))
    ]
    job = PoseJob(
        run=run,
        bucket=store.bucket,
        table=records.name,
        collection=collection,
        videos=todo,
        array_size=max(1, min(MAX_ARRAY_SIZE, -(-len(todo) // settings.upload.array_videos))),
        settings=wanted.model_dump(mode="json"),
    )
    spec_key = keys.job_spec(run, [collection])
    write_json(store, spec_key, job)
    return PlanOutput(
        analyze=bool(todo),
        job_spec_uri=f"s3://{store.bucket}/{spec_key}",
        array_size=job.array_size,
        # A pose network is too small for a GPU to pay: one is used only where it is asked for.
        compute="gpu" if settings.analysis.compute == "gpu" else "cpu",
        items=len(todo),
        job_name=job_name("extract", run),
        queue="uploads",
        timeout_s=settings.upload.timeout_s,
        gpu_timeout_s=settings.upload.gpu_timeout_s,
        attempt_timeout_s=settings.upload.attempt_timeout_s,
        tolerates_failed_job=True,  # A child that died costs its video: the publish stage records it as lost.
    )
