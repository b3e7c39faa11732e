"""The API over a bucket and a table with two days' lists."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from framesift import keys
from framesift.contracts import PublishedList, Run, TopItem, TopList
from framesift.settings import load_settings
from framesift.storage import S3Store, write_json
from framesift.table import ItemDay, Records, RunRecord
from tests.conftest import BUCKET, TABLE

EVENTS = Path(__file__).parents[2] / "fixtures" / "events"
CONTEXT = SimpleNamespace(
    function_name="serve_api",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:ap-northeast-2:123456789012:function:serve_api",
    aws_request_id="52fdfc07-2182-154f-163f-5f0f9a621d72",
    get_remaining_time_in_millis=lambda: 20_000,
)
CLAIMS = {"scope": "framesift/read framesift/write", "client_id": "a-client", "token_use": "access"}


class Answer(NamedTuple):
    """An answer as a client sees it."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def an_event(
    method: str,
    path: str,
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    body: object = None,
    claims: dict[str, str] | None = None,
) -> dict[str, Any]:
    """An event as the gateway sends it, made from a recorded one."""
    event = json.loads((EVENTS / "serve_api.get_top10.json").read_text())
    event |= {"rawPath": path, "routeKey": "$default", "pathParameters": {}}
    event["requestContext"]["http"] |= {"method": method, "path": path}
    event["headers"] |= headers or {}
    if query:
        event |= {"queryStringParameters": query, "rawQueryString": urlencode(query)}
    if body is not None:
        event["body"] = body if isinstance(body, str) else json.dumps(body)
        event["headers"].setdefault("content-type", "application/json")
    if claims is not None:
        event["requestContext"]["authorizer"] = {"jwt": {"claims": claims, "scopes": None}}
    return event


def publish(
    store: S3Store, records: Records, date: str, clips: list[str], attempt: int = 1, category: str = "dance"
) -> str:
    """Publish a list as the pipeline does; returns its key."""
    run = Run(source="tiktok", date=date, attempt=attempt)
    edition = keys.edition(run)
    items = [
        TopItem(
            id=f"{category}{rank:02d}",
            rank=rank,
            url=f"https://example.com/{clip}",
            title=f"춤 {clip}",
            author="a",
            author_name="길동",
            views=1_000_000 - rank,
            thumbnail=f"thumbnails/{category}{rank:02d}.jpg",
            thumbnail_width=540,
            thumbnail_height=960,
            thumbnail_sha256="0" * 64,
            clip_id=clip,
            language_confidence=1.0,
        )
        for rank, clip in enumerate(clips, 1)
    ]
    key = keys.top_list(edition, category)
    top_list = TopList(
        source="tiktok",
        category=category,
        date=date,
        edition=edition,
        generated_at=datetime(2026, 11, 20, tzinfo=UTC),
        count=len(items),
        wanted=10,
        items=items,
    )
    for item in items:
        store.put(keys.top_thumbnail(edition, category, item.id), b"jpeg", "image/jpeg")
    write_json(store, key, top_list)
    former = records.lists.pointer(category)
    published = PublishedList(category=category, edition=edition, key=key, count=len(items))
    records.lists.switch(run, published, former.key if former else None)
    return key


@pytest.fixture
def two_days(store: S3Store, records: Records) -> None:
    publish(store, records, "2026-11-19", ["7301", "7302", "7303"])
    publish(store, records, "2026-11-20", ["7302", "7304", "7303"])


@pytest.fixture
def one_run(records: Records) -> Run:
    record = RunRecord(
        source="tiktok",
        date="2026-11-20",
        status="SUCCEEDED",
        attempt=1,
        execution_arn="arn:aws:states:ap-northeast-2:123456789012:execution:pipeline:one",
        categories=["dance"],
        started_at=datetime(2026, 11, 20, tzinfo=UTC),
        counts={"dance": {"items": 200}},
    )
    records.runs.claim(record, None)
    records.stages.end(record.run, "collect", "dance", json.dumps({"category": "dance", "items": 200}))
    day = ItemDay(
        source="tiktok", id="7302", date="2026-11-20", category="dance", title="춤", views=5, list_id="dance01"
    )
    records.items.put_days([day, day.model_copy(update={"date": "2026-11-19", "views": 3, "list_id": "dance02"})])
    return record.run


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """Ask the API as a client behind the gateway does; without `store` and `table`, it must not come to asking AWS."""
    monkeypatch.setenv("FRAMESIFT_PLATFORM__BUCKET", BUCKET)
    monkeypatch.setenv("FRAMESIFT_PLATFORM__TABLE", TABLE)
    monkeypatch.setenv("FRAMESIFT_API__CLIENT_REQUESTS_PER_MINUTE", "0")
    load_settings.cache_clear()
    from framesift.api.app import app

    def ask(path: str, method: str = "GET", **parts: Any) -> Answer:
        answer = app.resolve(an_event(method, path, **parts), CONTEXT)
        headers = {name.lower(): value for name, value in answer["headers"].items()}
        return Answer(answer["statusCode"], headers, answer["body"])

    return ask
