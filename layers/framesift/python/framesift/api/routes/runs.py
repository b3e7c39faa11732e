"""Runs, their stages, and what became of each item."""

from __future__ import annotations

from datetime import date as Date  # noqa: N812 - `date` is a parameter's name here
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from framesift.api import views
from framesift.api.messages import DayItems, Outcome, RunList, RunReport, RunStart, Source, StartedRun
from framesift.api.routes.options import READERS, WRITERS, new_router, open_records, open_store
from framesift.pipeline.branches import DEFAULT_SOURCE
from framesift.settings import load_settings
from framesift.workflow import Workflow

router = new_router()

Subject = Annotated[str | None, Query(max_length=200, description="Of `upload`: the collection, or the upload.")]
ItemCategory = Annotated[str, Query(pattern=r"^[a-z0-9_-]{1,40}$")]


@router.get("/v1/runs", summary="The newest runs of a source", **READERS)
def get_runs(
    source: Annotated[Source, Query()] = DEFAULT_SOURCE, limit: Annotated[int, Query(ge=1, le=100)] = 30
) -> RunList:
    """The newest runs of a source, newest first."""
    return views.runs(source, limit, records=open_records())


@router.post("/v1/runs", summary="Start a run", **WRITERS)
def post_run(request: Annotated[RunStart, Body()]) -> StartedRun:
    """Start a day's run, or take up one that failed; of a day that is done nothing is repeated without `force`."""
    settings = load_settings()
    return views.start_run(request, settings=settings, workflow=Workflow(settings.platform.state_machine))


@router.get("/v1/runs/<source>/<date>", summary="A run", **READERS)
def get_run(source: Annotated[Source, Path()], date: Annotated[Date, Path()], subject: Subject = None) -> RunReport:
    """A run's record and its finished stages; of uploads, a day has a run for each subject."""
    link_s = load_settings().api.media_url_s
    return views.run_report(source, date, subject, store=open_store(), records=open_records(), link_s=link_s)


@router.get("/v1/runs/<source>/<date>/items", summary="What became of a day's items", **READERS)
def get_run_items(
    source: Annotated[Source, Path()],
    date: Annotated[Date, Path()],
    category: ItemCategory,
    outcome: Annotated[list[Outcome], Query(max_length=20, description="None: whatever became of them.")] = [],  # noqa: B006 - it is only read
    after: Annotated[int, Query(ge=0, description="`next_cursor` of the page before; 0: the first.")] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DayItems:
    """A category's items on a day, each with why it is in the list or not, and what it repeats."""
    return views.day_items(
        source,
        date,
        category,
        outcome,
        after=after,
        limit=limit,
        store=open_store(),
        records=open_records(),
        link_s=load_settings().api.media_url_s,
    )
