"""Our workflow against the limits of Lambda and Step Functions, with its real functions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.embedded.conftest import Running

MAX_STATE_BYTES = 256 * 1024
MAX_EVENTS = 25_000
STARTS = 3
pytestmark = pytest.mark.slow


def history(aws: Running, arn: str) -> list[dict[str, Any]]:
    pages = aws.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
    return [event for page in pages for event in page["events"]]


def details(event: dict[str, Any]) -> dict[str, Any]:
    return next((value for name, value in event.items() if name.endswith("EventDetails")), {})


def start(aws: Running, number: int) -> str:
    # An object that was deleted meanwhile: every step runs, and the job has nothing to do.
    dropped = {"key": f"uploads/dance/{number}.mp4", "etag": "e", "sequencer": f"{number:04}"}
    start = json.dumps({"source": "upload", "object": dropped})
    machine = aws.outputs["StateMachineArn"]
    return aws.client("stepfunctions").start_execution(stateMachineArn=machine, input=start)["executionArn"]


@pytest.fixture(scope="module")
def histories(crowded: Running) -> list[list[dict[str, Any]]]:
    """Of executions that were started at once, where each function takes one event at a time."""
    first = start(crowded, STARTS)  # The functions' workers are started by it, so the others only wait for each other.
    crowded.wait_for(lambda: crowded.ended(first), 240)
    arns = [start(crowded, number) for number in range(STARTS)]
    ended = [crowded.wait_for(lambda arn=arn: crowded.ended(arn), 240) for arn in arns]
    assert [(each["status"], each.get("error")) for each in ended] == [("SUCCEEDED", None)] * STARTS
    return [history(crowded, arn) for arn in arns]


def test_throttled_functions_are_tried_again_until_each_run_succeeds(histories: list[list[dict[str, Any]]]) -> None:
    errors = [details(event).get("error", "") for events in histories for event in events]
    throttled = [error for error in errors if "TooManyRequestsException" in error]
    assert throttled, "no function was throttled, so this shows nothing"


def test_a_run_is_far_from_the_limits_of_step_functions(histories: list[list[dict[str, Any]]]) -> None:
    for events in histories:
        sizes = [len(str(details(event).get(name, "")).encode()) for event in events for name in ("input", "output")]
        assert max(sizes) < MAX_STATE_BYTES / 32
        assert len(events) < MAX_EVENTS / 100
