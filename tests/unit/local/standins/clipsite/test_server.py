import datetime as dt
import io
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from pydantic import ValidationError

from framesift.errors import PortInUseError
from framesift_local.standins.clipsite import CATEGORIES, ClipSite, grade
from framesift_local.standins.clipsite.images import BREAKAGES, breakage


def crawl(client: httpx.Client, category: str) -> list[dict[str, Any]]:
    items, page = [], {"cursor": "0", "hasMore": True}
    while page["hasMore"]:
        answer = client.get(f"/api/{category}/item_list/", params={"cursor": page["cursor"], "count": 20})
        page = answer.raise_for_status().json()
        assert page["statusCode"] == 0
        assert len(page["itemList"]) <= 20
        items += page["itemList"]
    return items


def cover(client: httpx.Client, item: dict[str, Any]) -> httpx.Response:
    return client.get(item["video"]["cover"])


def test_paging_serves_every_clip_and_some_twice(site: ClipSite, client: httpx.Client) -> None:
    items = crawl(client, "dance")
    counts = Counter(item["id"] for item in items)

    assert counts.keys() == {clip.id for clip in site.catalogue().clips.values() if clip.category == "dance"}
    assert 2 in counts.values()
    assert all(item == again for item in items for again in items if item["id"] == again["id"])


def test_items_have_the_shape_of_the_real_ones(site: ClipSite, client: httpx.Client) -> None:
    items = crawl(client, "tts") + crawl(client, "main")
    for item in items:
        clip = site.catalogue().clips[item["id"]]
        assert item.get("desc", "") == clip.title
        assert item["author"] == {"uniqueId": clip.author_id, "nickname": clip.nickname}
        assert item["stats"]["playCount"] == clip.views
        assert item["createTime"] == clip.created_at_s
        assert item["video"]["cover"].startswith(site.url + "/media/")
    assert any("desc" not in item for item in items)


@pytest.mark.parametrize("query", ["cursor=-1", "cursor=x", "count=1.5"])
def test_bad_paging_is_answered_with_a_status_code(client: httpx.Client, query: str) -> None:
    assert client.get(f"/api/food/item_list/?{query}").json()["statusCode"] != 0


def test_a_cursor_past_the_end_is_an_empty_last_page(client: httpx.Client) -> None:
    page = client.get("/api/food/item_list/?cursor=9999").json()

    assert page["itemList"] == []
    assert page["hasMore"] is False


def test_pages_of_categories_clips_and_nothing_else(site: ClipSite, client: httpx.Client) -> None:
    clip = next(clip for clip in site.catalogue().clips.values() if clip.title)

    for category in CATEGORIES:
        assert f'data-category="{category}"' in client.get(f"/{category}").text
    assert client.get(clip.path).status_code == 200
    assert client.get("/").headers["location"] == "/main"
    for path in ("/cats", "/media/../x", f"/media/{'1' * 19}.jpeg", f"/@x/video/{'1' * 19}"):
        assert client.get(path).status_code == 404


def test_a_cover_is_an_image_of_its_type(client: httpx.Client) -> None:
    item = crawl(client, "main")[0]
    answer = cover(client, item)

    with Image.open(io.BytesIO(answer.content)) as image:
        image.load()
        assert f"image/{image.format.lower()}" == answer.headers["content-type"]


@pytest.mark.parametrize(
    ("wall", "page_status", "in_page", "in_json"),
    [
        ("captcha", 200, "captcha-verify-container", '"statusCode": 10000'),
        ("login", 200, "login-modal", '"statusCode": 10000'),
        ("denied", 403, "Access Denied", ""),
        ("empty", 200, "Couldn't find", '"itemList": []'),
    ],
)
def test_walls_stand_before_page_and_json(
    client: httpx.Client, wall: str, page_status: int, in_page: str, in_json: str
) -> None:
    client.post("/control", json={"wall": wall, "categories": ["food"]}).raise_for_status()
    page, answer = client.get("/food"), client.get("/api/food/item_list/")

    assert page.status_code == page_status
    assert in_page in page.text
    assert wall == "denied" or f'data-wall="{wall}"' in page.text
    assert answer.status_code == 200
    assert in_json in answer.text
    assert bool(answer.text) == bool(in_json)
    assert len(crawl(client, "dance")) > 60  # The others are as always.


def test_latency_is_waited(client: httpx.Client) -> None:
    client.post("/control", json={"latency_s": 0.2})
    start = time.monotonic()
    client.get("/api/main/item_list/")

    assert time.monotonic() - start >= 0.2


