"""Counting what items have: tags, labels, flags, models, fields, without asking the database.

Every value of such a column has a number, and every row the numbers of its values. Counting the values of any set of
rows is then one pass of NumPy over small integers, many times faster than to group texts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

KINDS: Final = {
    "tags": ("tags_folded", "tags"),
    "labels": ("labels", "labels"),
    "flags": ("flags", "flags"),
    "models": ("models", "models"),
    "metadata": ("metadata", "metadata"),
    "source": ("source", "source"),
    "content_type": ("content_type", "content_type"),
}
"""What can be counted: the column whose values are told apart, and the one that is shown."""


@dataclass(frozen=True)
class Terms:
    """The values of one kind in the rows of a snapshot.

    Attributes:
        keys: What tells values apart, by number.
        shown: How each is shown: as it came first.
        offsets: `(rows + 1,)` int64; a row's values are `codes[offsets[row]:offsets[row + 1]]`.
        codes: `(values,)` int32, the values' numbers.
        totals: `(keys,)` int64, how many rows have each value.
    """

    keys: list[str]
    shown: list[str]
    offsets: NDArray[np.int64]
    codes: NDArray[np.int32]
    totals: NDArray[np.int64]

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each key."""
        return {key: number for number, key in enumerate(self.keys)}

    def count(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many of some rows have each value.

        Args:
            rows: `(n,)` their numbers, ascending, without repeats.

        Returns:
            `(keys,)` int64.
        """
        total_rows = len(self.offsets) - 1
        if 2 * len(rows) > total_rows:  # Fewer are left out than are in.
            rest = np.ones(total_rows, bool)
            rest[rows] = False
            return self.totals - self._count(np.flatnonzero(rest))
        return self._count(rows)

    def _count(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        starts = self.offsets[rows]
        lengths = self.offsets[rows + 1] - starts
        ends = np.cumsum(lengths)
        places = np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - lengths), lengths)
        return np.bincount(self.codes[places], minlength=len(self.keys)).astype(np.int64)

    def save(self, folder: Path, kind: str) -> None:
        """Write the terms of a kind to files."""
        np.save(folder / f"{kind}.offsets.npy", self.offsets)
        np.save(folder / f"{kind}.codes.npy", self.codes)
        np.save(folder / f"{kind}.totals.npy", self.totals)
        (folder / f"{kind}.json").write_text(json.dumps([self.keys, self.shown]), encoding="utf-8")


def load_terms(folder: Path, kind: str) -> Terms:
    """Read the terms of a kind; the arrays stay on disk until they are used."""
    keys, shown = json.loads((folder / f"{kind}.json").read_text(encoding="utf-8"))
    offsets, codes, totals = (
        np.load(folder / f"{kind}.{name}.npy", mmap_mode="r", allow_pickle=False)
        for name in ("offsets", "codes", "totals")
    )
    return Terms(keys, shown, offsets, codes, totals)


def build_terms(snapshot: Path, kind: str) -> Terms:
    """Number the values of a kind in a snapshot's file, a row group at a time."""
    column, shown_column = KINDS[kind]
    numbers: dict[str, int] = {}
    shown: list[str] = []
    lengths: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
    codes: list[NDArray[np.int32]] = [np.zeros(0, np.int32)]
    with pq.ParquetFile(snapshot) as file:
        for batch in file.iter_batches(columns=list(dict.fromkeys([column, shown_column]))):
            values, row_lengths = _flatten(batch.column(column))
            encoded = values.dictionary_encode()
            forms = _flatten(batch.column(shown_column))[0] if shown_column != column else values
            for value, first in _first_places(encoded):
                if value not in numbers:
                    numbers[value] = len(numbers)
                    shown.append(forms[first].as_py())
            of_batch = np.array([numbers[value] for value in encoded.dictionary.to_pylist()], np.int32)
            codes.append(of_batch[encoded.indices.to_numpy()] if len(of_batch) else codes[0])
            lengths.append(row_lengths)
    all_codes = np.concatenate(codes)
    totals = np.bincount(all_codes, minlength=len(numbers)).astype(np.int64)
    return Terms(list(numbers), shown, np.cumsum(np.concatenate(lengths)), all_codes, totals)


def _flatten(column: Any) -> tuple[Any, NDArray[np.int64]]:
    """The values of all rows one behind another, and how many each row has."""
    if pa.types.is_map(column.type):
        starts, ends = column.offsets[0].as_py(), column.offsets[-1].as_py()
        return column.keys.slice(starts, ends - starts), np.diff(column.offsets.to_numpy()).astype(np.int64)
    if pa.types.is_list(column.type):
        return column.flatten(), pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False).astype(
            np.int64
        )
    return column, np.ones(len(column), np.int64)


def _first_places(encoded: Any) -> list[tuple[str, int]]:
    """Each value of a dictionary array, and where it comes first."""
    indices = encoded.indices.to_numpy()
    _, firsts = np.unique(indices, return_index=True)
    return list(zip(encoded.dictionary.to_pylist(), firsts.tolist(), strict=True))
