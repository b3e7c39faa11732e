"""Which images resemble each other, and by which method: PDQ hashes, features, alignment where features are unsure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from heapq import nsmallest
from itertools import islice
from typing import Final

import numpy as np

from framesift.duplicates.alignment import SIDE, LocalFeatures, align, local_features
from framesift.duplicates.images import Candidate, Comparison, ImageSet, ReadImage, Scores
from framesift.duplicates.pairs import Pairs
from framesift.duplicates.pdq import DEFAULT_THRESHOLD, MIN_QUALITY, similar_hashes, similar_hashes_between
from framesift.duplicates.similarity import similar_pairs, similar_to_index
from framesift.embedding.choose import EmbedderChoice
from framesift.embedding.embedder import Embedder
from framesift.errors import MediaError, NotFoundError
from framesift.vision.decode import DEFAULT_MAX_PIXELS, decode_image
from framesift.vision.onnx_session import usable_cores
from framesift.vision.views import WINDOW_SHARE, crop_windows, is_plain

PDQ: Final = "pdq"
ALIGNED: Final = "aligned"
_ALIGNED_AT_ONCE: Final = 512
"""Pairs: their images' local features take up to 320 MB."""


@dataclass(frozen=True)
class Criteria:
    """What makes two images duplicates.

    Attributes:
        choice: The embedder and its thresholds.
        pdq_threshold: The largest Hamming distance of PDQ hashes, bits.
        max_pixels: Images with more are not decoded, so not aligned.
        aligned_each: With how many of the images that are most like it an image is aligned; None: with all that are
            alike. Among photographs of one kind of thing, these are a share of all pairs.
    """

    choice: EmbedderChoice
    pdq_threshold: int = DEFAULT_THRESHOLD
    max_pixels: int = DEFAULT_MAX_PIXELS
    aligned_each: int | None = None


def find_similar(
    comparison: Comparison, criteria: Criteria, read_image: ReadImage, windowed: Collection[Candidate] = ()
) -> dict[str, Scores]:
    """Find the pairs of images that are duplicates of each other.

    Args:
        comparison: What is compared with what.
        criteria: From where on two images are duplicates.
        read_image: Reads files that are to be aligned, or compared by windows; those that are gone are left out.
        windowed: Queries that are also compared by windows of their image, which finds what they show inset.

    Returns:
        The pairs by method, the most trusted method first: `pdq`, the embedder's name, `aligned`.
    """
    distinct = comparison.of_distinct_files()
    found = {PDQ: _similar_by_hash(distinct, criteria.pdq_threshold)}
    choice = criteria.choice
    if choice.embedder is None:
        return found
    alike = _similar_by_features(distinct, choice.candidate_threshold)
    by_digest = {candidate.sha256 for candidate in windowed}
    queries = [candidate for candidate in distinct.queries.candidates if candidate.sha256 in by_digest]
    inset = _similar_by_windows(distinct, queries, choice.embedder, criteria, read_image)
    alike = {pair: max(alike.get(pair, -1.0), inset.get(pair, -1.0)) for pair in alike | inset}
    # Features are float32: so is the comparison with the threshold.
    limit = np.float32(choice.threshold)
    unsure = {pair: score for pair, score in alike.items() if np.float32(score) < limit}
    found[choice.name] = {pair: score for pair, score in alike.items() if pair not in unsure}
    found[ALIGNED] = _confirmed_by_alignment(unsure, distinct, criteria, read_image)
    return found


def _similar_by_hash(comparison: Comparison, threshold: int) -> Scores:
    hashed = comparison.where(lambda fingerprints: fingerprints.quality >= MIN_QUALITY)
    queries, references = hashed.queries.fingerprints.pdq, hashed.references.fingerprints.pdq
    return hashed.scores(similar_hashes(queries, threshold), similar_hashes_between(queries, references, threshold))


