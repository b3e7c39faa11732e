"""One embedded AWS for all tests of this folder, in a process of its own as `framesift local up` runs it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.waiting import wait_until

STACK = Path(__file__).parent / "stack"
ROOT = Path(__file__).parents[3]


class Running:
    """An embedded AWS in a child process."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        self.data_dir = data_dir
        data_dir.mkdir(parents=True, exist_ok=True)
        self._errors = (data_dir / "stderr.log").open("ab")
        search = os.pathsep.join([str(ROOT / "local"), str(ROOT / "layers/framesift/python")])
        self.process = subprocess.Popen(
            [
                sys.executable, "-W", "ignore", "-m", "framesift_local.aws",
                "--data-dir", str(data_dir), "--cdk-out", str(STACK), "--root", str(STACK),
                "--time-scale", "0.01", "--queue-wait-scale", "0.001", *options,
            ],
            stdout=subprocess.PIPE, stderr=self._errors, text=True,
            env={**os.environ, "PYTHONPATH": search},
        )  # fmt: skip
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.process.stdout.close()
            self._errors.close()
            raise RuntimeError((data_dir / "stderr.log").read_text())
        self.endpoint, self.api_url = line.split()
        self.outputs = self.control("status")["outputs"]
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                endpoint_url=self.endpoint,
                region_name="ap-northeast-2",
                aws_access_key_id="a",
                aws_secret_access_key="b",
                config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
            )
        return self._clients[service]

    def control(self, name: str, **body: Any) -> Any:
        data = json.dumps(body).encode() if body else None
        url = f"{self.endpoint}/_embedded/{name}"
        request = urllib.request.Request(url, data=data)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def run(self, start: dict[str, Any], name: str = "", timeout_s: float = 60) -> dict[str, Any]:
        """Start an execution and wait for its end."""
        named = {"name": name} if name else {}
        arn = self.client("stepfunctions").start_execution(
            stateMachineArn=self.outputs["MachineArn"], input=json.dumps(start), **named
        )["executionArn"]
        return self.wait_for(lambda: self.ended(arn), timeout_s)

    @staticmethod
    def wait_for(probe: Callable[[], Any], timeout_s: float = 30) -> Any:
        """Return the first true value that a probe gives."""
        return wait_until(probe, timeout_s, every_s=0.03)

    def ended(self, arn: str) -> dict[str, Any] | None:
        found = self.client("stepfunctions").describe_execution(executionArn=arn)
        return None if found["status"] == "RUNNING" else found

    def executions(self) -> list[dict[str, Any]]:
        pages = self.client("stepfunctions").get_paginator("list_executions")
        machine = self.outputs["MachineArn"]
        return [e for p in pages.paginate(stateMachineArn=machine) for e in p["executions"]]

    def keys(self, prefix: str) -> list[str]:
        bucket = self.outputs["BucketName"]
        found = self.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)
        return [entry["Key"] for entry in found.get("Contents", [])]

    def put(self, key: str, body: bytes = b"{}", **more: Any) -> None:
        self.client("s3").put_object(Bucket=self.outputs["BucketName"], Key=key, Body=body, **more)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        self._end(signal.SIGTERM)
        return self.process.returncode

    def _end(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        self.process.wait(30)
        self.process.stdout.close()
        self._errors.close()
        for client in self._clients.values():
            client.close()


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("embedded"))
    yield running
    assert running.stop() == 0


@pytest.fixture
def starts(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start embedded AWSs of a test's own, on one folder."""
    started: list[Running] = []

    def start(*options: str) -> Running:
        started.append(Running(tmp_path / "data", *options))
        return started[-1]

    yield start
    for running in started:
        if running.process.returncode is None:
            running.kill()
