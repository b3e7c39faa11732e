"""TikTok's branch: a list of clips for each category, once a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from framesift.contracts import (
    Clip,
    CollectOutput,
    CrawlOutput,
    CurateOutput,
    PublishOutput,
    Run,
    ScopeInput,
    StartInput,
)
from framesift.errors import EmptyListError, SiteUnreachableError
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
from framesift.table import Failure

if TYPE_CHECKING:
    from framesift.settings import Settings
    from framesift.storage import Store
    from framesift.table import Records


def _parse(start: StartInput, settings: Settings) -> RunRequest:
    return parse_day(start, settings.run.categories)


def _collect(request: Mapping[str, Any], settings: Settings, store: Store, records: Records) -> CrawlOutput:
    from framesift.pipeline.tiktok.collect import collect_category

    return collect_category(ScopeInput.model_validate(request), settings, store, records)


def _summarize(run: Run, scopes: Sequence[str], collected: Sequence[CollectOutput], outputs: Outputs) -> Outcome:
    published = PublishOutput.model_validate(outputs["publish", join_scopes(scopes)])
    curated = [CurateOutput.model_validate(outputs["curate", scope]) for scope in scopes]
    crawls = [crawl for crawl in collected if isinstance(crawl, CrawlOutput)]
    cut_short = [
        f"{crawl.scope}: the crawl was cut short, {crawl.cut_short}; {crawl.items} clips were kept."
        for crawl in crawls
        if crawl.cut_short
    ]
    decided = {each.category: {"ranked": each.ranked, "dropped": each.dropped} for each in curated}
    done = [each.category for each in published.lists]
    nothing = Failure(stage="curate", error=EmptyListError.__name__, cause="no clip qualified; the former list is kept")
    return Outcome(
        done=done,
        failures={scope: nothing for scope in scopes if scope not in done},
        degraded=cut_short + [each.degraded for each in curated if each.degraded],
        counts={crawl.scope: {**crawl.counts(), **decided.get(crawl.scope, {})} for crawl in crawls},
    )


def _made(outputs: Outputs) -> list[str]:
    published = map(PublishOutput.model_validate, outputs_of("publish", outputs))
    return [each.category for output in published for each in output.lists]


TIKTOK = Branch(
    source="tiktok",
    stages=("collect", "analyze", "curate", "publish", "archive"),
    collector="crawler",
    goal="lists",
    collected=CrawlOutput,
    parse=_parse,
    collect=_collect,
    plan=plan_images,
    summarize=_summarize,
    made=_made,
    start_command="run tiktok",
    resume=resume_day,
    work=scope_input,
    item=Clip,
    retried=(SiteUnreachableError,),
    services=("tiktok",),
)
