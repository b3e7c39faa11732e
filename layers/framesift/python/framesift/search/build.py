"""Building a segment from vectors, and measuring how well it finds them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from framesift.catalog.ids import pack_ids
from framesift.catalog.segments import IDS, LEFT_OUT
from framesift.errors import InvalidVectorError
from framesift.search.segment import (
    CODER,
    CODES,
    DIRECT_ROWS,
    FACTS,
    NEIGHBOURS,
    VECTORS,
    CodedRows,
    Coder,
    SegmentCard,
    SegmentFile,
    take_best,
)

Facts = dict[str, list[Any]]
"""Lists of what is known about each row, beside its id."""
Batch = tuple[Sequence[str], NDArray[np.float16], Facts]
"""The items of some rows, `(n, D)` vectors of any length, and facts."""

_SEED: Final = 20_261_121
_BITS: Final = (512, 1024, 2048)
_CANDIDATES: Final = (100, 200, 400, 800, 1_600)
_QUERIES: Final = 128
_TRAINING_ROWS: Final = 20_000
_BLOCK: Final = 32_768


def build_segment(
    folder: Path,
    batches: Iterable[Batch],
    *,
    model: str,
    dimension: int,
    recall_target: float,
    model_sha256: str = "",
    parts: Sequence[str] = (),
) -> SegmentCard:
    """Write the files of a segment.

    Args:
        folder: Where they are written; it exists.
        batches: The rows, in any order, with the same facts in each batch.
        model: Their model's `name@version`.
        dimension: Length of a vector.
        recall_target: The least recall, 0 to 1, under every filter: codes and candidates are the fewest that reach it.
        model_sha256: The digest of the model's file.
        parts: The stored parts that the segment has all vectors of.

    Returns:
        The card.

    Raises:
        InvalidVectorError: A vector is of another length.
    """
    ids, order, left_out = _write_vectors(folder, batches, dimension)
    vectors = np.load(folder / VECTORS, mmap_mode="r", allow_pickle=False)
    bits, candidates = 0, 0
    recall: dict[str, float] = {}
    if len(order) > DIRECT_ROWS:
        bits, candidates, recall = _write_codes(folder, vectors, recall_target)
    return SegmentCard(
        model=model,
        model_sha256=model_sha256,
        dimension=dimension,
        rows=len(order),
        items=len(np.unique(ids)),
        left_out=left_out,
        bits=bits,
        candidates=candidates,
        recall=recall,
        parts=sorted(parts),
        built_at=datetime.now(UTC),
        files={path.name: _describe(path) for path in sorted(folder.iterdir())},
    )


def normalise(rows: NDArray[Any]) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
    """Give vectors the length 1.

    Args:
        rows: `(n, D)`.

    Returns:
        `(n, D)` float16, and `(n,)` which of them can be compared: those that are finite, and not zero.
    """
    numbers = np.asarray(rows, np.float32)
    lengths = np.linalg.norm(numbers, axis=1, keepdims=True)
    usable = np.isfinite(lengths[:, 0]) & (lengths[:, 0] > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (numbers / lengths).astype(np.float16), usable


def _write_vectors(
    folder: Path, batches: Iterable[Batch], dimension: int
) -> tuple[NDArray[np.bytes_], NDArray[np.int64], int]:
    """Write ids, vectors and facts, sorted by id; return the ids, their order, and how many vectors were left out."""
    ids, left_out = [pack_ids([])], [pack_ids([])]
    facts: dict[str, list[Any]] = {}
    raw = folder / "unsorted"
    with raw.open("wb") as file:
        for names, rows, extra in batches:
            if rows.ndim != 2 or rows.shape[1] != dimension:
                raise InvalidVectorError(f"A vector has {rows.shape[-1]} numbers; those of the model have {dimension}.")
            unit, usable = normalise(rows)
            file.write(unit[usable].tobytes())
            packed = pack_ids(names)
            ids.append(packed[usable])
            left_out.append(packed[~usable])
            for fact, values in extra.items():
                facts.setdefault(fact, []).extend(
                    value for value, kept in zip(values, usable.tolist(), strict=True) if kept
                )
    every = np.concatenate(ids)
    order = np.argsort(every, kind="stable")
    every = every[order]
    np.save(folder / IDS, every, allow_pickle=False)
    vectors = np.lib.format.open_memmap(folder / VECTORS, "w+", np.dtype(np.float16), (len(order), dimension))
    if len(order):
        unsorted = np.memmap(raw, np.float16, "r", shape=(len(order), dimension))
        for start in range(0, len(order), _BLOCK):
            vectors[start : start + _BLOCK] = unsorted[order[start : start + _BLOCK]]
        del unsorted
    vectors.flush()
    raw.unlink()
    unusable = np.concatenate(left_out)
    if len(unusable):
        np.save(folder / LEFT_OUT, unusable, allow_pickle=False)
    if facts:
        table = pa.table(facts).take(order)
        with pa.ipc.new_file(folder / FACTS, table.schema) as writer:
            writer.write_table(table)
    return every, order, len(unusable)


def _write_codes(folder: Path, vectors: NDArray[np.float16], recall_target: float) -> tuple[int, int, dict[str, float]]:
    """Write the shortest codes that reach the recall; return their bits, the candidates, and the recall by filter."""
    chance, truth = np.random.default_rng(_SEED), _Truth(vectors)
    for bits in _BITS:
        coder = Coder.train(vectors[np.sort(chance.permutation(len(vectors))[:_TRAINING_ROWS])], bits)
        blocks = range(0, len(vectors), _BLOCK)
        codes = np.concatenate([coder.encode(vectors[start : start + _BLOCK]) for start in blocks])
        recall_by_candidates = truth.measure(CodedRows(coder, codes))
        candidates = next(
            (each for each in _CANDIDATES if min(recall_by_candidates[each].values()) >= recall_target),
            _CANDIDATES[-1],
        )
        if min(recall_by_candidates[candidates].values()) >= recall_target:
            break
    coder.save(folder / CODER)
    np.save(folder / CODES, codes, allow_pickle=False)
    return bits, candidates, recall_by_candidates[candidates]


class _Truth:
    """The exact nearest rows of some of the rows, under filters that are representative of people's.

    Args:
        vectors: `(N, D)` of length 1.
    """

    def __init__(self, vectors: NDArray[np.float16]) -> None:
        chance = np.random.default_rng(_SEED)
        self._count = len(vectors)
        chosen = np.sort(chance.permutation(self._count)[:_QUERIES])
        self._queries = np.asarray(vectors[chosen], np.float32)
        self._queries /= np.linalg.norm(self._queries, axis=1, keepdims=True)
        direction = chance.standard_normal((vectors.shape[1],), np.float32)
        shares = chance.random((self._count,))
        scores = np.empty((len(chosen), self._count), np.float32)
        place = np.empty(self._count, np.float32)
        for start in range(0, self._count, _BLOCK):
            block = np.asarray(vectors[start : start + _BLOCK], np.float32)
            scores[:, start : start + _BLOCK] = self._queries @ block.T
            place[start : start + _BLOCK] = block @ direction
        self._filters: dict[str, NDArray[np.bool_] | None] = {
            "none": None,
            "50 %": shares < 0.5,
            "5 %": shares < 0.05,
            "place": place < float(np.median(place)),
        }
        self._scores = scores

    def measure(self, coded: CodedRows) -> dict[int, dict[str, float]]:
        """The recall by the number of candidates and the filter."""
        found: dict[int, dict[str, float]] = {each: {} for each in _CANDIDATES}
        for name, allowed in self._filters.items():
            rows = np.arange(self._count) if allowed is None else np.flatnonzero(allowed)
            nearest = coded.nearest(self._queries, _CANDIDATES[-1], allowed)
            hits = dict.fromkeys(_CANDIDATES, 0.0)
            for scores, candidates in zip(self._scores, nearest, strict=True):
                _, best = take_best(rows, scores[rows], NEIGHBOURS)
                for count in _CANDIDATES:
                    # Of equal scores any will do.
                    hits[count] += float(np.mean(np.sort(scores[candidates[:count]])[::-1][: len(best)] >= best[-1]))
            for count, total in hits.items():
                found[count][name] = round(total / len(self._queries), 4)
        return found


def _describe(path: Path) -> SegmentFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return SegmentFile(sha256=digest, size_bytes=path.stat().st_size)
