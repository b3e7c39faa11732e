"""Batch's retry rules."""

import pytest

from framesift_local.aws.jobs import should_retry

RULES = [
    {"action": "RETRY", "onStatusReason": "Host EC2*"},
    {"action": "EXIT", "onExitCode": "65"},
    {"action": "RETRY", "onExitCode": "7*"},
    {"action": "EXIT", "onReason": "OutOfMemory*", "onExitCode": "137"},
]


def outcome(code="1", reason="", status="Essential container in task exited"):
    return {"onExitCode": code, "onReason": reason, "onStatusReason": status}


@pytest.mark.parametrize(
    ("attempt", "expected"),
    [
        (outcome(status="Host EC2 (instance i-1) terminated."), True),
        (outcome("65", status="host ec2 gone"), True),  # The first match wins, without case.
        (outcome("65"), False),
        (outcome("75"), True),
        (outcome("137", "OutOfMemoryError: killed"), False),
        (outcome("137"), True),  # All of a rule's patterns must match; unmatched is tried again.
        (outcome("1"), True),
    ],
)
def test_first_match_decides_and_no_match_retries(attempt, expected):
    assert should_retry(RULES, attempt) is expected
