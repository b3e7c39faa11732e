"""What the vision job keeps of pictures: features, hashes, and which pictures are too plain to judge."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from framesift.vision.decode import decode_image
from framesift.vision.embed import Embedder
from framesift.vision.pdq import VARIANTS, PdqHash, pdq_hash
from framesift.vision.views import is_plain

_HASH_NEEDED_SIDE = 128
_ERROR_TEXT = "U300"  # longer messages are cut


@dataclass(frozen=True)
class Look:
    """One decoded picture, ready for an embedder.

    Attributes:
        prepared: What the embedder's network sees; None without an embedder.
        pdq: The picture's hashes.
        plain: Whether it shows next to nothing, so that nobody should judge it.
    """

    prepared: NDArray[np.uint8] | None
    pdq: PdqHash
    plain: bool


def look_at(data: bytes, embedder: Embedder | None, *, max_pixels: int) -> Look:
    """Decode a picture and take from it all that is needed; its pixels are not kept.

    Raises:
        MediaError: A leaf of it says why the picture cannot be used.
    """
    needed_side = embedder.needed_side if embedder else _HASH_NEEDED_SIDE
    image = decode_image(data, max_pixels=max_pixels, min_side=needed_side)
    prepared = embedder.prepare(image) if embedder else None
    return Look(prepared, pdq_hash(image), is_plain(image))


@dataclass(frozen=True)
class Looks:
    """What is kept of N pictures, as arrays of N rows.

    Attributes:
        embedder: What made the features, `name/version`; `pdq` where nothing did.
        ids: The items' ids, str.
        sha256: Of the files, str.
        features: `(N, D)` float16, L2-normalised; D is 0 without an embedder.
        pdq: `(N, 4, 4)` uint64: `PdqHash.words`.
        quality: `(N,)` uint8: PDQ's, 0 to 100.
        plain: `(N,)` bool: too plain to judge.
        errors: `(N,)` str: `ErrorClass: message` of pictures that could not be used (their other rows are noughts),
            else empty.
    """

    embedder: str
    ids: NDArray[np.str_]
    sha256: NDArray[np.str_]
    features: NDArray[np.float16]
    pdq: NDArray[np.uint64]
    quality: NDArray[np.uint8]
    plain: NDArray[np.bool_]
    errors: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def blank(cls, embedder: str, ids: list[str], sha256: list[str], dimension: int) -> Self:
        """Rows to be filled in."""
        count = len(ids)
        return cls(
            embedder=embedder,
            ids=np.array(ids, dtype=np.str_),
            sha256=np.array(sha256, dtype=np.str_),
            features=np.zeros((count, dimension), np.float16),
            pdq=np.zeros((count, len(VARIANTS), 4), np.uint64),
            quality=np.zeros(count, np.uint8),
            plain=np.zeros(count, np.bool_),
            errors=np.zeros(count, _ERROR_TEXT),
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote; no object is ever unpickled."""
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            fields = {name: arrays[name] for name in arrays.files}
        return cls(**{**fields, "embedder": str(fields["embedder"])})

    def to_bytes(self) -> bytes:
        """Write the arrays as one `.npz`, so that a put keeps all of them or none."""
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **{**vars(self), "embedder": np.array(self.embedder)})
        return buffer.getvalue()

    def rows(self, places: NDArray[np.int64]) -> Looks:
        """The rows at those places."""
        arrays = {name: values[places] for name, values in vars(self).items() if name != "embedder"}
        return Looks(embedder=self.embedder, **arrays)
