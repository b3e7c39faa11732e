"""The API's function, with events as the gateway sends them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from framesift.settings import load_settings
from framesift.storage import S3Store
from framesift.table import Records

EVENTS = Path(__file__).parents[1] / "fixtures" / "events"
CONTEXT = SimpleNamespace(
    function_name="serve_api",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:ap-northeast-2:123456789012:function:serve_api",
    aws_request_id="52fdfc07-2182-154f-163f-5f0f9a621d72",
)


def an_event(name: str) -> dict[str, Any]:
    return json.loads((EVENTS / f"{name}.json").read_text())


@pytest.fixture(autouse=True)
def _platform(store: S3Store, records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMESIFT_PLATFORM__BUCKET", store.bucket)
    monkeypatch.setenv("FRAMESIFT_PLATFORM__TABLE", records.name)
    load_settings.cache_clear()


def test_answers_a_list_that_is_not_there_yet():
    from functions.serve_api.handler import handler

    answer = handler(an_event("api_get_top10"), CONTEXT)
    assert answer["statusCode"] == 404
    assert "No list of 'dance' is published yet" in json.loads(answer["body"])["detail"]


def test_notes_a_takedown(records: Records):
    from functions.serve_api.handler import handler

    answer = handler(an_event("api_post_takedown"), CONTEXT)
    assert answer["statusCode"] == 200
    assert records.items.taken_down("tiktok") == {"7301": "the author asked for it"}


def test_starts_without_numpy_and_models():
    code = (
        "import sys, functions.serve_api.handler\n"
        "heavy = {'numpy', 'PIL', 'torch', 'cv2', 'lingua', 'onnxruntime', 'pandas', 'moto'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
