"""Look at a collection's images: the vision job over a batch's shards (see `contracts.looking`).

Threads fetch files ahead, child processes examine them (`examine.py`), and this process runs the networks on batches
of what they have prepared; the three overlap. What waits is bounded in number and bytes, whatever the files. A file
that cannot be used costs itself. Originals, thumbnails and vectors are written before a shard's results, and are named
by what they are, so that a shard done twice changes nothing.
"""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from framesift import keys
from framesift.catalog.vectors import PDQ_MODEL, write_part
from framesift.contracts import CatalogItem, FileRef, ItemError, LookJob, LookOutcome, LookStatus, Prediction
from framesift.embedding.choose import EmbedderChoice, choose_embedder
from framesift.errors import InputError, InterruptedByHostError, ItemReplacedError, MediaTooLargeError, NotAnImageError
from framesift.log import logger
from framesift.models import default_cache_dir, open_registry
from framesift.pipeline.stage import Progress
from framesift.pipeline.upload.examine import THUMBNAIL_SIZES, ExaminedImage, Examiner
from framesift.pipeline.upload.image_models import OpenedModels, open_models
from framesift.settings import Settings
from framesift.storage import Store, read_lines
from framesift.table import Records
from framesift.vision.image_model import ImageModel, Look, Prepared
from framesift.vision.onnx_session import usable_cores

ReadFile: TypeAlias = Callable[[FileRef], bytes]
"""Gives a file's bytes. Raises an `InputError` where it cannot; calls come one after the other."""

KnownIds: TypeAlias = Callable[[Collection[str]], Collection[str]]
"""Which of some items are in the collection's catalog."""

_FIRST_ALONE: Final = "The file has several pages or frames: the first alone was taken; add the others as files."
_STAGE = "look"


class OpenReader(Protocol):
    """Makes a reader of files for one thread (`storage.files.FileReader`)."""

    def __call__(self) -> ReadFile:
        """Make one."""
        ...


@dataclass
class LookSummary:
    """What a child has done.

    Attributes:
        statuses: How many files came to what.
        shards: How many shards were looked at; those that were done before are not counted.
        missing_models: For each model that is not at hand one line that says which command gets it.
    """

    statuses: Counter[LookStatus] = field(default_factory=Counter)
    shards: int = 0
    missing_models: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Looker:
    """What the job works with.

    Attributes:
        job: What is to be done.
        settings: This process's settings.
        store: The bucket.
        choice: The embedder of copy-detection features.
        opened: The models.
        examiner: Decodes images; prepares them for the embedder, if it is a first look, and for each model.
        open_reader: Makes readers of files.
        known_ids: Asks the catalog.
    """

    job: LookJob
    settings: Settings
    store: Store
    choice: EmbedderChoice
    opened: OpenedModels
    examiner: Examiner
    open_reader: OpenReader
    known_ids: KnownIds

    @property
    def models(self) -> Sequence[ImageModel]:
        """Those that are at hand."""
        return self.opened.models


