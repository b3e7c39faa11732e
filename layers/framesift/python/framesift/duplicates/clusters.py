"""The near-duplicates of a folder of images, as clusters with a keeper each."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from framesift.duplicates.compare import find_similar
from framesift.duplicates.fingerprints import Fingerprints
from framesift.duplicates.images import Comparison, ImageSet
from framesift.duplicates.index import (
    ImageFile,
    ImageIndex,
    OnProgress,
    UnreadableFile,
    build_index,
    criteria_of,
    open_model,
)
from framesift.duplicates.keepers import choose_keepers
from framesift.embedding.choose import EmbedderChoice
from framesift.settings import EmbedderName

KEEPER_RULE = "The image with the most pixels is kept; of equals the larger file, then the first by path."


@dataclass(frozen=True)
class DuplicateFile:
    """A duplicate of a cluster's keeper.

    Attributes:
        file: The image.
        method: `sha256` (the same file), `pdq`, an embedder's name, or `aligned`.
        score: How similar to the keeper, at most 1: a cosine, or 1 - distance / 256 for PDQ.
    """

    file: ImageFile
    method: str
    score: float


@dataclass(frozen=True)
class Cluster:
    """Images that are duplicates of one.

    Attributes:
        keeper: The one to keep.
        duplicates: The others, each a duplicate of the keeper, by path.
    """

    keeper: ImageFile
    duplicates: tuple[DuplicateFile, ...]


@dataclass(frozen=True)
class FolderDuplicates:
    """What was found in a folder.

    Attributes:
        folder: The folder.
        images: How many images were compared.
        clusters: The largest first; images without a duplicate are in none.
        unreadable: Files that could not be used, and why.
        embedder: What made the features, `name/version`; `pdq`: hashes alone.
        why: Why this embedder, in a sentence.
        threshold: The cosine from which two images are duplicates.
    """

    folder: Path
    images: int
    clusters: tuple[Cluster, ...]
    unreadable: tuple[UnreadableFile, ...]
    embedder: str
    why: str
    threshold: float

    @property
    def duplicates(self) -> int:
        """How many images are duplicates of a keeper."""
        return sum(len(cluster.duplicates) for cluster in self.clusters)

    @property
    def duplicate_bytes(self) -> int:
        """The size of these files."""
        return sum(duplicate.file.size_bytes for cluster in self.clusters for duplicate in cluster.duplicates)


def find_duplicates(
    folder: Path | str,
    *,
    threshold: float | None = None,
    model: EmbedderName | EmbedderChoice = "auto",
    previous: ImageIndex | None = None,
    on_progress: OnProgress = lambda _done, _all: None,
) -> FolderDuplicates:
    """Find the near-duplicates of a folder of images: re-encoded, resized, cropped, framed, mirrored, recoloured ones.

    Args:
        folder: The folder; the folders below are included, hidden files and symbolic links are not.
        threshold: The cosine similarity from which two images are duplicates; by default the model's own.
        model: The embedder; see `index.open_model`.
        previous: An index of the same folder, which saves reading files that did not change.
        on_progress: Called with the number of images done, and of all.

    Returns:
        Clusters with the image to keep. Nothing is moved or deleted. A file that cannot be read is named with the
        reason and costs only itself.

    Raises:
        NoImagesError: The folder does not exist, or holds no image.
        ModelMissingError: The model that is asked for is not installed.

    >>> import tempfile
    >>> from skimage import data, io
    >>> folder = tempfile.TemporaryDirectory()
    >>> io.imsave(f"{folder.name}/cat.png", data.chelsea())
    >>> io.imsave(f"{folder.name}/cat small.jpg", data.chelsea()[::2, ::2])
    >>> io.imsave(f"{folder.name}/coffee.jpg", data.coffee())
    >>> found = find_duplicates(folder.name)
    >>> [(cluster.keeper.path, [one.file.path for one in cluster.duplicates]) for cluster in found.clusters]
    [('cat.png', ['cat small.jpg'])]
    >>> folder.cleanup()
    """
    choice = open_model(model, threshold)
    index = build_index(folder, previous=previous, model=choice, on_progress=on_progress)
    nothing = ImageSet([], Fingerprints.blank(choice.label, [], [], choice.dimension))
    comparison = Comparison(queries=index.images, references=nothing)
    matches = choose_keepers(comparison, find_similar(comparison, criteria_of(choice), index.read_image))
    files = {file.path: file for file in index.files}
    clusters: defaultdict[str, list[DuplicateFile]] = defaultdict(list)
    for candidate, match in zip(comparison.queries.candidates, matches, strict=True):
        if match:
            clusters[match.keeper.id].append(DuplicateFile(files[candidate.id], match.method, round(match.score, 5)))
    found = (Cluster(files[keeper], tuple(duplicates)) for keeper, duplicates in clusters.items())
    return FolderDuplicates(
        folder=index.folder,
        images=len(files),
        clusters=tuple(sorted(found, key=lambda cluster: (-len(cluster.duplicates), cluster.keeper.path))),
        unreadable=tuple(index.unreadable),
        embedder=choice.label,
        why=choice.why,
        threshold=choice.threshold,
    )
