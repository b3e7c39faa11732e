"""Reads an object by ranges: a large one is never in memory as a whole."""

from __future__ import annotations

from typing import Final

from framesift.storage.store import Store

AHEAD_BYTES: Final = 8 << 20
"""Bytes that one request reads at least: a request takes about as long as it takes to send these."""


class RangeReader:
    """Reads ranges of one object, and keeps the last ones: ranges in ascending order cost few requests.

    Args:
        store: The object's bucket.
        key: Its key.
        size_bytes: Its size.
        etag: The ETag that it must have; empty: any.
        version_id: The version to read; None: the newest.
        ahead_bytes: Bytes that one request reads at least.
    """

    def __init__(
        self,
        store: Store,
        key: str,
        size_bytes: int,
        etag: str = "",
        version_id: str | None = None,
        ahead_bytes: int = AHEAD_BYTES,
    ) -> None:
        self.size_bytes = size_bytes
        self._store, self._key, self._etag, self._version_id = store, key, etag, version_id
        self._ahead_bytes = ahead_bytes
        self._start, self._kept = 0, b""

    def read(self, start: int, length: int) -> bytes:
        """Read bytes from an offset on; fewer come back where the object ends before.

        Raises:
            ObjectMissingError: If the object is gone.
            FileReplacedError: If it was overwritten.
        """
        length = max(0, min(length, self.size_bytes - start))
        if length and not self._start <= start <= start + length <= self._start + len(self._kept):
            wanted = min(max(length, self._ahead_bytes), self.size_bytes - start)
            self._kept = b""  # Two buffers at once would double what is in memory.
            self._kept = self._store.get_range(self._key, start, wanted, self._etag, self._version_id)
            self._start = start
        return self._kept[start - self._start : start - self._start + length] if length else b""
