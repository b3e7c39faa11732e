"""Results in folders that a person opens: thumbnails by title, pose sequences by video."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from framesift import keys
from framesift.contracts import Clip, Upload
from framesift.contracts.videos import FrameCounts, VideoEntry
from framesift.pipeline.takedowns import take_down
from framesift.pose.manifest import read_manifest
from framesift.settings import Settings
from framesift.storage import S3Store, read_lines, write_manifest
from framesift.table import Records
from tests.unit.cli.conftest import framesift
from tests.unit.pipeline.test_curate_to_finish import RUN, Day

TITLES = ["춤 추는 고양이 😀", "../../춤/고양이", "춤: 고양이?", "춤 추는 고양이 😀", ""]


@pytest.fixture
def day(stack: str, store: S3Store, records: Records) -> Day:
    """A day with one list, whose titles are no names of files."""
    made = Day(store, records, Settings())
    made.begin(["dance"])
    made.analyzed("dance", len(TITLES))
    key = keys.manifest(RUN, "dance", "analyzed")
    clips = read_lines(store, key, Clip)
    named = [
        clip.model_copy(update={"title": title, "author_name": "고양이"})
        for clip, title in zip(clips, TITLES, strict=True)
    ]
    write_manifest(store, key, named)
    made.curate("dance")
    made.publish(["dance"])
    made.finish(["dance"])
    return made


def test_thumbnails_have_their_titles_as_names(day: Day, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("thumbnails", "-o", str(tmp_path / "out")) == 0
    assert f"5 thumbnails in {tmp_path / 'out'}" in capsys.readouterr().out
    names = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.jpg"))
    assert names == [
        "dance/01 춤 추는 고양이.jpg",
        "dance/02 ....춤고양이.jpg",
        "dance/03 춤 고양이.jpg",
        "dance/04 춤 추는 고양이.jpg",
        "dance/05.jpg",
    ]
    assert (tmp_path / "out" / "dance" / "05.jpg").read_bytes() == day.store.get(
        keys.top_thumbnail(RUN.date, "dance", "dance05")
    )


def test_what_is_taken_down_is_not_written(day: Day, tmp_path: Path) -> None:
    take_down("tiktok", "dance-0", "asked", day.store, day.records)
    assert framesift("thumbnails", "tiktok", RUN.date, "-o", str(tmp_path)) == 0
    assert not list(tmp_path.rglob("01*"))


@pytest.fixture
def collections(stack: str, store: S3Store, records: Records) -> None:
    """Two collections; the newer one has a failed video, and two whose names differ in case only."""
    videos = [("old", "a.mp4"), ("댄스", "sub/춤.mp4"), ("댄스", "A.mp4"), ("댄스", "a.mp4"), ("댄스", "broken.mp4")]
    for number, (collection, name) in enumerate(videos):
        at = datetime(2026, 11, 20, number, tzinfo=UTC)
        upload = Upload(key="k", name=name, etag="e", size_bytes=1, modified_at=at, finding="video")
        entry = VideoEntry(
            source=name, status="done", output=f"{number}.pose.parquet", frames=FrameCounts(9, 8, 1, 0, 0)
        )
        if name == "broken.mp4":
            entry = VideoEntry(source=name, status="failed", error="NotAVideoError", message="it is a text")
        else:
            store.put(f"{keys.poses_prefix(collection)}{number}.pose.parquet", b"%d" % number)
        records.videos.put(collection, upload, entry)


@pytest.mark.usefixtures("collections")
def test_collections_are_listed_newest_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("collections", "list") == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[:4] for line in lines[1:]] == [["댄스", "0", "4", "1"], ["old", "0", "1", "0"]]
    assert framesift("collections", "list", "--json") == 0
    assert [each["name"] for each in json.loads(capsys.readouterr().out)] == ["댄스", "old"]


@pytest.mark.usefixtures("collections")
def test_a_collection_shows_its_videos_newest_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("collections", "show", "댄스") == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()][1:]
    assert [line[0] for line in lines] == ["broken.mp4", "a.mp4", "A.mp4", "sub/춤.mp4"]
    assert lines[0][-1] == "NotAVideoError: it is a text"
    assert lines[1][1] == "8 of 9"
    assert framesift("collections", "show", "nothing") == 65


@pytest.mark.usefixtures("collections")
def test_sequences_are_downloaded_under_their_videos_names(tmp_path: Path) -> None:
    assert framesift("collections", "download", "댄스", "-o", str(tmp_path)) == 0
    written = {path.name: path.read_bytes() for path in tmp_path.glob("*.parquet")}
    assert written == {
        "a.mp4.pose.parquet": b"3",
        "A.mp4~2.pose.parquet": b"2",
        "sub - 춤.mp4.pose.parquet": b"1",
    }
    manifest = read_manifest(tmp_path)
    assert {name: entry.output for name, entry in manifest.videos.items()}["A.mp4"] == "A.mp4~2.pose.parquet"


@pytest.mark.usefixtures("collections")
def test_a_deleted_collection_leaves_neither_files_nor_records(store: S3Store, records: Records) -> None:
    name = "댄스"
    first = records.videos.get(name, "a.mp4")
    records.videos.put_sequence(name, first.entry.model_copy(update={"sha256": "a" * 64}))
    store.put(f"uploads/{name}/a.mp4", b"v")

    assert framesift("collections", "delete", name, "--yes") == 0

    assert records.videos.all(name) == {}
    assert records.videos.sequence(name, "a" * 64, {}) is None
    assert list(store.list(f"collections/{name}/")) == []
    assert list(store.list("uploads/")) == [f"uploads/{name}/a.mp4"]
    assert list(records.videos.all("old")) == ["a.mp4"], "the other collection stays"
    assert framesift("collections", "delete", name, "--yes") == 65


@pytest.mark.usefixtures("collections")
def test_a_collection_is_deleted_only_if_a_person_says_so(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typer.confirm", lambda _: False)
    assert framesift("collections", "delete", "old") != 0
    assert records.videos.all("old")
