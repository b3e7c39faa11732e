"""What of a folder is left out is counted and said, by each command that takes a folder."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from framesift.cli.left_out import count_left_out
from tests.unit.cli.conftest import framesift
from tests.unit.images import encode, photograph


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file, and with everything that is none."""
    folder, elsewhere = tmp_path / "folder", tmp_path / "elsewhere"
    (folder / "below").mkdir(parents=True)
    elsewhere.mkdir()
    for suffix in (".jpg", ".mp4"):
        (folder / f"file{suffix}").write_bytes(encode(photograph("chelsea")))
        os.mkfifo(folder / "below" / f"fifo{suffix}")
        (folder / "below" / f"link{suffix}").symlink_to(folder / f"file{suffix}")
        (folder / f"broken{suffix}").symlink_to(tmp_path / "nothing")
        (folder / f"circle{suffix}").symlink_to(folder / f"circle{suffix}")
        (folder / f"device{suffix}").symlink_to("/dev/zero")
    (folder / "up").symlink_to(tmp_path)
    (folder / "notes.txt").symlink_to(tmp_path / "nothing")
    return folder


def test_each_kind_is_counted(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "socket.JPG"))
        counts = count_left_out(folder, {".jpg"}, takes_links=False)
    assert counts == {"broken link": 2, "link": 2, "link to a folder": 1, "FIFO, socket or device": 2}
    assert count_left_out(folder, {".jpg"}, takes_links=True)["link"] == 1  # To a device.
    assert count_left_out(folder / "file.jpg", {".jpg"}, takes_links=False) == {}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_cannot_be_read_is_counted(folder: Path) -> None:
    (folder / "below").chmod(0)
    try:
        assert count_left_out(folder, {".jpg"}, takes_links=False)["folder that cannot be read"] == 1
    finally:
        (folder / "below").chmod(0o700)


def test_duplicates_find_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("duplicates", "find", str(folder), "--model", "pdq") == 0
    said = "left out  1 FIFO, socket or device, 2 broken links, 2 links, 1 link to a folder"
    assert said in capsys.readouterr().err


def test_pose_extract_says_so(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    framesift("pose", "extract", str(folder), "-o", str(tmp_path / "poses"), "--dry-run")
    said = "left out  1 FIFO, socket or device, 2 broken links, 1 link, 1 link to a folder"
    assert said in capsys.readouterr().err
