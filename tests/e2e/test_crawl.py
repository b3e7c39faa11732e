"""A real Chromium crawls the clip site."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from containers.crawler.handler import handler
from framesift import keys
from framesift.contracts import Clip, Run
from framesift.errors import (
    CaptchaShownError,
    CrawlBlockedError,
    CrawlError,
    EmptyPageError,
    LoginRequiredError,
    SiteUnreachableError,
)
from framesift.settings import CrawlSettings, Settings
from framesift.sources.tiktok import Crawl, crawl
from framesift.sources.tiktok.page import Report
from framesift.storage import S3Store, read_lines
from framesift.table import Records
from framesift_local.standins.clipsite import CATEGORIES, ClipSite
from tests.waiting import wait_until

RUN = Run(source="tiktok", date="2026-11-20", attempt=1)
PATHS = {category: f"/{category}" for category in CATEGORIES}
PAUSE_S = (0.03, 0.08)


@pytest.fixture(scope="module")
def running_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClipSite]:
    folder = tmp_path_factory.mktemp("covers")
    with ClipSite(date=dt.date(2026, 11, 20), cache_dir=folder, clips_per_category=60) as site:
        yield site


@pytest.fixture
def site(running_site: ClipSite) -> Iterator[ClipSite]:
    yield running_site
    running_site.control(wall=None, latency_s=0.0, drop_share=0.0, broken_image_share=0.0)


def crawl_site(url: str, report: Report = lambda done, target: None, **changes: object) -> Crawl:
    settings = Settings(
        crawl=CrawlSettings.model_validate(
            {"site_url": url, "paths": PATHS, "scroll_pause_s": PAUSE_S, "page_timeout_s": 20, **changes}
        )
    )
    return crawl("dance", settings, lambda picture: f"{len(picture)} bytes", random.Random(1), report)


def processes_below(pid: int) -> set[int]:
    """The processes that a process started, and those that they started."""
    with subprocess.Popen(["ps", "-eo", "pid=,ppid="], stdout=subprocess.PIPE, text=True) as ps:
        listed = ps.communicate()[0]
    parents = {int(child): int(parent) for child, parent in map(str.split, listed.splitlines())}
    below: set[int] = set()
    while found := {child for child, parent in parents.items() if parent in below | {pid}} - below:
        below |= found
    return below - {ps.pid}


def is_chromium(pid: int) -> bool:
    try:
        return b"--remote-debugging-pipe" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@pytest.fixture
def in_lambda(
    site: ClipSite, store: S3Store, records: Records, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Path:
    """The environment of the crawler's function; gives the session's file."""
    session_file = tmp_path / "session.json"
    for name, value in {
        "PLATFORM__BUCKET": store.bucket,
        "PLATFORM__TABLE": records.name,
        "CRAWL__SITE_URL": site.url,
        "CRAWL__PATHS": json.dumps(PATHS),
        "CRAWL__SCROLL_PAUSE_S": json.dumps(PAUSE_S),
        "CRAWL__SESSION_FILE": str(session_file),
        "DOWNLOAD__ALLOW_LOOPBACK": "true",
    }.items():
        monkeypatch.setenv(f"FRAMESIFT_{name}", value)
    return session_file


class Context:
    function_name = "crawl_category"
    memory_limit_in_mb = 2048
    invoked_function_arn = "arn:aws:lambda:ap-northeast-2:123456789012:function:crawl_category"
    aws_request_id = "1"


EVENT = {"run": RUN.model_dump(), "scope": "dance"}


def test_the_function_collects_what_the_site_truly_has(in_lambda: Path, site: ClipSite, store: S3Store) -> None:
    before = processes_below(os.getpid())
    output = handler(EVENT, Context())  # type: ignore[arg-type]

    feed = site.catalogue().feeds["dance"]
    order = list(dict.fromkeys(feed))
    truth = {id_: site.catalogue().clips[id_] for id_ in order}
    popular = [id_ for id_ in order if truth[id_].views >= 100_000]
    items = read_lines(store, output["manifest_key"], Clip)
    assert [item.id for item in items] == popular
    assert [item.views for item in items] == [truth[id_].views for id_ in popular]
    assert [item.title for item in items] == [truth[id_].title.strip() for id_ in popular]
    assert (output["seen"], output["repeated"]) == (len(order), len(feed) - len(order))
    assert output["failed_items"] == 0
    assert all(item.media and store.exists(item.media.key) for item in items)
    assert all(item.views_text for item in items), "the page was read as well"
    assert "cookies" in json.loads(in_lambda.read_text())
    left = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in processes_below(os.getpid()) - before]
    assert not [command for command in left if b"framesift.sandbox" not in command], "image workers serve the next call"


@pytest.mark.parametrize(
    ("wall", "kind"),
    [
        ("captcha", CaptchaShownError),
        ("login", LoginRequiredError),
        ("denied", CrawlBlockedError),
        ("empty", EmptyPageError),
    ],
)
def test_a_wall_is_a_named_failure_with_a_screenshot(
    in_lambda: Path, site: ClipSite, store: S3Store, records: Records, wall: str, kind: type[CrawlError]
) -> None:
    before = processes_below(os.getpid())
    site.control(wall=wall)
    with pytest.raises(kind) as caught:
        handler(EVENT, Context())  # type: ignore[arg-type]
    [screenshot] = list(store.list("runs/"))
    assert screenshot.startswith(keys.screenshot(RUN, "dance", "").removesuffix(".png"))
    assert store.get(screenshot).startswith(b"\x89PNG")
    message = str(caught.value)
    assert screenshot in message
    assert f"{site.url}/dance" in message
    assert "\n" not in message
    assert records.stages.outputs(RUN) == {}
    assert not in_lambda.exists(), "the session of a failed crawl is not kept"
    left = processes_below(os.getpid()) - before
    assert not {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in left}


def test_a_slow_site_that_drops_connections_is_read_to_its_end(site: ClipSite) -> None:
    site.control(latency_s=0.3, drop_share=0.15)
    assert len(crawl_site(site.url).items) == len(set(site.catalogue().feeds["dance"]))


def test_stops_at_the_target(tmp_path: Path) -> None:
    with ClipSite(date=dt.date(2026, 11, 20), cache_dir=tmp_path, clips_per_category=400) as large:
        items = crawl_site(large.url, target_clips=5, min_views=0).items
    # What was on its way when the target was reached is kept: a few answers of the site's.
    assert 5 <= len(items) <= 200


def test_stops_after_the_time_limit_with_what_there_is(site: ClipSite) -> None:
    crawled = crawl_site(site.url, time_limit_s=0.01, min_views=10**9)
    assert 0 < len(crawled.items) < 60
    assert crawled.cut_short == "its time limit of 0.01 s came first"


def test_a_site_that_does_not_answer_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(SiteUnreachableError, match=r"3 tries.*ERR_CONNECTION_REFUSED"):
        crawl_site(f"http://127.0.0.1:{port}")


def test_goes_on_when_chromium_is_killed(site: ClipSite) -> None:
    killed: list[int] = []

    def kill_once(done: int, target: int) -> None:
        if not killed and done >= 20:
            killed.extend(pid for pid in processes_below(os.getpid()) if is_chromium(pid))
            for pid in killed:
                os.kill(pid, signal.SIGKILL)

    feed = site.catalogue().feeds["dance"]
    crawled = crawl_site(site.url, report=kill_once, min_views=0)
    assert killed
    assert [item.id for item in crawled.items] == list(dict.fromkeys(feed))
    assert crawled.repeated == len(feed) - len(set(feed))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_browser_outlives_a_killed_crawl(site: ClipSite, how: signal.Signals) -> None:
    # A short path: Chromium makes sockets there, whose names the system cuts at 108 bytes.
    with tempfile.TemporaryDirectory(prefix="fs-", ignore_cleanup_errors=True) as folder:
        _kill_a_crawl(site, how, folder)


def _kill_a_crawl(site: ClipSite, how: signal.Signals, folder: str) -> None:
    site.control(latency_s=2.0)
    environment = os.environ | {
        "FRAMESIFT_CRAWL__SITE_URL": site.url,
        "FRAMESIFT_CRAWL__PATHS": json.dumps(PATHS),
        "TMPDIR": folder,
    }
    code = "from framesift.settings import Settings; from framesift.sources.tiktok import crawl\n"
    code += "crawl('dance', Settings(), lambda picture: '')"
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL) as crawling:
        below = wait_until(lambda: _processes_of_a_chromium(crawling.pid), every_s=0.1)
        crawling.send_signal(how)
    wait_until(lambda: not {pid for pid in below if Path(f"/proc/{pid}/exe").exists()})


def _processes_of_a_chromium(pid: int) -> set[int]:
    """The processes below one, once a whole Chromium is among them."""
    below = processes_below(pid)
    return below if any(map(is_chromium, below)) and len(below) > 4 else set()
