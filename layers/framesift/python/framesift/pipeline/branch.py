"""What a branch of the workflow is: all that the shared steps need to know about a source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from framesift.contracts import Collector, CollectOutput, Goal, Item, ScopeInput, StartInput, UploadedObject
from framesift.errors import FramesiftError, InvalidStartError, UnknownCategoryError
from framesift.table import Failure

if TYPE_CHECKING:
    from framesift.contracts import PlanOutput, Run, StageInput
    from framesift.settings import Settings
    from framesift.storage import Store
    from framesift.table import Records, RunRecord
    from framesift.workflow import Workflow

Outputs = Mapping[tuple[str, str], Mapping[str, Any]]
"""The outputs of a run's finished stages, by stage and scope."""


@dataclass(frozen=True)
class RunRequest:
    """What a start asks for, once it is checked.

    Attributes:
        wanted: Everything that the run should have before it is done.
        scopes: What of it this start names, in the same order.
        subject: Tells apart the runs of one day; None where a day has one.
        collection: Of uploads.
        skip: Why there is nothing to do, whatever was done before.
        repeats: Whether what is done is done again, to find what was added since.
        goal: What follows the analysis; None: the source's usual goal.
        batch: Of uploads: the batch of images.
        date: The date that the run belongs to; None: as the start says.
        arrived: Of uploads: the object below the collection's folder that started this, and its name there.
    """

    wanted: list[str]
    scopes: list[str]
    subject: str | None = None
    collection: str | None = None
    skip: str | None = None
    repeats: bool = False
    goal: Goal | None = None
    batch: str = ""
    date: str | None = None
    arrived: tuple[str, UploadedObject] | None = None


@dataclass(frozen=True)
class Admission:
    """What an execution is admitted by.

    Attributes:
        execution_arn: The execution.
        date: The date of its run, as the start says.
        at: When it was started.
        records: The table.
        is_running: Whether the execution with an ARN is still running.
    """

    execution_arn: str
    date: str
    at: datetime
    records: Records
    is_running: Callable[[str], bool]


@dataclass(frozen=True)
class Outcome:
    """What a run's finished stages amount to, for its record.

    Attributes:
        done: The scopes that reached what the source is for.
        degraded: What was done in a lesser way than the settings ask for, one sentence each.
        failures: Why scopes that were collected did not get so far.
        counts: Figures, by scope or kind.
    """

    done: list[str]
    degraded: list[str] = field(default_factory=list)
    failures: dict[str, Failure] = field(default_factory=dict)
    counts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Branch:
    """A source's way through the workflow.

    Attributes:
        source: The source's name.
        stages: Its stages in order, as watchers show them.
        collector: Which function collects.
        goal: What follows the analysis in the workflow.
        collected: The contract of its collect stage's output.
        parse: Checks a start: what does it ask for?
        collect: Does the collect stage of one scope.
        plan: Writes the vision job's spec, and decides where it runs.
        summarize: Reads from the stages' outputs what the run has made.
        made: Which scopes reached what the source is for, by an attempt's outputs, whether or not it failed later.
        start_command: How a person starts a run, after `framesift`.
        resume: How a person resumes a run, after `framesift run`.
        item: The contract of its manifests' lines.
        work: The collect stage's input of one scope.
        admit: Completes a request by what is recorded: who takes in what was dropped. Not called in a dry run.
        after: Called with an execution that has ended, and the run's record; more than once, if need be.
        retried: Errors of the collect stage after which it is worth trying again; the workflow's lint compares.
        stage_states: The workflow's state of each stage that a person can run alone.
        has_dry_run: Whether its stages can report what they would do.
        services: Outside services that its runs call, as `run.stand_ins` names them.
    """

    source: str
    stages: tuple[str, ...]
    collector: Collector
    goal: Goal
    collected: type[CollectOutput]
    parse: Callable[[StartInput, Settings], RunRequest]
    collect: Callable[[Mapping[str, Any], Settings, Store, Records], CollectOutput]
    plan: Callable[[StageInput, Settings, Store, Records], PlanOutput]
    summarize: Callable[[Run, Sequence[str], Sequence[CollectOutput], Outputs], Outcome]
    made: Callable[[Outputs], list[str]]
    start_command: str
    resume: Callable[[RunRecord], str]
    work: Callable[[Run, str, StartInput, RunRequest], ScopeInput]
    item: type[Item] = Item
    retried: tuple[type[FramesiftError], ...] = ()
    stage_states: Mapping[str, str] = field(default_factory=dict)
    has_dry_run: bool = False
    services: tuple[str, ...] = ()
    admit: Callable[[RunRequest, Admission], RunRequest] | None = None
    after: Callable[[str, RunRecord | None, Records, Workflow], None] | None = None


def outputs_of(stage: str, outputs: Outputs) -> list[Mapping[str, Any]]:
    """A stage's outputs, whatever scopes they cover."""
    return [output for (name, _), output in outputs.items() if name == stage]


def parse_day(start: StartInput, known: Sequence[str]) -> RunRequest:
    """What a start asks for of a source that has one run a day, over categories.

    Raises:
        InvalidStartError: If it names a collection or an object.
        UnknownCategoryError: If the source has no such category.
    """
    if start.collection is not None or start.object is not None or start.batch is not None:
        raise InvalidStartError(
            f"This start cannot be used: {start.source} has categories; `collection`, `batch` and `object` are for "
            "uploads."
        )
    for category in start.categories or []:
        if category not in known:
            raise UnknownCategoryError(
                f"{start.source} has no category {category!r}; categories are: {', '.join(known)}."
            )
    asked = start.categories or known
    return RunRequest(wanted=list(known), scopes=[category for category in known if category in asked])


def scope_input(run: Run, scope: str, start: StartInput, asked: RunRequest) -> ScopeInput:
    """The collect stage's input of a category."""
    return ScopeInput(run=run, scope=scope)


def plan_images(request: StageInput, settings: Settings, store: Store, records: Records) -> PlanOutput:
    """The plan of a source that compares images; see `plan.plan_images`, which is imported when it is needed."""
    from framesift.pipeline import plan

    return plan.plan_images(request, settings, store, records)


def resume_day(record: RunRecord) -> str:
    """The options that take up a day's run again."""
    return f"{record.source} --date {record.date}"
