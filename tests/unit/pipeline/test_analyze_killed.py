"""The vision job as a process of its own: told to stop, and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import numpy as np
import pytest
from moto.server import ThreadedMotoServer
from skimage import data

from framesift import aws, keys
from framesift.storage import S3Store, write_json
from framesift.table import Records
from tests.waiting import wait_until

from .test_analyze import RUN, Day, jpeg

REPOSITORY = Path(__file__).parents[3]
SHARDS = 30


@pytest.fixture
def endpoint(monkeypatch):
    """S3 on a port, so that a process of its own sees it too."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("FRAMESIFT_DUPLICATES__MODEL", "pdq")
    monkeypatch.setenv("FRAMESIFT_ANALYSIS__THREADS", "1")
    aws.forget_clients()
    yield
    aws.forget_clients()
    server.stop()


@pytest.fixture
def day(endpoint) -> Day:
    name = f"day-{uuid.uuid4().hex}"  # the server's state is the process's: tests share it
    aws.s3().create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"})
    aws.dynamodb().create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    day = Day(S3Store(name), Records(name))
    image = np.ascontiguousarray(data.astronaut()[:256, :256])
    for number in range(SHARDS):
        day.add("dance", f"clip-{number}", number, jpeg(np.roll(image, 8 * number, axis=1)))
    write_json(day.store, "job.json", day.job(shard_items=1))
    return day


def start(day: Day) -> subprocess.Popen:
    command = [sys.executable, "-m", "containers.vision.main", f"s3://{day.store.bucket}/job.json"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL)


def shards(day: Day) -> dict[str, str]:
    """The shards that are there, with the moment each was written."""
    pages = (
        aws.s3()
        .get_paginator("list_objects_v2")
        .paginate(Bucket=day.store.bucket, Prefix=f"{keys.features_prefix(RUN, 'dance')}/shard-")
    )
    return {entry["Key"]: entry["LastModified"].isoformat() for page in pages for entry in page.get("Contents", [])}


def interrupt(day: Day, number: signal.Signals) -> tuple[int, dict[str, str]]:
    """Send a running job a signal when it has made some shards; its exit code, and the shards that are there."""
    process = start(day)
    wait_until(lambda: process.poll() is not None or len(shards(day)) >= 3, within_s=60)
    assert process.poll() is None, "it ended before it could be interrupted"
    process.send_signal(number)
    return process.wait(timeout=30), shards(day)


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 75), (signal.SIGKILL, -signal.SIGKILL)])
def test_an_interrupted_process_loses_at_most_a_shard(day, number, exit_code):
    code, finished = interrupt(day, number)
    assert code == exit_code
    assert 3 <= len(finished) < SHARDS

    assert start(day).wait(timeout=60) == 0

    after = shards(day)
    assert len(after) == SHARDS
    assert {key: after[key] for key in finished} == finished, "a finished shard was made again"
    assert day.store.exists(day.job().summary_key)