def look_at_shards(
    job: LookJob,
    index: int,
    settings: Settings,
    store: Store,
    records: Records,
    *,
    open_reader: OpenReader,
    known_ids: KnownIds,
    should_stop: Callable[[], bool] = lambda: False,
) -> LookSummary:
    """Look at the shards `index`, `index + n`, … of a job with `n` children.

    Args:
        job: The job.
        index: The child's number.
        settings: This process's settings.
        store: The bucket.
        records: Where progress is reported.
        open_reader: Makes readers of files, one for each thread.
        known_ids: Says which items are in the catalog: they are not looked at again.
        should_stop: Whether the host wants its machine back.

    Raises:
        InterruptedByHostError: `should_stop` says so; shards with results are kept.
    """
    registry = open_registry(default_cache_dir(), store)
    limits, threads = settings.collections, settings.analysis.threads
    copies = settings.duplicates.model_copy(update={"model": "copydetect"})
    choice = choose_embedder(settings.model_copy(update={"duplicates": copies}), registry)
    opened = open_models(job.models or limits.models, registry, batch=limits.network_batch, threads=threads)
    for name, line in opened.missing.items():
        logger.warning(line, extra={"model": name})
    summary = LookSummary(missing_models=opened.missing)
    progress = Progress(records.stages, job.run, "analyze", job.collection)
    forms = [] if job.relook or choice.embedder is None else [choice.embedder.input_form]
    with Examiner(limits, [*forms, *(model.input_form for model in opened.models)], threads) as examiner:
        looker = Looker(job, settings, store, choice, opened, examiner, open_reader, known_ids)
        mine = range(index, job.shards, job.array_size)
        for done, shard in enumerate(mine):
            results_key = keys.look_results(job.shards_prefix, shard)
            if store.exists(results_key):
                continue
            outcomes = []
            files = read_lines(store, keys.look_shard(job.shards_prefix, shard), FileRef)
            for outcome in look_at_shard(looker, shard, files):
                if should_stop():
                    raise InterruptedByHostError("The host is stopping this job; finished shards are kept.")
                outcomes.append(outcome)
                # An array's children go about equally far.
                share = done + len(outcomes) / len(files)
                progress(min(job.shards, round(share * job.array_size)), job.shards)
            _write_outcomes(store, results_key, outcomes)
            summary.shards += 1
            summary.statuses.update(outcome.status for outcome in outcomes)
    records.stages.report_progress(job.run, "analyze", job.collection, job.shards, job.shards)
    return summary


def look_at_shard(looker: Looker, shard: int, files: Sequence[FileRef]) -> Iterator[LookOutcome]:
    """Look at a shard's files; yield their outcomes in order, and write the shard's vectors at the end."""
    vectors = _Vectors(looker)
    limits = looker.settings.collections
    batch: list[_Seen | LookOutcome] = []
    for seen in _see_all(looker, files):
        batch.append(seen)
        if sum(isinstance(each, _Seen) for each in batch) >= limits.network_batch:
            yield from _run_networks(looker, batch, vectors)
            batch = []
    yield from _run_networks(looker, batch, vectors)
    digest = hashlib.sha256(f"{looker.job.shards_prefix}\n{shard}".encode()).hexdigest()
    vectors.write(digest[:16])


@dataclass(frozen=True)
class _Seen:
    """A file whose pixels were examined."""

    file: FileRef
    item: CatalogItem
    image: ExaminedImage


def _see_all(looker: Looker, files: Sequence[FileRef]) -> Iterator[_Seen | LookOutcome]:
    """Fetch and examine files, some ahead of the one that is yielded next; in order."""
    limits, cores = looker.settings.collections, looker.settings.analysis.threads or usable_cores()
    readers = threading.local()
    claims, turns = _Claims(), count()

    def read(file: FileRef) -> bytes:
        if not hasattr(readers, "read"):
            readers.read = looker.open_reader()
        found: bytes = readers.read(file)
        return found

    def see(turn: int, file: FileRef, data: Future[bytes]) -> _Seen | LookOutcome:
        try:
            return _see_once(looker, file, data, claims, turn)
        except InputError as error:
            return refuse(file, error)

    with ExitStack() as stack:
        # Entries of a zip are read one after the other: they share requests.
        objects = stack.enter_context(ThreadPoolExecutor(limits.read_ahead, thread_name_prefix="fetch"))
        entries = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="fetch-entry"))
        examiners = stack.enter_context(ThreadPoolExecutor(2 * cores, thread_name_prefix="examine"))
        waiting: deque[tuple[int, Future[_Seen | LookOutcome]]] = deque()
        stack.callback(lambda: [future.cancel() for _, future in waiting])
        waiting_bytes = 0
        for file in files:
            while waiting and (
                len(waiting) >= limits.read_ahead or waiting_bytes + file.size_bytes > limits.read_ahead_mb << 20
            ):
                size_bytes, future = waiting.popleft()
                waiting_bytes -= size_bytes
                yield future.result()
            if file.size_bytes > limits.max_bytes:
                too_large = MediaTooLargeError(
                    f"{file.name} has {file.size_bytes:,} bytes; at most {limits.max_bytes:,} are looked at "
                    "(FRAMESIFT_COLLECTIONS__MAX_BYTES)."
                )
                waiting.append((0, _done(refuse(file, too_large))))
                continue
            data = (entries if file.entry else objects).submit(read, file)
            waiting.append((file.size_bytes, examiners.submit(see, next(turns), file, data)))
            waiting_bytes += file.size_bytes
        while waiting:
            yield waiting.popleft()[1].result()


