"""Handlers that show how the embedded Lambda behaves; each is named for what it does."""

import base64
import os
import time

import boto3

calls = 0


def echo(event, context):
    return {"event": event, "name": context.function_name, "bucket": os.environ["BUCKET"]}


def flaky(event, context):
    """Fail twice for each key, then succeed; the count lies in S3, so a new process goes on."""
    s3, key = boto3.client("s3"), f"flaky/{event['key']}"
    found = s3.list_objects_v2(Bucket=os.environ["BUCKET"], Prefix=key)["KeyCount"]
    if found < 2:
        s3.put_object(Bucket=os.environ["BUCKET"], Key=f"{key}/{found}", Body=b"")
        raise TimeoutError("not yet")
    return {"tries": found + 1}


def fail(event, context):
    raise ValueError('bad "value" 값')


def sleep(event, context):
    """Take some seconds; the objects `sleeps/{key}/began` and `/ended` show how far it is."""
    global calls
    calls += 1
    _note(event, "began")
    time.sleep(event.get("seconds", 0))
    _note(event, "ended")
    return {"pid": os.getpid(), "calls": calls, "left_ms": context.get_remaining_time_in_millis()}


def _note(event, what):
    if "key" in event:
        boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key=f"sleeps/{event['key']}/{what}", Body=b"")


def grow(event, context):
    held = bytearray(os.urandom(1)) * (600 * 1024 * 1024)
    time.sleep(10)
    return len(held)


def big(event, context):
    return "x" * event["size"]


def leave(event, context):
    os._exit(3)


def notice(event, context):
    detail = event["detail"]
    key = f"notices/{detail['name']}-{detail['status']}.json"
    boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key=key, Body=b"{}")


def web(event, context):
    if event["rawPath"].endswith("/binary"):
        body = base64.b64encode(b"\x89PNG\x00").decode()
        return {
            "statusCode": 200,
            "body": body,
            "isBase64Encoded": True,
            "headers": {"content-type": "image/png"},
            "cookies": ["a=1", "b=2"],
        }
    return {"got": event}
