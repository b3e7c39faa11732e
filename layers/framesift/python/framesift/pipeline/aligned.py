"""Doubtful pairs are decided by laying the pictures over each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from framesift.errors import MediaError, NotFoundError
from framesift.storage import Store
from framesift.vision.alignment import SIDE, LocalFeatures, align, local_features
from framesift.vision.decode import decode_image
from framesift.vision.onnx_session import usable_cores
from framesift.vision.similarity import Pairs


def aligned_pairs(pairs: Pairs, places: Mapping[int, Sequence[str]], store: Store, *, max_pixels: int) -> Pairs:
    """Keep the pairs whose pictures agree when one is laid over the other.

    Args:
        pairs: Pairs of pictures that resemble each other.
        places: The keys under which each picture may lie, by its number; one that lies under none agrees with nothing.
        store: The bucket.
        max_pixels: Pictures with more are not decoded.
    """
    numbers = sorted({*pairs.first.tolist(), *pairs.second.tolist()})
    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="align") as pool:
        found = pool.map(lambda number: _features(places[number], store, max_pixels), numbers)
        features = dict(zip(numbers, found, strict=True))

        def agree(first: int, second: int, similarity: float) -> bool:
            one, other = features[first], features[second]
            alignment = align(one, other) if one and other else None
            return alignment is not None and alignment.confirms(similarity)

        mask = list(pool.map(agree, pairs.first.tolist(), pairs.second.tolist(), pairs.scores.tolist()))
    return pairs.where(np.array(mask, np.bool_))


def _features(keys: Sequence[str], store: Store, max_pixels: int) -> LocalFeatures | None:
    for key in keys:
        try:
            return local_features(decode_image(store.get(key), max_pixels=max_pixels, min_side=SIDE // 2))
        except NotFoundError:
            continue
        except MediaError:
            return None
    return None
