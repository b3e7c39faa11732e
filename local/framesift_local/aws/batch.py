"""AWS Batch: jobs are child processes of the job definition's command.

Queues whose compute environments all need GPUs are never placed on this machine: their jobs stay in
RUNNABLE until the queue's state time limit gives them up, as it happens when AWS has no GPU to give.
"""

from __future__ import annotations

import os
import signal
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from framesift.errors import ForkServerDownError
from framesift_local.aws.jobs import (
    BatchClientError,
    Job,
    JobDefinition,
    JobQueue,
    describe,
    either_case,
    local_command,
    should_retry,
    substitute,
)
from framesift_local.aws.processes import Child, ForkServer

STOP_GRACE_S = 30.0
"""From SIGTERM to SIGKILL, as Batch and Spot give it."""

_Known = TypeVar("_Known")
FINAL = ("SUCCEEDED", "FAILED")
EXITED_REASON = "Essential container in task exited"
TIMEOUT_REASON = "Job attempt duration exceeded timeout"
RECLAIMED_REASON = "Host EC2 (instance i-0123456789abcdef0) terminated."


class Batch:
    """Queues, definitions and jobs.

    Args:
        fork_server: Starts the jobs' processes.
        logs: Folder of one log file a job.
        common: Environment on top of the template's, for each job.
        wait_scale: Factor on the queues' state time limits.
        parallel: Jobs at once at most.
    """

    def __init__(
        self,
        fork_server: ForkServer,
        logs: Path,
        common: Mapping[str, str],
        *,
        wait_scale: float = 1.0,
        parallel: int | None = None,
    ) -> None:
        self.queues: dict[str, JobQueue] = {}
        self.definitions: dict[str, JobDefinition] = {}
        self.jobs: dict[str, Job] = {}
        self._fork_server = fork_server
        self._logs = logs
        self._common = common
        self._wait_scale = wait_scale
        self._slots = threading.Semaphore(parallel or os.cpu_count() or 1)
        self._lock = threading.RLock()

    def submit(self, request: Mapping[str, Any]) -> Job:
        """Submit a job, from the body of SubmitJob.

        Raises:
            BatchClientError: A queue or definition does not exist, or a field is not supported here.
        """
        if request.get("dependsOn"):
            raise BatchClientError("The embedded AWS Batch has no dependsOn.")
        job = self._make_job(request)
        with self._lock:
            self.jobs[job.job_id] = job
            children = [self._make_child(job, index) for index in range(job.array_size or 0)]
            self.jobs.update({child.job_id: child for child in children})
        job.status = "PENDING" if children else "RUNNABLE"
        for placed in children or [job]:
            placed.status = "RUNNABLE"
            threading.Thread(target=self._run, args=(placed,), daemon=True, name=f"batch-{placed.name}").start()
        return job

    def terminate(self, job_id: str, reason: str) -> None:
        """Stop a job, or all children of an array: SIGTERM, then SIGKILL; it is not tried again."""
        job = self.find(job_id)
        for target in [job, *self.children(job)]:
            if target.status not in FINAL:
                target.terminated = True
                self._stop(target, reason)

    def reclaim_host(self, job_id: str) -> None:
        """Take a running job's host away, as a Spot interruption does."""
        self._stop(self.find(job_id), RECLAIMED_REASON)

    def find(self, job_id: str) -> Job:
        """Return a job.

        Raises:
            BatchClientError: There is none.
        """
        if job_id not in self.jobs:
            raise BatchClientError(f"Job {job_id} does not exist.")
        return self.jobs[job_id]

    def children(self, parent: Job) -> list[Job]:
        """Return an array's children in order."""
        return [self.jobs[f"{parent.job_id}:{index}"] for index in range(parent.array_size or 0)]

    def describe(self, job: Job) -> dict[str, Any]:
        """Return a job as DescribeJobs does."""
        return describe(job, self.children(job))

    def stop(self) -> None:
        """Stop all jobs at once."""
        for job in list(self.jobs.values()):
            if job.process is not None:
                job.terminated = True
                job.process.signal(signal.SIGKILL)

    # Making jobs -------------------------------------------------------------------------------

    def _make_job(self, request: Mapping[str, Any]) -> Job:
        definition = self._lookup(self.definitions, request["jobDefinition"], "Job definition")
        overrides = request.get("containerOverrides", {})
        parameters = {**definition.parameters, **request.get("parameters", {})}
        command = overrides.get("command") or definition.container.get("command") or []
        pairs = [*definition.container.get("environment", []), *overrides.get("environment", [])]
        return Job(
            job_id=str(uuid.uuid4()),
            name=request["jobName"],
            queue=self._lookup(self.queues, request["jobQueue"], "Job queue"),
            definition=definition,
            command=[substitute(word, parameters) for word in command],
            environment={either_case(pair, "name"): either_case(pair, "value") for pair in pairs},
            parameters=parameters,
            retry_strategy=request.get("retryStrategy") or definition.retry_strategy,
            timeout_s=request.get("timeout", {}).get("attemptDurationSeconds", definition.timeout_s),
            array_size=request.get("arrayProperties", {}).get("size"),
        )

    @staticmethod
    def _make_child(parent: Job, index: int) -> Job:
        return Job(
            job_id=f"{parent.job_id}:{index}",
            name=parent.name,
            queue=parent.queue,
            definition=parent.definition,
            command=parent.command,
            environment={**parent.environment, "AWS_BATCH_JOB_ARRAY_INDEX": str(index)},
            parameters=parent.parameters,
            retry_strategy=parent.retry_strategy,
            timeout_s=parent.timeout_s,
            array_index=index,
        )

    @staticmethod
    def _lookup(known: Mapping[str, _Known], name: str, what: str) -> _Known:
        """Find by name, ARN, or either with a revision."""
        short = name.split("/")[-1].split(":")[0]
        if short not in known:
            raise BatchClientError(f"{what} {name} does not exist.")
        return known[short]

    # Running jobs ------------------------------------------------------------------------------

    def _run(self, job: Job) -> None:
        if job.queue.needs_gpu or job.definition.needs_gpu:
            self._wait_for_gpu(job)
        else:
            with self._slots:
                try:
                    self._run_attempts(job)
                except ForkServerDownError as error:
                    job.status_reason, job.status = str(error), "FAILED"
        job.stopped_ms = int(time.time() * 1000)
        if job.array_index is not None:
            self._finish_array(self.jobs[job.job_id.rsplit(":", 1)[0]])

    def _wait_for_gpu(self, job: Job) -> None:
        """Stay RUNNABLE until the queue gives the job up, or somebody stops it."""
        limits = [rule for rule in job.queue.time_limits if rule["state"] == "RUNNABLE"]
        rule = next((r for r in limits if r["reason"].startswith("CAPACITY")), None)
        rule = rule or next(iter(limits), None)
        until = time.monotonic() + (rule["maxTimeSeconds"] * self._wait_scale if rule else float("inf"))
        while time.monotonic() < until and not job.terminated:
            time.sleep(0.05)
        job.status_reason = job.stop_reason or (rule["reason"] if rule else None)
        job.status = "FAILED"

    def _run_attempts(self, job: Job) -> None:
        limit = int(job.retry_strategy.get("attempts", 1))
        rules = job.retry_strategy.get("evaluateOnExit", [])
        while not job.terminated:
            outcome = self._run_attempt(job, number=len(job.attempts) + 1)
            if job.exit_code == 0 and job.stop_reason is None:
                job.status_reason, job.status = outcome["onStatusReason"], "SUCCEEDED"
                return
            final = job.terminated or outcome["onStatusReason"] == TIMEOUT_REASON
            if final or len(job.attempts) >= limit or not should_retry(rules, outcome):
                break
            job.stop_reason = None
            job.status = "RUNNABLE"
        job.status_reason = job.stop_reason or job.status_reason
        job.status = "FAILED"

    def _run_attempt(self, job: Job, number: int) -> dict[str, str]:
        """Run the process once; return what `evaluateOnExit` matches."""
        job.status = "STARTING"
        started_ms = int(time.time() * 1000)
        job.started_ms = job.started_ms or started_ms
        log = self._logs / f"batch-{job.name}-{job.job_id.replace(':', '-')}.log"
        job.process = self._fork_server.spawn(local_command(job.command), self._environment(job, number), log)
        job.status = "RUNNING"
        if job.stop_reason is not None:  # Stopped between the decision and the start.
            job.process.signal(signal.SIGTERM)
        job.exit_code = job.process.wait(job.timeout_s)
        if job.exit_code is None:
            job.stop_reason = TIMEOUT_REASON
            job.exit_code = self._end_process(job.process)
        reason = "OutOfMemoryError: Container killed" if job.exit_code == 128 + 9 else ""
        job.status_reason = job.stop_reason or EXITED_REASON
        container: dict[str, Any] = {"exitCode": job.exit_code, "logStreamName": log.name}
        if reason:
            container["reason"] = reason
        job.attempts.append(
            {
                "container": container,
                "startedAt": started_ms,
                "stoppedAt": int(time.time() * 1000),
                "statusReason": job.status_reason,
            }
        )
        return {
            "onExitCode": str(job.exit_code),
            "onReason": reason,
            "onStatusReason": job.status_reason,
        }

    def _environment(self, job: Job, attempt: int) -> dict[str, str]:
        return {
            **job.environment,
            **self._common,
            "AWS_BATCH_JOB_ID": job.job_id,
            "AWS_BATCH_JOB_ATTEMPT": str(attempt),
            "AWS_BATCH_JQ_NAME": job.queue.name,
        }

    def _stop(self, job: Job, reason: str) -> None:
        job.stop_reason = reason
        process = job.process
        if process is not None and process.exit_code is None:
            threading.Thread(target=self._end_process, args=(process,), daemon=True).start()

    @staticmethod
    def _end_process(process: Child) -> int:
        process.signal(signal.SIGTERM)
        if process.wait(STOP_GRACE_S) is None:
            process.signal(signal.SIGKILL)
        return process.wait() or 0

    def _finish_array(self, parent: Job) -> None:
        with self._lock:
            statuses = [child.status for child in self.children(parent)]
            if parent.status in FINAL or not all(status in FINAL for status in statuses):
                return
            failed = "FAILED" in statuses
            parent.status_reason = "Array Child Job failed" if failed else None
            parent.status = "FAILED" if failed else "SUCCEEDED"
            parent.stopped_ms = int(time.time() * 1000)
