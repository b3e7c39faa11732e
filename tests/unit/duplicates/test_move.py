"""Duplicates are moved aside without overwriting anything, and back."""

import errno
import json
import os

import pytest

from framesift.duplicates.clusters import find_duplicates
from framesift.duplicates.move import move_duplicates, plan_moves, undo_moves
from framesift.errors import MoveFolderError, NotAMoveListError

from .conftest import EMOJI, KOREAN, NOT_UTF8

DUPLICATES = {KOREAN, NOT_UTF8, EMOJI}


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".jsonl"
    }


@pytest.fixture
def found(photo_folder):
    return find_duplicates(photo_folder, model="pdq")


@pytest.fixture
def aside(tmp_path):
    return tmp_path / "aside"


def test_a_plan_moves_nothing(found, photo_folder, aside):
    before = contents(photo_folder)
    assert {move.target.relative_to(aside).as_posix() for move in plan_moves(found, aside)} == DUPLICATES
    assert contents(photo_folder) == before
    assert not aside.exists()


def test_duplicates_are_moved_and_moved_back(found, photo_folder, aside):
    before = contents(photo_folder)

    path, moves = move_duplicates(found, aside)

    assert not any(move.problem for move in moves)
    assert set(contents(aside)) == DUPLICATES
    assert contents(photo_folder) | contents(aside) == before
    assert {move.target for move in undo_moves(path)} == {photo_folder / name for name in DUPLICATES}
    assert contents(photo_folder) == before
    assert undo_moves(path) == [], "twice changes nothing"


def test_another_disk_gets_copies(found, photo_folder, aside, monkeypatch):
    before = contents(photo_folder)

    def refuse(*_):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    path, _ = move_duplicates(found, aside)
    assert contents(photo_folder) | contents(aside) == before
    assert set(contents(aside)) == DUPLICATES
    undo_moves(path)
    assert contents(photo_folder) == before


def test_nothing_is_overwritten(found, photo_folder, aside):
    aside.mkdir()
    (aside / KOREAN).write_text("mine")
    path, _ = move_duplicates(found, aside)
    assert (aside / KOREAN).read_text() == "mine"
    assert (aside / "고양이 (2).jpg").exists()
    (photo_folder / KOREAN).write_text("another")
    problems = {move.target.name: move.problem for move in undo_moves(path) if move.problem}
    assert problems == {KOREAN: "File exists."}
    assert (photo_folder / KOREAN).read_text() == "another"
    assert (aside / "고양이 (2).jpg").exists()


@pytest.mark.parametrize("changed", ["cat.png", KOREAN], ids=["the keeper", "the duplicate"])
def test_what_has_changed_since_stays(found, photo_folder, aside, changed):
    (photo_folder / changed).write_bytes(b"other")
    _, moves = move_duplicates(found, aside)
    assert KOREAN not in contents(aside)
    assert any("has changed since" in move.problem for move in moves)
    assert EMOJI in contents(aside)


@pytest.mark.parametrize("destination", ["photos", "photos/aside", "."])
def test_the_folder_must_lie_elsewhere(found, tmp_path, destination):
    with pytest.raises(MoveFolderError, match="beside"):
        plan_moves(found, tmp_path / destination)


@pytest.mark.parametrize("text", [None, "no json", '{"a": 1}', "[1]"])
def test_another_file_is_no_list(tmp_path, text):
    path = tmp_path / "list.jsonl"
    if text is not None:
        path.write_text(text)
    with pytest.raises(NotAMoveListError, match="--move-to"):
        undo_moves(path)


@pytest.mark.parametrize(
    ("source", "target"),
    [("../secret.txt", "/home/out.txt"), ("a.jpg", "photos/a.jpg"), ("a.jpg", "/photos/../etc/a.jpg")],
    ids=["from elsewhere", "a relative target", "a target with .."],
)
def test_a_list_that_someone_made_moves_only_files_beside_it(tmp_path, source, target):
    aside = tmp_path / "aside"
    aside.mkdir()
    for path in (tmp_path / "secret.txt", aside / "a.jpg"):
        path.write_text("mine")
    moves = aside / "moved.jsonl"
    moves.write_text(json.dumps({"source": target, "target": str(aside / source)}))
    with pytest.raises(NotAMoveListError, match="below its own folder"):
        undo_moves(moves)
    assert (tmp_path / "secret.txt").exists()
    assert (aside / "a.jpg").exists()


def test_a_list_is_plain_json_with_a_line_for_each_file(found, aside):
    path, moves = move_duplicates(found, aside)
    lines = [json.loads(line) for line in path.read_text("ascii").splitlines()]
    assert [line["target"] for line in lines] == [str(move.target) for move in moves]
