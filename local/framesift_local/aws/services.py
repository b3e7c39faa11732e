"""Lambda's, Batch's and EventBridge's HTTP APIs, as far as we serve them ourselves."""

from __future__ import annotations

import base64
import json
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from werkzeug.wrappers import Request, Response

from framesift_local.aws.batch import FINAL, Batch
from framesift_local.aws.functions import (
    FunctionMissingError,
    Functions,
    FunctionSpec,
    PayloadTooLargeError,
    ThrottledError,
)
from framesift_local.aws.jobs import BatchClientError

ASYNC_ATTEMPTS = 3
"""An asynchronous invocation is tried twice more after an error of the function (AWS Lambda)."""
ASYNC_AGE_S = 6 * 3_600.0
"""How long it waits at most for a function that is throttled (AWS Lambda)."""
ASYNC_PAUSE_S = 0.2


def _error(status: int, code: str, message: str) -> Response:
    response = Response(json.dumps({"message": message, "Message": message}), status, mimetype="application/json")
    response.headers["x-amzn-ErrorType"] = code
    response.headers["x-amzn-RequestId"] = str(uuid.uuid4())
    return response


def _json(body: Any, status: int = 200) -> Response:
    response = Response(json.dumps(body), status, mimetype="application/json")
    response.headers["x-amzn-RequestId"] = str(uuid.uuid4())
    return response


def lambda_service(functions: Functions) -> Callable[[Request], Response]:
    """Serve Invoke, GetFunction and GetFunctionConfiguration."""

    def serve(request: Request) -> Response:
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        match parts:
            case ["2015-03-31", "functions", name, "invocations"] if request.method == "POST":
                return _invoke(functions, name, request)
            case ["2015-03-31", "functions", name, *_] if request.method == "GET":
                try:
                    configuration = _configuration(functions.find(name))
                except FunctionMissingError as error:
                    return _error(404, "ResourceNotFoundException", str(error))
                whole = parts[-1] == "configuration"
                return _json(configuration if whole else {"Configuration": configuration})
        return _error(501, "NotImplemented", "The embedded Lambda serves Invoke and GetFunction.")

    return serve


def _configuration(spec: FunctionSpec) -> dict[str, Any]:
    return {
        "FunctionName": spec.name,
        "FunctionArn": spec.arn,
        "PackageType": "Image",
        "Timeout": int(spec.timeout_s),
        "MemorySize": spec.memory_mb,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "Environment": {"Variables": dict(spec.environment)},
    }


def _invoke(functions: Functions, name: str, request: Request) -> Response:
    event = request.get_data() or b"{}"
    kind = request.headers.get("X-Amz-Invocation-Type", "RequestResponse")
    try:
        if kind == "DryRun":
            functions.find(name)
            return Response(status=204)
        if kind == "Event":
            functions.find(name)
            threading.Thread(target=_invoke_later, args=(functions, name, event), daemon=True).start()
            return Response(status=202)
        answer = functions.invoke(name, event)
    except FunctionMissingError as error:
        return _error(404, "ResourceNotFoundException", str(error))
    except PayloadTooLargeError as error:
        return _error(413, "RequestEntityTooLargeException", str(error))
    except ThrottledError as error:
        return _error(429, "TooManyRequestsException", str(error))
    response = Response(answer.payload, 200, mimetype="application/json")
    response.headers["x-amzn-RequestId"] = str(uuid.uuid4())
    response.headers["X-Amz-Executed-Version"] = "$LATEST"
    if answer.failed:
        response.headers["X-Amz-Function-Error"] = "Unhandled"
    if request.headers.get("X-Amz-Log-Type") == "Tail":
        response.headers["X-Amz-Log-Result"] = base64.b64encode(b"see the log file").decode()
    return response


def _invoke_later(functions: Functions, name: str, event: bytes) -> None:
    """Run a function, again if it fails; where it is throttled, wait until it is not, as Lambda does for hours."""
    attempts, deadline = 0, time.monotonic() + ASYNC_AGE_S
    while attempts < ASYNC_ATTEMPTS and time.monotonic() < deadline:
        try:
            if not functions.invoke(name, event).failed:
                return
            attempts += 1
        except ThrottledError:
            time.sleep(ASYNC_PAUSE_S)


class _BatchActions:
    """Batch's operations, by the last part of their path."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def submitjob(self, body: dict[str, Any]) -> dict[str, Any]:
        job = self._batch.submit(body)
        return {"jobArn": job.arn, "jobId": job.job_id, "jobName": job.name}

    def terminatejob(self, body: dict[str, Any]) -> dict[str, Any]:
        self._batch.terminate(body["jobId"], body["reason"])
        return {}

    def canceljob(self, body: dict[str, Any]) -> dict[str, Any]:
        if self._batch.find(body["jobId"]).status not in {*FINAL, "STARTING", "RUNNING"}:
            self._batch.terminate(body["jobId"], body["reason"])
        return {}

    def describejobs(self, body: dict[str, Any]) -> dict[str, Any]:
        jobs = self._batch.jobs
        return {"jobs": [self._batch.describe(jobs[i]) for i in body["jobs"] if i in jobs]}

    def listjobs(self, body: dict[str, Any]) -> dict[str, Any]:
        status, parent = body.get("jobStatus", "RUNNING"), body.get("arrayJobId")
        queue = body.get("jobQueue", "").split("/")[-1]
        found = [
            self._batch.describe(job)
            for job in self._batch.jobs.values()
            if (job.job_id.startswith(f"{parent}:") if parent else job.array_index is None)
            and job.status == status
            and queue in {"", job.queue.name}
        ]
        names = ("jobArn", "jobId", "jobName", "createdAt", "status", "statusReason")
        return {"jobSummaryList": [{n: d[n] for n in names if n in d} for d in found]}

    def describejobqueues(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "jobQueues": [
                {
                    "jobQueueName": queue.name,
                    "jobQueueArn": queue.arn,
                    "state": "ENABLED",
                    "status": "VALID",
                    "priority": 1,
                    "computeEnvironmentOrder": [],
                    "jobStateTimeLimitActions": list(queue.time_limits),
                }
                for queue in self._batch.queues.values()
            ]
        }


def batch_service(batch: Batch) -> Callable[[Request], Response]:
    """Serve SubmitJob, DescribeJobs, ListJobs, TerminateJob, CancelJob and DescribeJobQueues."""
    actions = _BatchActions(batch)

    def serve(request: Request) -> Response:
        action = getattr(actions, request.path.strip("/").removeprefix("v1/"), None)
        if action is None or request.path.strip("/").startswith("v1/_"):
            return _error(501, "NotImplemented", f"The embedded Batch has no {request.path}.")
        try:
            return _json(action(json.loads(request.get_data() or b"{}")))
        except BatchClientError as error:
            return _error(400, "ClientException", str(error))

    return serve


def events_service(put: Callable[[dict[str, Any]], None]) -> Callable[[Request], Response]:
    """Serve PutEvents."""

    def serve(request: Request) -> Response:
        if not request.headers.get("X-Amz-Target", "").endswith(".PutEvents"):
            return _error(400, "InvalidAction", "The embedded EventBridge serves PutEvents alone.")
        entries = json.loads(request.get_data())["Entries"]
        for entry in entries:
            put(
                {
                    "source": entry["Source"],
                    "detail-type": entry["DetailType"],
                    "detail": json.loads(entry["Detail"]),
                    "resources": entry.get("Resources", []),
                }
            )
        done = [{"EventId": str(uuid.uuid4())} for _ in entries]
        return _json({"FailedEntryCount": 0, "Entries": done})

    return serve
