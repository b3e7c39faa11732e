"""YouTube's branch: a detector that learns from each day's thumbnails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from framesift.contracts import Clip, CollectOutput, FeedOutput, PredictOutput, Run, ScopeInput, StartInput
from framesift.errors import YoutubeUnavailableError
from framesift.pipeline.branch import (
    Branch,
    Outcome,
    Outputs,
    RunRequest,
    outputs_of,
    parse_day,
    plan_images,
    resume_day,
    scope_input,
)
from framesift.pipeline.stage import join_scopes

if TYPE_CHECKING:
    from framesift.settings import Settings
    from framesift.storage import Store
    from framesift.table import Records

_COUNTED = frozenset({"predict", "train", "gate"})


def _parse(start: StartInput, settings: Settings) -> RunRequest:
    return parse_day(start, list(settings.youtube.feeds))


def _collect(request: Mapping[str, Any], settings: Settings, store: Store, records: Records) -> FeedOutput:
    from framesift.pipeline.youtube.collect import collect_feed

    return collect_feed(ScopeInput.model_validate(request), settings, store, records)


def _summarize(run: Run, scopes: Sequence[str], collected: Sequence[CollectOutput], outputs: Outputs) -> Outcome:
    predicted = PredictOutput.model_validate(outputs["predict", join_scopes(scopes)])
    by_stage = {stage: output for (stage, _), output in sorted(outputs.items()) if stage in _COUNTED}
    return Outcome(
        done=[each.category for each in predicted.categories],
        counts={feed.scope: feed.counts() for feed in collected} | by_stage,
    )


def _made(outputs: Outputs) -> list[str]:
    predicted = map(PredictOutput.model_validate, outputs_of("predict", outputs))
    return [each.category for output in predicted for each in output.categories]


YOUTUBE = Branch(
    source="youtube",
    stages=("collect", "analyze", "predict", "train"),
    collector="feed",
    goal="detector",
    collected=FeedOutput,
    parse=_parse,
    collect=_collect,
    plan=plan_images,
    summarize=_summarize,
    made=_made,
    start_command="run youtube",
    resume=resume_day,
    work=scope_input,
    item=Clip,
    retried=(YoutubeUnavailableError,),
    stage_states={
        "collect": "Collect",
        "predict": "PredictItems",
        "train": "TrainDetector",
        "gate": "GateIteration",
    },
    has_dry_run=True,
    services=("youtube", "custom-vision"),
)
