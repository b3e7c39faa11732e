"""The table of sources: adding one takes its folder and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from framesift.errors import UnknownSourceError
from framesift.pipeline.branch import Branch
from framesift.pipeline.tiktok.branch import TIKTOK
from framesift.pipeline.upload.branch import UPLOAD
from framesift.pipeline.youtube.branch import YOUTUBE

if TYPE_CHECKING:
    from framesift.table import Records, RunRecord
    from framesift.workflow import Workflow

BRANCHES: Mapping[str, Branch] = MappingProxyType({branch.source: branch for branch in (TIKTOK, YOUTUBE, UPLOAD)})
DEFAULT_SOURCE = TIKTOK.source


def end_execution(execution_arn: str, record: RunRecord | None, records: Records, workflow: Workflow) -> None:
    """Let the sources do what follows the end of an execution.

    Args:
        execution_arn: The execution.
        record: The record of its run, as it is now; None where it has claimed none.
        records: The table.
        workflow: Where another execution may be started.
    """
    for branch in BRANCHES.values():
        if branch.after and (record is None or record.source == branch.source):
            branch.after(execution_arn, record, records, workflow)


def branch_of(source: str) -> Branch:
    """The branch of a source.

    Raises:
        UnknownSourceError: If there is no such source.

    Example:
        >>> branch_of("youtube").stages
        ('collect', 'analyze', 'predict', 'train')
    """
    if source not in BRANCHES:
        raise UnknownSourceError(f"There is no source {source!r}; sources are: {', '.join(BRANCHES)}.")
    return BRANCHES[source]
