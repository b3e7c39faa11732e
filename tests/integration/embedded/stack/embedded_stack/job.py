"""A Batch job: does what its one argument says, and notes each attempt in S3."""

import os
import signal
import sys
import time

import boto3

spec = sys.argv[1]
job, attempt = os.environ["AWS_BATCH_JOB_ID"], os.environ["AWS_BATCH_JOB_ATTEMPT"]
index = os.environ.get("AWS_BATCH_JOB_ARRAY_INDEX", "0")


def note(what: str) -> None:
    key = f"jobs/{spec}/{index}/{attempt}-{what}"
    boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key=key, Body=job.encode())


def interrupted(*_: object) -> None:
    note("sigterm")
    sys.exit(75)


signal.signal(signal.SIGTERM, interrupted)
note("started")
if spec == "bad-input":
    sys.exit(65)
if spec == "temporary" and attempt != "3":
    sys.exit(75)
if spec == "killed" and attempt == "1":
    os.kill(os.getpid(), signal.SIGKILL)
if spec == "unmatched":
    sys.exit(9)
if spec == "one-child-fails" and index == "1":
    sys.exit(65)
if spec.startswith("interrupted") and attempt == "1":
    time.sleep(60)
