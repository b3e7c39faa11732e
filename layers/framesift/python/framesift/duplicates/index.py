"""An index of a folder's images: what is needed to compare them, in one file that can be kept and updated."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias, cast, get_args

import numpy as np
from numpy.typing import NDArray

from framesift.duplicates.compare import Criteria, find_similar
from framesift.duplicates.fingerprints import Fingerprints, ImageSource, fingerprint, fingerprint_batches
from framesift.duplicates.folder import FoundFile, list_images, read_file, show_name
from framesift.duplicates.images import Candidate, Comparison, ImageSet, Scores
from framesift.duplicates.keepers import IDENTICAL
from framesift.embedding.choose import EmbedderChoice, choose_embedder
from framesift.errors import IndexModelError, NotAnIndexError, NotFoundError
from framesift.models import default_cache_dir, open_registry
from framesift.settings import EmbedderName, load_settings
from framesift.vision.image_structure import read_structure

OnProgress: TypeAlias = Callable[[int, int], None]
"""Called with the number of images done, and of all."""

MAX_PIXELS: Final = 89_000_000
"""Larger images are not decoded: Pillow takes them for decompression bombs."""

_FORMAT = 1
_FACTS = ("size_bytes", "modified_ns", "width", "height")
_BATCH = 128


@dataclass(frozen=True)
class ImageFile:
    """An image of a folder.

    Attributes:
        path: Below the folder.
        size_bytes: Of the file.
        modified_ns: When it was changed last, nanoseconds since 1970.
        width: Pixels.
        height: Pixels.
        sha256: Of the file.
    """

    path: str
    size_bytes: int
    modified_ns: int
    width: int
    height: int
    sha256: str


@dataclass(frozen=True)
class UnreadableFile:
    """A file that could not be used.

    Attributes:
        path: Below the folder.
        error: The error's class.
        message: Why, in a sentence.
    """

    path: str
    error: str
    message: str


@dataclass(frozen=True)
class SearchResult:
    """An image of an index that the searched one is a duplicate of.

    Attributes:
        path: Below the index's folder.
        method: `sha256` (the same file), `pdq`, an embedder's name, or `aligned`.
        score: How similar, at most 1.
    """

    path: str
    method: str
    score: float


@dataclass(frozen=True)
class ImageIndex:
    """A folder's images and their fingerprints; make one with `build_index`, read one with `load_index`.

    Attributes:
        folder: The folder.
        facts: `size_bytes`, `modified_ns`, `width` and `height` of each file, `(N,)` int64.
        fingerprints: N rows; their ids are the paths below the folder.
    """

    folder: Path
    facts: dict[str, NDArray[np.int64]]
    fingerprints: Fingerprints

    def __len__(self) -> int:
        return len(self.fingerprints)

    @property
    def files(self) -> list[ImageFile]:
        """The images that could be read, by path."""
        is_readable = self.fingerprints.errors == ""
        paths, digests = self.fingerprints.ids[is_readable].tolist(), self.fingerprints.sha256[is_readable].tolist()
        facts = {name: values[is_readable].tolist() for name, values in self.facts.items()}
        return [
            ImageFile(path, sha256=digest, **{name: values[row] for name, values in facts.items()})
            for row, (path, digest) in enumerate(zip(paths, digests, strict=True))
        ]

    @property
    def unreadable(self) -> list[UnreadableFile]:
        """The files that could not be used, and why."""
        failed = self.fingerprints.rows(self.fingerprints.errors != "")
        columns = (failed.ids.tolist(), failed.errors.tolist(), failed.messages.tolist())
        return [UnreadableFile(*row) for row in zip(*columns, strict=True)]

    @property
    def found_files(self) -> list[FoundFile]:
        """The files of all rows as the folder listed them."""
        columns = (
            self.fingerprints.ids.tolist(),
            *(self.facts[name].tolist() for name in ("size_bytes", "modified_ns")),
        )
        return [FoundFile(*row) for row in zip(*columns, strict=True)]

    def picking(self, files: Sequence[FoundFile]) -> ImageIndex:
        """The rows of these files, in this order."""
        row_of = {file: row for row, file in enumerate(self.found_files)}
        rows = np.array([row_of[file] for file in files], np.int64)
        facts = {name: values[rows] for name, values in self.facts.items()}
        return ImageIndex(self.folder, facts, self.fingerprints.rows(rows))

    @property
    def images(self) -> ImageSet:
        """The readable images as they are compared.

        Of two duplicates the one with more pixels is kept, then the larger file, then the first by path. Plain images
        resemble each other whatever they show: only identical files among them are duplicates.
        """
        readable = self.fingerprints.rows(self.fingerprints.errors == "")
        candidates = [
            Candidate(file.path, file.sha256, rank=(-file.width * file.height, -file.size_bytes, file.path))
            for file in self.files
        ]
        return ImageSet(candidates, readable.without_plain())

    def read_image(self, candidate: Candidate) -> bytes:
        """See `images.ReadImage`."""
        try:
            return (self.folder / candidate.id).read_bytes()
        except OSError as error:
            raise NotFoundError(f"{show_name(candidate.id)} is gone: {error.strerror}.") from error

    def search(
        self, image: Path | str, *, threshold: float | None = None, model: EmbedderChoice | None = None
    ) -> list[SearchResult]:
        """Find the indexed images that an image is a duplicate of.

        Args:
            image: Its file; it need not lie in the folder.
            threshold: The cosine similarity from which two images are duplicates; by default the model's own.
            model: The embedder if it is open already; by default the one that made the index is opened.

        Returns:
            The duplicates, the best first: identical files, then by score.

        Raises:
            MediaError: A leaf of it says why the image cannot be used.
            IndexModelError: The index was made by another model than this one, or one that is not installed.
        """
        choice = open_model(model, threshold) if model else open_model_of(self, threshold)
        if choice.label != self.fingerprints.embedder:
            raise IndexModelError(
                f"The index was made by {self.fingerprints.embedder}, not by {choice.label}: build it again."
            )
        path = Path(image)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise NotFoundError(f"{show_name(str(path))} cannot be read: {error.strerror}.") from error
        # Without an id the image is also compared with itself, where it lies in the folder.
        query = Candidate("", hashlib.sha256(data).hexdigest(), rank=())
        comparison = Comparison(ImageSet([query], _fingerprint_one(data, query, choice)), self.images)
        read_image = {query: data}
        similar = find_similar(
            comparison,
            criteria_of(choice),
            lambda candidate: read_image.get(candidate) or self.read_image(candidate),
        )
        return _rank_results(query, self.images.candidates, similar)

    def save(self, path: Path | str) -> None:
        """Write the index as one `.npz`; the file is replaced in one step."""
        target = Path(path)
        arrays = {
            **vars(self.fingerprints),
            **self.facts,
            "embedder": np.array(self.fingerprints.embedder),
            "folder": np.array(str(self.folder.absolute())),
            "format": np.array(_FORMAT),
        }
        scratch = target.with_name(f".{target.name}.{os.getpid()}")
        with scratch.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        scratch.replace(target)


def load_index(path: Path | str) -> ImageIndex:
    """Read an index that `ImageIndex.save` wrote; no object is ever unpickled.

    Raises:
        NotAnIndexError: The file is missing, damaged or something else.
    """
    try:
        # Opened here: numpy leaves the file of a damaged archive open.
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            fields = {name: arrays[name] for name in arrays.files}
        if int(fields.pop("format")) != _FORMAT:
            raise ValueError("its format is of another release")
        folder = Path(str(fields.pop("folder")))
        facts = {name: fields.pop(name) for name in _FACTS}
        return ImageIndex(folder, facts, Fingerprints.from_arrays(fields))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise NotAnIndexError(
            f"{show_name(str(path))} is no index of images ({error}): `framesift duplicates index` makes one."
        ) from error


def build_index(
    folder: Path | str,
    *,
    previous: ImageIndex | None = None,
    model: EmbedderName | EmbedderChoice = "auto",
    on_progress: OnProgress = lambda _done, _all: None,
) -> ImageIndex:
    """Fingerprint every image of a folder and of the folders below.

    Args:
        folder: The folder. Hidden files and symbolic links are left out.
        previous: An index of the same folder: files with the same path, size and time of change are not read again.
        model: The embedder; see `open_model`.
        on_progress: Called as images are done.

    Raises:
        NoImagesError: The folder does not exist, or holds no image.
        ModelMissingError: The model that is asked for is not installed.

    >>> import tempfile
    >>> from skimage import data, io
    >>> folder = tempfile.TemporaryDirectory()
    >>> for name in ("chelsea", "coffee"):
    ...     io.imsave(f"{folder.name}/{name}.png", getattr(data, name)())
    >>> index = build_index(folder.name, model="copydetect")
    >>> io.imsave(f"{folder.name}/cropped.jpg", data.chelsea()[20:-20, 30:-30])
    >>> [(result.path, result.method) for result in index.search(f"{folder.name}/cropped.jpg")]
    [('chelsea.png', 'copydetect')]
    >>> len(build_index(folder.name, previous=index, model="copydetect"))  # reads the new file alone
    3
    >>> folder.cleanup()
    """
    folder = Path(folder)
    files = list_images(folder)
    choice = open_model(model)
    parts = []
    if previous and previous.fingerprints.embedder == choice.label and previous.folder.absolute() == folder.absolute():
        unchanged = set(files) & set(previous.found_files)
        unreadable = {file.path for file in previous.unreadable}  # they are tried again
        parts = [previous.picking([file for file in files if file in unchanged and file.path not in unreadable])]
    known = {file for part in parts for file in part.found_files}
    new = _fingerprint_files(folder, [file for file in files if file not in known], choice, on_progress)
    return _concatenate([new, *parts]).picking(files)


def open_model(model: EmbedderName | EmbedderChoice = "auto", threshold: float | None = None) -> EmbedderChoice:
    """Open an embedder.

    Args:
        model: `auto` takes ResNet50 where its weights are installed, else the model in the package; `pdq`: hashes
            alone. One that is open already is used as it is.
        threshold: The cosine similarity from which two images are duplicates; by default the model's own.

    Raises:
        ModelMissingError: The model that is asked for is not installed.
    """
    choice = model if isinstance(model, EmbedderChoice) else _open_by_name(model)
    if threshold is None:
        return choice
    return replace(choice, threshold=threshold, candidate_threshold=min(choice.candidate_threshold, threshold))


def _open_by_name(model: EmbedderName) -> EmbedderChoice:
    settings = load_settings()
    settings = settings.model_copy(update={"duplicates": settings.duplicates.model_copy(update={"model": model})})
    return choose_embedder(settings, open_registry(default_cache_dir()))


def open_model_of(index: ImageIndex, threshold: float | None = None) -> EmbedderChoice:
    """Open the embedder that made an index.

    Raises:
        IndexModelError: This release has no such model.
        ModelMissingError: It is not installed.
    """
    name = index.fingerprints.embedder.partition("/")[0]
    if name in get_args(EmbedderName):
        return open_model(cast("EmbedderName", name), threshold)
    raise IndexModelError(
        f"The index was made by {index.fingerprints.embedder}, which this release does not know: build it again."
    )


def criteria_of(choice: EmbedderChoice) -> Criteria:
    """What makes two files of a folder duplicates."""
    return Criteria(choice, load_settings().duplicates.pdq_threshold, MAX_PIXELS)


def _fingerprint_files(
    folder: Path, files: Sequence[FoundFile], choice: EmbedderChoice, on_progress: OnProgress
) -> ImageIndex:
    # Digests and sizes come with the bytes, which are read once.
    digests: dict[str, str] = {}
    sizes: dict[str, tuple[int, int]] = {}

    def read(file: FoundFile) -> bytes:
        data = read_file(folder, file)
        digests[file.path] = hashlib.sha256(data).hexdigest()
        structure = read_structure(data, MAX_PIXELS)
        sizes[file.path] = structure.width, structure.height
        return data

    sources = [ImageSource(file.path, "", partial(read, file)) for file in files]
    batches = [sources[start : start + _BATCH] for start in range(0, len(sources), _BATCH)]
    made = fingerprint_batches(
        batches, choice, max_pixels=MAX_PIXELS, before_images=lambda done: on_progress(done, len(files))
    )
    fingerprints = Fingerprints.concatenate(choice.label, choice.dimension, list(made))
    on_progress(len(files), len(files))
    width_height = np.array([sizes.get(file.path, (0, 0)) for file in files], np.int64).reshape(-1, 2)
    facts = {
        "size_bytes": np.array([file.size_bytes for file in files], np.int64),
        "modified_ns": np.array([file.modified_ns for file in files], np.int64),
        "width": width_height[:, 0],
        "height": width_height[:, 1],
    }
    sha256 = np.array([digests.get(file.path, "") for file in files], np.str_)
    return ImageIndex(folder, facts, replace(fingerprints, sha256=sha256))


def _concatenate(parts: Sequence[ImageIndex]) -> ImageIndex:
    first = parts[0].fingerprints
    return ImageIndex(
        parts[0].folder,
        {name: np.concatenate([part.facts[name] for part in parts]) for name in _FACTS},
        Fingerprints.concatenate(first.embedder, first.features.shape[1], [part.fingerprints for part in parts]),
    )


def _fingerprint_one(data: bytes, candidate: Candidate, choice: EmbedderChoice) -> Fingerprints:
    found = fingerprint(data, choice.embedder, max_pixels=MAX_PIXELS)
    fingerprints = Fingerprints.blank(choice.label, [candidate.id], [candidate.sha256], choice.dimension)
    fingerprints.fill(0, found)
    if choice.embedder and found.prepared is not None:
        fingerprints.features[:] = choice.embedder.embed([found.prepared])
    return fingerprints.without_plain()


def _rank_results(
    query: Candidate, candidates: Sequence[Candidate], similar: Mapping[str, Scores]
) -> list[SearchResult]:
    best = {query.sha256: (IDENTICAL, 1.0)}
    for method, scores in similar.items():
        for (_, digest), score in scores.items():
            best.setdefault(digest, (method, score))
    trust = [IDENTICAL, *similar]
    found = [SearchResult(one.id, *best[one.sha256]) for one in candidates if one.sha256 in best]
    return sorted(found, key=lambda result: (trust.index(result.method), -result.score, result.path))
