"""A segment of an index: the vectors of some items, sorted by id, as files that are mapped into memory.

A vector is kept twice: in float16, and as a code of one bit for each of some rotated directions. A search
compares the codes of all rows that it may return, which takes a fraction of the time and of the memory, and then the
vectors of the best few hundred. Where few rows may be returned, it compares their vectors at once. So the best rows are
found whatever a filter leaves over; how many candidates that takes is measured when the segment is built.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, TypeVar

import faiss
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import AwareDatetime, Field

from framesift.catalog.ids import Ids
from framesift.catalog.segments import IDS
from framesift.contracts import Contract
from framesift.errors import IndexLostError, InvalidVectorError

_faiss: Any = faiss  # Its stubs lack half of it.

LAYOUT: Final = 1
"""Segments of another layout are not read: they are built anew."""
DIRECT_ROWS: Final = 4_096
"""Of so many rows or fewer the vectors are compared without looking at codes."""
VECTORS, FACTS, CODES, CODER = "vectors.npy", "facts.arrow", "codes.npy", "coder.npz"
NEIGHBOURS: Final = 10
"""The recall is the share of so many nearest rows that is found."""
_ROWS_AT_ONCE: Final = 64
"""Rows whose vectors are unpacked together: they stay in the processor's cache."""
_ROWS_A_THREAD: Final = 512
_FAR: Final = 1 << 30
_SEED: Final = 20_261_121

Query = NDArray[np.float32]
"""`(D,)`, of length 1."""
_T = TypeVar("_T")


class SegmentFile(Contract):
    """A file of a segment."""

    sha256: str
    size_bytes: int


class SegmentCard(Contract):
    """What a segment is, and how well it finds what is in it."""

    layout: int = LAYOUT
    model: str = Field(description="`name@version`, the folder of the vectors.")
    model_sha256: str = Field("", description="Of the model's file; empty: it was not at hand.")
    dimension: int = Field(ge=1)
    rows: int = Field(ge=0)
    items: int = Field(ge=0, description="Of crops, an item has several rows.")
    left_out: int = Field(0, ge=0, description="Stored vectors that are zero or not finite.")
    bits: int = Field(0, ge=0, description="Of a code; 0: there are none, and all vectors are compared.")
    candidates: int = Field(0, ge=0, description="Rows whose vectors are compared in a search for 10.")
    recall: dict[str, float] = Field(
        {},
        description="The share of the exact 10 nearest that searches found, by filter, measured on the segment's own "
        "vectors: `none`, `50 %`, `5 %`, and `place` (the half that lies on one side).",
    )
    parts: list[str] = Field([], description="The stored parts that it has all vectors of.")
    built_at: AwareDatetime
    files: dict[str, SegmentFile] = Field({}, description="By name.")


