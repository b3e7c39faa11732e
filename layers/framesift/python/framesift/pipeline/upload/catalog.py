"""Bring a batch into the catalog: the job's results become changes of the log, and lines of the batch's ledger.

Everything here can be done twice: an item that is added again gains nothing, changes carry the run's name, and the
ledger is written as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

from framesift import keys
from framesift.catalog import payloads
from framesift.catalog.ledger import LedgerLine, LedgerWriter, read_ledger, read_ledger_lines
from framesift.catalog.log import CatalogLog
from framesift.contracts import (
    CatalogOutput,
    CompareJob,
    FileRef,
    ItemError,
    LookOutcome,
    LookStatus,
    Prediction,
    Run,
    StageInput,
    UploadsOutput,
)
from framesift.errors import (
    CollectionDeletedError,
    CollectionMissingError,
    FileLostError,
    ObjectMissingError,
    TooManyFailedItemsError,
)
from framesift.log import logger
from framesift.pipeline.stage import run_once
from framesift.pipeline.upload.labels import FileLabels, read_kept_labels
from framesift.pipeline.upload.plan import collected_batch
from framesift.settings import Settings
from framesift.storage import Store, read_lines, write_json
from framesift.table import BatchRecord, InboxEntry, Records

_PIPELINE = "pipeline"
_ITEMS_PER_CHANGE = 10_000
_REQUESTS_AT_ONCE = 16
_GONE = "the collection was deleted meanwhile: nothing was added"


def update_catalog(request: StageInput, settings: Settings, store: Store, records: Records) -> CatalogOutput:
    """Append a batch's results to the catalog's log, write its ledger, and clear what was taken in.

    A shard without results is recorded as lost, file by file: its process died, or the whole job did.

    Raises:
        TooManyFailedItemsError: If more of the files were lost than the settings tolerate. The ledger has them.
    """
    run, collection = request.run, request.scopes[0]

    def work() -> CatalogOutput:
        collected = collected_batch(request, records)
        if collected is None or collected.ended or not collected.shards_prefix:
            return _nothing(collection, collected)
        batch = records.batches.get(collection, collected.batch)
        try:
            records.collections.get(collection)
            if batch is None:
                raise CollectionMissingError(_GONE)
            output = _Publisher(run, batch, collected, settings, store, records).publish()
        except (CollectionDeletedError, CollectionMissingError):
            if batch:
                records.batches.change(batch, state="failed", error=_GONE, finished_at=datetime.now(UTC))
            # What the job has written goes with the rest of the collection: its deletion ends after its runs.
            store.delete(store.list(collected.shards_prefix))
            return CatalogOutput(collection=collection, batch=collected.batch, ended=_GONE)
        if output.lost > settings.run.tolerated_failed_share * collected.items:
            raise TooManyFailedItemsError(
                f"{collection}: {output.lost} of {collected.items} files were lost, more than the "
                f"{settings.run.tolerated_failed_share:.0%} that are tolerated; the first: {output.first_error}"
            )
        return output

    return run_once(records.stages, run, "catalog", [collection], CatalogOutput, work)


def _nothing(collection: str, collected: UploadsOutput | None) -> CatalogOutput:
    return CatalogOutput(
        collection=collection,
        batch=collected.batch if collected else "",
        ended=collected.ended if collected else None,
    )


@dataclass
class _Publisher:
    """Brings one run's results into the catalog.

    Attributes:
        run: The run.
        batch: Its batch.
        collected: What was listed of it.
        settings: What becomes of the files that were taken in.
        store: The bucket.
        records: The table.
        taken: Of each object that was listed: its ETag, and whether all of it was taken in.
        lost: Files that a job ended without reporting.
        first_error: Why the first refused file was.
        labels: What the batch's label files say, by the names of its images.
    """

    run: Run
    batch: BatchRecord
    collected: UploadsOutput
    settings: Settings
    store: Store
    records: Records
    taken: dict[str, tuple[str, bool]] = field(default_factory=dict)
    lost: int = 0
    first_error: str | None = None
    labels: dict[str, FileLabels] = field(default_factory=dict)

    def publish(self) -> CatalogOutput:
        """Do all of it; the order makes each step safe to repeat."""
        self.labels = read_kept_labels(self.batch, self.store)
        prefix, collection = self.collected.shards_prefix, self.batch.collection
        if self.batch.published == prefix:  # An earlier try has died while it cleared what was taken in.
            self.store.delete(self.store.list(prefix))
            return self._output(self.batch.counts, self.batch.error)
        with LedgerWriter(self.store, keys.ledger(collection, self.batch.id)) as ledger:
            for line in read_ledger(self.store, collection, self.batch.id) if self.batch.published else ():
                if not (line.file and line.status == "refused"):  # Those were tried again.
                    ledger.add(line)
            for line in read_ledger_lines(self.store, keys.look_refused(prefix)):
                self._note(line)
                ledger.add(line)
            outcomes = self._read_outcomes(ledger)
            number = 0
            while part := list(islice(outcomes, _ITEMS_PER_CHANGE)):
                self._append(part, number)
                number += 1
        output = self._output(dict(ledger.counts), self.first_error)
        self._end_batch(output)
        self._clear()
        return output

    def _output(self, counts: dict[str, int], first_error: str | None) -> CatalogOutput:
        """The stage's output; what is new is compared by a job, whose specification this writes."""
        run, collection, batch = self.run, self.batch.collection, self.batch.id
        spec_key = keys.compare_spec(collection, batch)
        has_news = bool(counts.get("added") or counts.get("looked"))
        if has_news:
            about = {"run": run, "bucket": self.store.bucket, "table": self.records.name}
            job = CompareJob.model_validate({**about, "collection": collection, "batch": batch})
            write_json(self.store, spec_key, job)
        return CatalogOutput(
            collection=collection,
            batch=batch,
            counts=counts,
            lost=self.lost,
            first_error=first_error,
            compare_spec_uri=f"s3://{self.store.bucket}/{spec_key}" if has_news else None,
        )

    def _read_outcomes(self, ledger: LedgerWriter) -> Iterator[LookOutcome]:
        """What the job says about items, with a line in the ledger for each file."""
        for number in range(self.collected.shards):
            files = read_lines(self.store, keys.look_shard(self.collected.shards_prefix, number), FileRef)
            outcomes = self._outcomes(number)
            if outcomes is None or len(outcomes) != len(files):
                logger.warning("shard lost", extra={"batch": self.batch.id, "shard": number})
                outcomes = [self._lose(file) for file in files]
            for file, outcome in zip(files, outcomes, strict=True):
                line = self._line(file, outcome)
                self._note(line, file)
                ledger.add(line)
                if outcome.item is not None:
                    yield outcome

    def _outcomes(self, shard: int) -> list[LookOutcome] | None:
        try:
            lines = payloads.read_lines(self.store, keys.look_results(self.collected.shards_prefix, shard))
        except ObjectMissingError:
            return None
        return [LookOutcome.model_validate_json(line) for line in lines]

    def _lose(self, file: FileRef) -> LookOutcome:
        self.lost += 1
        fault = self.records.stages.fault(self.run, "analyze")
        why = f"{fault.error}: {fault.message}" if fault else "its process died or was stopped"
        error = ItemError(
            stage="analyze", error=FileLostError.__name__, message=f"{file.name} was lost: {why}; try the batch again."
        )
        return LookOutcome(name=file.name, status=LookStatus.REFUSED, error=error)

    def _line(self, file: FileRef, outcome: LookOutcome) -> LedgerLine:
        refused = outcome.status is LookStatus.REFUSED
        return LedgerLine(
            name=file.name,
            status=outcome.status.value,
            item=outcome.item.id if outcome.item else None,
            error=outcome.error,
            note=outcome.note,
            at=datetime.now(UTC),
            # A refused file can be tried again; one that is read in place is found again by this when looked at again.
            file=file if refused or file.uri else None,
            key=file.key if refused else None,
            etag=file.etag if refused else None,
        )

    def _note(self, line: LedgerLine, file: FileRef | None = None) -> None:
        if line.error and self.first_error is None:
            self.first_error = line.error.message
        key, etag = (file.key, file.etag) if file else (line.key, line.etag)
        if key:
            _, all_taken = self.taken.get(key, ("", True))
            self.taken[key] = (etag or "", all_taken and line.status != "refused")

    def _append(self, outcomes: list[LookOutcome], number: int) -> None:
        log = CatalogLog(self.batch.collection, self.store, self.records)
        outcomes = [self._label(each) for each in outcomes]
        request_id = f"{self.collected.shards_prefix}{number}"  # Unique for the listing.
        by = self.batch.by or _PIPELINE
        if new := [each.item for each in outcomes if each.item and each.status is not LookStatus.LOOKED]:
            log.add_items(new, by, request_id=request_id)
        for model, predictions in _by_model(outcomes).items():
            log.set_predictions(model, predictions, by, request_id=f"{request_id}-{model}")

    def _label(self, outcome: LookOutcome) -> LookOutcome:
        """What was said of a new image in the upload, with what the upload's label files say of it."""
        labels = self.labels.get(outcome.name)
        if labels is None or outcome.item is None or outcome.status is LookStatus.LOOKED:
            return outcome
        return outcome.model_copy(update={"item": labels.add_to(outcome.item)})

    def _end_batch(self, output: CatalogOutput) -> None:
        state = "failed" if self._lost_too_many else "done"
        while (batch := self.records.batches.get(self.batch.collection, self.batch.id)) is not None:
            if self.records.batches.change(
                batch,
                counts=output.counts,
                state=state,
                finished_at=datetime.now(UTC),
                error=output.first_error,
                compared=not output.counts.get("added"),
                published=self.collected.shards_prefix,
            ):
                return
        raise CollectionMissingError(_GONE)

    @property
    def _lost_too_many(self) -> bool:
        return self.lost > self.settings.run.tolerated_failed_share * self.collected.items

    def _clear(self) -> None:
        """Delete what was taken in, and remember what stays in the inbox, so that no later run lists it again."""
        if self.batch.kind in ("inbox", "upload"):
            with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
                for _ in pool.map(lambda pair: self._clear_object(pair[0], *pair[1]), self.taken.items()):
                    pass
        self.store.delete(self.store.list(self.collected.shards_prefix))

    def _clear_object(self, key: str, etag: str, all_taken: bool) -> None:
        deletes = all_taken and self.settings.intake.delete_taken
        if deletes:
            # The very version that was read: what replaced it meanwhile is not touched.
            self.store.delete_written(key, etag)
        name = keys.upload_name(key)
        if name and not deletes:
            entry = self.records.inboxes.entry(name[0], name[1]) or InboxEntry(name=name[1])
            handled = entry.model_copy(update={"handled_etag": etag, "batch": self.batch.id})
            self.records.inboxes.put_handled(name[0], handled, stays=True)


def _by_model(outcomes: Iterable[LookOutcome]) -> dict[str, dict[str, list[Prediction]]]:
    """What each model says about each item that it has looked at again: nothing, too."""
    found: dict[str, dict[str, list[Prediction]]] = {}
    for outcome in outcomes:
        if outcome.item and outcome.status is LookStatus.LOOKED:
            for model in outcome.models:
                said = [each for each in outcome.item.predictions if each.model == model]
                found.setdefault(model, {})[outcome.item.id] = said
    return found
