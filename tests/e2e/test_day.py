"""A TikTok day on the embedded AWS, as `framesift local up` runs it: two at once, walls, damage, a kill."""

from __future__ import annotations

import json
import signal
import urllib.request
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest
from PIL import Image

from framesift.settings import CrawlSettings
from tests.e2e.machine import Machine
from tests.waiting import wait_until

CATEGORIES = ["main", "dance", "challenge", "food", "tts"]
SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
TODAY = datetime.now(ZoneInfo("Asia/Seoul")).date()
TODAY_DATE, DONE, DAMAGED, KILLED = ((TODAY - timedelta(days=days)).isoformat() for days in range(4))
# A day costs half a minute, so the tests share a machine and the day that is done; each has a day of its own to try.
pytestmark = pytest.mark.slow


class ClipMachine(Machine):
    """A machine whose clip site can be told how to behave."""

    def show(self, **how: Any) -> None:
        request = urllib.request.Request(f"{self.site_url}/control", json.dumps(how).encode())
        urllib.request.urlopen(request, timeout=10).close()

    def share_that_breaks(self, count: int, category: str) -> float:
        """The share of broken covers at which `count` are broken of those at the top of a page, which a crawl keeps."""
        url = f"{self.site_url}/api/{category}/item_list?count=20"
        with urllib.request.urlopen(url, timeout=10) as answer:
            items = json.load(answer)["itemList"]
        numbers = sorted(
            broken_from(item["id"]) for item in items if item["stats"]["playCount"] >= CrawlSettings().min_views
        )
        return sum(numbers[count - 1 : count + 1]) / 2

    def top(self, category: str) -> dict[str, Any]:
        return dict(json.loads(self.get(f"/v1/top10/{category}")[2]))


def broken_from(clip: str) -> float:
    """The share from which the site breaks a clip's cover."""
    return zlib.crc32(clip.encode()) / 2**32


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClipMachine]:
    with ClipMachine(
        tmp_path_factory.mktemp("machine"), clips=60, FRAMESIFT_RUN__TOLERATED_FAILED_SHARE="0.5"
    ) as started:
        yield started


@pytest.fixture(scope="module")
def two_ends(kept: ClipMachine) -> list[dict[str, Any]]:
    """How two executions ended that were started for one day at once."""
    kept.show(date=DONE)
    started = [kept.begin(source="tiktok", date=DONE) for _ in range(2)]
    return [kept.wait(arn) for arn in started]


@pytest.fixture
def machine(kept: ClipMachine, two_ends: list[dict[str, Any]]) -> ClipMachine:
    """A machine that is up, on which one day is done, and whose site behaves."""
    kept.start()
    kept.show(wall=None, broken_image_share=0.0, categories=CATEGORIES)
    return kept


def test_two_starts_at_once_make_one_run_and_five_lists(machine: ClipMachine, two_ends: list[dict[str, Any]]) -> None:
    assert [one["status"] for one in two_ends] == ["SUCCEEDED", "SUCCEEDED"]
    assert sorted(json.loads(one["output"]).get("decision", "ran") for one in two_ends) == ["ran", "skip"]
    schema = json.loads((SCHEMAS / "top-list.schema.json").read_text())
    for category in CATEGORIES:
        top = json.loads(machine.file(f"published/{DONE}/{category}/top10/{category}_top10.json").read_text())
        jsonschema.validate(top, schema)
        views = [item["views"] for item in top["items"]]
        assert views == sorted(views, reverse=True)
        assert len({item["url"] for item in top["items"]}) == top["count"] > 0
        for item in top["items"]:
            thumbnail = machine.file(f"published/{DONE}/{category}/top10/{item['thumbnail']}")
            with Image.open(thumbnail) as opened:
                assert opened.size == (item["thumbnail_width"], item["thumbnail_height"])
    assert machine.record("tiktok", DONE)["done"] == CATEGORIES


def test_a_day_that_is_done_is_done(machine: ClipMachine) -> None:
    again = machine.command("run", "tiktok", "--date", DONE)
    assert again.returncode == 0, again.stderr
    assert f"tiktok of {DONE} is done" in again.stdout


def test_the_api_serves_lists_to_all_and_runs_to_those_who_may(machine: ClipMachine) -> None:
    status, headers, body = machine.get("/v1/top10/dance")
    assert (status, json.loads(body)["category"]) == (200, "dance")
    assert machine.get("/v1/top10/dance", **{"If-None-Match": headers["ETag"]})[0] == 304
    status, _, picture = machine.get(json.loads(body)["items"][0]["thumbnail_url"])
    assert (status, Image.open(BytesIO(picture)).format) == (200, "JPEG")
    path = f"/v1/runs/tiktok/{DONE}"
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
def test_what_begin_refuses_is_one_line_and_exit_code_65(
    machine: ClipMachine, arguments: list[str], named: str
) -> None:
    refused = machine.command(*arguments)
    assert refused.returncode == 65
    assert named in refused.stderr


