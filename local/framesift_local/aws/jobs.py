"""Batch's queues, job definitions and jobs as data, and the rules that say which attempt is repeated."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from framesift_local.aws.processes import Child


class BatchClientError(ValueError):
    """What was asked is wrong: Batch's ClientException."""


@dataclass(frozen=True)
class JobQueue:
    """A queue of the template.

    Attributes:
        needs_gpu: Whether each of its compute environments has GPU instances only.
        time_limits: `jobStateTimeLimitActions`, in the API's camelCase.
    """

    name: str
    arn: str
    needs_gpu: bool = False
    time_limits: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class JobDefinition:
    """A job definition of the template; mappings are in the API's camelCase."""

    name: str
    arn: str
    container: Mapping[str, Any]
    parameters: Mapping[str, str] = field(default_factory=dict)
    retry_strategy: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float | None = None

    @property
    def needs_gpu(self) -> bool:
        """Whether its container asks for a GPU."""
        return any(r["type"] == "GPU" for r in self.container.get("resourceRequirements", []))


@dataclass
class Job:
    """A submitted job, one child of an array, or the array's parent."""

    job_id: str
    name: str
    queue: JobQueue
    definition: JobDefinition
    command: list[str]
    environment: dict[str, str]
    parameters: dict[str, str]
    retry_strategy: Mapping[str, Any]
    timeout_s: float | None
    array_size: int | None = None
    array_index: int | None = None
    status: str = "SUBMITTED"
    status_reason: str | None = None
    exit_code: int | None = None
    attempts: list[dict[str, Any]] = field(default_factory=list)
    created_ms: int = field(default_factory=lambda: int(time.time() * 1000))
    started_ms: int | None = None
    stopped_ms: int | None = None
    process: Child | None = None
    stop_reason: str | None = None
    terminated: bool = False

    @property
    def arn(self) -> str:
        """The job's ARN."""
        return f"{self.definition.arn.split(':job-definition/')[0]}:job/{self.job_id}"


def should_retry(rules: Sequence[Mapping[str, str]], outcome: Mapping[str, str]) -> bool:
    """Apply `evaluateOnExit`: the first rule whose every pattern matches decides; none: retry.

    Args:
        rules: In the API's camelCase; patterns may end in `*` and are matched without case, and
            `onExitCode` is digits, as Batch has it.
        outcome: The attempt's `onExitCode`, `onReason` and `onStatusReason`.
    """
    for rule in rules:
        patterns = {key: value for key, value in rule.items() if key != "action"}
        if all(fnmatchcase(outcome[k].lower(), v.lower()) for k, v in patterns.items()):
            return rule["action"].upper() == "RETRY"
    return True


def substitute(word: str, parameters: Mapping[str, str]) -> str:
    """Replace a word `Ref::name` by the parameter."""
    name = word.removeprefix("Ref::")
    return parameters.get(name, word) if name != word else word


def either_case(pair: Mapping[str, str], name: str) -> str:
    """Read `name` or `Name`: Step Functions adds a pair in lower case to PascalCase ones."""
    return str(pair[name] if name in pair else pair[name.capitalize()])


def local_command(command: list[str]) -> list[str]:
    """Let an image's `python` be this interpreter."""
    if command and Path(command[0]).name in {"python", "python3"}:
        return [sys.executable, *command[1:]]
    found = shutil.which(command[0]) if command else None
    return [found, *command[1:]] if found else command


def describe(job: Job, children: Sequence[Job] = ()) -> dict[str, Any]:
    """Return a job, with the children when it is an array, as DescribeJobs does."""
    detail: dict[str, Any] = {
        "jobArn": job.arn,
        "jobId": job.job_id,
        "jobName": job.name,
        "jobQueue": job.queue.arn,
        "jobDefinition": job.definition.arn,
        "status": job.status,
        "statusReason": job.status_reason,
        "attempts": job.attempts,
        "createdAt": job.created_ms,
        "startedAt": job.started_ms,
        "stoppedAt": job.stopped_ms,
        "parameters": job.parameters,
        "retryStrategy": job.retry_strategy,
        "container": {
            "command": job.command,
            "environment": [{"name": k, "value": v} for k, v in job.environment.items()],
            "exitCode": job.exit_code,
        },
    }
    if job.array_size:
        statuses = [child.status for child in children]
        detail["arrayProperties"] = {
            "size": job.array_size,
            "statusSummary": {status: statuses.count(status) for status in set(statuses)},
        }
    if job.array_index is not None:
        detail["arrayProperties"] = {"index": job.array_index}
    detail["container"] = {k: v for k, v in detail["container"].items() if v is not None}
    return {key: value for key, value in detail.items() if value is not None}
