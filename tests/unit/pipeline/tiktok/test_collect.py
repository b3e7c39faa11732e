"""What is kept of a crawl, and when it is no success. The crawl itself: tests/e2e/test_crawl.py."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from http import HTTPStatus
from io import BytesIO

import pytest
from PIL import Image

from framesift import keys
from framesift.contracts import Clip, CrawlOutput, Run, ScopeInput
from framesift.errors import CaptchaShownError, EmptyPageError, NotFoundError, TooManyFailedItemsError
from framesift.pipeline.tiktok import collect
from framesift.pipeline.tiktok.collect import collect_category
from framesift.settings import CrawlSettings, DownloadSettings, RunSettings, Settings
from framesift.sources.tiktok import Crawl
from framesift.storage import S3Store, read_lines
from framesift.table import Records
from framesift_local.standins.service import Answer, Loopback, Request

RUN = Run(source="tiktok", date="2026-11-20", attempt=1)
REQUEST = ScopeInput(run=RUN, scope="dance")
SETTINGS = Settings(
    run=RunSettings(tolerated_failed_share=0.5),
    crawl=CrawlSettings(min_views=100),
    download=DownloadSettings(allow_loopback=True, tries=1),
)


class Covers(Loopback):
    """Gives an image for every path but those in `missing`, and notes what was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.missing: set[str] = set()

    def respond(self, request: Request) -> Answer:
        self.asked.append(request.path)
        if request.path in self.missing:
            return Answer(HTTPStatus.NOT_FOUND)
        file = BytesIO()
        Image.new("RGB", (9, 16), (len(request.path), 0, 0)).save(file, "PNG")
        return Answer(HTTPStatus.OK, file.getvalue(), "image/png")


@pytest.fixture
def covers() -> Iterator[Covers]:
    with Covers() as host:
        yield host


@pytest.fixture
def crawled(covers: Covers, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Sets what the next crawls bring, as views by id; gives the list of crawls."""
    crawls: list[int] = []

    def bring(repeated: int = 0, **views: int) -> list[int]:
        items = [
            Clip(
                source="tiktok",
                category="dance",
                id=id_,
                url=f"https://s/@a/video/{id_}",
                views=count,
                thumbnail_url=f"{covers.url}/{id_}" if id_ != "bare" else None,
                collected_at=dt.datetime.now(dt.UTC),
            )
            for id_, count in views.items()
        ]

        def crawl(category: str, settings: Settings, keep_screenshot: object, report: object) -> Crawl:
            crawls.append(1)
            return Crawl(items, repeated)

        monkeypatch.setattr(collect, "crawl", crawl)
        return crawls

    return bring


def test_keeps_clips_with_enough_views_and_counts_the_rest(
    crawled: Callable[..., list[int]], store: S3Store, records: Records
) -> None:
    crawled(c=100, a=99, b=5_000, repeated=3)
    output = collect_category(REQUEST, SETTINGS, store, records)
    key = keys.manifest(RUN, "dance", "collected")
    assert output == CrawlOutput(
        scope="dance", manifest_key=key, seen=3, below_min_views=1, repeated=3, items=2, failed_items=0, fetched=2
    )
    items = read_lines(store, key, Clip)
    assert [item.id for item in items] == ["c", "b"]
    for item in items:
        assert item.media is not None
        assert item.media.key == f"runs/tiktok/2026-11-20/dance/media/{item.id}.png"
        assert (item.media.width, item.media.height, item.media.content_type) == (9, 16, "image/png")
        assert len(store.get(item.media.key)) == item.media.size_bytes


def test_what_is_done_is_not_done_again(crawled: Callable[..., list[int]], store: S3Store, records: Records) -> None:
    crawls = crawled(a=100)
    first = collect_category(REQUEST, SETTINGS, store, records)
    crawled(b=100)
    assert collect_category(REQUEST, SETTINGS, store, records) == first
    assert len(crawls) == 1


def test_a_thumbnail_that_fails_marks_its_item(
    crawled: Callable[..., list[int]], covers: Covers, store: S3Store, records: Records
) -> None:
    crawled(a=100, gone=100, bare=100, b=100)
    covers.missing = {"/gone"}
    output = collect_category(REQUEST, SETTINGS, store, records)
    assert (output.items, output.failed_items) == (4, 2)
    items = {item.id: item for item in read_lines(store, output.manifest_key or "", Clip)}
    for id_, words in {"gone": "HTTP 404", "bare": "no thumbnail"}.items():
        fault = items[id_].error
        assert fault is not None
        assert (fault.stage, fault.error) == ("collect", "DownloadFailedError")
        assert words in fault.message
        assert items[id_].media is None
    assert items["a"].error is None


def test_too_many_failures_fail_and_the_next_try_fetches_only_the_rest(
    crawled: Callable[..., list[int]], covers: Covers, store: S3Store, records: Records
) -> None:
    crawled(a=100, b=100, c=100)
    covers.missing = {"/b", "/c"}
    with pytest.raises(TooManyFailedItemsError, match="2 of 3 thumbnails"):
        collect_category(REQUEST, SETTINGS, store, records)
    assert records.stages.output(RUN, "collect", "dance") is None
    covers.missing = set()
    covers.asked.clear()
    assert collect_category(REQUEST, SETTINGS, store, records).failed_items == 0
    assert sorted(covers.asked) == ["/b", "/c"]


def test_nothing_with_enough_views_is_no_success(
    crawled: Callable[..., list[int]], store: S3Store, records: Records
) -> None:
    for views in ({}, {"a": 99}):
        crawled(**views)
        with pytest.raises(EmptyPageError, match="none with 100 views"):
            collect_category(REQUEST, SETTINGS, store, records)
    assert records.stages.output(RUN, "collect", "dance") is None
    with pytest.raises(NotFoundError):
        store.get(keys.manifest(RUN, "dance", "collected"))


def test_the_screenshot_of_a_wall_is_kept(monkeypatch: pytest.MonkeyPatch, store: S3Store, records: Records) -> None:
    def crawl(category: str, settings: Settings, keep_screenshot: Callable[[bytes], str], report: object) -> Crawl:
        raise CaptchaShownError(f"seen; screenshot: {keep_screenshot(b'an image')}")

    monkeypatch.setattr(collect, "crawl", crawl)
    with pytest.raises(CaptchaShownError, match="s3://framesift-test/runs/tiktok/2026-11-20/dance/screenshots/"):
        collect_category(REQUEST, SETTINGS, store, records)
    assert [store.get(key) for key in store.list("runs/")] == [b"an image"]