class Segment:
    """Vectors that can be searched; safe to use from several threads.

    Args:
        ids: `(N,)` the item of each row, ascending.
        vectors: `(N, D)`, of length 1.
        facts: N rows of what is known beside the ids; None: nothing.
        codes: The rows' codes; None: all vectors are compared.
        card: What it is; None: it was not built, but read from stored vectors.
    """

    def __init__(
        self,
        ids: Ids,
        vectors: NDArray[np.float16],
        facts: pa.Table | None = None,
        codes: CodedRows | None = None,
        card: SegmentCard | None = None,
    ) -> None:
        self.ids, self.vectors, self.facts, self.card = ids, vectors, facts, card
        self._codes = codes

    @classmethod
    def open(cls, card: SegmentCard, folder: Path) -> Segment:
        """Map a segment's files into memory.

        Raises:
            IndexLostError: The files are not those of the card.
        """
        try:
            ids: Ids = np.load(folder / IDS, mmap_mode="r", allow_pickle=False)
            vectors: NDArray[np.float16] = np.load(folder / VECTORS, mmap_mode="r", allow_pickle=False)
            codes = CodedRows.load(folder) if card.bits else None
            facts = pa.ipc.open_file(pa.memory_map(str(folder / FACTS))).read_all() if FACTS in card.files else None
        except (OSError, ValueError, KeyError, pa.ArrowException) as error:
            raise IndexLostError(f"A segment of the index of {card.model} cannot be read: build it anew.") from error
        if len(ids) != card.rows or vectors.shape != (card.rows, card.dimension):
            raise IndexLostError(f"A segment of the index of {card.model} is not as its card says: build it anew.")
        return cls(ids, vectors, facts, codes, card)

    def search(
        self, query: Query, count: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Find the rows that are nearest to a vector.

        Args:
            query: `(D,)` float32 of length 1.
            count: Rows at most.
            allowed: `(N,)` which rows may be returned; None: all.

        Returns:
            The rows and their cosines, the largest first; of equal ones the row with the smaller id is first.

        Raises:
            InvalidVectorError: The query is of another length than the vectors.
        """
        if query.shape != self.vectors.shape[1:]:
            raise InvalidVectorError(
                f"The query's vector has {query.size} numbers; those that it is compared with have "
                f"{self.vectors.shape[1]}."
            )
        total = len(self.ids) if allowed is None else int(np.count_nonzero(allowed))
        candidates = self._count_candidates(count)
        if self._codes is None or total <= max(DIRECT_ROWS, candidates):
            rows = np.arange(len(self.ids)) if allowed is None else np.flatnonzero(allowed)
        else:
            rows = np.sort(self._codes.nearest(query[None], candidates, None if total == len(self.ids) else allowed)[0])
        return take_best(rows, score_rows(self.vectors, rows, query), count)

    def _count_candidates(self, count: int) -> int:
        measured = self.card.candidates if self.card else 0
        return measured if count <= NEIGHBOURS else max(measured, 4 * count)


class Coder:
    """Turns vectors into codes: on which side of the middle they lie, along rotated directions.

    Args:
        directions: `(D, bits)` float32.
        middles: `(bits,)` float32.
    """

    def __init__(self, directions: NDArray[np.float32], middles: NDArray[np.float32]) -> None:
        self._directions, self._middles = directions, middles

    @classmethod
    def train(cls, sample: NDArray[np.float16], bits: int) -> Coder:
        """Choose random directions, orthogonal as far as possible, and the middles of a sample along them."""
        dimension = sample.shape[1]
        size = max(dimension, bits)
        noise = np.random.default_rng(_SEED).standard_normal((size, size)).astype(np.float32)
        directions = np.ascontiguousarray(np.linalg.qr(noise)[0][:dimension, :bits])
        return cls(directions, np.median(np.asarray(sample, np.float32) @ directions, axis=0))

    @classmethod
    def load(cls, path: Path) -> Coder:
        """Read one from a file."""
        with np.load(path, allow_pickle=False) as file:
            return cls(file["directions"], file["middles"])

    def save(self, path: Path) -> None:
        """Write it to a file."""
        np.savez(path, directions=self._directions, middles=self._middles)

    def encode(self, vectors: NDArray[Any]) -> NDArray[np.uint8]:
        """Turn `(n, D)` vectors into `(n, bits / 8)` codes."""
        return np.packbits(np.asarray(vectors, np.float32) @ self._directions > self._middles, axis=1)


class CodedRows:
    """The codes of rows, in as many pieces as threads compare them.

    Args:
        coder: Made them.
        codes: `(N, bits / 8)` uint8.
    """

    def __init__(self, coder: Coder, codes: NDArray[np.uint8]) -> None:
        self._coder = coder
        step = -(-len(codes) // (8 * count_threads())) * 8 or 8
        self._pieces = []
        for start in range(0, len(codes), step):
            piece = _faiss.IndexBinaryFlat(8 * codes.shape[1])
            piece.use_heap = False  # Counting takes the same time for any number of candidates.
            piece.add(np.ascontiguousarray(codes[start : start + step]))
            self._pieces.append((start, piece))

    @classmethod
    def load(cls, folder: Path) -> CodedRows:
        """Read the codes of a segment."""
        return cls(Coder.load(folder / CODER), np.load(folder / CODES, mmap_mode="r", allow_pickle=False))

    def nearest(
        self, queries: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """The rows whose codes are nearest to those of vectors.

        Args:
            queries: `(Q, D)`.
            count: Rows of each; at most as many as are allowed.
            allowed: `(N,)` which rows may be returned; None: all.

        Returns:
            `(Q, count)`, the nearest first.
        """
        codes = self._coder.encode(queries)

        def scan(start: int, piece: Any) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
            parameters = None
            if allowed is not None:
                bits = np.packbits(allowed[start : start + piece.ntotal], bitorder="little")
                parameters = _faiss.SearchParameters(sel=_faiss.IDSelectorBitmap(bits))
            distances, rows = piece.search(codes, min(count, piece.ntotal), params=parameters)
            return np.where(rows < 0, _FAR, distances), rows + start

        scanned = list(map_in_threads(lambda each: scan(*each), self._pieces))
        distances, rows = (np.concatenate(each, axis=1) for each in zip(*scanned, strict=True))
        order = np.argsort(distances, axis=1, kind="stable")[:, :count]
        return np.take_along_axis(rows, order, axis=1)


def score_rows(vectors: NDArray[np.float16], rows: NDArray[np.int64], query: Query) -> NDArray[np.float32]:
    """The cosines of some rows to a vector.

    Args:
        vectors: `(N, D)`, of length 1, or of zeros.
        rows: `(n,)`.
        query: `(D,)`.

    Returns:
        `(n,)`, -1 to 1.
    """
    scores = np.empty(len(rows), np.float32)
    query = np.ascontiguousarray(query, np.float32)
    unpack = _faiss.ScalarQuantizer(vectors.shape[1], _faiss.ScalarQuantizer.QT_fp16)

    def score(part: slice) -> None:
        packed, unpacked = _buffers(vectors.shape[1])
        for start in range(part.start, part.stop, _ROWS_AT_ONCE):
            some = rows[start : min(start + _ROWS_AT_ONCE, part.stop)]
            np.take(vectors, some, axis=0, out=packed[: len(some)], mode="clip")
            unpack.decode_c(_faiss.swig_ptr(packed.view(np.uint8)), _faiss.swig_ptr(unpacked), len(some))
            _faiss.fvec_inner_products_ny(
                _faiss.swig_ptr(scores[start : start + len(some)]),
                _faiss.swig_ptr(query),
                _faiss.swig_ptr(unpacked),
                len(query),
                len(some),
            )

    threads = min(count_threads(), max(1, len(rows) // _ROWS_A_THREAD))
    edges = np.linspace(0, len(rows), threads + 1, dtype=int).tolist()
    list(map_in_threads(score, [slice(*pair) for pair in pairwise(edges)]))
    return np.clip(scores, -1, 1)


def take_best(
    rows: NDArray[np.int64], scores: NDArray[np.float32], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Take the rows with the best scores, the best first; of equal ones the first."""
    if count < len(rows):
        least = np.partition(scores, len(scores) - count)[len(scores) - count]
        kept = scores >= least
        rows, scores = rows[kept], scores[kept]
    order = np.lexsort((rows, -scores))[:count]
    return rows[order], scores[order]


def make_query(vector: NDArray[Any]) -> Query:
    """Give a vector the length 1.

    Args:
        vector: `(D,)`.

    Raises:
        InvalidVectorError: It is zero, or not finite.
    """
    numbers = np.asarray(vector, np.float32)
    length = float(np.linalg.norm(numbers))
    if not np.isfinite(length) or length < np.finfo(np.float16).tiny:
        raise InvalidVectorError(
            "Nothing can be similar to this: its vector is zero, or not finite. Images or texts that cancel each other "
            "out make such a vector; change a weight."
        )
    return np.ascontiguousarray(numbers / length)


@cache
def count_threads() -> int:
    """Threads that one search uses: the processor's cores that this process may use."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


@cache
def _pool() -> ThreadPoolExecutor:
    # Each thread has its own part of the work: FAISS's threads inside would only get in each other's way.
    return ThreadPoolExecutor(
        count_threads(), thread_name_prefix="search", initializer=lambda: _faiss.omp_set_num_threads(1)
    )


_L = TypeVar("_L")


def map_in_threads(function: Callable[[_L], _T], values: list[_L]) -> Iterator[_T]:
    """Call a function with each value, in the threads that searches share."""
    return _pool().map(function, values)


_local = threading.local()


def _buffers(dimension: int) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    """The thread's memory for rows that are unpacked: asking the system for it each time takes longer than its use."""
    if getattr(_local, "dimension", 0) != dimension:
        _local.dimension = dimension
        _local.buffers = (
            np.empty((_ROWS_AT_ONCE, dimension), np.float16),
            np.empty((_ROWS_AT_ONCE, dimension), np.float32),
        )
    buffers: tuple[NDArray[np.float16], NDArray[np.float32]] = _local.buffers
    return buffers