def _similar_by_features(comparison: Comparison, threshold: float) -> Scores:
    queries, references = comparison.queries.fingerprints.features, comparison.references.fingerprints.features
    return comparison.scores(similar_pairs(queries, threshold), similar_to_index(queries, references, threshold))


def _similar_by_windows(
    comparison: Comparison,
    windowed: Collection[Candidate],
    embedder: Embedder,
    criteria: Criteria,
    read_image: ReadImage,
) -> Scores:
    """Find the images that one of a query's windows shows; each pair has the best of its windows' scores."""
    needed_side = int(embedder.needed_side / WINDOW_SHARE)
    row_of = {candidate: row for row, candidate in enumerate(comparison.queries.candidates)}
    owners: list[int] = []
    prepared = []
    for candidate in windowed:
        try:
            image = decode_image(read_image(candidate), max_pixels=criteria.max_pixels, min_side=needed_side)
        except (MediaError, NotFoundError):
            continue
        shown = [window for window in crop_windows(image) if not is_plain(window)]
        owners += [row_of[candidate]] * len(shown)
        prepared += [embedder.prepare(window) for window in shown]
    features, owner = embedder.embed(prepared), np.array(owners, np.int64)

    def similar(images: ImageSet) -> Pairs:
        found = similar_to_index(features, images.fingerprints.features, criteria.choice.candidate_threshold)
        return Pairs(owner[found.first], found.second, found.scores)

    among = similar(comparison.queries)
    ordered = Pairs(np.minimum(among.first, among.second), np.maximum(among.first, among.second), among.scores)
    among = ordered.where(ordered.first < ordered.second).best_of_each()
    return comparison.scores(among, similar(comparison.references).best_of_each())


def _confirmed_by_alignment(
    unsure: Scores, comparison: Comparison, criteria: Criteria, read_image: ReadImage
) -> Scores:
    """Keep the pairs whose images agree when aligned; a file that is gone agrees with nothing."""
    candidates = {
        candidate.sha256: candidate
        for images in (comparison.references, comparison.queries)
        for candidate in images.candidates
    }
    queries = {candidate.sha256 for candidate in comparison.queries.candidates}
    pairs = iter(sorted(_most_alike(unsure, queries, criteria.aligned_each)))
    features: dict[str, LocalFeatures | None] = {}
    confirmed: Scores = {}

    def agree(pair: tuple[str, str]) -> bool:
        one, other = (features[digest] for digest in pair)
        alignment = align(one, other) if one and other else None
        return alignment is not None and alignment.confirms(unsure[pair])

    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="align") as pool:
        while some := list(islice(pairs, _ALIGNED_AT_ONCE)):
            digests = sorted({digest for pair in some for digest in pair})
            missing = [digest for digest in digests if digest not in features]
            found = pool.map(lambda one: _local_features(candidates[one], read_image, criteria.max_pixels), missing)
            features |= dict(zip(missing, found, strict=True))
            features = {digest: features[digest] for digest in digests}  # The others would fill the memory.
            agreeing = pool.map(agree, some)
            confirmed |= {pair: unsure[pair] for pair, is_same in zip(some, agreeing, strict=True) if is_same}
    return confirmed


def _most_alike(unsure: Scores, queries: Collection[str], count: int | None) -> Collection[tuple[str, str]]:
    """The pairs of each query with the images that are most like it."""
    if count is None:
        return unsure.keys()
    alike: defaultdict[str, list[tuple[float, tuple[str, str]]]] = defaultdict(list)
    for pair, score in unsure.items():
        for digest in pair:
            if digest in queries:
                alike[digest].append((-score, pair))
    return {pair for pairs in alike.values() for _, pair in nsmallest(count, pairs)}


def _local_features(candidate: Candidate, read_image: ReadImage, max_pixels: int) -> LocalFeatures | None:
    try:
        return local_features(decode_image(read_image(candidate), max_pixels=max_pixels, min_side=SIDE // 2))
    except (MediaError, NotFoundError):
        return None
