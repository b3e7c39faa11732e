"""The branch of uploads: pose sequences of the videos that users put into a collection."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from framesift import keys
from framesift.contracts import CollectOutput, PosesOutput, Run, StartInput, UploadsInput, UploadsOutput
from framesift.errors import InvalidCollectionError, InvalidStartError
from framesift.names import safe_name
from framesift.pipeline.branch import Branch, Outcome, Outputs, RunRequest, outputs_of
from framesift.pipeline.stage import join_scopes

if TYPE_CHECKING:
    from framesift.contracts import PlanOutput, StageInput
    from framesift.settings import Settings
    from framesift.storage import Store
    from framesift.table import Records, RunRecord

_MAX_NAME_BYTES = 100  # Of S3's 1,024 for a whole key.


def check_collection(name: str) -> str:
    """Return a collection's name if it can be used.

    It is part of keys, of file names and of runs' names, which put dots and `#` after it.

    Raises:
        InvalidCollectionError: If it cannot.

    Example:
        >>> check_collection("dance 2026")
        'dance 2026'
    """
    if safe_name(name, max_bytes=_MAX_NAME_BYTES) != name or set(name) & set(".#"):
        raise InvalidCollectionError(
            f"A collection cannot be called {name!r}: use letters, digits, spaces, - and _, at most "
            f"{_MAX_NAME_BYTES} bytes."
        )
    return name


def _parse(start: StartInput, settings: Settings) -> RunRequest:
    """The collection, or one object of it.

    The run's subject is the collection where all of it is meant, and one object's own where that is: the same for an
    event that arrives twice, another one for each write of the key.
    """
    if start.categories or (start.collection is None) == (start.object is None):
        raise InvalidStartError("This start cannot be used: `upload` takes a `collection` or an `object`, one of them.")
    if start.object is None:
        collection = check_collection(start.collection or "")
        return RunRequest([collection], [collection], collection, collection, repeats=not start.only_if_failed)
    if start.object.key.endswith("/"):  # The console creates folders so.
        return RunRequest([], [], start.object.key, skip=f"{start.object.key} is a folder")
    found = keys.upload_name(start.object.key)
    if found is None:
        raise InvalidCollectionError(
            f"{start.object.key!r} is in no collection: put it below {keys.uploads_prefix('NAME')}."
        )
    collection = check_collection(found[0])
    written = f"{start.object.key}\n{start.object.version_id or start.object.sequencer}"
    subject = f"{collection}.{hashlib.sha256(written.encode(errors='surrogatepass')).hexdigest()[:12]}"
    return RunRequest([collection], [collection], subject, collection)


def _work(run: Run, scope: str, start: StartInput) -> UploadsInput:
    return UploadsInput(run=run, scope=scope, object=start.object)


def _collect(request: Mapping[str, Any], settings: Settings, store: Store, records: Records) -> UploadsOutput:
    from framesift.pipeline.upload.collect import collect_uploads

    return collect_uploads(UploadsInput.model_validate(request), settings, store, records)


def _plan(request: StageInput, settings: Settings, store: Store, records: Records) -> PlanOutput:
    from framesift.pipeline.upload.plan import plan_poses

    return plan_poses(request, settings, store, records)


def _summarize(run: Run, scopes: Sequence[str], collected: Sequence[CollectOutput], outputs: Outputs) -> Outcome:
    poses = PosesOutput.model_validate(outputs["poses", join_scopes(scopes)])
    degraded = []
    if poses.failed:
        degraded.append(
            f"{poses.collection}: {poses.failed} of {poses.done + poses.failed} videos failed; the first: "
            f"{poses.first_error}"
        )
    degraded += [
        f"{found.scope}: {found.not_videos} of {found.seen} uploads are no videos; images and zips belong to "
        "collections, which are not built yet."
        for found in collected
        if isinstance(found, UploadsOutput) and found.not_videos
    ]
    counts = {found.scope: found.counts() for found in collected} | {
        "poses": dict(outputs["poses", join_scopes(scopes)])
    }
    return Outcome(done=[poses.collection], degraded=degraded, counts=counts)


def _made(outputs: Outputs) -> list[str]:
    return [PosesOutput.model_validate(output).collection for output in outputs_of("poses", outputs)]


def _resume(record: RunRecord) -> str:
    return f"{record.source} --collection '{record.collection}'"


UPLOAD = Branch(
    source="upload",
    stages=("collect", "analyze", "poses"),
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
)
