"""Finish and Fail: the run's record says how it ended, and someone is told of a failure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from framesift import aws, keys
from framesift.contracts import (
    AnalysisSummary,
    CollectOutput,
    CurateOutput,
    FailInput,
    FinishInput,
    FinishOutput,
    PosesOutput,
    PredictOutput,
    PublishOutput,
)
from framesift.errors import NotFoundError
from framesift.pipeline.begin import BUILT_SOURCES
from framesift.pipeline.stage import SCOPE_SEPARATOR
from framesift.storage import Store
from framesift.table import RunRecord, Table

# Tells someone: a subject of at most 100 characters, and a text.
Notify = Callable[[str, str], None]


def sns_notifier(topic_arn: str) -> Notify:
    """Tell the subscribers of an SNS topic; nobody where no topic is set."""

    def notify(subject: str, text: str) -> None:
        if topic_arn:
            ascii_only = subject.encode("ascii", "replace").decode()[:100]  # SNS refuses other subjects.
            aws.sns().publish(TopicArn=topic_arn, Subject=ascii_only, Message=text)

    return notify


def finish_run(request: FinishInput, store: Store, table: Table, notify: Notify) -> FinishOutput:
    """Write how the run ended, with counts.

    Categories that failed, or for which no clip qualified, make the run FAILED. What it published stays published,
    and the next start takes up only the others, from their crawl on.
    """
    run = request.run
    record = table.run(run.source, run.id)
    if record is None:
        raise NotFoundError(f"There is no record of {run.source} of {run.id}.")
    outputs = table.stages(run)
    done = _done(outputs, SCOPE_SEPARATOR.join(request.categories))
    failures = _failures(request.collected, request.categories, done)
    curated = [
        CurateOutput.model_validate(outputs["curate", category])
        for category in request.categories
        if ("curate", category) in outputs  # Not where an earlier try of this state has let it be forgotten.
    ]
    summary = _summary(request, store)
    degraded = _degraded(request, curated, summary) + _left_out(request, outputs)
    error, cause = (
        (failures[0][1], "; ".join(f"{name}: {cause}" for name, _, cause in failures)) if failures else (None,) * 2
    )
    ended = record.model_copy(
        update={
            "status": "FAILED" if failures else "SUCCEEDED",
            "done": [*record.done, *(category for category in done if category not in record.done)],
            "finished_at": datetime.now(UTC),
            "failed_categories": [category for category, _, _ in failures],
            "degraded": degraded,
            "counts": {
                **record.counts,
                **_counts(request.collected, curated),
                **_detection_counts(outputs),
                **({"analysis": summary.model_dump()} if summary else {}),
            },
            "stage": "collect" if failures else None,
            "error": error,
            "cause": cause,
        }
    )
    if table.end_run(ended) and failures:
        table.forget_stages(run, ended.failed_categories)
        notify(f"Framesift: {run.source} of {run.id} is incomplete", _letter(ended))
    return FinishOutput(
        status="FAILED" if failures else "SUCCEEDED",
        degraded=degraded,
        failed_categories=ended.failed_categories,
        error=error,
        cause=cause,
    )


def _summary(request: FinishInput, store: Store) -> AnalysisSummary | None:
    """What the vision job says of pictures; videos have a record each."""
    if request.run.source == "upload":
        return None
    return AnalysisSummary.model_validate_json(store.get(keys.analysis_summary(request.run, request.categories)))


def _done(outputs: Mapping[tuple[str, str], dict[str, Any]], scope: str) -> list[str]:
    """The categories that reached what their source is for: a published list, predictions, or poses."""
    if ("poses", scope) in outputs:
        return [PosesOutput.model_validate(outputs["poses", scope]).collection]
    if ("predict", scope) in outputs:
        return [each.category for each in PredictOutput.model_validate(outputs["predict", scope]).categories]
    return [listed.category for listed in PublishOutput.model_validate(outputs["publish", scope]).lists]


def _detection_counts(outputs: Mapping[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    """What was seen and taught, or which poses were found, where the source has that."""
    stages = ("predict", "teach", "gate", "poses")
    return {stage: output for (stage, _), output in sorted(outputs.items()) if stage in stages}


def _failures(collected: list[CollectOutput], categories: list[str], done: list[str]) -> list[tuple[str, str, str]]:
    """Categories that failed: name, error, cause."""
    crawls = [
        (crawl.category, crawl.error or "CrawlError", plain_cause(crawl.cause or ""))
        for crawl in collected
        if crawl.status == "failed"
    ]
    empty = [
        (category, "EmptyListError", "no clip qualified; the list that is up stays up")
        for category in categories
        if category not in done
    ]
    return crawls + empty


def _degraded(request: FinishInput, curated: list[CurateOutput], summary: AnalysisSummary | None) -> list[str]:
    """What was done in a lesser way than the settings ask for, one sentence each."""
    sentences = [
        f"{crawl.category}: the crawl was cut short, {crawl.cut_short}; {crawl.items} clips were kept."
        for crawl in request.collected
        if crawl.cut_short
    ]
    sentences += [curation.degraded for curation in curated if curation.degraded]
    if request.planned_compute == "gpu" and request.analyzed_on.startswith("cpu"):
        sentences.append("No GPU could be had in time; the CPU queue analyzed.")
    if summary and summary.embedder == "pdq":
        sentences.append(summary.embedder_why)
    return list(dict.fromkeys(sentences))


def _left_out(request: FinishInput, outputs: Mapping[tuple[str, str], dict[str, Any]]) -> list[str]:
    """What of an upload has no poses, one sentence each."""
    found = [PosesOutput.model_validate(output) for (stage, _), output in outputs.items() if stage == "poses"]
    sentences = [
        f"{poses.collection}: {poses.failed} of {poses.done + poses.failed} videos failed; the first: "
        f"{poses.first_error}"
        for poses in found
        if poses.failed
    ]
    return sentences + [
        f"{collected.category}: {collected.not_videos} of {collected.seen} uploads are no videos; pictures and zips "
        "belong to collections, which are not built yet."
        for collected in request.collected
        if collected.not_videos
    ]


def _counts(collected: list[CollectOutput], curated: list[CurateOutput]) -> dict[str, Any]:
    counts: dict[str, Any] = {}
    for crawl in collected:
        if crawl.status == "done":
            counts[crawl.category] = crawl.model_dump(
                include={"seen", "below_min_views", "repeated", "items", "failed_items", "known", "not_videos"}
            )
    for curation in curated:
        counts.setdefault(curation.category, {}).update(ranked=curation.ranked, dropped=curation.dropped)
    return counts


def fail_run(request: FailInput, table: Table, notify: Notify) -> FailInput:
    """Write that the run failed, at which stage and why, and tell someone.

    Also called when an execution was stopped or timed out, with its ARN alone. A record that another execution
    holds by now, or that says already how it ended, is left as it is.
    """
    record = _record_of(request, table)
    if record is None or record.status != "RUNNING" or record.execution_arn != request.execution_arn:
        return request
    error, cause = request.error, plain_cause(request.cause)
    fault = table.fault(record.run, request.stage)
    if fault is not None and fault.at >= record.started_at:
        error, cause = fault.error, fault.message
    ended = record.model_copy(
        update={
            "status": "FAILED",
            "finished_at": datetime.now(UTC),
            "stage": request.stage,
            "error": error,
            "cause": cause,
        }
    )
    if table.end_run(ended):
        notify(f"Framesift: {ended.source} of {ended.run.id} failed", _letter(ended))
    return request


def plain_cause(cause: str) -> str:
    """What a person wants of a cause: Lambda puts its message, and Batch its reason, into JSON."""
    try:
        found = json.loads(cause)
    except ValueError:
        return cause
    if not isinstance(found, dict):
        return cause
    return str(found.get("errorMessage") or found.get("StatusReason") or cause)


def _record_of(request: FailInput, table: Table) -> RunRecord | None:
    if request.run is not None:
        return table.run(request.run.source, request.run.id)
    if request.execution_arn is None:
        return None
    records = (table.run_of(source, request.execution_arn) for source in BUILT_SOURCES)
    return next((record for record in records if record), None)


def _letter(record: RunRecord) -> str:
    what = f"--collection '{record.categories[0]}'" if record.source == "upload" else f"--date {record.date}"
    return (
        f"The run of {record.source} for {record.run.id} ended {record.status} at stage {record.stage}.\n"
        f"{record.error}: {record.cause}\n\n"
        f"What was published before stays up. To take it up again: framesift run {record.source} {what}\n"
        f"Execution: {record.execution_arn}\n"
    )
