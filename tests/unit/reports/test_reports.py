"""Reports: everything is in one page, and nothing in it is a stranger's markup."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from framesift import keys
from framesift.contracts import Clip, Detection, Media, Run, Upload
from framesift.contracts.videos import FrameCounts, VideoEntry
from framesift.pipeline.takedowns import take_down
from framesift.reports.day import MAX_PAIRS, day_report
from framesift.reports.detector import detector_report
from framesift.reports.poses import CHART_HEIGHT, CHART_WIDTH, poses_report
from framesift.settings import CrawlSettings, Settings
from framesift.sources.browser import open_browser
from framesift.storage import S3Store, read_lines, write_manifest
from framesift.table import Failure, Records, Review, RunRecord
from tests.unit.cli.conftest import framesift, stack
from tests.unit.pipeline.test_curate_to_finish import AT, RUN, Day, a_jpeg, a_whole_day

__all__ = ["stack"]

# Mostly Korean, so that it is not dropped for its language.
HOSTILE = (
    "춤추는 고양이와 강아지가 함께 보낸 즐거운 하루의 이야기를 우리 모두 같이 보아요"
    "</b><script>alert(1)</script><img src=x onerror=alert(2)> \"'\u202e\x1b"
)
ADDRESS = "javascript:alert(3)"


class Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.policy = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if ("http-equiv", "Content-Security-Policy") in attrs:
            self.policy = dict(attrs)["content"] or ""

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]


def check_it_is_whole_and_harmless(html: str) -> Page:
    page = Page(html)
    assert html.startswith("<!doctype html>")
    assert page.policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert not {"script", "iframe", "object", "link", "form"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert all(source.startswith("data:image/") for source in page.of("src"))
    assert all(address.startswith(("https://", "#")) for address in page.of("href"))
    assert "\x1b" not in html
    assert "prefers-color-scheme: dark" in html
    return page


@pytest.fixture
def made(store: S3Store, records: Records) -> Day:
    return Day(store, records, Settings())


def a_day_with(made: Day, clips: int, duplicates: int) -> RunRecord:
    made.begin(["dance"])
    made.analyzed("dance", clips, duplicates)
    key = keys.manifest(RUN, "dance", "analyzed")
    items = read_lines(made.store, key, Clip)
    hostile = {"title": HOSTILE, "author": HOSTILE, "url": ADDRESS}
    items = [items[0].model_copy(update=hostile), items[1].model_copy(update={"title": HOSTILE}), *items[2:]]
    write_manifest(made.store, key, items)
    made.curate("dance")
    made.publish(["dance"])
    made.finish(["dance"])
    record = made.records.runs.get("tiktok", RUN.date)
    assert record is not None
    return record


def test_a_day_shows_its_lists_and_what_was_dropped_beside_its_keeper(made: Day) -> None:
    record = a_day_with(made, 4, 1)
    page = check_it_is_whole_and_harmless(day_report(record, made.store, made.records))
    assert page.text.count("<script>alert(1)</script>") == 4, (
        "a title and an author in the list; dropped, and its keeper"
    )
    assert len(page.of("src")) == 3 + 2, "three thumbnails, and a pair"
    assert "1 re-upload dropped" in page.text
    assert "1.000 by pdq" in page.text
    assert "1,000 views" in page.text
    assert "No weights." in page.text


def test_a_day_with_many_duplicates_shows_some_and_counts_the_rest(made: Day) -> None:
    record = a_day_with(made, MAX_PAIRS + 6, MAX_PAIRS + 3)
    page = check_it_is_whole_and_harmless(day_report(record, made.store, made.records))
    assert f"{MAX_PAIRS + 3} re-uploads dropped" in page.text
    assert "3 more are not shown." in page.text


def test_ranks_are_compared_and_what_is_taken_down_is_not_shown(made: Day) -> None:
    yesterday = Day(made.store, made.records, made.settings, Run(source="tiktok", date="2026-11-19", attempt=1))
    a_whole_day(yesterday, {"dance": 2})
    take_down("tiktok", "dance-0", "asked", made.store, made.records)
    record = a_day_with(made, 4, 0)
    page = check_it_is_whole_and_harmless(day_report(record, made.store, made.records))
    assert "▲1" in page.text
    assert "Taken down: 1" in page.text
    take_down("tiktok", "dance-1", "asked", made.store, made.records)
    again = Page(day_report(record, made.store, made.records))
    assert again.text.count("views") == page.text.count("views") - 1, "at once, as in every other view"


def test_a_failed_category_shows_what_the_crawler_saw(made: Day) -> None:
    record = a_day_with(made, 3, 0)
    failure = Failure(stage="collect", error="CaptchaShownError", cause=HOSTILE)
    record = record.model_copy(update={"failures": {"food": failure}, "failed_categories": ["food"]})
    html = day_report(record, made.store, made.records)
    made.store.put(keys.screenshot(RUN, "food", "20261120T000000Z"), a_jpeg(800, 600), "image/png")
    page = check_it_is_whole_and_harmless(day_report(record, made.store, made.records))
    assert "CaptchaShownError" in page.text
    assert len(page.of("src")) == len(Page(html).of("src")) + 1


def test_a_training_shows_predictions_in_their_boxes(made: Day) -> None:
    run = Run(source="youtube", date="2026-11-20", attempt=1)
    media = Media(key=keys.media(run, "popular", "v", "jpg"), sha256="0", content_type="image/jpeg", size_bytes=1,
                  width=64, height=96)  # fmt: skip
    made.store.put(media.key, a_jpeg(), "image/jpeg")
    certain = Detection(tag=HOSTILE, left=0.1, top=0.2, width=0.3, height=0.4, probability=0.9)
    doubtful = certain.model_copy(update={"tag": "logo", "left": 0.5, "probability": 0.4})
    clip = Clip(source="youtube", id="v", title=HOSTILE, collected_at=AT, media=media, category="popular", url=ADDRESS,
                views=1, detections=[certain, doubtful])  # fmt: skip
    write_manifest(made.store, keys.manifest(run, "popular", "predicted"), [clip])
    review = Review(id="2026-11-20.popular.v.1", date=run.date, category="popular", item_id="v",
                    media_key=media.key, manifest_key="k", detection=doubtful)  # fmt: skip
    made.records.reviews.request([review], days=1)
    gate = {"outcome": "published", "why": HOSTILE, "average_precision": 0.75, "former_average_precision": 0.5}
    predicted = {"category": "popular", "items": 1, "confident": {HOSTILE: 1}, "to_review": 1}
    record = RunRecord(
        **run.model_dump(), status="SUCCEEDED", execution_arn="arn:1", categories=["popular"], done=["popular"],
        started_at=AT, counts={"predict": {"detector": HOSTILE, "categories": [predicted]}, "gate": gate},
    )  # fmt: skip
    page = check_it_is_whole_and_harmless(detector_report(record, made.store, made.records))
    boxes = [value for value in page.of("class") if value.startswith("box ")]
    assert boxes == ["box certain", "box pending"]
    assert "left: 10.00%; top: 20.00%; width: 30.00%; height: 40.00%" in page.of("style")
    assert {"0.75", "0.5"} <= set(page.of("value"))


@pytest.fixture
def collection(made: Day) -> str:
    upload = Upload(key="k", name=HOSTILE, etag="e", size_bytes=1, modified_at=AT, finding="video")
    failed = VideoEntry(source=HOSTILE, status="failed", error="NotAVideoError", message=HOSTILE)
    made.records.videos.put("dance", upload, failed)
    return "dance"


def test_a_collection_shows_why_a_video_failed(made: Day, collection: str) -> None:
    page = check_it_is_whole_and_harmless(poses_report(collection, made.store, made.records))
    assert "NotAVideoError" in page.text
    assert page.text.count("<script>alert(1)</script>") == 2


def test_a_collection_shows_confidence_over_time_also_where_the_video_is_gone(
    made: Day, collection: str, tmp_path: Path
) -> None:
    from framesift.pose.sequence import write_sequence
    from tests.unit.videos import make_sequence

    write_sequence(make_sequence(5), tmp_path / "s")
    made.store.upload(tmp_path / "s", f"{keys.poses_prefix(collection)}s.pose.parquet")
    entry = VideoEntry(source="춤.mp4", status="done", output="s.pose.parquet", frames=FrameCounts(5, 5, 0, 0, 0))
    upload = Upload(key="k", name="춤.mp4", etag="e", size_bytes=1, modified_at=datetime(2026, 11, 21, tzinfo=UTC),
                    finding="video")  # fmt: skip
    made.records.videos.put(collection, upload, entry)
    page = check_it_is_whole_and_harmless(poses_report(collection, made.store, made.records))
    assert "5 of 5 frames with people" in page.text
    (line,) = page.of("points")
    points = [tuple(map(float, point.split(","))) for point in line.split()]
    assert points[-1][0] == CHART_WIDTH
    assert all(0 <= x <= CHART_WIDTH and 0 <= y <= CHART_HEIGHT for x, y in points)


def test_the_command_writes_the_newest_days_page(
    stack: str, made: Day, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    a_day_with(made, 3, 0)
    assert framesift("report") == 0
    assert capsys.readouterr().out.splitlines()[-1] == ".framesift/reports/tiktok-2026-11-20.html"
    assert framesift("report", "tiktok", RUN.date, "-o", "sub/day.html") == 0
    written = (tmp_path / "sub" / "day.html").read_text("utf-8")
    assert written == (tmp_path / ".framesift" / "reports" / "tiktok-2026-11-20.html").read_text("utf-8")


@pytest.mark.slow
def test_on_a_phone_in_the_dark_every_table_is_seen_whole(made: Day, tmp_path: Path) -> None:
    # Given a day with clips below the list, whose ids are as long as the site's.
    a_whole_day(made, {"challenge": 12})
    record = made.records.runs.get("tiktok", RUN.date)
    assert record is not None
    html = day_report(record, made.store, made.records).replace("<details", "<details open")
    path = tmp_path / "day.html"
    path.write_text(re.sub(r"challenge(\d\d)</td>", r"77102625016690770\1</td>", html))

    # When a phone that prefers the dark shows it, then no table is wider than its box, and scroll bars are dark, too.
    async def look() -> tuple[list[int], str]:
        async with open_browser(CrawlSettings()) as browser:
            page = await browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
            await page.goto(path.as_uri())
            hidden = "[...document.querySelectorAll('.scroll')].map(box => box.scrollWidth - box.clientWidth)"
            scheme = "getComputedStyle(document.documentElement).colorScheme"
            return await page.evaluate(hidden), await page.evaluate(scheme)

    assert asyncio.run(look()) == ([0, 0], "light dark")
