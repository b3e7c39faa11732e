"""Which embedded AWS a command calls, with which settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from framesift.address import Address
from framesift.cli import connection, runs
from framesift.errors import EmbeddedAwsDownError, UnknownSettingError, UnknownSourceError
from framesift.settings import load_settings
from framesift.settings.own import digest_settings

SITE = "FRAMESIFT_CRAWL__SITE_URL"
CLIPS = "FRAMESIFT_CRAWL__TARGET_CLIPS"
ADDRESS = Address(
    endpoint="http://127.0.0.1:1",
    api_url="http://127.0.0.1:2",
    region="ap-northeast-2",
    pid=1,
    outputs={"BucketName": "bucket", "TableName": "table", "StateMachineArn": "arn"},
    settings={SITE: "http://127.0.0.1:3"},
    known_settings=digest_settings({CLIPS: "9"}),
)


@pytest.fixture(autouse=True)
def _keep_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Commands set variables of their own process; here they are put back."""
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
    load_settings.cache_clear()


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "find_running", lambda _: ADDRESS)


def test_a_command_takes_the_stand_ins_of_what_runs(running: None) -> None:
    assert connection.connect("").bucket == "bucket"
    assert load_settings().crawl.site_url == "http://127.0.0.1:3"


def test_what_a_user_sets_wins_over_the_stand_ins(running: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SITE, "https://www.tiktok.com")
    connection.connect("")
    assert load_settings().crawl.site_url == "https://www.tiktok.com"


@pytest.mark.parametrize("value", ["9", None])
def test_settings_that_it_was_started_with_need_no_word(
    running: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str | None
) -> None:
    if value:
        monkeypatch.setenv(CLIPS, value)
    connection.connect("")
    connection.connect("")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("name", "value"), [(CLIPS, "7"), ("FRAMESIFT_CRAWL__LOCALE", "en-US")])
def test_settings_that_it_was_started_without_are_named(
    running: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    connection.connect("")
    assert f"started without {name}" in capsys.readouterr().err


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """An installed package serves what each folder has kept but one; the folders that it was asked for."""
    asked: list[Path] = []

    def serve(folder: Path) -> Address | None:
        asked.append(folder)
        return ADDRESS if folder.exists() else None

    monkeypatch.setattr(EntryPoint, "load", lambda _: serve)
    return asked


def test_reading_commands_read_what_an_earlier_run_has_kept(kept: list[Path]) -> None:
    connection.DATA_DIR.mkdir()
    assert connection.connect_to_read("").table == "table"
    assert kept == [connection.DATA_DIR]


def test_nothing_is_served_where_nothing_was_kept(kept: list[Path]) -> None:
    with pytest.raises(EmbeddedAwsDownError, match="framesift local up"):
        connection.connect_to_read("")


def test_other_commands_need_one_that_runs(kept: list[Path]) -> None:
    connection.DATA_DIR.mkdir()
    with pytest.raises(EmbeddedAwsDownError):
        connection.connect("")
    assert kept == []


@pytest.mark.parametrize("command", [runs.run, runs.list_runs])
def test_a_misspelt_source_is_named_where_nothing_runs(kept: list[Path], command: Callable[..., None]) -> None:
    with pytest.raises(UnknownSourceError, match="'tikotk'; sources are: tiktok"):
        command("tikotk")


@pytest.mark.parametrize("find", [connection.connect, connection.connect_to_read])
def test_a_misspelt_setting_is_refused_with_the_nearest_right_one(
    running: None, monkeypatch: pytest.MonkeyPatch, find: Callable[[str], connection.Connection]
) -> None:
    misspelt = "FRAMESIFT_CRAWL__SITE_URL".replace("CRAWL", "CRWL")  # No page or test may name an unknown variable.
    monkeypatch.setenv(misspelt, "https://www.tiktok.com")
    with pytest.raises(UnknownSettingError, match=f"did you mean {SITE}"):
        find("")
