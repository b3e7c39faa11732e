"""Analyze: the vision job. Looks at every picture of a day, shard by shard, then joins.

A shard is some items of one category. What was seen of it is written with one put, so it is there whole or not at all,
and a shard that is there is not made again: stopped or killed, a job loses at most the shard under way. Children of an
array job take every n-th shard. Whoever finds all shards there joins (`pipeline/join.py`); that two do so does no harm.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from framesift import keys
from framesift.contracts import AnalysisJob, AnalysisSummary, Clip, Media
from framesift.errors import InterruptedByHostError, MediaError, NotAnImageError, NotFoundError
from framesift.pipeline.join import join
from framesift.pipeline.stage import join_scopes
from framesift.settings import Settings
from framesift.storage import Store, read_lines
from framesift.table import Stages
from framesift.vision.choose import Choice
from framesift.vision.looks import Look, Looks, look_at
from framesift.vision.onnx_session import usable_cores

# Pictures between two looks at whether the host wants its machine back: about a second on a CPU.
_PICTURES_AT_ONCE = 32
_FETCHES_PER_CORE = 4  # fetching waits, decoding computes: the same threads do both


@dataclass(frozen=True)
class Shard:
    """The pictures of some items of one category, in the order of its manifest.

    Attributes:
        category: Their category.
        key: Where what was seen of them lies in the bucket.
        pictures: By the items' ids.
    """

    category: str
    key: str
    pictures: dict[str, Media]


@dataclass(frozen=True)
class Analyst:
    """What the job works with.

    Attributes:
        settings: This process's settings.
        store: The bucket.
        stages: Where progress is reported.
        choice: What judges.
        should_stop: Whether the host wants its machine back.
    """

    settings: Settings
    store: Store
    stages: Stages
    choice: Choice
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
        NothingToAnalyzeError: Not one picture could be read.
        TooManyFailedItemsError: More pictures could not be read than the settings tolerate.
    """
    started_s = time.monotonic()
    manifests = {part.category: read_lines(analyst.store, part.manifest_key, Clip) for part in job.categories}
    shards = cut_shards(job, manifests, analyst.choice.label)
    mine = shards[child :: job.array_size]
    present = _present(job, analyst.store)
    todo = [shard for shard in mine if shard.key not in present]
    scope = join_scopes(list(manifests))
    for done, _ in enumerate(_look_at_shards(todo, analyst), start=len(mine) - len(todo) + 1):
        # An array's children go about equally far.
        analyst.stages.report_progress(job.run, "analyze", scope, min(done * job.array_size, len(shards)), len(shards))
    present = _present(job, analyst.store)
    if any(shard.key not in present for shard in shards):
        return None
    looks = {
        category: [Looks.from_bytes(analyst.store.get(shard.key)) for shard in shards if shard.category == category]
        for category in manifests
    }
    return join(job, manifests, looks, analyst.settings, analyst.store, analyst.choice, started_s)


def cut_shards(job: AnalysisJob, manifests: dict[str, list[Clip]], label: str) -> list[Shard]:
    """Cut the items that have media into shards, the same ones whoever does it.

    A shard's key holds a digest of what it is made from: other pictures, or another model, are another shard.
    """
    shards = []
    for category, items in manifests.items():
        seen = [(item.id, item.media) for item in items if item.media is not None and item.error is None]
        for start in range(0, len(seen), job.shard_items):
            part = dict(seen[start : start + job.shard_items])
            content = "\n".join([label, *(f"{id_} {media.sha256}" for id_, media in part.items())])
            digest = hashlib.sha256(content.encode()).hexdigest()[:16]
            key = f"{keys.features_prefix(job.run, category)}/shard-{start // job.shard_items:05}-{digest}.npz"
            shards.append(Shard(category, key, part))
    return shards


def _present(job: AnalysisJob, store: Store) -> set[str]:
    return {key for part in job.categories for key in store.list(keys.features_prefix(job.run, part.category))}


def _look_at_shards(shards: Sequence[Shard], analyst: Analyst) -> Iterator[Shard]:
    """Make shards; the next one's pictures are fetched and decoded while this one's go through the network."""
    threads = (analyst.settings.analysis.threads or usable_cores()) * _FETCHES_PER_CORE
    pool = ThreadPoolExecutor(threads, thread_name_prefix="look")
    try:
        ahead: list[list[Future[Look]]] = []
        for number, shard in enumerate(shards):
            ahead += [
                [pool.submit(_fetch_and_look, analyst, media) for media in near.pictures.values()]
                for near in shards[number + len(ahead) : number + 2]
            ]
            looks = _collect(shard, ahead.pop(0), analyst)
            analyst.store.put(shard.key, looks.to_bytes())
            yield shard
    finally:
        pool.shutdown(cancel_futures=True)


def _fetch_and_look(analyst: Analyst, media: Media) -> Look:
    try:
        data = analyst.store.get(media.key)
    except NotFoundError as error:
        raise NotAnImageError(f"The picture is gone: {error}") from error
    return look_at(data, analyst.choice.embedder, max_pixels=analyst.settings.download.max_pixels)


def _collect(shard: Shard, futures: Sequence[Future[Look]], analyst: Analyst) -> Looks:
    """Wait for a shard's pictures and run the network on them, some at a time."""
    embedder = analyst.choice.embedder
    digests = [media.sha256 for media in shard.pictures.values()]
    looks = Looks.blank(analyst.choice.label, [*shard.pictures], digests, embedder.dimension if embedder else 0)
    for start in range(0, len(futures), _PICTURES_AT_ONCE):
        if analyst.should_stop():
            raise InterruptedByHostError("The host wants its machine back; what was finished is kept. Run it again.")
        places, prepared = [], []
        for place, future in enumerate(futures[start : start + _PICTURES_AT_ONCE], start):
            try:
                look = future.result()
            except MediaError as error:
                looks.errors[place] = f"{type(error).__name__}: {error}"
                continue
            looks.pdq[place], looks.quality[place], looks.plain[place] = look.pdq.words, look.pdq.quality, look.plain
            if look.prepared is not None:
                places.append(place)
                prepared.append(look.prepared)
        if embedder and places:
            looks.features[places] = embedder.embed(prepared)
    return looks
