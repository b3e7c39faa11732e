"""The branch of uploads: pose sequences of videos, and images for collections' catalogs.

A video has a run of its own, which its arrival starts. Images are taken in by batches: one that was uploaded as such,
or what was dropped into a collection's folder (`inbox.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from framesift import keys
from framesift.contracts import (
    CatalogOutput,
    CollectOutput,
    PosesOutput,
    Run,
    StartInput,
    UploadedObject,
    UploadsInput,
    UploadsOutput,
)
from framesift.errors import InvalidCollectionError, InvalidStartError, ScanPendingError
from framesift.names import check_collection
from framesift.pipeline.branch import Admission, Branch, Outcome, Outputs, RunRequest, outputs_of
from framesift.pipeline.stage import join_scopes
from framesift.pipeline.upload.inbox import INBOX, announce, claim_inbox, find_batch, hand_over
from framesift.settings.pose import is_video

if TYPE_CHECKING:
    from framesift.contracts import PlanOutput, StageInput
    from framesift.settings import Settings
    from framesift.storage import Store
    from framesift.table import Records, RunRecord
    from framesift.workflow import Workflow


def _parse(start: StartInput, settings: Settings) -> RunRequest:
    """The collection, one object of it, or a batch.

    The run's subject is the collection where all of it is meant, one object's own where that is (the same for an event
    that arrives twice, another one for each write of the key), and the batch's where images are taken in.
    """
    if start.categories or (start.collection is None) == (start.object is None) or (start.batch and start.object):
        raise InvalidStartError(
            "This start cannot be used: `upload` takes a `collection` (with a `batch`) or an `object`, one of them."
        )
    if start.object is None:
        collection = check_collection(start.collection or "")
        if start.batch:
            return _batch_request(collection, start.batch)
        return RunRequest([collection], [collection], collection, collection, repeats=not start.only_if_failed)
    if start.object.key.endswith("/"):  # The console creates folders so.
        return RunRequest([], [], start.object.key, skip=f"{start.object.key} is a folder")
    found = keys.upload_name(start.object.key)
    if found is None:
        raise InvalidCollectionError(
            f"{start.object.key!r} is in no collection: put it below {keys.uploads_prefix('NAME')}."
        )
    collection = check_collection(found[0])
    if not is_video(found[1]):
        return _batch_request(collection, INBOX, (found[1], start.object))
    written = f"{start.object.key}\n{start.object.version_id or start.object.sequencer}"
    subject = f"{collection}.{hashlib.sha256(written.encode(errors='surrogatepass')).hexdigest()[:12]}"
    return RunRequest([collection], [collection], subject, collection)


def _batch_request(collection: str, batch: str, arrived: tuple[str, UploadedObject] | None = None) -> RunRequest:
    scopes = [collection]
    return RunRequest(scopes, scopes, f"{collection}.{batch}", collection, goal="catalog", batch=batch, arrived=arrived)


def _admit(asked: RunRequest, by: Admission) -> RunRequest:
    """Complete the request for a batch; that of a video is complete."""
    if not asked.batch:
        return asked
    if asked.batch != INBOX:
        return find_batch(asked, by.records)
    if asked.arrived:
        announce(str(asked.collection), *asked.arrived, by.records.inboxes)
    return claim_inbox(asked, by.execution_arn, by.date, by.at, by.records, by.is_running)


def _after(execution_arn: str, record: RunRecord | None, records: Records, workflow: Workflow) -> None:
    """Record what became of the batch, and let the next execution take in what was dropped meanwhile."""
    if record and record.batch and record.execution_arn == execution_arn and record.status == "FAILED":
        batch = records.batches.get(str(record.collection), record.batch)
        if batch and batch.state == "running":
            records.batches.change(batch, state="failed", error=record.cause, finished_at=record.finished_at)
    collection = record.collection if record else records.inboxes.of_execution(execution_arn)
    if collection:
        hand_over(collection, execution_arn, records, workflow)


def _work(run: Run, scope: str, start: StartInput, asked: RunRequest) -> UploadsInput:
    return UploadsInput(run=run, scope=scope, object=None if asked.batch else start.object, batch=asked.batch)


def _collect(request: Mapping[str, Any], settings: Settings, store: Store, records: Records) -> UploadsOutput:
    wanted = UploadsInput.model_validate(request)
    if wanted.batch:
        from framesift.pipeline.upload.listing import collect_batch

        return collect_batch(wanted, settings, store, records)
    from framesift.pipeline.upload.collect import collect_uploads

    return collect_uploads(wanted, settings, store, records)


def _plan(request: StageInput, settings: Settings, store: Store, records: Records) -> PlanOutput:
    from framesift.pipeline.upload.plan import collected_batch, plan_look, plan_poses

    if collected := collected_batch(request, records):
        return plan_look(request, collected, settings, store, records)
    return plan_poses(request, settings, store, records)


def _summarize(run: Run, scopes: Sequence[str], collected: Sequence[CollectOutput], outputs: Outputs) -> Outcome:
    counts = {found.scope: found.counts() for found in collected}
    if any(isinstance(found, UploadsOutput) and found.batch for found in collected):
        catalog = CatalogOutput.model_validate(outputs["catalog", join_scopes(scopes)])
        return _summarize_batch(catalog, outputs.get(("compare", join_scopes(scopes))), counts)
    poses = PosesOutput.model_validate(outputs["poses", join_scopes(scopes)])
    degraded = []
    if poses.failed:
        degraded.append(
            f"{poses.collection}: {poses.failed} of {poses.done + poses.failed} videos failed; the first: "
            f"{poses.first_error}"
        )
    return Outcome(done=[poses.collection], degraded=degraded, counts={**counts, "poses": poses.model_dump()})


def _summarize_batch(
    catalog: CatalogOutput, compared: Mapping[str, Any] | None, counts: dict[str, dict[str, int]]
) -> Outcome:
    degraded = [f"{catalog.collection}: {catalog.ended}"] if catalog.ended else []
    if refused := catalog.counts.get("refused", 0):
        degraded.append(
            f"{catalog.collection}: {refused} of {sum(catalog.counts.values())} files were refused; the first: "
            f"{catalog.first_error}"
        )
    if catalog.compare_spec_uri and compared is None:
        degraded.append(
            f"{catalog.collection}: its new images were not compared, since the job failed; the next batch's run will."
        )
    found = {"compare": dict(compared)} if compared else {}
    counts = {**counts, "catalog": catalog.model_dump(), **found}
    return Outcome(done=[catalog.collection], degraded=degraded, counts=counts)


def _made(outputs: Outputs) -> list[str]:
    poses = [PosesOutput.model_validate(output).collection for output in outputs_of("poses", outputs)]
    return poses + [CatalogOutput.model_validate(output).collection for output in outputs_of("catalog", outputs)]


def _resume(record: RunRecord) -> str:
    batch = f" --batch {record.batch}" if record.batch else ""
    return f"{record.source} --collection '{record.collection}'{batch}"


UPLOAD = Branch(
    source="upload",
    stages=("collect", "analyze", "poses", "catalog", "compare"),
    collector="uploads",
    goal="poses",
    collected=UploadsOutput,
    parse=_parse,
    collect=_collect,
    plan=_plan,
    summarize=_summarize,
    made=_made,
    start_command="upload FILE --collection NAME",
    resume=_resume,
    work=_work,
    retried=(ScanPendingError,),
    admit=_admit,
    after=_after,
)
