"""A page, its lists and its hosts send what is made to break a crawl: every other clip is collected."""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from io import BytesIO

import pytest
from PIL import Image

from framesift.contracts import Clip, Run, ScopeInput
from framesift.pipeline.tiktok import collect
from framesift.pipeline.tiktok.collect import collect_category
from framesift.settings import CrawlSettings, DownloadSettings, RunSettings, Settings
from framesift.sources.tiktok import crawl
from framesift.storage import S3Store, read_lines
from framesift.table import Records
from framesift_local.standins.service import Answer, Loopback, Request

RUN = Run(source="tiktok", date="2026-11-20", attempt=1)
GOOD = [str(1_000 + number) for number in range(20)]
BAD_LINKS = ["http://[/@a/video/1", "http://h:99999999/@a/video/2"]
# What is wrong with a clip's thumbnail, and the error that its item gets.
BAD_THUMBNAILS = {
    "scans-1": "ImageTooCostlyError",
    "scans-2": "ImageTooCostlyError",
    "tiny-webp": "ImageTooCostlyError",
    "redirect": "BadValueError",
    "year-9999": "DownloadFailedError",
}
BAD_COUNTS = {"count-number": 10**40, "count-text": str(10**40)}


def scans(count: int) -> bytes:
    file = BytesIO()
    Image.new("RGB", (540, 960), (90, 120, 60)).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    last = data.rfind(b"\xff\xda")
    return data[:last] + data[last:-2] * count + b"\xff\xd9"


def tiny_webp() -> bytes:
    file = BytesIO()
    Image.new("RGB", (4_999, 4_999)).save(file, "WEBP", lossless=True, quality=0)
    return file.getvalue()


class Site(Loopback):
    """A page of clips, their list, and their thumbnails."""

    def __init__(self) -> None:
        super().__init__()
        cover = BytesIO()
        Image.effect_noise((90, 160), 90).save(cover, "JPEG")
        bomb = scans(21_474)
        self.covers = {"scans-1": bomb, "scans-2": bomb, "tiny-webp": tiny_webp()}
        self.cover = cover.getvalue()

    def entry(self, id_: str, **changes: object) -> dict[str, object]:
        return {
            "id": id_,
            "desc": f"clip {id_}",
            "author": {"uniqueId": "kim", "nickname": "Kim"},
            "statsV2": {"playCount": "1000000"},
            "video": {"cover": f"{self.url}/cover/{id_}"},
            **changes,
        }

    def answer(self) -> dict[str, object]:
        odd = [None, 7, [], {"id": {}}, {"id": "x", "author": "y"}]
        bad = [self.entry(id_, statsV2={"playCount": count}) for id_, count in BAD_COUNTS.items()]
        bad.append(self.entry("cover-url", video={"cover": "http://["}))
        good = [self.entry(id_) for id_ in [*GOOD, *BAD_THUMBNAILS]]
        return {"statusCode": 0, "hasMore": False, "itemList": [*odd, *bad, *good]}

    def page(self) -> str:
        links = "".join(f'<p><a href="{link}">x</a></p>' for link in BAD_LINKS)
        script = "<script>fetch('/api/item_list').then(answer => answer.text())</script>"
        return f"<!doctype html><title>clips</title><body>{links}{script}</body>"

    def respond(self, request: Request) -> Answer:
        name = request.path.rpartition("/")[2]
        if request.path == "/dance":
            return Answer(HTTPStatus.OK, self.page().encode(), "text/html")
        if request.path == "/api/item_list":
            return Answer.of(self.answer())
        if name == "redirect":
            return Answer(HTTPStatus.FOUND, headers={"Location": "http://["})
        if name == "year-9999":
            late = {"Retry-After": "Fri, 31 Dec 9999 23:59:59 -1200"}
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, headers=late)
        return Answer(HTTPStatus.OK, self.covers.get(name, self.cover), "image/jpeg")


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as started:
        yield started


def test_one_bad_item_of_each_kind_costs_itself_and_nothing_else(
    site: Site, store: S3Store, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(
        run=RunSettings(tolerated_failed_share=0.5),
        crawl=CrawlSettings(
            site_url=site.url, paths={"dance": "/dance"}, scroll_pause_s=(0.01, 0.02), quiet_scrolls=1, target_clips=100
        ),
        download=DownloadSettings(allow_loopback=True),
    )
    monkeypatch.setattr(collect, "crawl", partial(crawl, dice=random.Random(1)))
    started = time.monotonic()
    output = collect_category(ScopeInput(run=RUN, scope="dance"), settings, store, records)
    assert time.monotonic() - started < 60  # The two JPEGs alone took two minutes to check.
    items = {item.id: item for item in read_lines(store, output.manifest_key or "", Clip)}
    collected = [id_ for id_, item in items.items() if item.error is None]
    assert sorted(collected) == GOOD
    assert all(items[id_].media for id_ in GOOD)
    errors = {id_: fault(item) for id_, item in items.items() if item.error}
    named = {**BAD_THUMBNAILS, **dict.fromkeys([*BAD_COUNTS, "cover-url"], "BadValueError")}
    assert {id_: errors.pop(id_)[0] for id_ in named} == named
    assert sorted(link for link in BAD_LINKS for _, message in errors.values() if link in message) == BAD_LINKS
    assert len(errors) == len(BAD_LINKS)
    assert output.failed_items == len(named) + len(BAD_LINKS)


def fault(item: Clip) -> tuple[str, str]:
    assert item.error is not None
    assert item.collected_at <= dt.datetime.now(dt.UTC)
    return item.error.error, item.error.message
