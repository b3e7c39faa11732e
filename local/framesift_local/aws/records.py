"""What the embedded AWS remembers, as JSON in one SQLite file.

Write-ahead logging makes a committed record survive `kill -9` of the process; a record is committed
before the request that made it is answered.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from framesift.errors import DataFolderError, StateDamagedError
from framesift_local.aws.disk import full_disk
from framesift_local.private_files import make_private_file

Key = tuple[str, str, str]


class Records:
    """JSON values under (kind, scope, id): ("item", table, key), ("object", bucket, key).

    Args:
        path: The SQLite file; made when missing. Only its owner can read it.
        max_pages: Pages of 4 KiB that it may have at most; None: as many as the disk takes.

    Raises:
        StateDamagedError: It is no SQLite file, or holds what cannot be read.
        DataFolderError: It cannot be written.
        DiskFullError: No space is left on the disk, now or at a later write.
    """

    def __init__(self, path: Path, *, max_pages: int | None = None) -> None:
        self._lock = threading.Lock()
        self._path = path
        make_private_file(path)  # SQLite gives its journal the same mode.
        for journal in (path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            if journal.exists():
                make_private_file(journal)
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            with self._named_errors():
                self._database.execute("PRAGMA journal_mode=WAL")
                self._database.execute("PRAGMA synchronous=NORMAL")
                if max_pages is not None:
                    self._database.execute(f"PRAGMA max_page_count={max_pages}")
                self._database.execute(
                    "CREATE TABLE IF NOT EXISTS records (kind TEXT, scope TEXT, id TEXT, body TEXT NOT NULL,"
                    " PRIMARY KEY (kind, scope, id)) WITHOUT ROWID"
                )
        except BaseException:
            self._database.close()
            raise

    def write(self, puts: Iterable[tuple[Key, Any]] = (), deletes: Iterable[Key] = ()) -> None:
        """Commit puts and deletes in one transaction; deletes come first."""
        rows = [(*key, json.dumps(body, ensure_ascii=False, separators=(",", ":"))) for key, body in puts]
        with self._lock, self._named_errors():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                self._database.executemany("DELETE FROM records WHERE kind = ? AND scope = ? AND id = ?", list(deletes))
                self._database.executemany("REPLACE INTO records VALUES (?, ?, ?, ?)", rows)
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:  # SQLite has rolled back by itself when the disk is full.
                    self._database.execute("ROLLBACK")
                raise

    def put(self, kind: str, scope: str, record_id: str, body: Any) -> None:
        """Commit one record."""
        self.write(puts=[((kind, scope, record_id), body)])

    def get(self, kind: str, scope: str, record_id: str) -> Any | None:
        """Return one record's value, or None."""
        with self._lock, self._named_errors():
            row = self._database.execute(
                "SELECT body FROM records WHERE kind = ? AND scope = ? AND id = ?",
                (kind, scope, record_id),
            ).fetchone()
        return None if row is None else json.loads(row[0])

    def scan(self, kind: str) -> Iterator[tuple[str, str, Any]]:
        """Yield (scope, id, value) of a kind, in the order of scope and id."""
        with self._lock, self._named_errors():
            rows = self._database.execute(
                "SELECT scope, id, body FROM records WHERE kind = ? ORDER BY scope, id", (kind,)
            ).fetchall()
        for scope, record_id, body in rows:
            try:
                value = json.loads(body)
            except ValueError as error:
                raise self._damaged(error) from error
            yield scope, record_id, value

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        """Raise what a person can act on in place of SQLite's errors."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            match error.sqlite_errorcode & 0xFF:
                case sqlite3.SQLITE_FULL:
                    raise full_disk(self._path.parent) from error
                case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
                    raise DataFolderError(f"{self._path} cannot be written: change its owner or mode.") from error
                case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
                    raise self._damaged(error) from error
            raise

    def _damaged(self, error: Exception) -> StateDamagedError:
        return StateDamagedError(
            f"{self._path} is damaged ({error}): put a copy of it back, or `framesift local reset` forgets everything."
        )

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it."""
        with self._lock:
            self._database.close()