def test_connections_are_dropped_as_often_as_told(client: httpx.Client) -> None:
    client.post("/control", json={"drop_share": 0.5})
    dropped = 0
    for _ in range(60):
        try:
            client.get("/main")
        except httpx.TransportError:
            dropped += 1

    assert 15 <= dropped <= 45
    assert client.get("/control").json()["drop_share"] == 0.5  # Never dropped itself.


def test_broken_covers_break_in_every_way(site: ClipSite, client: httpx.Client) -> None:
    site.control(broken_image_share=1.0)
    ways = {breakage(clip, 1.0): clip for clip in site.catalogue().clips.values()}
    answers = {way: client.get(f"/media/{clip.media_name}") for way, clip in ways.items()}

    assert set(answers) == set(BREAKAGES)
    assert answers["missing"].status_code == 404
    assert answers["empty"].content == b""
    assert answers["html"].content.startswith(b"<!doctype html>")
    assert answers["html"].headers["content-type"].startswith("image/")
    with pytest.raises(OSError, match="truncated"), Image.open(io.BytesIO(answers["truncated"].content)) as image:
        image.load()
    assert len(answers["bomb"].content) < 1_000_000
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(answers["bomb"].content))


def test_a_share_of_covers_is_broken_and_always_the_same_ones(site: ClipSite) -> None:
    clips = list(site.catalogue().clips.values())
    broken = [clip.id for clip in clips if breakage(clip, 0.2)]

    assert 0.1 < len(broken) / len(clips) < 0.3
    assert broken == [clip.id for clip in clips if breakage(clip, 0.2)]
    assert not any(breakage(clip, 0.0) for clip in clips)


def test_another_date_shows_other_clips_and_still_serves_the_covers_of_the_last(client: httpx.Client) -> None:
    before = crawl(client, "main")
    client.post("/control", json={"date": "2026-11-21"}).raise_for_status()
    after = {item["id"] for item in crawl(client, "main")}

    assert after - {item["id"] for item in before}
    assert after & {item["id"] for item in before}
    assert all(cover(client, item).status_code == 200 for item in before[:5])


@pytest.mark.parametrize(
    "body",
    ["[]", "{", '{"date": null}', '{"date": "2026-02-30"}', '{"wall": "brick"}', '{"x": 1}', '{"drop_share": 2}'],
)
def test_control_refuses_what_it_does_not_know_and_stays_as_it_is(client: httpx.Client, body: str) -> None:
    before = client.get("/control").json()
    answer = client.post("/control", content=body)

    assert answer.status_code == 400
    assert answer.json()["error"]
    assert client.get("/control").json() == before


def test_control_in_python_refuses_the_same(site: ClipSite) -> None:
    with pytest.raises(ValidationError, match="latency_s"):
        site.control(latency_s=-1)


def test_truth_covers_all_that_reuploads_point_to(site: ClipSite, client: httpx.Client) -> None:
    truth = client.get("/control/truth").json()
    listed = site.catalogue().clips

    assert truth.keys() == site.truth().keys()
    assert listed.keys() <= truth.keys()
    for id_, clip in listed.items():
        assert truth[id_]["edit"] == clip.edit
        assert truth[clip.original_id]["edit"] is None
        assert truth[id_]["views"] == clip.views


def test_a_perfect_answer_gets_a_perfect_grade(site: ClipSite) -> None:
    kept: dict[str, str] = {}
    dropped: dict[str, str] = {}
    for clip in sorted(site.catalogue().clips.values(), key=lambda clip: -clip.views):
        if clip.original_id in kept:
            dropped[clip.id] = kept[clip.original_id]
        else:
            kept[clip.original_id] = clip.id
    result = grade(site.truth(), kept.values(), dropped)

    assert result.total.reuploads > 20
    assert result.total.share == 1.0
    assert result.originals_lost == ()
    assert grade(site.truth(), site.catalogue().clips, {}).total.found == 0


def test_a_taken_port_is_said_so(site: ClipSite, tmp_path: Path) -> None:
    port = int(site.url.rpartition(":")[2])

    with pytest.raises(PortInUseError, match=f"Port {port} of 127.0.0.1 is in use"):
        ClipSite(date=dt.date(2026, 11, 20), cache_dir=tmp_path, port=port).start()


def test_a_stopped_site_no_longer_answers(tmp_path: Path) -> None:
    site = ClipSite(date=dt.date(2026, 11, 20), cache_dir=tmp_path, clips_per_category=10).start()
    with httpx.Client(base_url=site.url) as client:
        assert client.get("/main").status_code == 200
        site.stop()
        with pytest.raises(httpx.TransportError):  # Neither on the connection that was kept, nor on a new one.
            client.get("/main")
