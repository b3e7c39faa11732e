"""Plan the vision job over videos (one video a child of an array), or over a batch's images (some shards a child)."""

from __future__ import annotations

from framesift import keys
from framesift.contracts import Finding, LookJob, PlanOutput, PoseJob, StageInput, Upload, UploadsOutput
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


def collected_batch(request: StageInput, records: Records) -> UploadsOutput | None:
    """What was listed of a run's batch; None where the run is about videos."""
    kept = records.stages.output(request.run, "collect", request.scopes[0])
    collected = UploadsOutput.model_validate_json(kept) if kept else None
    return collected if collected and collected.batch else None


def plan_look(
    request: StageInput, collected: UploadsOutput, settings: Settings, store: Store, records: Records
) -> PlanOutput:
    """Write the spec of the job over a batch; there is no job where an earlier try has looked at every shard."""
    run, (name,) = request.run, request.scopes
    intake = settings.intake
    batch, collection = records.batches.get(name, collected.batch), records.collections.find(name)
    models = batch.models if batch and batch.models else collection.models if collection else []
    children = -(-collected.items // intake.array_files)
    job = LookJob(
        run=run,
        bucket=store.bucket,
        table=records.name,
        collection=name,
        batch=collected.batch,
        added_by=batch.by if batch else "",
        shards_prefix=collected.shards_prefix,
        shards=max(1, collected.shards),
        models=models,
        relook=batch is not None and batch.kind == "relook",
        array_size=max(1, min(MAX_ARRAY_SIZE, children, collected.shards)),
    )
    spec_key = keys.job_spec(run, [name])
    write_json(store, spec_key, job)
    done = sum(1 for _ in store.list(keys.look_results_prefix(job.shards_prefix))) if collected.shards else 0
    return PlanOutput(
        analyze=done < collected.shards and batch is not None and collection is not None,
        job_spec_uri=f"s3://{store.bucket}/{spec_key}",
        array_size=job.array_size,
        compute="gpu" if settings.analysis.compute == "gpu" else "cpu",
        items=collected.items,
        job_name=job_name("look", run),
        queue="uploads",
        timeout_s=settings.upload.timeout_s,
        gpu_timeout_s=settings.upload.gpu_timeout_s,
        attempt_timeout_s=settings.upload.attempt_timeout_s,
        tolerates_failed_job=True,  # A child that died costs its shard: the ledger says so, and `retry` repeats it.
    )