class _Claims:
    """The items that a shard has: of files with the same bytes the first is looked at, and it counts for the others.

    Files claim in their order, whichever is read first: an item is made of the outcome that comes first.
    """

    def __init__(self) -> None:
        self._turns = threading.Condition()
        self._next = 0
        self._claims: dict[str, Future[None]] = {}

    def claim(self, turn: int, item_id: str | None) -> tuple[bool, Future[None]]:
        """Wait for a file's turn, and claim its item.

        Args:
            turn: The file's place among those that claim, from 0; each must come, and start before the next.
            item_id: The item; None: the file is none.

        Returns:
            Whether the file is the first, and what becomes of the item; the first must say so.
        """
        with self._turns:
            self._turns.wait_for(lambda: self._next == turn)
            self._next += 1
            self._turns.notify_all()
            is_first = item_id is not None and item_id not in self._claims
            return is_first, self._claims.setdefault(item_id, Future()) if item_id is not None else Future()


def _see_once(looker: Looker, file: FileRef, reading: Future[bytes], claims: _Claims, turn: int) -> _Seen | LookOutcome:
    claimed = None
    try:
        data = reading.result()
        sha256 = hashlib.sha256(data).hexdigest()
        if file.item_id is not None and file.item_id != sha256[:32]:
            raise ItemReplacedError(f"{file.name} no longer has the bytes of its item: add it again.")
        claimed = sha256
    finally:
        is_first, fate = claims.claim(turn, claimed)
    if not is_first:
        fate.result()  # Raises what the other file was refused for.
        return LookOutcome(name=file.name, status=LookStatus.KNOWN, item=_item(looker.job, file, data, sha256))
    try:
        seen = _see(looker, file, data, sha256)
    except BaseException as error:
        fate.set_exception(error)
        raise
    fate.set_result(None)
    return seen


def _item(job: LookJob, file: FileRef, data: bytes, sha256: str) -> CatalogItem:
    """The item as its bytes and one name tell."""
    return CatalogItem(
        id=sha256[:32],
        sha256=sha256,
        uri=file.uri if file.entry is None else None,
        names=[file.name],
        content_type="",
        size_bytes=len(data),
        width=0,
        height=0,
        added_at=datetime.now(UTC),
        added_by=job.added_by,
        batch=job.batch,
    )


def _see(looker: Looker, file: FileRef, data: bytes, sha256: str) -> _Seen | LookOutcome:
    job, collection = looker.job, looker.job.collection
    item = _item(job, file, data, sha256)
    item_id = item.id
    if not job.relook and looker.known_ids([item_id]):
        return LookOutcome(name=file.name, status=LookStatus.KNOWN, item=item)
    try:
        image = looker.examiner.examine(data)
    except RuntimeError as fault:  # A defect of ours: it is logged, and costs this file alone.
        logger.exception("an image makes its reader fail", extra={"file": file.name, "sha256": sha256})
        raise NotAnImageError("The image makes its reader fail, which was logged.") from fault
    item = item.model_copy(
        update={
            "content_type": image.content_type,
            "width": image.width,
            "height": image.height,
            "taken_at": image.taken_at,
            "pdq": None if image.plain else image.pdq.words[0].tobytes().hex(),
            "health": image.health,
            "key": None if item.uri else keys.original(collection, item_id, image.extension),
        }
    )
    if not job.relook:
        # Never skipped where they exist: a deletion under way removes what is older than itself.
        if item.key:
            looker.store.put(item.key, data, image.content_type)
        for size, thumbnail in zip(THUMBNAIL_SIZES, image.thumbnails, strict=True):
            looker.store.put(keys.collection_thumbnail(collection, item_id, size), thumbnail, "image/webp")
    return _Seen(file, item, image)