def test_a_wall_costs_its_category_alone_and_noon_takes_up_only_that(machine: ClipMachine) -> None:
    today = {"source": "tiktok", "date": TODAY_DATE}
    machine.show(date=TODAY_DATE, wall="captcha", categories=["dance"])
    ended = machine.run(**today)
    assert (ended["status"], ended["error"]) == ("FAILED", "CaptchaShownError")
    record = machine.record("tiktok", TODAY_DATE)
    assert (record["status"], record["failed_categories"]) == ("FAILED", ["dance"])
    assert sorted(record["done"]) == sorted(set(CATEGORIES) - {"dance"})
    # Yesterday's list stays up; the others are today's; what was seen is kept.
    assert machine.top("dance")["date"] == DONE
    assert machine.top("food")["date"] == TODAY_DATE
    assert list(machine.file(f"runs/tiktok/{TODAY_DATE}/dance/screenshots").glob("*.png"))
    food_before = machine.file(f"runs/tiktok/{TODAY_DATE}/food/collected.jsonl").stat().st_mtime_ns

    machine.show(wall=None, categories=CATEGORIES)
    assert machine.run(**today, only_if_failed=True)["status"] == "SUCCEEDED"
    assert machine.record("tiktok", TODAY_DATE)["status"] == "SUCCEEDED"
    assert machine.top("dance")["date"] == TODAY_DATE
    assert machine.file(f"runs/tiktok/{TODAY_DATE}/food/collected.jsonl").stat().st_mtime_ns == food_before
    assert json.loads(machine.run(**today, only_if_failed=True)["output"])["decision"] == "skip"


def test_damaged_images_cost_their_items_alone(machine: ClipMachine) -> None:
    machine.show(date=DAMAGED)
    share = machine.share_that_breaks(2, "dance")
    machine.show(broken_image_share=share)
    assert machine.run(source="tiktok", date=DAMAGED, categories=["dance"])["status"] == "SUCCEEDED"
    items = [
        json.loads(line) for line in machine.file(f"runs/tiktok/{DAMAGED}/dance/curated.jsonl").read_text().splitlines()
    ]
    failed = [item for item in items if item["decision"].get("dropped") == "failed"]
    broken = {item["id"] for item in items if broken_from(item["id"]) < share}
    assert {item["id"] for item in failed} == broken
    assert len(broken) >= 2
    assert all(item["error"]["error"].endswith("Error") and item["decision"]["why"] for item in failed)
    assert machine.top("dance")["date"] > DAMAGED, "a run of an older day never replaces a newer list"


def test_killed_and_started_again_nothing_is_lost_and_the_run_resumes(machine: ClipMachine) -> None:
    lists = {category: machine.top(category) for category in CATEGORIES}
    machine.show(date=KILLED)
    arn = machine.begin(source="tiktok", date=KILLED, categories=["dance", "food"])
    manifests = [machine.file(f"runs/tiktok/{KILLED}/{category}/collected.jsonl") for category in ("dance", "food")]
    planned = machine.file(f"runs/tiktok/{KILLED}/analysis")  # Once it is, both categories are recorded as collected.
    wait_until(planned.exists, within_s=120, every_s=0.05)
    machine.stop(signal.SIGKILL)
    collected = [manifest.read_bytes() for manifest in manifests]

    machine.start()
    assert {category: machine.top(category) for category in CATEGORIES} == lists
    assert machine.wait(arn)["status"] == "ABORTED"
    # The rule on stopped executions sees to it.
    wait_until(lambda: machine.record("tiktok", KILLED)["status"] != "RUNNING", every_s=0.1)
    assert machine.record("tiktok", KILLED)["status"] == "FAILED"
    machine.show(date=KILLED)
    assert machine.run(source="tiktok", date=KILLED, categories=["dance", "food"])["status"] == "SUCCEEDED"
    assert [manifest.read_bytes() for manifest in manifests] == collected


def test_reading_commands_need_nothing_that_is_up(machine: ClipMachine) -> None:
    machine.stop()
    for command, said in ((["top10", "food"], "food"), (["status", "tiktok", DONE], DONE), (["runs"], DONE)):
        read = machine.command(*command, "--json")
        assert read.returncode == 0, read.stderr
        assert said in read.stdout
