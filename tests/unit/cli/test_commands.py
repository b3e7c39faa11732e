"""The commands against a stack on moto, as they speak to a deployed one."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn
from zoneinfo import ZoneInfo

import pytest
import typer
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError
from rich.console import Console
from rich.text import Text

from framesift.cli.connection import connect
from framesift.cli.runs import watch_execution
from framesift.cli.watch import Snapshot
from framesift.contracts import Detection, FrameCounts, PublishedList, Run, TopItem, TopList, Upload, VideoEntry
from framesift.errors import RunBusyError
from framesift.settings import load_settings
from framesift.storage import S3Store, write_json
from framesift.table import Execution, ItemDay, Records, Review, RunRecord, Runs
from tests.unit.cli.conftest import framesift

RUN = Run(source="tiktok", date="2026-11-20", attempt=1)
KEY = "published/2026-11-20/dance/top10/dance_top10.json"


@pytest.fixture
def finished(stack: str, store: S3Store, records: Records) -> None:
    """A day that is done for dance and failed for food."""
    record = RunRecord(
        source="tiktok",
        date=RUN.date,
        status="FAILED",
        attempt=1,
        execution_arn="arn:1",
        categories=["dance", "food"],
        done=["dance"],
        started_at=datetime(2026, 11, 19, 15, tzinfo=UTC),
        finished_at=datetime(2026, 11, 19, 15, 1, tzinfo=UTC),
        stage="collect",
        error="CaptchaShownError",
        cause="food: a captcha",
        failed_categories=["food"],
        degraded=["Google was out of quota."],
        counts={"dance": {"seen": 400, "items": 200, "failed_items": 1, "ranked": 1, "dropped": {"duplicate": 33}}},
    )
    assert records.runs.claim(record, None)
    item = TopItem(
        id="dance01",
        rank=1,
        url="https://www.tiktok.com/@a/video/7",
        title="춤 [bold]추는[/bold] 고양이",
        author="cat",
        author_name="고양이",
        views=1_234_567,
        thumbnail="thumbnails/dance01.jpg",
        thumbnail_width=540,
        thumbnail_height=960,
        thumbnail_sha256="0",
        clip_id="7",
        language_confidence=1,
        previous_rank=3,
    )
    top = TopList(
        source="tiktok",
        category="dance",
        date=RUN.date,
        edition=RUN.date,
        generated_at=datetime(2026, 11, 20, tzinfo=UTC),
        count=1,
        wanted=10,
        note="Only 1 of 10: no more clips qualified.",
        items=[item],
    )
    write_json(store, KEY, top)
    assert records.lists.switch(RUN, PublishedList(category="dance", edition=RUN.date, key=KEY, count=1), None)
    records.items.put_days(
        [ItemDay(source="tiktok", id="7", date=RUN.date, category="dance", views=9, list_id="dance01", why="number 1")]
    )


@pytest.mark.usefixtures("finished")
def test_status_shows_each_category_and_what_was_degraded(capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("status") == 0
    shown = capsys.readouterr().out
    assert "tiktok 2026-11-20  FAILED" in shown
    assert "Google was out of quota." in shown
    dance = next(line for line in shown.splitlines() if line.startswith("dance"))
    assert dance.split() == ["dance", "done", "400", "200", "1", "33", "0", "1"]
    food = next(line for line in shown.splitlines() if line.startswith("food"))
    assert food.split()[1] == "failed"
    assert "CaptchaShownError" in shown


@pytest.mark.usefixtures("finished")
def test_status_as_json_is_the_record(capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("status", "tiktok", "2026-11-20", "--json") == 0
    assert json.loads(capsys.readouterr().out)["failed_categories"] == ["food"]


@pytest.mark.usefixtures("finished")
def test_runs_lists_the_days(capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("runs") == 0
    assert "2026-11-20" in capsys.readouterr().out


@pytest.mark.usefixtures("finished")
def test_top10_shows_the_list_and_leaves_titles_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("top10", "dance") == 0
    shown = capsys.readouterr().out
    assert "1,234,567" in shown
    assert "춤 [bold]추는[/bold] 고양이" in shown
    assert shown.splitlines()[1].split("\t") == [
        "dance", RUN.date, "1", "1,234,567", "▲2", "춤 [bold]추는[/bold] 고양이", "@cat", "7"
    ]  # fmt: skip


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize("width", [80, 120])
def test_top10_at_a_terminal_has_each_id_whole_on_one_line(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("framesift.cli.tables.output", Console(force_terminal=True, width=width))
    monkeypatch.setattr("framesift.cli.runs.output", Console(force_terminal=True, width=width))
    assert framesift("top10", "dance") == 0
    shown = Text.from_ansi(capsys.readouterr().out).plain.splitlines()
    assert "Only 1 of 10" in shown[1]
    assert shown[3].rstrip().endswith("  7")
    assert all(len(line) <= width for line in shown)


@pytest.mark.usefixtures("finished")
def test_top10_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("top10", "--json") == 0
    (top,) = json.loads(capsys.readouterr().out)
    assert top["items"][0]["id"] == "dance01"


@pytest.mark.usefixtures("finished")
def test_a_clips_history_and_its_takedown(capsys: pytest.CaptureFixture[str], records: Records) -> None:
    assert framesift("clip", "7") == 0
    assert "dance01: number 1" in capsys.readouterr().out
    assert framesift("takedown", "7", "--why", "the author asked") == 0
    assert records.items.taken_down("tiktok") == {"7": "the author asked"}
    assert "is gone from the list of dance" in capsys.readouterr().out
    assert framesift("top10", "dance") == 0
    assert len(capsys.readouterr().out.splitlines()) == 1, "only the headings"
    assert framesift("takedown", "list") == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("7\t")
    assert framesift("takedown", "undo", "7") == 0
    assert framesift("top10", "dance") == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("\t7")
    assert framesift("takedown", "undo", "7") == 65


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize("add", [[], ["add"]])
def test_a_clip_that_was_never_collected_is_not_taken_down(
    add: list[str], capsys: pytest.CaptureFixture[str], records: Records
) -> None:
    assert framesift("takedown", *add, "8", "--why", "a typing error") == 65
    assert "clip 8 was never collected" in capsys.readouterr().err
    assert not records.items.taken_down("tiktok")


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["status"], "has not been run yet"),
        (["status", "tiktok", "2026-11-19"], "was not run for 2026-11-19"),
        (["top10", "food"], "No list of food is published yet"),
        (["clip", "8"], "never collected"),
        (["status", "--stack", "nothing"], "Stack nothing cannot be read"),
    ],
)
def test_what_is_not_there_is_one_line_and_an_exit_code(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert framesift(*arguments) == 65
    assert said in capsys.readouterr().err


def test_without_an_embedded_aws_it_says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert framesift("status") == 69
    assert "framesift local up" in capsys.readouterr().err


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """A folder of two videos and a text, as far as their names tell."""
    folder = tmp_path / "videos"
    (folder / "sub").mkdir(parents=True)
    for name in ("내 영상.mp4", "sub/b.MOV", "notes.txt"):
        (folder / name).write_bytes(name.encode())
    return folder


@pytest.mark.usefixtures("stack")
def test_upload_sends_a_folders_videos_once(videos: Path, store: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("upload", str(videos), "--collection", "댄스") == 0
    assert "2 sent to uploads/댄스/, 0 were there" in capsys.readouterr().out
    assert list(store.list("uploads/")) == ["uploads/댄스/sub/b.MOV", "uploads/댄스/내 영상.mp4"]
    assert framesift("upload", str(videos / "sub" / "b.MOV"), str(videos), "--collection", "댄스") == 0
    assert "1 sent to uploads/댄스/, 2 were there" in capsys.readouterr().out
    assert framesift("upload", str(videos), "--collection", "댄스", "--force") == 0
    assert "2 sent" in capsys.readouterr().out


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.mp4", "--collection", "dance"], "nowhere.mp4 is no video"),
        ([".", "--collection", "../dance"], "cannot be called '../dance'"),
    ],
)
def test_upload_says_what_it_cannot_send(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert framesift("upload", *arguments) == 65
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("stack")
def test_an_uploads_run_shows_its_videos(records: Records, capsys: pytest.CaptureFixture[str]) -> None:
    uploaded = Run(source="upload", date="2026-11-20", attempt=1, subject="dance.3f2a90b1c4d5")
    record = RunRecord(
        **uploaded.model_dump(),
        status="SUCCEEDED",
        execution_arn="arn:1",
        collection="dance",
        categories=[],
        done=["dance"],
        started_at=datetime(2026, 11, 20, tzinfo=UTC),
        counts={"dance": {"seen": 2, "items": 2}, "poses": {"done": 1, "failed": 1}},
    )
    assert records.runs.claim(record, None)
    upload = Upload(key="k", name="[a].mp4", etag="e", size_bytes=1, modified_at=record.started_at, finding="video")
    frames = FrameCounts(30, 29, 1, 0, 0)
    entry = VideoEntry(source="[a].mp4", status="done", output="1.pose.parquet", frames=frames)
    records.videos.put("dance", upload, entry)
    failed = VideoEntry(source="b.mp4", status="failed", error="NotAVideoError", message="b.mp4 is a [text]")
    records.videos.put("dance", upload.model_copy(update={"name": "b.mp4"}), failed)

    assert framesift("runs", "upload") == 0
    assert uploaded.id in capsys.readouterr().out
    for arguments in (["upload"], ["upload", uploaded.id]):
        assert framesift("status", *arguments) == 0
        shown = capsys.readouterr().out
        video = next(line for line in shown.splitlines() if line.startswith("[a].mp4"))
        assert video.split("\t") == ["[a].mp4", "29 of 30", "1.pose.parquet"]
        assert "NotAVideoError: b.mp4 is a [text]" in shown


def test_help_is_for_newcomers(capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("--help") == 0
    shown = capsys.readouterr().out
    for command in ("run", "upload", "status", "runs", "top10", "local", "models"):
        assert command in shown


@pytest.mark.usefixtures("finished")
def test_a_start_beside_a_running_run_has_the_exit_code_of_a_busy_run(
    stack: str, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = records.runs.get("tiktok", RUN.id)
    assert done is not None
    skipped = Snapshot("SUCCEEDED", 0.0, result={"decision": "skip", "why": "a test", "run": done.run.model_dump()})
    monkeypatch.setattr("framesift.cli.runs.watch", lambda *_: skipped)
    assert watch_execution(connect(stack), "arn:3") == done
    assert records.runs.claim(done.model_copy(update={"status": "RUNNING", "execution_arn": "arn:2"}), done)
    with pytest.raises(typer.Exit) as ended:
        watch_execution(connect(stack), "arn:3")
    assert ended.value.exit_code == RunBusyError.exit_code == 75


def test_there_is_no_option_without_an_effect(capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("run", "--now") == 2
    assert "--now" in capsys.readouterr().err


@pytest.mark.usefixtures("stack")
def test_what_a_stranger_names_cannot_command_the_terminal(
    store: S3Store, records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = "[/x]\x1b[2J\u202e"
    uploaded = Run(source="upload", date="2026-11-20", attempt=1, subject=f"{hostile}.3f2a90b1c4d5")
    record = RunRecord(
        **uploaded.model_dump(),
        status="FAILED",
        execution_arn="arn:1",
        collection=hostile,
        categories=[],
        started_at=datetime(2026, 11, 20, tzinfo=UTC),
        stage="extract",
        error="NoPersonError",
        cause=hostile,
        degraded=[hostile],
    )
    assert records.runs.claim(record, None)
    upload = Upload(key="k", name=hostile, etag="e", size_bytes=1, modified_at=record.started_at, finding="video")
    failed = VideoEntry(source=hostile, status="failed", error="NotAVideoError", message=hostile)
    records.videos.put(hostile, upload, failed)
    item = TopItem(
        id="dance01",
        rank=1,
        url="https://www.tiktok.com/@a/video/7",
        title=hostile,
        author=hostile,
        author_name=hostile,
        views=1,
        thumbnail="thumbnails/dance01.jpg",
        thumbnail_width=540,
        thumbnail_height=960,
        thumbnail_sha256="0",
        clip_id="7",
        language_confidence=1,
    )
    top = TopList(
        source="tiktok",
        category="dance",
        date=RUN.date,
        edition=RUN.date,
        generated_at=record.started_at,
        count=1,
        wanted=10,
        note=hostile,
        items=[item],
    )
    write_json(store, KEY, top)
    assert records.lists.switch(RUN, PublishedList(category="dance", edition=RUN.date, key=KEY, count=1), None)
    for arguments in (["status", "upload"], ["runs", "upload"], ["top10"], ["status", hostile], ["clip", hostile]):
        framesift(*arguments)
        shown = capsys.readouterr()
        assert not {"\x1b", "\u202e"} & {*shown.out, *shown.err}, arguments
        assert "[/x]\\x1b[2J\\u202e" in (shown.out + shown.err).replace("\n", ""), arguments


@pytest.mark.usefixtures("finished")
def test_a_clips_history_is_a_line_a_day_in_a_pipe_and_json(
    records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    why = "taken down: " + "the author asked " * 9
    day = ItemDay(source="tiktok", id="7", date="2026-11-21", category="dance", views=9, dropped="taken_down", why=why)
    records.items.put_days([day])
    assert framesift("clip", "7") == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert framesift("clip", "7", "--json") == 0
    assert [each["date"] for each in json.loads(capsys.readouterr().out)] == ["2026-11-21", "2026-11-20"]


@pytest.mark.usefixtures("finished")
def test_times_are_in_the_time_zone_of_the_days(
    records: Records, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    records.items.take_down("tiktok", "7", "asked")
    (taken,) = records.items.takedowns("tiktok")
    for zone in ("Asia/Seoul", "America/New_York"):
        monkeypatch.setenv("FRAMESIFT_RUN__TIMEZONE", zone)
        load_settings.cache_clear()
        assert framesift("takedown", "list") == 0
        assert f"{taken.at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" in capsys.readouterr().out


@pytest.mark.usefixtures("finished")
def test_a_list_says_how_many_of_it_were_taken_down_since(records: Records, capsys: pytest.CaptureFixture[str]) -> None:
    records.items.take_down("tiktok", "7", "asked")
    assert framesift("top10", "dance", "--json") == 0
    (top,) = json.loads(capsys.readouterr().out)
    assert (top["count"], top["note"]) == (
        0,
        "Only 1 of 10: no more clips qualified. 1 taken down since it was published.",
    )


@pytest.mark.parametrize(
    ("error", "code", "name"),
    [
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), 69, "AwsUnreachableError"),
        (ReadTimeoutError(endpoint_url="http://127.0.0.1:1"), 69, "AwsUnreachableError"),
        (NoCredentialsError(), 77, "CredentialsError"),
        (
            ClientError({"Error": {"Code": "AccessDenied", "Message": "not allowed"}}, "Query"),
            77,
            "AwsRefusedError: AWS refuses Query (AccessDenied: not allowed).",
        ),
    ],
)
@pytest.mark.usefixtures("finished")
def test_what_aws_refuses_or_does_not_answer_is_one_line(
    error: Exception, code: int, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    monkeypatch.setattr(Runs, "newest", fail)
    assert framesift("status") == code
    said = capsys.readouterr().err
    assert name in said
    assert len(said.splitlines()) == 1


@pytest.mark.usefixtures("finished")
def test_at_80_columns_runs_show_who_and_what_and_why(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime(2026, 11, 20, 3, tzinfo=UTC)
    published = Execution(
        action="publish",
        source="tiktok",
        run_id=RUN.date,
        attempt=2,
        trigger="person",
        scopes=["dance"],
        status="SUCCEEDED",
        started_at=at,
        finished_at=at,
    )
    records.runs.log(published)
    screen = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None, legacy_windows=False)
    monkeypatch.setattr("framesift.cli.tables.output", screen)
    assert framesift("runs") == 0
    head, publication, run = (line.split("  ") for line in screen.file.getvalue().splitlines())
    shown = [[cell.strip() for cell in line if cell.strip()] for line in (head, publication, run)]
    assert shown[0] == ["run", "trigger", "started", "took", "status", "worked on", "error"]
    assert shown[1] == ["2026-11-20", "publish", "2026-11-20 12:00", "0 s", "SUCCEEDED", "dance"]
    assert shown[2][:2] == ["2026-11-20", "person"]
    assert shown[2][-1].startswith("CaptchaS")


def test_at_80_columns_the_review_list_has_titles_that_can_be_read(
    stack: str, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    title = "레전드 먹방 16화"
    detection = Detection(tag="person", left=0.4, top=0.3, width=0.1, height=0.1, probability=0.68)
    review = Review(
        id="2026-11-22.popular.IKuoUglgj0A.1",
        date="2026-11-22",
        category="popular",
        item_id="IKuoUglgj0A",
        title=f"{title} and more that makes it long",
        media_key="k",
        manifest_key="m",
        detection=detection,
    )
    records.reviews.request([review], days=1)
    screen = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None, legacy_windows=False)
    monkeypatch.setattr("framesift.cli.tables.output", screen)
    assert framesift("review", "list") == 0
    shown = screen.file.getvalue()
    assert title in shown
    assert "box" not in shown
