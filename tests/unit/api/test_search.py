"""Searches for similar images by the API."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from framesift.api.collections import app
from framesift.contracts import SetViewers
from framesift.settings import load_settings
from framesift.storage import S3Store
from framesift.table import Member, Profile, Records
from tests.conftest import BUCKET, TABLE
from tests.unit.api.people import NOW, ask_as
from tests.unit.images import encode, photograph
from tests.unit.search.test_collection import Photographs


@pytest.fixture
def photos(store: S3Store, records: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Photographs:
    monkeypatch.setenv("FRAMESIFT_PLATFORM__BUCKET", BUCKET)
    monkeypatch.setenv("FRAMESIFT_PLATFORM__TABLE", TABLE)
    monkeypatch.setenv("FRAMESIFT_API__CLIENT_REQUESTS_PER_MINUTE", "0")
    monkeypatch.setenv("FRAMESIFT_CATALOG__CACHE_DIR", str(tmp_path / "catalogs"))
    monkeypatch.setenv("FRAMESIFT_SEARCH__CACHE_DIR", str(tmp_path / "indexes"))
    load_settings.cache_clear()
    for user in ("kim", "lee"):
        records.people.create(Profile(user=user, email=f"{user}@example.com", created_at=NOW))
    records.members.put("photos", Member(user="lee", role="viewer", at=NOW))
    return Photographs(store, records, tmp_path).fill()


def search(who: str, **body: Any) -> Any:
    return ask_as(who, "POST", "/v1/collections/photos/search", body=body)


def picture(name: str) -> dict[str, str]:
    return {"image": base64.b64encode(encode(photograph(name)[::2, ::2], quality=60)).decode()}


def test_an_image_finds_its_original_with_all_that_is_known_of_it(photos: Photographs) -> None:
    answer = search("kim", parts=[picture("chelsea")], limit=2)
    assert answer.status == 200, answer.body
    found = answer.json
    assert (found["matching"], found["model"], len(found["hits"])) == (5, photos.label, 2)
    best = found["hits"][0]
    assert (best["item"]["id"], best["item"]["names"]) == (photos.ids["chelsea"], ["chelsea.png"])
    assert 0.9 < best["score"] <= 1


def test_parts_queries_and_weights_go_together(photos: Photographs) -> None:
    photos.log.set_tags([photos.ids["coffee"]], "kim", add=["shown"])
    parts = [picture("chelsea") | {"weight": 0.5}, {"item": photos.ids["rocket"], "box": box(0, 0, 1, 1)}]
    assert search("kim", parts=parts, limit=1).json["hits"][0]["item"]["names"] == ["rocket.png"]
    found = search("kim", parts=parts, query="tag:shown").json["hits"]
    assert [hit["item"]["names"] for hit in found] == [["coffee.png"]]
    assert search("kim", parts=parts, query="tag:nothing").json == {
        "hits": [], "matching": 0, "model": photos.label
    }  # fmt: skip


def test_a_viewer_neither_finds_private_images_nor_searches_by_them(photos: Photographs) -> None:
    cat = photos.ids["chelsea"]
    photos.log.append(SetViewers(ids=[cat], viewers=["somebody"]), "kim")
    found = search("lee", parts=[picture("chelsea")]).json
    assert found["matching"] == 4
    assert cat not in [hit["item"]["id"] for hit in found["hits"]]
    assert search("lee", parts=[{"item": cat}]).status == 404
    assert search("kim", parts=[picture("chelsea")]).json["hits"][0]["item"]["id"] == cat


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"parts": []}, "parts"),
        ({"parts": [{}]}, "one of text, image and item"),
        ({"parts": [{"text": "a cat", "item": "a" * 32}]}, "one of text, image and item"),
        ({"parts": [{"text": "a cat", "box": {"left": 0, "top": 0, "width": 1, "height": 1}}]}, "no box"),
        ({"parts": [{"text": "a cat"}]}, "no-text-encoder"),
        ({"parts": [{"image": "bm8gaW1hZ2U="}]}, "not-an-image"),
        ({"parts": [{"item": "a" * 32}], "limit": 1_000_000}, "limit"),
        ({"parts": [picture("coffee")], "query": "colour:red"}, "unknown-field"),
        ({"parts": [picture("coffee")], "model": "resnet50@9"}, "resnet50"),
        ({"parts": [picture("coffee") | {"weight": 0}]}, "empty-search"),
    ],
)
def test_what_cannot_be_searched_is_refused(photos: Photographs, body: dict[str, Any], named: str) -> None:
    answer = search("kim", **body)
    assert answer.status in {404, 422}, answer.body
    assert named in json.dumps(answer.json)


def test_the_route_is_described() -> None:
    operation = (app.get_openapi_schema().paths or {})["/v1/collections/{collection_id}/search"].post
    assert operation
    assert operation.responses
    assert {200, 413, 422, 503} <= {int(code) for code in operation.responses}


def box(left: float, top: float, width: float, height: float) -> dict[str, float]:
    return {"left": left, "top": top, "width": width, "height": height}
