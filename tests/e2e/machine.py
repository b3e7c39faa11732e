"""`framesift local up` in a folder of its own, and what a person does with it."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any, Self

import boto3

from tests.waiting import wait_until

FRAMESIFT = (sys.executable, "-c", "from framesift.cli import main; main()")


class Machine:
    """An embedded AWS that is started, stopped, killed and started again over one data folder.

    Args:
        folder: The folder in which its commands run.
        clips: Clips and videos that its stand-ins show.
        settings: Settings as environment variables, for the embedded AWS and for every command.
    """

    def __init__(self, folder: Path, clips: int = 1, **settings: str) -> None:
        self.folder = folder
        self.data = folder / ".framesift"
        self.clips = clips
        self.settings = settings
        self.site_url = ""
        self.address: dict[str, Any] = {}
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it where it is down, and wait until it is up."""
        if self.process is not None:
            return
        options = ["local", "up", f"--clips={self.clips}", "--api-port=0", "--no-schedules"]
        self.process = subprocess.Popen(
            [*FRAMESIFT, *options], cwd=self.folder, env=self._environment(), stdout=subprocess.PIPE, text=True
        )
        for line in self.process.stdout or ():
            if found := re.search(r"clip site +(http://[^/]+)", line):
                self.site_url = found[1]
            if "another terminal" in line:
                break
        self.address = json.loads((self.data / "embedded.json").read_text())

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it; SIGKILL leaves it no time for anything."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.communicate(timeout=120)
            self.process = None

    @property
    def bucket(self) -> str:
        return str(self.address["outputs"]["BucketName"])

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.address["endpoint"],
            region_name=self.address["region"],
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def command(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*FRAMESIFT, *arguments],
            cwd=self.folder,
            env=self._environment(**settings),
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )

    def command_in_background(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*FRAMESIFT, *arguments], cwd=self.folder, env=self._environment(), stdout=subprocess.PIPE, text=True
        )

    def stand_ins(self) -> dict[str, str]:
        """The settings that lead to the stand-ins."""
        lines = shlex.split((self.data / "stand-ins.env").read_text())
        return dict(line.split("=", 1) for line in lines)

    def begin(self, **start: Any) -> str:
        """Start an execution; returns its ARN."""
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=self.address["outputs"]["StateMachineArn"], name=uuid.uuid4().hex, input=json.dumps(start)
        )
        return str(started["executionArn"])

    def wait(self, arn: str) -> dict[str, Any]:
        """An execution once it has ended."""
        steps = self.client("stepfunctions")

        def ended() -> dict[str, Any] | None:
            found = steps.describe_execution(executionArn=arn)
            return None if found["status"] == "RUNNING" else dict(found)

        return wait_until(ended, within_s=240, every_s=0.3)

    def run(self, **start: Any) -> dict[str, Any]:
        return self.wait(self.begin(**start))

    def executions(self) -> list[dict[str, Any]]:
        pages = (
            self.client("stepfunctions")
            .get_paginator("list_executions")
            .paginate(stateMachineArn=self.address["outputs"]["StateMachineArn"])
        )
        return [each for page in pages for each in page["executions"]]

    def record(self, *run: str) -> dict[str, Any]:
        """A run's record: `record("tiktok", "2026-11-20")`."""
        return dict(json.loads(self.command("status", *run, "--json").stdout))

    def upload_runs(self, collection: str) -> list[dict[str, Any]]:
        found = json.loads(self.command("runs", "upload", "--limit", "100", "--json").stdout)
        return [each for each in found if each["scopes"] == [collection]]

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Ask the API."""
        request = urllib.request.Request(self.address["api_url"] + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, dict(answer.headers), answer.read()

    def drop(self, key: str, body: bytes) -> None:
        """Put a file below `uploads/`, as somebody in the console would."""
        self.client("s3").put_object(Bucket=self.bucket, Key=f"uploads/{key}", Body=body)

    def objects(self, prefix: str) -> list[str]:
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def file(self, key: str) -> Path:
        """Where an object of the bucket lies on disk."""
        return self.data / "s3" / self.bucket / key

    def _environment(self, **settings: str) -> dict[str, str]:
        return {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200", **self.settings, **settings}
