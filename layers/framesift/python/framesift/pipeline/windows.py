"""Query windows: what matters most is also compared by parts of its picture, which finds what it shows inset."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from framesift.contracts import Media
from framesift.errors import MediaError, NotFoundError
from framesift.storage import Store
from framesift.vision.decode import decode_image
from framesift.vision.embed import Embedder
from framesift.vision.similarity import Features, Pairs, similar_to_index
from framesift.vision.views import WINDOW_SHARE, is_plain, windows


def similar_windows(
    queries: Mapping[int, Media],
    features: Features,
    threshold: float,
    embedder: Embedder,
    store: Store,
    max_pixels: int,
) -> Pairs:
    """Find the pictures that one of a query's windows shows.

    Args:
        queries: The pictures whose windows are looked at, by their row among the features.
        features: `(N, D)` float16 rows of whole pictures, L2-normalised.
        threshold: The smallest cosine.
        embedder: What made the features.
        store: The bucket with the pictures; one that is gone or cannot be read has no windows.
        max_pixels: Pictures with more are not decoded.

    Returns:
        Pairs `first < second` of rows, each once with the best of its windows' scores.
    """
    needed_side = int(embedder.needed_side / WINDOW_SHARE)
    owners: list[int] = []
    prepared = []
    for row, media in queries.items():
        try:
            image = decode_image(store.get(media.key), max_pixels=max_pixels, min_side=needed_side)
        except (MediaError, NotFoundError):
            continue
        shown = [window for window in windows(image) if not is_plain(window)]
        owners += [row] * len(shown)
        prepared += [embedder.prepare(window) for window in shown]
    found = similar_to_index(embedder.embed(prepared), features, threshold)
    query = np.array(owners, np.int64)[found.first]
    pairs = Pairs(np.minimum(query, found.second), np.maximum(query, found.second), found.scores)
    return pairs.where(pairs.first < pairs.second).best_of_each()