def _run_networks(looker: Looker, batch: Sequence[_Seen | LookOutcome], vectors: _Vectors) -> Iterator[LookOutcome]:
    """Run the networks on the images of a batch that were examined, and yield the outcomes of all its files."""
    seen = [each for each in batch if isinstance(each, _Seen)]
    predictions: list[list[Prediction]] = [[] for _ in seen]
    limits, first = looker.settings.collections, 0
    if seen and not looker.job.relook:
        vectors.add_hashes(seen)
        if looker.choice.embedder is not None:
            vectors.add_copies(seen, looker.choice.embedder.embed([each.image.inputs[0] for each in seen]))
            first = 1
    for place, model in enumerate(looker.models, first):
        if not seen:
            break
        images = [Prepared(each.image.inputs[place], each.image.width, each.image.height) for each in seen]
        looks = model.look(images, min_score=limits.min_score, max_predictions=limits.max_predictions)
        vectors.add_looks(model.name, seen, looks)
        for found, look in zip(predictions, looks, strict=True):
            found.extend(look.predictions)
    answers = iter(zip(seen, predictions, strict=True))
    names = [model.name for model in looker.models]
    status = LookStatus.LOOKED if looker.job.relook else LookStatus.ADDED
    for each in batch:
        if isinstance(each, LookOutcome):
            yield each
            continue
        one, found = next(answers)
        item = one.item.model_copy(update={"predictions": found})
        yield LookOutcome(
            name=one.file.name,
            status=status,
            item=item,
            models=names if looker.job.relook else [],
            note=_FIRST_ALONE if one.image.has_more else None,
        )


class _Vectors:
    """A shard's vectors, until it is done."""

    def __init__(self, looker: Looker) -> None:
        self._store, self._collection = looker.store, looker.job.collection
        self._copies = f"{looker.choice.name}@{looker.choice.version}"
        self._ids: dict[str, list[str]] = {}
        self._rows: dict[str, list[NDArray[np.generic]]] = {}
        self._quality: list[int] = []
        self._plain: list[bool] = []

    def add_hashes(self, seen: Sequence[_Seen]) -> None:
        for each in seen:
            self._add(PDQ_MODEL, each.item.id, each.image.pdq.words)
            self._quality.append(each.image.pdq.quality)
            self._plain.append(each.image.plain)

    def add_copies(self, seen: Sequence[_Seen], features: NDArray[np.float16]) -> None:
        for each, row in zip(seen, features, strict=True):
            self._add(self._copies, each.item.id, row)

    def add_looks(self, model: str, seen: Sequence[_Seen], looks: Sequence[Look]) -> None:
        for each, look in zip(seen, looks, strict=True):
            if look.features is not None:
                self._add(model, each.item.id, look.features)

    def write(self, part: str) -> None:
        for model, ids in self._ids.items():
            facts: dict[str, list[Any]] = {}
            if model == PDQ_MODEL:
                facts = {"quality": self._quality, "plain": self._plain}
            write_part(self._store, self._collection, model, part, ids, np.stack(self._rows[model]), **facts)

    def _add(self, model: str, item_id: str, row: NDArray[np.generic]) -> None:
        self._ids.setdefault(model, []).append(item_id)
        self._rows.setdefault(model, []).append(row)


def refuse(file: FileRef, error: InputError) -> LookOutcome:
    """The outcome of a file that cannot be used."""
    fault = ItemError.of(error, _STAGE)
    return LookOutcome(name=file.name, status=LookStatus.REFUSED, error=fault)


def _write_outcomes(store: Store, key: str, outcomes: Sequence[LookOutcome]) -> None:
    lines = "".join(f"{outcome.model_dump_json(exclude_none=True)}\n" for outcome in outcomes)
    store.put(key, gzip.compress(lines.encode(), mtime=0), "application/gzip")


def _done(outcome: LookOutcome) -> Future[_Seen | LookOutcome]:
    future: Future[_Seen | LookOutcome] = Future()
    future.set_result(outcome)
    return future
