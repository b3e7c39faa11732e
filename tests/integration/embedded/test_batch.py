"""Batch: retries by exit code, arrays, interruptions, and the queue that has no machine."""

from __future__ import annotations

import json
import time

import pytest
from botocore.exceptions import ClientError


def submit(aws, spec, queue="CpuQueueArn", **more):
    return aws.client("batch").submit_job(
        jobName="test", jobQueue=aws.outputs[queue], jobDefinition=aws.outputs["CpuJobArn"],
        parameters={"spec": spec}, **more,
    )["jobId"]  # fmt: skip


def job(aws, job_id):
    return aws.client("batch").describe_jobs(jobs=[job_id])["jobs"][0]


def ended(aws, job_id):
    def probe():
        found = job(aws, job_id)
        return found if found["status"] in {"SUCCEEDED", "FAILED"} else None

    return aws.wait_for(probe, 60)


@pytest.mark.parametrize(
    ("spec", "status", "exit_codes"),
    [
        ("fine", "SUCCEEDED", [0]),
        ("bad-input", "FAILED", [65]),
        ("temporary", "SUCCEEDED", [75, 75, 0]),
        ("killed", "SUCCEEDED", [137, 0]),
        ("unmatched", "FAILED", [9]),
    ],
)
def test_evaluate_on_exit(aws, spec, status, exit_codes):
    found = ended(aws, submit(aws, spec))
    assert found["status"] == status
    assert [attempt["container"]["exitCode"] for attempt in found["attempts"]] == exit_codes


def test_array_has_an_index_each_and_fails_with_a_child(aws):
    job_id = submit(aws, "one-child-fails", arrayProperties={"size": 3})
    found = ended(aws, job_id)
    assert found["status"] == "FAILED"
    assert found["arrayProperties"]["statusSummary"] == {"SUCCEEDED": 2, "FAILED": 1}
    started = [key.split("/")[2] for key in aws.keys("jobs/one-child-fails/") if "started" in key]
    assert sorted(started) == ["0", "1", "2"]


def test_spot_interruption_is_sigterm_and_another_try(aws):
    spec = f"interrupted-{time.time_ns()}"
    job_id = submit(aws, spec)
    aws.wait_for(lambda: aws.keys(f"jobs/{spec}/0/1-started"))
    aws.control("reclaim-host", jobId=job_id)
    found = ended(aws, job_id)
    assert found["status"] == "SUCCEEDED"
    assert found["attempts"][0]["statusReason"].startswith("Host EC2")
    assert aws.keys(f"jobs/{spec}/0/1-sigterm")


def test_terminated_job_is_not_tried_again(aws):
    spec = f"interrupted-{time.time_ns()}"
    job_id = submit(aws, spec)
    aws.wait_for(lambda: aws.keys(f"jobs/{spec}/0/1-started"))
    aws.client("batch").terminate_job(jobId=job_id, reason="enough")
    found = ended(aws, job_id)
    assert (found["status"], found["statusReason"], len(found["attempts"])) == ("FAILED", "enough", 1)


def test_gpu_queue_gives_up_and_the_workflow_goes_on_with_the_cpu(aws):
    output = aws.run({"do": "gpu", "spec": "after-gpu", "size": 0})
    assert json.loads(output["output"]) == {
        "status": "SUCCEEDED", "why": "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
    }  # fmt: skip


def test_array_through_the_workflow(aws):
    output = aws.run({"do": "cpu", "spec": "array", "size": 2})
    assert json.loads(output["output"])["status"] == "SUCCEEDED"


def test_stopped_execution_stops_its_job(aws):
    spec = f"interrupted-{time.time_ns()}"
    sfn = aws.client("stepfunctions")
    arn = sfn.start_execution(
        stateMachineArn=aws.outputs["MachineArn"],
        input=json.dumps({"do": "cpu", "spec": spec, "size": 0}),
    )["executionArn"]
    aws.wait_for(lambda: aws.keys(f"jobs/{spec}/0/1-started"))
    sfn.stop_execution(executionArn=arn)
    aws.wait_for(lambda: aws.keys(f"jobs/{spec}/0/1-sigterm"))


def test_unknown_queue_is_refused(aws):
    with pytest.raises(ClientError, match="does not exist"):
        aws.client("batch").submit_job(jobName="x", jobQueue="nowhere", jobDefinition=aws.outputs["CpuJobArn"])
