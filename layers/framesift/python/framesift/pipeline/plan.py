"""Plan: write what the vision job is to do, and decide where it runs and in how many parts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from framesift import keys
from framesift.contracts import (
    AnalysisJob,
    CategoryManifest,
    CollectOutput,
    HistoryManifest,
    PlanOutput,
    Run,
    StageInput,
)
from framesift.errors import NothingToAnalyzeError
from framesift.pipeline.plan_poses import MAX_ARRAY_SIZE, plan_poses
from framesift.settings import AnalysisSettings, Settings
from framesift.storage import Store, write_json
from framesift.table import Table
from framesift.upload_records import UploadRecords


def plan_analysis(request: StageInput, settings: Settings, store: Store, table: Table) -> PlanOutput:
    """Write the vision job's spec.

    Raises:
        NothingToAnalyzeError: If no category has an item.
    """
    run = request.run
    if run.source == "upload":
        return plan_poses(request, settings, store, UploadRecords(table.name))
    manifests = [manifest for category in request.categories if (manifest := _collected(run, category, table))]
    items = sum(manifest.items for manifest in manifests)
    if items == 0:
        raise NothingToAnalyzeError(
            f"Nothing was collected for {run.source} of {run.date} in {', '.join(request.categories)}."
        )
    summary_key = keys.analysis_summary(run, request.categories)
    job = AnalysisJob(
        run=run,
        bucket=store.bucket,
        table=table.name,
        categories=manifests,
        history=list(_history(run, settings, store, table)),
        summary_key=summary_key,
        array_size=array_size(items, settings.analysis),
        shard_items=settings.analysis.shard_items,
    )
    spec_key = keys.job_spec(run, request.categories)
    write_json(store, spec_key, job)
    return PlanOutput(
        analyze=not store.exists(summary_key),
        job_spec_uri=f"s3://{store.bucket}/{spec_key}",
        array_size=job.array_size,
        compute=choose_compute(items, settings.analysis),
        items=items,
    )


def array_size(items: int, settings: AnalysisSettings) -> int:
    """How many children the job has: 1 for a day, more where there is much."""
    return min(MAX_ARRAY_SIZE, -(-items // settings.array_items))


def choose_compute(items: int, settings: AnalysisSettings) -> Literal["gpu", "cpu"]:
    """Which queue takes the job: a day's thumbnails are seconds of CPU, and a GPU takes minutes to start."""
    if settings.compute == "auto":
        return "cpu" if items <= settings.cpu_max_items else "gpu"
    return settings.compute


def _collected(run: Run, category: str, table: Table) -> CategoryManifest | None:
    kept = table.stage_output(run, "collect", category)
    if kept is None:
        return None
    collected = CollectOutput.model_validate_json(kept)
    if collected.manifest_key is None:
        return None
    return CategoryManifest(category=category, manifest_key=collected.manifest_key, items=collected.items)


def _history(run: Run, settings: Settings, store: Store, table: Table) -> Iterator[HistoryManifest]:
    """What this day's finished categories and the days before kept."""
    for days_ago in range(settings.duplicates.history_days + 1):
        day = (run.day - timedelta(days=days_ago)).isoformat()
        record = table.run(run.source, day)
        if record is None:
            continue
        for category in record.done:
            key = keys.manifest(record.run, category, "analyzed")
            if store.exists(key):
                yield HistoryManifest(run=record.run, category=category, manifest_key=key)
