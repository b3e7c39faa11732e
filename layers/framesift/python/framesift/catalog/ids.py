"""Items' ids as arrays: 16 bytes each, so that a million are sorted and looked up in a fraction of a second."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.bytes_]
"""`(N,)` S16."""
DTYPE: Final = np.dtype("S16")


def pack_ids(ids: Iterable[str]) -> Ids:
    """Turn ids of 32 hexadecimal digits into an array, in their order.

    Example:
        >>> unpack_ids(pack_ids(["00ff" * 8]))
        ['00ff00ff00ff00ff00ff00ff00ff00ff']
    """
    return np.frombuffer(bytes.fromhex("".join(ids)), DTYPE)


def unpack_ids(ids: Ids) -> list[str]:
    """Turn an array back into ids."""
    digits = np.ascontiguousarray(ids, DTYPE).tobytes().hex()
    return [digits[start : start + 32] for start in range(0, len(digits), 32)]


def find_rows(ids: Ids, wanted: Ids) -> NDArray[np.int64]:
    """Where ids stand in a sorted array.

    Args:
        ids: `(N,)` sorted ascending.
        wanted: `(M,)`.

    Returns:
        `(M,)` int64: the first row of each; -1 where it is not there.
    """
    if not len(ids) or not len(wanted):
        return np.full(len(wanted), -1, np.int64)
    rows = np.searchsorted(ids, wanted).astype(np.int64)
    rows[rows == len(ids)] = 0
    rows[ids[rows] != wanted] = -1
    return rows
