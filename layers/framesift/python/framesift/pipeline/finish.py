"""Finish and Fail: the run's record holds how it ended, and someone is notified of a failure."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

from framesift import aws, keys
from framesift.contracts import AnalysisSummary, CollectOutput, FailInput, FinishInput, FinishOutput
from framesift.errors import NotFoundError
from framesift.log import logger
from framesift.pipeline.branches import branch_of, end_execution
from framesift.storage import Store
from framesift.table import Failure, Records, RunRecord
from framesift.workflow import Workflow

# Sends a message to people: a subject of at most 100 characters, and a text.
Notify = Callable[[str, str], None]


def sns_notifier(topic_arn: str) -> Notify:
    """Notify the subscribers of an SNS topic; nobody where no topic is set."""

    def notify(subject: str, text: str) -> None:
        if topic_arn:
            ascii_only = subject.encode("ascii", "replace").decode()[:100]  # SNS refuses other subjects.
            aws.sns().publish(TopicArn=topic_arn, Subject=ascii_only, Message=text)

    return notify


def finish_run(
    request: FinishInput, store: Store, records: Records, notify: Notify, workflow: Workflow
) -> FinishOutput:
    """Write how the run ended, with counts.

    Scopes that failed, or for which nothing qualified, make the execution FAILED. What it published stays published,
    and the next start resumes only the others, from their collect stage on.
    """
    output = _finish(request, store, records, notify)
    end_execution(request.execution_arn, _read_record(request, records), records, workflow)
    return output


def _finish(request: FinishInput, store: Store, records: Records, notify: Notify) -> FinishOutput:
    run, branch = request.run, branch_of(request.run.source)
    record = _read_record(request, records)
    if record.status != "RUNNING":  # An earlier try of this state, or the Fail state, has written the end.
        _follow_up_failure(record, records, notify)
        return _output(record, request.scopes)
    collected = [branch.collected.model_validate(each) for each in request.collected]
    outcome = branch.summarize(run, request.scopes, collected, records.stages.outputs(run))
    summary = _read_summary(request, store)
    failures = {**_collect_failures(collected), **outcome.failures}
    ended = record.end(
        at=datetime.now(UTC),
        done=outcome.done,
        failures=failures,
        degraded=list(dict.fromkeys([*outcome.degraded, *_compromises(request, summary)])),
        counts={
            **outcome.counts,
            **({"analysis": {**summary.model_dump(), "scopes": request.scopes}} if summary else {}),
        },
    )
    if not records.runs.end(ended):
        return _output(_read_record(request, records), request.scopes)
    _log_end(ended)
    _follow_up_failure(ended, records, notify)
    return _output(ended, [*request.scopes, *failures]).model_copy(
        update={"items": sum(each.items for each in collected)}
    )


def fail_run(request: FailInput, records: Records, notify: Notify, workflow: Workflow) -> FailInput:
    """Write that the run failed, at which stage and why, and notify someone.

    Also called when an execution was stopped or timed out, with its ARN alone. A record that another execution
    holds by now, or whose end is written already, is left as it is.
    """
    _fail(request, records, notify)
    if request.execution_arn:
        end_execution(request.execution_arn, _find_record(request, records), records, workflow)
    return request


def _fail(request: FailInput, records: Records, notify: Notify) -> None:
    record = _find_record(request, records)
    is_ours = record is not None and record.execution_arn == request.execution_arn
    if record is None or (
        request.stage == "begin" and not is_ours
    ):  # The run is another execution's, or there is none.
        _notify_refused(request, notify)
        return
    if is_ours and record.status == "FAILED":  # What wrote it may have died before it notified anyone.
        follow_up = _follow_up_failure if _is_written_by_finish(record, request) else _notify_failure
        follow_up(record, records, notify)
    if record.status != "RUNNING" or not is_ours:
        return
    failure = Failure(stage=request.stage, error=request.error, cause=plain_cause(request.cause))
    fault = records.stages.fault(record.run, request.stage)
    if fault is not None and fault.at >= record.started_at:
        failure = Failure(stage=request.stage, error=fault.error, cause=fault.message)
    failures = dict.fromkeys(record.unfinished(record.scopes), failure)
    # What was published before the fault stays up, and the record says so; the next start does what is left of it.
    made = branch_of(record.source).made(records.stages.outputs(record.run))
    done = [scope for scope in record.scopes if scope in made]
    ended = record.end(at=datetime.now(UTC), done=done, failures=failures, fault=failure)
    if records.runs.end(ended):
        _log_end(ended)
        _notify_failure(ended, records, notify)


def _is_written_by_finish(record: RunRecord, request: FailInput) -> bool:
    """Whether Finish wrote the end and then died: its failures are those of the stages before it."""
    return request.stage == "finish" and record.stage != "finish"


def _follow_up_failure(record: RunRecord, records: Records, notify: Notify) -> None:
    """Let the next start begin anew with what failed, and notify people; a retry repeats what is not done."""
    failed = [scope for scope in record.failed_categories if scope in record.scopes]
    if failed and not record.notified:
        records.stages.forget_scopes(record.run, failed)
        _notify_failure(record, records, notify)


def _notify_failure(record: RunRecord, records: Records, notify: Notify) -> None:
    if not record.notified:
        what = "is incomplete" if record.done else "failed"
        notify(f"Framesift: {record.source} of {record.run.id} {what}", _message(record))
        records.runs.mark_notified(record)


def plain_cause(cause: str) -> str:
    """The part of a cause that people can use: Lambda puts its message, and Batch its reason, into JSON.

    Example:
        >>> plain_cause('{"errorType": "CaptchaShownError", "errorMessage": "a captcha"}')
        'a captcha'
    """
    try:
        found = json.loads(cause)
    except (ValueError, RecursionError):
        return cause
    if not isinstance(found, dict):
        return cause
    return str(found.get("errorMessage") or found.get("StatusReason") or cause)


def _read_record(request: FinishInput, records: Records) -> RunRecord:
    record = records.runs.get(request.run.source, request.run.id)
    if record is None:
        raise NotFoundError(f"There is no record of {request.run.source} of {request.run.id}.")
    return record


def _read_summary(request: FinishInput, store: Store) -> AnalysisSummary | None:
    """The vision job's summary, where it looked at images; videos have a record each."""
    try:
        return AnalysisSummary.model_validate_json(store.get(keys.analysis_summary(request.run, request.scopes)))
    except NotFoundError:
        return None


