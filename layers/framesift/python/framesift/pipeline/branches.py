"""The table of sources: adding one takes its folder and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from framesift.errors import UnknownSourceError
from framesift.pipeline.branch import Branch
from framesift.pipeline.tiktok.branch import TIKTOK
from framesift.pipeline.upload.branch import UPLOAD
from framesift.pipeline.youtube.branch import YOUTUBE

BRANCHES: Mapping[str, Branch] = MappingProxyType({branch.source: branch for branch in (TIKTOK, YOUTUBE, UPLOAD)})
DEFAULT_SOURCE = TIKTOK.source


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
