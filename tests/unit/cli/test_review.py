"""`framesift review`: a list that fits, a sheet with boxes, verdicts."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from framesift.contracts import Detection
from framesift.storage import S3Store
from framesift.table import Records, Review
from tests.unit.cli.conftest import framesift

IDS = [f"2026-11-20.popular.dQw4w9WgXc{number}.0" for number in range(3)]


def png(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "#0000ff").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def reviews(stack: str, store: S3Store, records: Records) -> Records:
    """Three predictions; the image of the last one is gone."""
    found = Detection(tag="logo", probability=0.61, left=0.25, top=0.25, width=0.5, height=0.5)
    records.reviews.request(
        [
            Review(
                id=review_id,
                date="2026-11-20",
                category="popular",
                item_id="v",
                title="a [/x] title \x1b[2J",
                media_key=f"runs/{number}.png",
                manifest_key="runs/predicted.jsonl",
                detection=found,
            )
            for number, review_id in enumerate(IDS)
        ],
        days=1,
    )
    store.put("runs/0.png", png(640, 480))
    store.put("runs/1.png", png(100, 400))
    return records


@pytest.mark.usefixtures("reviews")
def test_the_list_has_a_row_for_each_and_whole_ids(capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("review", "list", "--limit", "2") == 0
    shown = capsys.readouterr()
    head, *rows = [line.split("\t") for line in shown.out.splitlines()]
    assert head[:4] == ["id", "tag", "score", "title"]
    assert [row[:4] for row in rows] == [[each, "logo", "0.61", "a [/x] title \\x1b[2J"] for each in IDS[:2]]
    assert "--limit 4" in shown.err


@pytest.mark.usefixtures("reviews")
def test_the_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("review", "list", "--json") == 0
    assert [review["id"] for review in json.loads(capsys.readouterr().out)] == IDS


@pytest.mark.usefixtures("reviews")
def test_show_draws_each_box_on_its_image(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new" / "sheet.png"
    assert framesift("review", "show", "--to", str(path)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[:3]] == IDS
    sheet = Image.open(path).convert("RGB")
    orange = (232, 113, 10)
    # The first tile: 320 × 240 at (8, 8), with a box from a quarter to three quarters of each side.
    assert sheet.getpixel((8 + 80, 8 + 120)) == orange
    assert sheet.getpixel((8 + 160, 8 + 61)) == orange
    assert sheet.getpixel((8 + 160, 8 + 120)) == (0, 0, 255)
    # The third one's image is gone: a grey tile, without a box.
    assert sheet.getpixel((8 + 2 * 328 + 80, 8 + 120)) == (200, 200, 200)


@pytest.mark.usefixtures("reviews")
def test_show_takes_ids(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sheet.png"
    assert framesift("review", "show", IDS[1], "--to", str(path)) == 0
    assert IDS[1] in capsys.readouterr().out
    assert framesift("review", "show", "nothing", "--to", str(path)) == 65
    assert "There is no prediction nothing" in capsys.readouterr().err


@pytest.mark.usefixtures("stack")
def test_show_of_nothing_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("review", "show", "--to", str(tmp_path / "sheet.png")) == 65
    assert "nothing to draw" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_verdict_is_kept(reviews: Records, capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("review", "accept", IDS[0]) == 0
    assert framesift("review", "reject", IDS[1]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{IDS[0]}: logo accepted", f"{IDS[1]}: logo rejected"]
    assert [review.id for review in reviews.reviews.all("pending")] == IDS[2:]
