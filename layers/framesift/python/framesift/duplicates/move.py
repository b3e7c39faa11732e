"""Moving duplicates aside: nothing is overwritten or deleted, and every move is in a list that undoes it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import IO

from framesift.duplicates.clusters import FolderDuplicates
from framesift.duplicates.folder import show_name
from framesift.duplicates.index import ImageFile
from framesift.errors import MoveFolderError, NotAMoveListError


@dataclass(frozen=True)
class Move:
    """A file's move.

    Attributes:
        source: Where it was.
        target: Where it went. In a plan: where it would go, if nothing is there by then.
        problem: Why it was not moved, in a sentence; empty where it was.
    """

    source: Path
    target: Path
    problem: str = ""


def plan_moves(found: FolderDuplicates, destination: Path | str) -> list[Move]:
    """The moves of all duplicates to another folder, under the paths that they have now.

    Raises:
        MoveFolderError: One of the two folders lies within the other: what was moved would be found again.
    """
    folder, destination = found.folder.resolve(), Path(destination).resolve()
    if destination.is_relative_to(folder) or folder.is_relative_to(destination):
        raise MoveFolderError(
            f"{show_name(str(destination))} and {show_name(str(folder))} lie within each other: "
            "name a folder beside the one that is searched."
        )
    return [
        Move(folder / one.file.path, destination / one.file.path)
        for cluster in found.clusters
        for one in cluster.duplicates
    ]


def move_duplicates(found: FolderDuplicates, destination: Path | str) -> tuple[Path, list[Move]]:
    """Move all duplicates to another folder.

    A file stays where it is if it or its keeper has changed since they were compared. Where the target exists, the file
    gets a number: `cat (2).jpg`.

    Returns:
        The list of moves, one JSON object a line, written before each move (see `undo_moves`), and the moves.

    Raises:
        MoveFolderError: One of the two folders lies within the other.
    """
    plan = plan_moves(found, destination)
    keepers = [cluster.keeper for cluster in found.clusters for _ in cluster.duplicates]
    files = [one.file for cluster in found.clusters for one in cluster.duplicates]
    try:
        Path(destination).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MoveFolderError(f"{show_name(str(destination))} cannot be made ({error.strerror}).") from None
    path = Path(destination).resolve() / f"moved-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.jsonl"
    moves = []
    with path.open("x", encoding="ascii") as log:
        for move, file, keeper in zip(plan, files, keepers, strict=True):
            if changed := next((one for one in (file, keeper) if not _is_unchanged(found.folder, one)), None):
                problem = f"{show_name(changed.path)} has changed since it was compared."
                moves.append(Move(move.source, move.target, problem))
            else:
                moves.append(_move_and_log(move, log))
    return path, moves


def undo_moves(path: Path | str) -> list[Move]:
    """Move files back by the list that `move_duplicates` wrote; files that are back, or whose place is taken, stay.

    Raises:
        NotAMoveListError: The file is no such list.
    """
    logged = _read_list(Path(path))
    # A target that was taken was logged, and the next one tried: only the last line of a source counts.
    last = {move.target: move for move in logged}
    return [_move_back(move) for move in last.values() if move.source.exists()]


def original_folder(path: Path | str) -> Path:
    """The folder that all files of a list were in: whoever undoes a list should know it.

    Raises:
        NotAMoveListError: The file is no such list.
    """
    logged = _read_list(Path(path))
    return Path(os.path.commonpath([move.target.parent for move in logged])) if logged else Path(path).parent


def _read_list(path: Path) -> list[Move]:
    """The moves that undo a list: only files beside it are moved, and only to plain absolute paths."""
    try:
        lines = [json.loads(line) for line in path.read_text("ascii").splitlines() if line]
        logged = [Move(Path(line["target"]), Path(line["source"])) for line in lines]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotAMoveListError(
            f"{show_name(str(path))} is no list of moved files ({error}): give the one that `--move-to` wrote."
        ) from error
    folder = path.resolve().parent
    for move in logged:
        if not move.source.resolve().is_relative_to(folder) or not _is_plain(move.target):
            raise NotAMoveListError(
                f"{show_name(str(path))} names {show_name(str(move.source))} and {show_name(str(move.target))}: a list "
                "moves only files below its own folder, to absolute paths without `..`."
            )
    return logged


def _is_plain(path: Path) -> bool:
    return path.is_absolute() and ".." not in path.parts


def _move_back(move: Move) -> Move:
    try:
        move.target.parent.mkdir(parents=True, exist_ok=True)
        _move_to_free_place(move.source, move.target)
    except OSError as error:
        return Move(move.source, move.target, f"{error.strerror}.")
    return move


def _move_and_log(move: Move, log: IO[str]) -> Move:
    for target in _numbered(move.target):
        if target.exists():
            continue
        log.write(json.dumps({"source": str(move.source), "target": str(target)}) + "\n")
        log.flush()
        try:
            _move_to_free_place(move.source, target)
        except FileExistsError:
            continue
        except OSError as error:
            return Move(move.source, target, f"{error.strerror}.")
        return Move(move.source, target)
    raise AssertionError("numbers do not end")


def _move_to_free_place(source: Path, target: Path) -> None:
    """Move a file; `FileExistsError` where something is there, whoever put it there a moment ago."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # another disk, or one without hard links
        _copy_to_free_place(source, target)
    source.unlink()


def _copy_to_free_place(source: Path, target: Path) -> None:
    with source.open("rb") as reader, target.open("xb") as writer:
        try:
            shutil.copyfileobj(reader, writer)
            writer.flush()
            os.fsync(writer.fileno())
        except OSError:
            target.unlink()
            raise
    shutil.copystat(source, target)


def _is_unchanged(folder: Path, file: ImageFile) -> bool:
    try:
        facts = (folder / file.path).stat()
    except OSError:
        return False
    return (facts.st_size, facts.st_mtime_ns) == (file.size_bytes, file.modified_ns)


def _numbered(target: Path) -> Iterator[Path]:
    yield target
    for number in count(2):
        yield target.with_stem(f"{target.stem} ({number})")
