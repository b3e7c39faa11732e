"""EventBridge and Scheduler: what starts executions, and what must not."""

from __future__ import annotations

import datetime as dt
import json
import time

UTC = dt.UTC


def inputs(aws, text):
    sfn = aws.client("stepfunctions")
    found = [sfn.describe_execution(executionArn=e["executionArn"]) for e in aws.executions()]
    return [json.loads(e["input"]) for e in found if text in e["input"]]


def test_upload_starts_an_execution_with_the_transformed_input(aws):
    key = f"uploads/날 {time.time_ns()}/done.json"
    aws.put(key, b"[1]")
    (found,) = aws.wait_for(lambda: inputs(aws, json.dumps(key)[1:-1]))
    assert found == {"do": "echo", "key": key, "text": f"the key {key}", "size": 3}


def test_our_own_output_starts_nothing(aws):
    before = len(aws.executions())
    for key in ("runs/tiktok/done.json", "published/uploads/x/done.json", "uploads/x/part.json"):
        aws.put(key)
    aws.put("uploads/marker-after/done.json")  # Events keep their order here: this one comes last.
    aws.wait_for(lambda: inputs(aws, "marker-after"))
    assert len(aws.executions()) == before + 1


def test_an_upload_in_parts_starts_one_execution(aws):
    s3, key = aws.client("s3"), f"uploads/parts {time.time_ns()}/done.json"
    upload = s3.create_multipart_upload(Bucket=aws.outputs["BucketName"], Key=key)["UploadId"]
    part = {"Bucket": aws.outputs["BucketName"], "Key": key, "UploadId": upload, "PartNumber": 1}
    etag = s3.upload_part(**part, Body=b"[1]")["ETag"]
    parts = {"Parts": [{"ETag": etag, "PartNumber": 1}]}
    s3.complete_multipart_upload(Bucket=aws.outputs["BucketName"], Key=key, UploadId=upload, MultipartUpload=parts)
    aws.put("uploads/marker-parts/done.json")  # Events keep their order here: this one comes last.
    aws.wait_for(lambda: inputs(aws, "marker-parts"))
    assert len(inputs(aws, json.dumps(key)[1:-1])) == 1


def test_redelivered_event_comes_twice(aws):
    aws.control("deliveries", count=2)
    try:
        aws.put("uploads/twice/done.json")
        aws.wait_for(lambda: len(inputs(aws, "uploads/twice/")) == 2)
    finally:
        aws.control("deliveries", count=1)


def test_schedule_fires_once_and_catches_up_with_the_time_that_was_due(aws):
    def tick(text):
        return aws.control("tick", now=text)

    assert tick("2031-03-01T03:00:00+09:00") == 0, "seen for the first time: nothing was missed"
    assert tick("2031-03-01T23:59:30+09:00") == 1, "06:00, the broken one, was missed by 18 hours"
    assert tick("2031-03-02T00:00:10+09:00") == 1
    assert tick("2031-03-02T00:00:40+09:00") == 0, "once"
    (found,) = aws.wait_for(lambda: inputs(aws, "2031-03-01T15:00:00Z"))
    assert len(found["id"]) == 36
    # Nothing ran for days; at 05:00 only today's midnight is made up for.
    assert tick("2031-03-06T05:00:00+09:00") == 1
    aws.wait_for(lambda: inputs(aws, "2031-03-05T15:00:00Z"))
    assert not inputs(aws, "2031-03-04T15:00:00Z")

    # The other schedule's state machine does not exist: its starts lie in the dead-letter queue.
    found = aws.client("sqs").receive_message(
        QueueUrl=aws.outputs["QueueUrl"], MessageAttributeNames=["All"], VisibilityTimeout=0
    )["Messages"]
    attributes = found[0]["MessageAttributes"]
    assert attributes["SCHEDULED_TIME"]["StringValue"] == "2031-02-28T21:00:00Z"
    assert "StateMachine" in attributes["ERROR_MESSAGE"]["StringValue"]
