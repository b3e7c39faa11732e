"""Runs and their stages."""

from __future__ import annotations

from datetime import date as Date  # noqa: N812 - `date` is a parameter's name here
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from framesift.api import views
from framesift.api.messages import RunList, RunReport, Source
from framesift.api.routes.options import READERS, new_router, open_records
from framesift.pipeline.branches import DEFAULT_SOURCE

router = new_router()

Subject = Annotated[str | None, Query(max_length=200, description="Of `upload`: the collection, or the upload.")]


@router.get("/v1/runs", summary="The newest runs of a source", **READERS)
def get_runs(
    source: Annotated[Source, Query()] = DEFAULT_SOURCE, limit: Annotated[int, Query(ge=1, le=100)] = 30
) -> RunList:
    """The newest runs of a source, newest first."""
    return views.runs(source, limit, records=open_records())


@router.get("/v1/runs/<source>/<date>", summary="A run", **READERS)
def get_run(source: Annotated[Source, Path()], date: Annotated[Date, Path()], subject: Subject = None) -> RunReport:
    """A run's record and its finished stages; of uploads, a day has a run for each subject."""
    return views.run_report(source, date, subject, records=open_records())
