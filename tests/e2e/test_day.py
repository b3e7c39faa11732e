"""Whole days on the embedded AWS, as `framesift local up` runs it: the wall, the kill, the doubled start."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import boto3
import jsonschema
import pytest
from PIL import Image

from framesift.settings import CrawlSettings
from tests.waiting import wait_until

CATEGORIES = ["main", "dance", "challenge", "food", "tts"]
SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
TODAY = datetime.now(ZoneInfo("Asia/Seoul")).date()
DAYS = [(TODAY - timedelta(days=days)).isoformat() for days in range(4)]
# Each test takes up where the one before has left the machine: a day costs half a minute.
pytestmark = pytest.mark.slow


@dataclass
class Up:
    """A machine that is up, and what a person does with it."""

    process: subprocess.Popen[str]
    folder: Path
    site_url: str
    address: dict[str, Any]

    def client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.address["endpoint"], region_name=self.address["region"])

    def show(self, **how: Any) -> None:
        """Tell the clip site how to behave."""
        request = urllib.request.Request(f"{self.site_url}/control", json.dumps(how).encode())
        urllib.request.urlopen(request, timeout=10).close()

    def share_that_breaks(self, count: int, category: str, *, date: str) -> float:
        """The share of broken covers at which `count` of those that a crawl keeps are broken."""
        self.show(date=date)
        with urllib.request.urlopen(f"{self.site_url}/control/truth", timeout=10) as answer:
            truth = json.load(answer)
        numbers = sorted(
            zlib.crc32(id_.encode()) / 2**32
            for id_, clip in truth.items()
            if clip["category"] == category and clip["views"] >= CrawlSettings().min_views
        )
        return sum(numbers[count - 1 : count + 1]) / 2

    def start(self, **start: Any) -> str:
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=self.address["outputs"]["StateMachineArn"],
            name=uuid.uuid4().hex,
            input=json.dumps({"source": "tiktok", **start}),
        )
        return str(started["executionArn"])

    def wait(self, arn: str) -> dict[str, Any]:
        steps = self.client("stepfunctions")

        def ended() -> dict[str, Any] | None:
            found = steps.describe_execution(executionArn=arn)
            return None if found["status"] == "RUNNING" else dict(found)

        return wait_until(ended, within_s=240, every_s=0.3)

    def run(self, **start: Any) -> dict[str, Any]:
        return self.wait(self.start(**start))

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from framesift.cli import main; main()", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=120, check=False)

    def record(self, date: str) -> dict[str, Any]:
        return dict(json.loads(self.command("status", "tiktok", date, "--json").stdout))

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        request = urllib.request.Request(self.address["api_url"] + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, dict(answer.headers), answer.read()

    def file(self, key: str) -> Path:
        return self.folder / ".framesift" / "s3" / self.address["outputs"]["BucketName"] / key


@contextmanager
def up(folder: Path) -> Iterator[Up]:
    command = [sys.executable, "-c", "from framesift.cli import main; main()"]
    options = ["local", "up", "--clips=60", "--api-port=0", "--no-schedules"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
    with subprocess.Popen(
        [*command, *options], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            site_url = ""
            for line in process.stdout or ():
                if found := re.search(r"clip site +(http://[^/]+)", line):
                    site_url = found[1]
                if "another terminal" in line:
                    break
            address = json.loads((folder / ".framesift" / "embedded.json").read_text())
            yield Up(process, folder, site_url, address)
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("machine")


@pytest.fixture(scope="module")
def machine(folder: Path) -> Iterator[Up]:
    with up(folder) as started:
        yield started


def test_two_starts_at_once_make_one_run_and_five_lists(machine: Up) -> None:
    machine.show(date=DAYS[1])
    first, second = machine.start(date=DAYS[1]), machine.start(date=DAYS[1])
    ended = [machine.wait(first), machine.wait(second)]
    assert [one["status"] for one in ended] == ["SUCCEEDED", "SUCCEEDED"]
    assert sorted(json.loads(one["output"]).get("decision", "ran") for one in ended) == ["ran", "skip"]
    schema = json.loads((SCHEMAS / "top-list.schema.json").read_text())
    for category in CATEGORIES:
        top = json.loads(machine.file(f"published/{DAYS[1]}/{category}/top10/{category}_top10.json").read_text())
        jsonschema.validate(top, schema)
        views = [item["views"] for item in top["items"]]
        assert views == sorted(views, reverse=True)
        assert len({item["url"] for item in top["items"]}) == top["count"] > 0
        for item in top["items"]:
            thumbnail = machine.file(f"published/{DAYS[1]}/{category}/top10/{item['thumbnail']}")
            with Image.open(thumbnail) as opened:
                assert opened.size == (item["thumbnail_width"], item["thumbnail_height"])
    assert machine.record(DAYS[1])["done"] == CATEGORIES


def test_a_day_that_is_done_is_done(machine: Up) -> None:
    again = machine.command("run", "tiktok", "--date", DAYS[1])
    assert again.returncode == 0, again.stderr
    assert f"tiktok of {DAYS[1]} is done" in again.stdout


def test_the_api_serves_lists_to_all_and_runs_to_those_who_may(machine: Up) -> None:
    status, headers, body = machine.get("/v1/top10/dance")
    assert (status, json.loads(body)["category"]) == (200, "dance")
    assert machine.get("/v1/top10/dance", **{"If-None-Match": headers["ETag"]})[0] == 304
    status, _, picture = machine.get(json.loads(body)["items"][0]["thumbnail_url"])
    assert (status, Image.open(BytesIO(picture)).format) == (200, "JPEG")
    path = f"/v1/runs/tiktok/{DAYS[1]}"
    assert machine.get(path)[0] == 401
    token = machine.command("local", "token").stdout.strip()
    status, _, body = machine.get(path, Authorization=f"Bearer {token}")
    assert (status, json.loads(body)["record"]["status"]) == (200, "SUCCEEDED")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["run", "myspace"], "'myspace'"),
        (["run", "tiktok", "--category", "cats"], "'cats'"),
        (["run", "tiktok", "--date", "2026-02-30"], "'2026-02-30'"),
    ],
)
def test_what_begin_refuses_is_one_line_and_exit_code_65(machine: Up, arguments: list[str], named: str) -> None:
    refused = machine.command(*arguments)
    assert refused.returncode == 65
    assert named in refused.stderr


def test_a_wall_costs_its_category_alone_and_noon_takes_up_only_that(machine: Up) -> None:
    machine.show(date=DAYS[0], wall="captcha", categories=["dance"])
    ended = machine.run(date=DAYS[0])
    assert (ended["status"], ended["error"]) == ("FAILED", "CaptchaShownError")
    record = machine.record(DAYS[0])
    assert (record["status"], record["failed_categories"]) == ("FAILED", ["dance"])
    assert sorted(record["done"]) == sorted(set(CATEGORIES) - {"dance"})
    # Yesterday's list stays up; the others are today's; what was seen is kept.
    assert json.loads(machine.get("/v1/top10/dance")[2])["date"] == DAYS[1]
    assert json.loads(machine.get("/v1/top10/food")[2])["date"] == DAYS[0]
    assert list(machine.file(f"runs/tiktok/{DAYS[0]}/dance/screenshots").glob("*.png"))
    food_before = machine.file(f"runs/tiktok/{DAYS[0]}/food/collected.jsonl").stat().st_mtime_ns

    machine.show(wall=None, categories=CATEGORIES)
    assert machine.run(date=DAYS[0], only_if_failed=True)["status"] == "SUCCEEDED"
    assert machine.record(DAYS[0])["status"] == "SUCCEEDED"
    assert json.loads(machine.get("/v1/top10/dance")[2])["date"] == DAYS[0]
    assert machine.file(f"runs/tiktok/{DAYS[0]}/food/collected.jsonl").stat().st_mtime_ns == food_before
    assert json.loads(machine.run(date=DAYS[0], only_if_failed=True)["output"])["decision"] == "skip"


def test_damaged_images_cost_their_items_alone(machine: Up) -> None:
    machine.show(date=DAYS[2], broken_image_share=machine.share_that_breaks(2, "dance", date=DAYS[2]))
    assert machine.run(date=DAYS[2], categories=["dance"])["status"] == "SUCCEEDED"
    items = [
        json.loads(line) for line in machine.file(f"runs/tiktok/{DAYS[2]}/dance/curated.jsonl").read_text().splitlines()
    ]
    failed = [item for item in items if item["decision"].get("dropped") == "failed"]
    assert len(failed) == 2
    assert all(item["error"]["error"].endswith("Error") and item["decision"]["why"] for item in failed)
    # A run of an older day never replaces a newer list.
    assert json.loads(machine.get("/v1/top10/dance")[2])["date"] == DAYS[0]
    machine.show(broken_image_share=0.0)


def test_killed_and_started_again_nothing_is_lost_and_the_run_resumes(machine: Up, folder: Path) -> None:
    lists = {category: machine.get(f"/v1/top10/{category}")[2] for category in CATEGORIES}
    machine.show(date=DAYS[3])
    arn = machine.start(date=DAYS[3], categories=["dance", "food"])
    manifests = [machine.file(f"runs/tiktok/{DAYS[3]}/{category}/collected.jsonl") for category in ("dance", "food")]
    planned = machine.file(f"runs/tiktok/{DAYS[3]}/analysis")  # Once it is, both categories are recorded as collected.
    wait_until(planned.exists, within_s=120, every_s=0.05)
    machine.process.send_signal(signal.SIGKILL)
    machine.process.wait(10)
    collected = [manifest.read_bytes() for manifest in manifests]

    with up(folder) as again:
        assert {category: again.get(f"/v1/top10/{category}")[2] for category in CATEGORIES} == lists
        assert again.wait(arn)["status"] == "ABORTED"
        # The rule on stopped executions sees to it.
        wait_until(lambda: again.record(DAYS[3])["status"] != "RUNNING", every_s=0.1)
        assert again.record(DAYS[3])["status"] == "FAILED"
        again.show(date=DAYS[3])
        assert again.run(date=DAYS[3], categories=["dance", "food"])["status"] == "SUCCEEDED"
        assert [manifest.read_bytes() for manifest in manifests] == collected

    for command in (["top10", "food"], ["status", "tiktok", DAYS[3]], ["runs"]):  # Nothing is up now.
        read = machine.command(*command, "--json")
        assert read.returncode == 0, read.stderr
        assert (DAYS[0] if command[0] == "top10" else DAYS[3]) in read.stdout
