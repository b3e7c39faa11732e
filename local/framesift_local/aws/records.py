"""What the embedded AWS remembers, as JSON in one SQLite file.

Write-ahead logging makes a committed record survive `kill -9` of the process; a record is committed
before the request that made it is answered.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Key = tuple[str, str, str]


class Records:
    """JSON values under (kind, scope, id): ("item", table, key), ("object", bucket, key).

    Args:
        path: The SQLite file; made when missing.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS records (kind TEXT, scope TEXT, id TEXT, body TEXT NOT NULL,"
            " PRIMARY KEY (kind, scope, id)) WITHOUT ROWID"
        )

    def write(self, puts: Iterable[tuple[Key, Any]] = (), deletes: Iterable[Key] = ()) -> None:
        """Commit puts and deletes in one transaction; deletes come first."""
        rows = [(*key, json.dumps(body, ensure_ascii=False, separators=(",", ":"))) for key, body in puts]
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                self._database.executemany("DELETE FROM records WHERE kind = ? AND scope = ? AND id = ?", list(deletes))
                self._database.executemany("REPLACE INTO records VALUES (?, ?, ?, ?)", rows)
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def put(self, kind: str, scope: str, record_id: str, body: Any) -> None:
        """Commit one record."""
        self.write(puts=[((kind, scope, record_id), body)])

    def get(self, kind: str, scope: str, record_id: str) -> Any | None:
        """Return one record's value, or None."""
        with self._lock:
            row = self._database.execute(
                "SELECT body FROM records WHERE kind = ? AND scope = ? AND id = ?",
                (kind, scope, record_id),
            ).fetchone()
        return None if row is None else json.loads(row[0])

    def scan(self, kind: str) -> Iterator[tuple[str, str, Any]]:
        """Yield (scope, id, value) of a kind, in the order of scope and id."""
        with self._lock:
            rows = self._database.execute(
                "SELECT scope, id, body FROM records WHERE kind = ? ORDER BY scope, id", (kind,)
            ).fetchall()
        for scope, record_id, body in rows:
            yield scope, record_id, json.loads(body)

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it."""
        with self._lock:
            self._database.close()
