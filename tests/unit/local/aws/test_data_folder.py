"""The data folder: whose it is, who uses it, and which ports there are."""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from datetime import date
from pathlib import Path

import pytest

from framesift.errors import (
    DataFolderBusyError,
    DataFolderError,
    DiskFullError,
    InvalidPortError,
    StateDamagedError,
)
from framesift_local.aws.data_folder import check_unused, delete, hold, logged_to, temporary_folder
from framesift_local.aws.disk import named_full_disk
from framesift_local.aws.records import Records
from framesift_local.aws.server import HttpServer, check_port
from framesift_local.machine import STAND_INS_FILE, machine

DAY = date(2026, 11, 20)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("before", [None, 0o755, 0o777])
def test_a_held_folder_is_its_owner_s_alone(tmp_path: Path, before: int | None) -> None:
    folder = tmp_path / "data"
    if before is not None:
        folder.mkdir()
        folder.chmod(before)
    with hold(folder):
        assert mode(folder) == 0o700


def test_a_second_machine_is_refused_and_leaves_the_first_ones_stand_ins(tmp_path: Path) -> None:
    settings = tmp_path / STAND_INS_FILE
    with hold(tmp_path):
        settings.write_text("FRAMESIFT_CRAWL__SITE_URL=http://127.0.0.1:1\n")
        with pytest.raises(DataFolderBusyError, match=f"process {os.getpid()}"), machine(tmp_path, day=DAY):
            pytest.fail("two of them share a folder")
        assert settings.read_text() == "FRAMESIFT_CRAWL__SITE_URL=http://127.0.0.1:1\n"


def test_a_folder_in_use_is_held_by_one_and_not_deleted(tmp_path: Path) -> None:
    check_unused(tmp_path)
    with hold(tmp_path):
        with pytest.raises(DataFolderBusyError, match=f"process {os.getpid()}"):
            check_unused(tmp_path)
        with pytest.raises(DataFolderBusyError), hold(tmp_path):
            pass
    check_unused(tmp_path)


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_file_in_the_folder_s_place_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFolderError, match="is a file, or is below one"), hold(tmp_path / name):
        pass


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataFolderError, match="cannot be written"), hold(Path("/proc/framesift")):
        pass


def test_the_temporary_folder_goes_and_so_does_one_that_a_kill_left(tmp_path: Path) -> None:
    with temporary_folder(tmp_path) as left:
        note = (tmp_path / "temporary-folder").read_text()
    assert not left.exists()
    left.mkdir()
    (left / "browser profile").mkdir()
    (tmp_path / "temporary-folder").write_text(note)
    with temporary_folder(tmp_path) as made:
        assert not left.exists()
        assert mode(made) == 0o700
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("port", [-1, 65_536, 70_000])
def test_a_port_that_does_not_exist_is_named(port: int) -> None:
    with pytest.raises(InvalidPortError, match=f"Port {port} does not exist: choose one from 1 to 65535"):
        check_port(port)


@pytest.mark.parametrize("port", [0, 1, 65_535])
def test_ports_that_exist(port: int) -> None:
    check_port(port)


def test_a_port_that_is_not_for_this_user_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("socketserver.TCPServer.server_bind", refuse)
    with pytest.raises(InvalidPortError, match="Port 80 is not for every user: choose one from 1024"):
        HttpServer(lambda *_: [], 80)


def test_what_is_no_folder_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a person's own")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    for name in ("file", "link"):
        with pytest.raises(DataFolderError, match="left as it is"):
            delete(tmp_path / name)
    assert len(list(tmp_path.iterdir())) == 3
    delete(tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_a_folder_that_cannot_be_deleted_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("framesift_local.aws.data_folder.shutil.rmtree", refuse)
    with pytest.raises(DataFolderError, match=r"cannot be deleted \(Read-only file system\)"):
        delete(tmp_path)


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    with pytest.raises(DiskFullError, match="free some space"), named_full_disk(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(PermissionError), named_full_disk(tmp_path):
        raise PermissionError


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_log_that_is_full_loses_lines_in_silence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "embedded-aws.log"
    path.symlink_to("/dev/full")
    with logged_to(path):
        logging.getLogger("moto").error("lost")
    assert capfd.readouterr().err == ""


def test_state_and_its_journal_are_private(tmp_path: Path) -> None:
    (tmp_path / "state.db").touch(mode=0o644)
    records = Records(tmp_path / "state.db")
    records.put("secret", "", "session", {"string": "cookies"})
    assert {path.name: mode(path) for path in tmp_path.iterdir()} == {
        "state.db": 0o600,
        "state.db-wal": 0o600,
        "state.db-shm": 0o600,
    }
    records.close()


def test_state_that_is_damaged_is_named(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"no database, and longer than the header of one. " * 50)
    with pytest.raises(StateDamagedError, match=r"state\.db is damaged .*framesift local reset"):
        Records(tmp_path / "state.db")


def test_a_full_state_file_is_a_full_disk_and_later_writes_work(tmp_path: Path) -> None:
    """SQLite's own limit stands for the disk's: the same error code comes of both."""
    records = Records(tmp_path / "state.db", max_pages=8)
    with pytest.raises(DiskFullError):
        records.put("item", "table", "large", "x" * 100_000)
    records.put("item", "table", "small", "x")
    assert records.get("item", "table", "small") == "x"
    assert records.get("item", "table", "large") is None
    records.close()


def test_what_threads_log_after_the_end_is_not_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with logged_to(tmp_path / "embedded-aws.log"):
        logging.getLogger("moto.stepfunctions").error("a state failed")
    logging.getLogger("moto.stepfunctions").error("its interpreter was stopped")
    assert capfd.readouterr().err == ""
    assert "a state failed" in (tmp_path / "embedded-aws.log").read_text()


def test_who_holds_it_briefly_is_waited_for(tmp_path: Path) -> None:
    held, done = threading.Event(), []

    def read() -> None:
        with hold(tmp_path, briefly=True):
            held.set()
            time.sleep(0.3)
            done.append("read")

    reader = threading.Thread(target=read)
    reader.start()
    assert held.wait(10)
    with hold(tmp_path):
        assert done == ["read"]
    reader.join()
