"""Analyze: the vision job. Fingerprints every image of a day, shard by shard, then joins.

A shard is some items of one scope. Its fingerprints are written with one put, so it is there whole or not at all,
and a shard that is there is not made again: stopped or killed, a job loses at most the shard under way. Children of an
array job take every n-th shard. Whoever finds all shards there joins (`pipeline/join.py`); that two do so does no harm.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from framesift import keys
from framesift.contracts import AnalysisJob, AnalysisSummary, Item, Media
from framesift.duplicates.fingerprints import Fingerprints, ImageSource, fingerprint_batches
from framesift.embedding.choose import EmbedderChoice
from framesift.errors import InterruptedByHostError
from framesift.pipeline.branches import branch_of
from framesift.pipeline.join import join
from framesift.pipeline.stage import join_scopes
from framesift.settings import Settings
from framesift.storage import Store, read_lines
from framesift.table import Stages


@dataclass(frozen=True)
class Shard:
    """The images of some items of one scope, in the order of its manifest.

    Attributes:
        scope: Their scope: a category, or a collection.
        key: Where their fingerprints lie in the bucket.
        images: By the items' ids.
    """

    scope: str
    key: str
    images: dict[str, Media]


@dataclass(frozen=True)
class Analyst:
    """What the job works with.

    Attributes:
        settings: This process's settings.
        store: The bucket.
        stages: Where progress is reported.
        choice: The embedder.
        should_stop: Whether the host wants its machine back.
    """

    settings: Settings
    store: Store
    stages: Stages
    choice: EmbedderChoice
    should_stop: Callable[[], bool] = lambda: False


def analyze(job: AnalysisJob, analyst: Analyst, child: int = 0) -> AnalysisSummary | None:
    """Do a job's shards, or an array child's part of them, and join if all are there.

    Args:
        job: What is to be done.
        analyst: What it is done with.
        child: The array child's index, from 0.

    Returns:
        The summary, if this process joined.

    Raises:
        InterruptedByHostError: The host wants its machine back; finished shards are kept.
        NothingToAnalyzeError: Not one image could be read.
        TooManyFailedItemsError: More images could not be read than the settings tolerate.
    """
    started_s = time.monotonic()
    item_type = branch_of(job.run.source).item
    manifests = {part.scope: read_lines(analyst.store, part.manifest_key, item_type) for part in job.scopes}
    shards = cut_shards(job, manifests, analyst.choice.label)
    mine = shards[child :: job.array_size]
    present = _present(job, analyst.store)
    todo = [shard for shard in mine if shard.key not in present]
    scopes = join_scopes(list(manifests))
    for done, _ in enumerate(_fingerprint_shards(todo, analyst), start=len(mine) - len(todo) + 1):
        # An array's children go about equally far.
        analyst.stages.report_progress(job.run, "analyze", scopes, min(done * job.array_size, len(shards)), len(shards))
    present = _present(job, analyst.store)
    if any(shard.key not in present for shard in shards):
        return None
    fingerprints: dict[str, list[Fingerprints]] = {scope: [] for scope in manifests}
    for shard in shards:
        fingerprints[shard.scope].append(Fingerprints.from_bytes(analyst.store.get(shard.key)))
    return join(job, manifests, fingerprints, analyst.settings, analyst.store, analyst.choice, started_s)


def cut_shards(job: AnalysisJob, manifests: Mapping[str, Sequence[Item]], label: str) -> list[Shard]:
    """Cut the items that have media into shards, the same ones in every process.

    A shard's key holds a digest of what it is made from: other images, or another model, are another shard.
    """
    shards = []
    for scope, items in manifests.items():
        images = [(item.id, item.media) for item in items if item.media is not None and item.error is None]
        for start in range(0, len(images), job.shard_items):
            part = dict(images[start : start + job.shard_items])
            content = "\n".join([label, *(f"{id_} {media.sha256}" for id_, media in part.items())])
            digest = hashlib.sha256(content.encode()).hexdigest()[:16]
            key = f"{keys.features_prefix(job.run, scope)}/shard-{start // job.shard_items:05}-{digest}.npz"
            shards.append(Shard(scope, key, part))
    return shards


def _present(job: AnalysisJob, store: Store) -> set[str]:
    return {key for part in job.scopes for key in store.list(keys.features_prefix(job.run, part.scope))}


def _fingerprint_shards(shards: Sequence[Shard], analyst: Analyst) -> Iterator[Shard]:
    """Make shards and write each as soon as it is done."""

    def stop_if_asked(_done: int) -> None:
        if analyst.should_stop():
            raise InterruptedByHostError("The host wants its machine back; what was finished is kept. Run it again.")

    batches = [
        [ImageSource(id_, media.sha256, partial(analyst.store.get, media.key)) for id_, media in shard.images.items()]
        for shard in shards
    ]
    made = fingerprint_batches(
        batches,
        analyst.choice,
        max_pixels=analyst.settings.download.max_pixels,
        threads=analyst.settings.analysis.threads,
        before_images=stop_if_asked,
    )
    for shard, fingerprints in zip(shards, made, strict=True):
        analyst.store.put(shard.key, fingerprints.to_bytes())
        yield shard
