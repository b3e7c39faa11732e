"""Step Functions: the interpreter with its gaps filled, through ordinary boto3."""

from __future__ import annotations

import datetime as dt
import json
import time

import pytest
from botocore.exceptions import ClientError


def test_task_runs_function_and_literals_keep_their_quotes(aws):
    ended = aws.run({"do": "echo", "text": 'a "quoted" 값'})
    output = json.loads(ended["output"])
    assert output["result"]["event"]["text"] == 'a "quoted" 값'
    assert output["result"]["bucket"] == aws.outputs["BucketName"]
    assert output["quoted"] == 'say "hi"'


def test_function_arn_as_resource(aws):
    ended = aws.run({"do": "direct", "n": 1})
    assert json.loads(ended["output"])["result"]["event"] == {"do": "direct", "n": 1}


def test_retry_waits_are_scaled(aws):
    began = time.monotonic()
    ended = aws.run({"do": "flaky", "key": f"scaled-{time.time_ns()}"})
    assert json.loads(ended["output"])["result"]["tries"] == 3
    assert time.monotonic() - began < 30, "the intervals alone are 90 s"


def test_error_is_caught_by_its_class_and_a_topic_is_told(aws):
    ended = aws.run({"do": "fail"})
    output = json.loads(ended["output"])
    assert output["caught"] == "ValueError"
    assert output["cause"]["errorMessage"] == 'bad "value" 값'
    assert output["cause"]["stackTrace"]
    told = aws.control("notifications")[-1]
    assert (told["subject"], told["message"]) == ("It failed", "ValueError")


def test_undefined_result_fails_the_state(aws):
    ended = aws.run({"do": "undefined"})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.QueryEvaluationError")


def test_same_name_and_input_is_one_execution_while_it_runs(aws):
    sfn, machine = aws.client("stepfunctions"), aws.outputs["MachineArn"]
    name, text = f"once-{time.time_ns()}", json.dumps({"do": "sleep", "seconds": 1})
    first = sfn.start_execution(stateMachineArn=machine, name=name, input=text)
    again = sfn.start_execution(stateMachineArn=machine, name=name, input=text)
    assert first["executionArn"] == again["executionArn"]
    aws.wait_for(lambda: aws.ended(first["executionArn"]))
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        sfn.start_execution(stateMachineArn=machine, name=name, input=text)


def test_executions_without_a_name_are_told_apart(aws):
    assert aws.run({"do": "echo"})["executionArn"] != aws.run({"do": "echo"})["executionArn"]


def test_name_that_aws_refuses_is_refused(aws):
    with pytest.raises(ClientError, match="InvalidName"):
        aws.run({"do": "echo"}, name="2026-11-20T00:00:00Z")


def test_stop_aborts_at_once_and_tells_the_rule(aws):
    sfn = aws.client("stepfunctions")
    name = f"stopped-{time.time_ns()}"
    arn = sfn.start_execution(
        stateMachineArn=aws.outputs["MachineArn"],
        name=name,
        input=json.dumps({"do": "sleep", "seconds": 1, "key": name}),
    )["executionArn"]
    aws.wait_for(lambda: aws.keys(f"sleeps/{name}/began"))
    sfn.stop_execution(executionArn=arn, error="Person", cause="changed my mind")
    found = sfn.describe_execution(executionArn=arn)
    assert (found["status"], found["error"], found["cause"]) == (
        "ABORTED", "Person", "changed my mind",
    )  # fmt: skip
    assert found["stopDate"] <= dt.datetime.now(dt.UTC)
    aws.wait_for(lambda: aws.keys(f"notices/{name}-ABORTED"))
    aws.wait_for(lambda: aws.keys(f"sleeps/{name}/ended"))  # The execution stays what it is.
    assert sfn.describe_execution(executionArn=arn)["status"] == "ABORTED"


def test_history_names_the_states(aws):
    ended = aws.run({"do": "echo"})
    events = aws.client("stepfunctions").get_execution_history(executionArn=ended["executionArn"])
    entered = [e["stateEnteredEventDetails"]["name"] for e in events["events"]
               if "stateEnteredEventDetails" in e]  # fmt: skip
    assert entered == ["Prepare", "Choose", "Echo", "Finish"]
