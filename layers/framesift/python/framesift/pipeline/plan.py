"""Plan: write the vision job's spec, and decide where it runs and in how many parts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Final, Literal

from framesift import keys
from framesift.contracts import (
    AnalysisJob,
    AnalysisSummary,
    CollectOutput,
    HistoryManifest,
    PlanOutput,
    Run,
    ScopeManifest,
    StageInput,
)
from framesift.errors import NotFoundError, NothingToAnalyzeError
from framesift.models.card import shipped_cards
from framesift.settings import AnalysisSettings, Settings
from framesift.storage import Store, write_json
from framesift.table import Records

MAX_ARRAY_SIZE: Final = 10_000
"""Children of an AWS Batch array job at most; at least 2."""


def plan_images(request: StageInput, settings: Settings, store: Store, records: Records) -> PlanOutput:
    """Write the spec of a job over a day's images.

    Raises:
        NothingToAnalyzeError: If no scope has an item.
    """
    run = request.run
    manifests = [manifest for scope in request.scopes if (manifest := _collected(run, scope, records))]
    items = sum(manifest.items for manifest in manifests)
    if items == 0:
        raise NothingToAnalyzeError(
            f"Nothing was collected for {run.source} of {run.date} in {', '.join(request.scopes)}."
        )
    summary_key = keys.analysis_summary(run, request.scopes)
    job = AnalysisJob(
        run=run,
        bucket=store.bucket,
        table=records.name,
        scopes=manifests,
        collected_digest=_digest(manifests, store),
        history=list(_history(request, settings, store, records)),
        summary_key=summary_key,
        array_size=array_size(items, settings.analysis),
        shard_items=settings.analysis.shard_items,
    )
    spec_key = keys.job_spec(run, request.scopes)
    write_json(store, spec_key, job)
    return PlanOutput(
        analyze=not _is_analyzed(job, store),
        job_spec_uri=f"s3://{store.bucket}/{spec_key}",
        array_size=job.array_size,
        compute=choose_compute(items, settings.analysis, has_gpu_model=has_gpu_model(settings, store)),
        items=items,
        job_name=job_name("analyze", run),
        timeout_s=settings.analysis.timeout_s,
        gpu_timeout_s=settings.analysis.gpu_timeout_s,
        attempt_timeout_s=settings.analysis.attempt_timeout_s,
    )


def job_name(kind: str, run: Run) -> str:
    """A job's name in AWS Batch, which takes letters, digits, `-` and `_`."""
    return f"{kind}-{run.source}-{run.date}"


def array_size(items: int, settings: AnalysisSettings) -> int:
    """How many children the job has: 1 for a day, more where there is much."""
    return min(MAX_ARRAY_SIZE, -(-items // settings.array_items))


def choose_compute(items: int, settings: AnalysisSettings, *, has_gpu_model: bool) -> Literal["gpu", "cpu"]:
    """Which queue takes the job: a day's thumbnails are seconds of CPU, and a GPU takes minutes to start."""
    if settings.compute == "auto":
        return "gpu" if has_gpu_model and items > settings.cpu_max_items else "cpu"
    return settings.compute


def has_gpu_model(settings: Settings, store: Store) -> bool:
    """Whether the job will compare by a model that runs on a GPU: `auto` takes one whose files are in the bucket."""
    wanted = settings.duplicates.model
    models = [card.name for card in shipped_cards().values() if card.runs_on_gpu]
    return wanted in models or (
        wanted == "auto" and any(next(store.list(keys.model_prefix(name)), None) is not None for name in models)
    )


def _collected(run: Run, scope: str, records: Records) -> ScopeManifest | None:
    kept = records.stages.output(run, "collect", scope)
    if kept is None:
        return None
    collected = CollectOutput.model_validate_json(kept)
    if collected.manifest_key is None:
        return None
    return ScopeManifest(scope=scope, manifest_key=collected.manifest_key, items=collected.items)


def _digest(manifests: list[ScopeManifest], store: Store) -> str:
    """Changes when a scope is collected again."""
    described = (store.describe(manifest.manifest_key) for manifest in manifests)
    return hashlib.sha256("\n".join(each.etag for each in described if each).encode()).hexdigest()


def _is_analyzed(job: AnalysisJob, store: Store) -> bool:
    """Whether an earlier try has analyzed just what was collected."""
    try:
        summary = AnalysisSummary.model_validate_json(store.get(job.summary_key))
    except NotFoundError:
        return False
    return summary.collected_digest == job.collected_digest


def _history(request: StageInput, settings: Settings, store: Store, records: Records) -> Iterator[HistoryManifest]:
    """What this day's other scopes and the days before kept."""
    run = request.run
    for days_ago in range(settings.duplicates.history_days + 1):
        day = (run.day - timedelta(days=days_ago)).isoformat()
        record = records.runs.get(run.source, day)
        if record is None:
            continue
        for scope in record.done:
            if days_ago == 0 and scope in request.scopes:
                continue  # What is made again is not compared with its own former attempt.
            made_by = record.run_of(scope)
            key = keys.manifest(made_by, scope, "analyzed")
            if store.exists(key):
                yield HistoryManifest(run=made_by, scope=scope, manifest_key=key)
