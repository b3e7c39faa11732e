"""EventBridge: events find the template's rules, and rules start executions, functions and topics."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from framesift_local.aws.event_rules import matches, target_input
from framesift_local.aws.malware import ScanPlan, scan_object

_CREATED = "s3:ObjectCreated:"
_REMOVED = "s3:ObjectRemoved:"
_REASONS = {
    "Put": "PutObject",
    "Post": "POST Object",
    "Copy": "CopyObject",
    "CompleteMultipartUpload": "CompleteMultipartUpload",
}
_RETRYABLE = ("Throttling", "TooManyRequests", "ServiceUnavailable", "InternalFailure", "500", "503")
ATTEMPTS = 5
"""Tries of a target that fails for a moment. AWS goes on for a day; nobody waits that long here."""


@dataclass(frozen=True)
class Rule:
    """A rule of the template; `pattern` and `targets` as CloudFormation has them."""

    name: str
    pattern: Mapping[str, Any]
    targets: Sequence[Mapping[str, Any]]


def is_retryable(error: Exception) -> bool:
    """Tell whether the same call may work later."""
    if not isinstance(error, ClientError):
        return True
    status = error.response["ResponseMetadata"].get("HTTPStatusCode", 500)
    return status >= 500 or any(word in error.response["Error"]["Code"] for word in _RETRYABLE)


class Targets:
    """Calls what rules and schedules aim at. `client(service)` gives a boto3 client."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self.client = client

    def call(self, arn: str, text: str, name: str) -> None:
        """Give a target its input.

        Args:
            arn: State machine, function, topic or queue.
            text: The input, JSON.
            name: What an execution is called.

        Raises:
            ClientError: The target refused.
            ValueError: It is of a kind that is not served here.
        """
        match arn.split(":")[2]:
            case "states":
                self.client("stepfunctions").start_execution(stateMachineArn=arn, name=name, input=text)
            case "lambda":
                self.client("lambda").invoke(FunctionName=arn, InvocationType="Event", Payload=text.encode())
            case "sns":
                self.client("sns").publish(TopicArn=arn, Message=text)
            case "sqs":
                self.send_to_queue(arn, text, {})
            case service:
                raise ValueError(f"The embedded EventBridge has no targets of {service}.")

    def send_to_queue(self, arn: str, text: str, attributes: Mapping[str, str]) -> None:
        """Send a message to a queue."""
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
        typed = {n: {"DataType": "String", "StringValue": v} for n, v in attributes.items() if v}
        sqs.send_message(QueueUrl=url, MessageBody=text, MessageAttributes=typed)


class EventBus:
    """The default bus.

    Args:
        targets: Calls what rules aim at.
        region: The region that events say they are of.
        time_scale: Factor on the waits between tries.
        deliveries: How often each event is delivered; EventBridge promises "at least once".
    """

    def __init__(self, targets: Targets, region: str, *, time_scale: float, deliveries: int = 1) -> None:
        self.rules: list[Rule] = []
        self.scans: list[ScanPlan] = []
        self.deliveries = deliveries
        self._targets = targets
        self._region = region
        self._time_scale = time_scale
        self._sequence = 0
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="events")

    def put(self, event: dict[str, Any]) -> None:
        """Deliver an event of `source`, `detail-type` and `detail` to the rules that it matches."""
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "account": "123456789012",
            "time": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self._region,
            "resources": [],
            **event,
        }
        for rule in self.rules:
            if matches(rule.pattern, event):
                for target in rule.targets:
                    for _ in range(self.deliveries):
                        self._pool.submit(self._deliver, target, event)

    def object_event(self, event: str, bucket: str, key: str, size: int, etag: str) -> None:
        """Tell of an object that was made or removed."""
        with self._lock:
            self._sequence += 1
            sequencer = f"{time.time_ns():016X}{self._sequence:04X}"
        detail: dict[str, Any] = {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {"key": key, "sequencer": sequencer},
            "request-id": uuid.uuid4().hex[:16].upper(),
            "requester": "123456789012",
            "source-ip-address": "127.0.0.1",
        }
        if event.startswith(_CREATED):
            detail["object"] |= {"size": size, "etag": etag}
            detail["reason"] = _REASONS.get(event.removeprefix(_CREATED), "PutObject")
            kind = "Object Created"
        elif event.startswith(_REMOVED):
            detail |= {"reason": "DeleteObject", "deletion-type": "Permanently Deleted"}
            kind = "Object Deleted"
        else:
            return
        self.put(
            {
                "source": "aws.s3",
                "detail-type": kind,
                "resources": [f"arn:aws:s3:::{bucket}"],
                "detail": detail,
            }
        )
        if kind == "Object Created" and any(scan.covers(bucket, key) for scan in self.scans):
            self._pool.submit(scan_object, self._targets.client("s3"), bucket, key, self.put)

    def status_event(self, detail: dict[str, Any]) -> None:
        """Tell of a change of an execution's status."""
        self.put(
            {
                "source": "aws.states",
                "detail-type": "Step Functions Execution Status Change",
                "resources": [detail["executionArn"]],
                "detail": detail,
            }
        )

    def close(self) -> None:
        """Deliver nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _deliver(self, target: Mapping[str, Any], event: dict[str, Any]) -> None:
        text = target_input(target, event)
        # Like EventBridge's: the event's id and one more, so that a second delivery is a second execution.
        name = f"{event['id']}_{uuid.uuid4()}"
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._targets.call(target["Arn"], text, name)
            except (ClientError, BotoCoreError) as error:
                if attempt < ATTEMPTS and is_retryable(error):
                    time.sleep(2**attempt * self._time_scale)
                    continue
                self._give_up(target, event, error)
            return

    def _give_up(self, target: Mapping[str, Any], event: dict[str, Any], error: Exception) -> None:
        queue = target.get("DeadLetterConfig", {}).get("Arn")
        if queue:
            attributes = {"TARGET_ARN": target["Arn"], "ERROR_MESSAGE": str(error)}
            self._targets.send_to_queue(queue, json.dumps(event), attributes)
