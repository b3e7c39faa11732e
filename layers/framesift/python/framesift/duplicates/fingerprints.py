"""What is kept of an image to compare it by: features, hashes, and whether it is too plain to compare."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from framesift.duplicates.pdq import VARIANTS, PdqHash, pdq_hash
from framesift.embedding.choose import EmbedderChoice
from framesift.embedding.embedder import Embedder, Views
from framesift.errors import MediaError, NotAnImageError, NotFoundError
from framesift.vision.decode import decode_image
from framesift.vision.onnx_session import usable_cores
from framesift.vision.views import is_plain

_HASH_NEEDED_SIDE = 128
_ERROR_NAME = "U80"
_ERROR_MESSAGE = "U300"  # longer messages are cut
# Images between two calls of `before_images`: about a second on a CPU.
_IMAGES_AT_ONCE = 32
_READERS_PER_CORE = 4  # reading waits, decoding computes: the same threads do both


@dataclass(frozen=True)
class Fingerprint:
    """One decoded image, ready for an embedder.

    Attributes:
        prepared: What the embedder's network takes; None without an embedder.
        pdq: The image's hashes.
        plain: Whether it shows next to nothing, so that it resembles others like it whatever they show.
    """

    prepared: Views | None
    pdq: PdqHash
    plain: bool


def fingerprint(data: bytes, embedder: Embedder | None, *, max_pixels: int) -> Fingerprint:
    """Decode an image and take from it all that comparisons need; its pixels are not kept.

    Raises:
        MediaError: A leaf of it says why the image cannot be used.
    """
    needed_side = embedder.needed_side if embedder else _HASH_NEEDED_SIDE
    image = decode_image(data, max_pixels=max_pixels, min_side=needed_side)
    prepared = embedder.prepare(image) if embedder else None
    return Fingerprint(prepared, pdq_hash(image), is_plain(image))


@dataclass(frozen=True)
class Fingerprints:
    """What is kept of N images, as arrays of N rows.

    Attributes:
        embedder: What made the features, `name/version`; `pdq` where nothing did.
        ids: The items' ids, str.
        sha256: Of the files, str.
        features: `(N, D)` float16, L2-normalised; D is 0 without an embedder.
        pdq: `(N, 4, 4)` uint64: `PdqHash.words`.
        quality: `(N,)` uint8: PDQ's, 0 to 100.
        plain: `(N,)` bool: too plain to compare.
        errors: `(N,)` str: the error's class of images that could not be used (their other rows are zeros), else empty.
        messages: `(N,)` str: that error's message.
    """

    embedder: str
    ids: NDArray[np.str_]
    sha256: NDArray[np.str_]
    features: NDArray[np.float16]
    pdq: NDArray[np.uint64]
    quality: NDArray[np.uint8]
    plain: NDArray[np.bool_]
    errors: NDArray[np.str_]
    messages: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def blank(cls, embedder: str, ids: Sequence[str], sha256: Sequence[str], dimension: int) -> Self:
        """Rows of zeros, to be filled in."""
        count = len(ids)
        return cls(
            embedder=embedder,
            ids=np.array(ids, dtype=np.str_),
            sha256=np.array(sha256, dtype=np.str_),
            features=np.zeros((count, dimension), np.float16),
            pdq=np.zeros((count, len(VARIANTS), 4), np.uint64),
            quality=np.zeros(count, np.uint8),
            plain=np.zeros(count, np.bool_),
            errors=np.zeros(count, _ERROR_NAME),
            messages=np.zeros(count, _ERROR_MESSAGE),
        )

    @classmethod
    def concatenate(cls, embedder: str, dimension: int, parts: Sequence[Fingerprints]) -> Self:
        """All rows of the parts, in order.

        Features that another embedder made cannot be compared: they become rows of zeros, which resemble nothing.
        """
        parts = [
            part
            if part.embedder == embedder
            else replace(part, embedder=embedder, features=np.zeros((len(part), dimension), np.float16))
            for part in parts
        ]
        blank = cls.blank(embedder, [], [], dimension)
        arrays = {
            name: np.concatenate([values, *(getattr(part, name) for part in parts)])
            for name, values in vars(blank).items()
            if name != "embedder"
        }
        return cls(embedder=embedder, **arrays)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Restore the rows from arrays named like the attributes; `messages` may be missing, as it once was."""
        columns: dict[str, Any] = {"messages": np.zeros(len(arrays["ids"]), _ERROR_MESSAGE), **arrays}
        return cls(**{**columns, "embedder": str(arrays["embedder"])})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote; no object is ever unpickled."""
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return cls.from_arrays(arrays)

    def to_bytes(self) -> bytes:
        """Write the arrays as one `.npz`, so that a put keeps all of them or none."""
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **{**vars(self), "embedder": np.array(self.embedder)})
        return buffer.getvalue()

    def fill(self, row: int, found: Fingerprint) -> None:
        """Set a row's hashes."""
        self.pdq[row], self.quality[row], self.plain[row] = found.pdq.words, found.pdq.quality, found.plain

    def without_plain(self) -> Fingerprints:
        """The same images, the plain ones with neither features nor hashes: they resemble nothing."""
        features, quality = self.features.copy(), self.quality.copy()
        features[self.plain], quality[self.plain] = 0, 0
        return replace(self, features=features, quality=quality)

    def rows(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> Fingerprints:
        """The rows with these numbers, or those that a `(N,)` mask selects."""
        arrays = {name: values[which] for name, values in vars(self).items() if name != "embedder"}
        return Fingerprints(embedder=self.embedder, **arrays)


@dataclass(frozen=True)
class ImageSource:
    """An image that is to be fingerprinted.

    Attributes:
        id: The item's id.
        sha256: Of its file.
        read: Gives the file's bytes; `NotFoundError` or a `MediaError` where it cannot.
    """

    id: str
    sha256: str
    read: Callable[[], bytes]


def fingerprint_batches(
    batches: Sequence[Sequence[ImageSource]],
    choice: EmbedderChoice,
    *,
    max_pixels: int,
    threads: int = 0,
    before_images: Callable[[int], None] = lambda _: None,
) -> Iterator[Fingerprints]:
    """Fingerprint batches of images; the next batch is read and decoded while this one runs through the network.

    Args:
        batches: Images that are finished together.
        choice: The embedder.
        max_pixels: Images with more are not decoded.
        threads: Cores to keep busy; 0: all.
        before_images: Called with the number of images done before each few of them; what it raises ends the work.

    Yields:
        Each batch's fingerprints, in the order of the images. What cannot be used has its row in `errors`.
    """
    pool = ThreadPoolExecutor((threads or usable_cores()) * _READERS_PER_CORE, thread_name_prefix="fingerprint")
    try:
        ahead: list[list[Future[Fingerprint]]] = []
        done = 0
        for number, batch in enumerate(batches):
            ahead += [
                [pool.submit(_read_and_fingerprint, image, choice.embedder, max_pixels) for image in near]
                for near in batches[number + len(ahead) : number + 2]
            ]
            yield _embed_batch(batch, ahead.pop(0), choice, before_images, done)
            done += len(batch)
    finally:
        pool.shutdown(cancel_futures=True)


def _read_and_fingerprint(image: ImageSource, embedder: Embedder | None, max_pixels: int) -> Fingerprint:
    try:
        data = image.read()
    except NotFoundError as error:
        raise NotAnImageError(f"The image is gone: {error}") from error
    return fingerprint(data, embedder, max_pixels=max_pixels)


def _embed_batch(
    batch: Sequence[ImageSource],
    futures: Sequence[Future[Fingerprint]],
    choice: EmbedderChoice,
    before_images: Callable[[int], None],
    done_before: int,
) -> Fingerprints:
    """Wait for a batch's images and run the network on them, some at a time."""
    result = Fingerprints.blank(
        choice.label, [image.id for image in batch], [image.sha256 for image in batch], choice.dimension
    )
    for start in range(0, len(futures), _IMAGES_AT_ONCE):
        before_images(done_before + start)
        rows, prepared = [], []
        for row, future in enumerate(futures[start : start + _IMAGES_AT_ONCE], start):
            try:
                found = future.result()
            except MediaError as error:
                result.errors[row], result.messages[row] = type(error).__name__, str(error)
                continue
            result.fill(row, found)
            if found.prepared is not None:
                rows.append(row)
                prepared.append(found.prepared)
        if choice.embedder and rows:
            result.features[rows] = choice.embedder.embed(prepared)
    return result
