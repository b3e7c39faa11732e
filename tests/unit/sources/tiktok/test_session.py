"""The session is kept from one crawl to the next."""

from __future__ import annotations

import json
import logging
import stat
from pathlib import Path
from typing import Any

import pytest

from framesift import aws
from framesift.errors import SettingsError
from framesift.settings import CrawlSettings
from framesift.sources.tiktok.session import FileSession, NoSession, SecretSession, Session, keep, open_session

STATE: dict[str, Any] = {"cookies": [{"name": "sid", "value": "1"}], "origins": [{"origin": "https://x"}]}


@pytest.fixture(params=["file", "secret"])
def session(request: pytest.FixtureRequest, tmp_path: Path, aws_on_moto: None) -> Session:
    if request.param == "file":
        return FileSession(tmp_path / "deep" / "session.json")
    aws.secretsmanager().create_secret(Name="session", SecretString="{}")
    return SecretSession("session")


def test_nothing_is_kept_at_first(session: Session) -> None:
    assert session.load() is None


def test_gives_back_what_was_kept_last(session: Session) -> None:
    session.save({"cookies": []})
    session.save(STATE)
    assert session.load() == STATE


def test_a_secret_without_a_value_is_no_session_yet(aws_on_moto: None) -> None:
    aws.secretsmanager().create_secret(Name="session")
    session = SecretSession("session")
    assert session.load() is None
    session.save(STATE)
    assert session.load() == STATE


def test_a_secret_too_small_for_all_keeps_the_cookies(aws_on_moto: None) -> None:
    aws.secretsmanager().create_secret(Name="session")
    session = SecretSession("session")
    session.save({**STATE, "origins": [{"origin": "x" * 70_000}]})
    assert session.load() == {**STATE, "origins": []}


def test_a_file_is_whole_and_its_owners_alone(tmp_path: Path) -> None:
    session = FileSession(tmp_path / "session.json")
    session.save(STATE)
    with pytest.raises(TypeError):
        session.save({"cookies": object()})
    assert session.load() == STATE
    assert stat.S_IMODE(session.path.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["session.json"]


@pytest.mark.parametrize("text", ["not json", "[]", '"text"'])
def test_what_is_no_session_is_named(tmp_path: Path, aws_on_moto: None, text: str) -> None:
    path = tmp_path / "session.json"
    path.write_text(text)
    aws.secretsmanager().create_secret(Name="session", SecretString=text)
    for session in (FileSession(path), SecretSession("session")):
        with pytest.raises(SettingsError, match="storage state"):
            session.load()


def test_a_crawl_stands_even_if_its_session_cannot_be_kept(aws_on_moto: None, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        keep(SecretSession("missing"), STATE)
    assert "could not be kept" in caplog.text
    assert json.dumps(STATE) not in caplog.text


def test_a_secret_wins_over_a_file() -> None:
    assert open_session(CrawlSettings(session_secret="s", session_file="f")) == SecretSession("s")
    assert open_session(CrawlSettings(session_file="f")) == FileSession(Path("f"))
    assert isinstance(open_session(CrawlSettings()), NoSession)