def _analysis_counts(summary: AnalysisSummary | None, scopes: list[str]) -> dict[str, object]:
    """The vision job's summary, with the scopes that it is about: a resumed run analyzes only some."""
    return {"analysis": {**summary.model_dump(), "scopes": scopes}} if summary else {}


def _collect_failures(collected: list[CollectOutput]) -> dict[str, Failure]:
    return {
        each.scope: Failure(stage="collect", error=each.error or "CrawlError", cause=plain_cause(each.cause or ""))
        for each in collected
        if each.status == "failed"
    }


def _compromises(request: FinishInput, summary: AnalysisSummary | None) -> list[str]:
    sentences = []
    if request.planned_compute == "gpu" and request.analyzed_on.startswith("cpu"):
        why = f" ({request.gpu_fault})" if request.gpu_fault else ""
        sentences.append(f"The GPU job did not succeed{why}; the CPU queue analyzed.")
    if summary and summary.embedder == "pdq":
        sentences.append(summary.embedder_why)
    return sentences


def _output(record: RunRecord, scopes: list[str]) -> FinishOutput:
    """How an execution that worked on these scopes ended; failures of others do not count."""
    failed = [scope for scope in record.failed_categories if scope in scopes or scope in record.scopes]
    return FinishOutput(
        status="FAILED" if failed else "SUCCEEDED",
        degraded=record.degraded,
        failed_categories=failed,
        error=record.error if failed else None,
        cause=record.cause if failed else None,
    )


def _find_record(request: FailInput, records: Records) -> RunRecord | None:
    if request.run is not None:
        return records.runs.get(request.run.source, request.run.id)
    return records.runs.of_execution(request.execution_arn) if request.execution_arn else None


def _notify_refused(request: FailInput, notify: Notify) -> None:
    """A start that Begin refused has no record: its message is all that people get."""
    if request.stage != "begin":
        return
    cause = plain_cause(request.cause)
    logger.error("start refused", extra={"error": request.error, "cause": cause, "execution": request.execution_arn})
    notify(
        "Framesift: a start was refused",
        f"{request.error}: {cause}\n\nNothing was run or changed.\nExecution: {request.execution_arn}\n",
    )


def _log_end(record: RunRecord) -> None:
    log = logger.info if record.status in {"SUCCEEDED", "PARTIAL"} else logger.error
    seconds = (record.finished_at - record.started_at).total_seconds() if record.finished_at else None
    log(
        "run ended",
        extra={
            "source": record.source,
            "run": record.run.id,
            "attempt": record.attempt,
            "status": record.status,
            "done": len(record.done),
            "failed": record.failed_categories,
            "error": record.error,
            "cause": record.cause,
            "seconds": seconds,
        },
    )


def _message(record: RunRecord) -> str:
    return (
        f"The run of {record.source} for {record.run.id} ended {record.status} at stage {record.stage}.\n"
        f"{record.error}: {record.cause}\n\n"
        f"What was published before stays up. To resume it: framesift run {branch_of(record.source).resume(record)}\n"
        f"Execution: {record.execution_arn}\n"
    )
