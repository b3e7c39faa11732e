"""Lambda: limits, errors and reuse, as Invoke shows them."""

from __future__ import annotations

import json
import threading

import pytest
from botocore.exceptions import ClientError


def invoke(aws, name, event, **more):
    answer = aws.client("lambda").invoke(
        FunctionName=f"Test-Pipeline-{name}", Payload=json.dumps(event).encode(), **more
    )
    return answer, json.loads(answer["Payload"].read() or b"null")


def test_worker_is_warm_the_second_time(aws):
    _, first = invoke(aws, "Sleep", {})
    _, second = invoke(aws, "Sleep", {})
    assert first["pid"] == second["pid"]
    assert second["calls"] == first["calls"] + 1
    assert 0 < first["left_ms"] <= 2000


def test_timeout_kills_and_says_so_as_lambda_does(aws):
    answer, payload = invoke(aws, "Sleep", {"seconds": 10})
    assert answer["FunctionError"] == "Unhandled"
    assert payload["errorType"] == "Sandbox.Timedout"
    assert payload["errorMessage"].endswith("Error: Task timed out after 2.00 seconds")
    _, after = invoke(aws, "Sleep", {})
    assert after["calls"] == 1, "a new worker"


def test_memory_limit_kills(aws):
    answer, payload = invoke(aws, "Grow", {})
    assert answer["FunctionError"] == "Unhandled"
    assert payload["errorType"] == "Runtime.ExitError"
    assert "Runtime exited with error: signal: killed" in payload["errorMessage"]


def test_exit_of_the_process(aws):
    _, payload = invoke(aws, "Exit", {})
    assert "exit status 3" in payload["errorMessage"]


def test_error_of_the_handler(aws):
    answer, payload = invoke(aws, "Fail", {})
    assert answer["FunctionError"] == "Unhandled"
    assert payload["errorType"] == "ValueError"
    assert "handlers.py" in payload["stackTrace"][-1]


def test_error_of_the_import(aws):
    answer, payload = invoke(aws, "BrokenImport", {})
    assert answer["FunctionError"] == "Unhandled"
    assert payload["errorType"] == "ModuleNotFoundError"


def test_payload_limits(aws):
    with pytest.raises(ClientError, match="RequestEntityTooLarge"):
        invoke(aws, "Echo", {"text": "x" * (6 * 1024 * 1024)})
    _, payload = invoke(aws, "Big", {"size": 6 * 1024 * 1024})
    assert payload["errorType"] == "Function.ResponseSizeTooLarge"
    _, payload = invoke(aws, "Big", {"size": 1024 * 1024})
    assert len(payload) == 1024 * 1024


def test_reserved_concurrency_refuses_the_second(aws):
    thread = threading.Thread(target=invoke, args=(aws, "Reserved", {"seconds": 1.5, "key": "reserved"}))
    thread.start()
    aws.wait_for(lambda: aws.keys("sleeps/reserved/began"))
    with pytest.raises(ClientError, match="TooManyRequests"):
        invoke(aws, "Reserved", {})
    thread.join()


def test_events_at_once_get_workers_of_their_own(aws):
    pids = []
    threads = [
        threading.Thread(target=lambda: pids.append(invoke(aws, "Sleep", {"seconds": 1})[1]["pid"])) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(pids)) == 3


def test_unknown_function(aws):
    with pytest.raises(ClientError, match="ResourceNotFound"):
        invoke(aws, "Nobody", {})


def test_log_is_a_file(aws):
    invoke(aws, "Fail", {})
    log = (aws.data_dir / "logs" / "Test-Pipeline-Fail.log").read_text()
    assert 'ValueError: bad "value" 값' in log
