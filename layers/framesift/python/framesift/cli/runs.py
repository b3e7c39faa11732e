"""Start a run, watch it, and read what came of it."""

from __future__ import annotations

import json
import uuid
from typing import Annotated, Any

import typer

from framesift import aws
from framesift.cli.connection import Connection, StackOption, connect, connect_to_read
from framesift.cli.console import errors, output, safe_text, show_time
from framesift.cli.detector import show_detection
from framesift.cli.dry_run import dry_run
from framesift.cli.tables import Cell, Column, show_table
from framesift.cli.uploads import show_poses
from framesift.cli.watch import Snapshot, watch
from framesift.contracts import Run, TopItem, TopList
from framesift.errors import NotFoundError, RunBusyError, get_exit_code
from framesift.pipeline.branches import BRANCHES, DEFAULT_SOURCE, branch_of
from framesift.pipeline.finish import plain_cause
from framesift.pipeline.shown_lists import key_of_day, read_shown
from framesift.table import Execution, RunRecord

SourceArgument = Annotated[str, typer.Argument(help=f"Where media comes from: {', '.join(BRANCHES)}.")]
RunArgument = Annotated[
    str | None, typer.Argument(metavar="[RUN]", help="YYYY-MM-DD, or as `framesift runs` lists it; else the newest.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]

_DRY_RUN_SOURCES = " or ".join(branch.source for branch in BRANCHES.values() if branch.has_dry_run)
INTERRUPTED_EXIT_CODE = 130  # 128 and SIGINT's number, as shells have it.
_COLOURS = {"SUCCEEDED": "green", "PARTIAL": "cyan", "FAILED": "red", "RUNNING": "yellow"}


def run(
    source: SourceArgument = DEFAULT_SOURCE,
    date: Annotated[str | None, typer.Option(help="The day, YYYY-MM-DD; today in Seoul by default.")] = None,
    category: Annotated[list[str] | None, typer.Option(help="Only this category; may be repeated.")] = None,
    collection: Annotated[str | None, typer.Option(help="For upload: process what is left of this collection.")] = None,
    batch: Annotated[str | None, typer.Option(help="For upload: take in this batch of the collection.")] = None,
    force: Annotated[bool, typer.Option(help="Run again even if the day is done.")] = False,
    only_if_failed: Annotated[bool, typer.Option(help="Do nothing if the day has already succeeded.")] = False,
    wait: Annotated[bool, typer.Option(help="Watch it until it ends.")] = True,
    dry: Annotated[
        bool,
        typer.Option("--dry-run", help=f"Show what a run of {_DRY_RUN_SOURCES} would do; write and send nothing."),
    ] = False,
    stack: StackOption = "",
) -> None:
    """Start a day's run, or resume one that failed, and watch it.

    Exit codes: 0 done (or done before), 65 refused, 69 the site or this machine, 75 try again later, 70 otherwise.
    """
    start = {
        "source": source,
        "date": date,
        "categories": category,
        "collection": collection,
        "batch": batch,
        "force": force,
        "only_if_failed": only_if_failed,
    }
    branch_of(source)  # A misspelt one is named before anything is asked.
    connection = connect(stack)
    start = {name: value for name, value in start.items() if value}
    if dry:
        dry_run(connection, start)
    elif wait:
        start_and_watch(connection, start)
    else:
        output.print(_start(connection, start), soft_wrap=True, highlight=False)


def _start(connection: Connection, start: dict[str, Any]) -> str:
    name = f"{start['source']}-{start.get('date', 'today')}-{uuid.uuid4().hex[:8]}"
    execution = aws.stepfunctions().start_execution(
        stateMachineArn=connection.state_machine_arn, name=name, input=json.dumps(start)
    )
    return execution["executionArn"]


def start_and_watch(connection: Connection, start: dict[str, Any], *, goes_on: bool = True) -> RunRecord:
    """Start an execution and show it until it ends; exits with the error's code where it fails, with 130 at Ctrl-C.

    Args:
        connection: Where it runs.
        start: The execution's input.
        goes_on: Whether the execution outlives this process.

    Returns:
        The day's record, also where there was nothing to do.
    """
    return watch_execution(connection, _start(connection, start), goes_on=goes_on)


def watch_execution(connection: Connection, execution_arn: str, *, goes_on: bool = True) -> RunRecord:
    """Show an execution until it ends; exits with the error's code where it fails, with 130 at Ctrl-C.

    Args:
        connection: Where it runs.
        execution_arn: The execution.
        goes_on: Whether the execution outlives this process.

    Returns:
        The run's record, also where there was nothing to do.
    """
    try:
        ended = watch(execution_arn, connection.records, output)
    except KeyboardInterrupt:
        _say_how_to_come_back(connection.records.runs.of_execution(execution_arn), goes_on=goes_on)
        raise typer.Exit(INTERRUPTED_EXIT_CODE) from None
    if ended.result.get("decision") == "skip":
        output.print(f"Nothing to do: {safe_text(ended.result['why'])}.", highlight=False, soft_wrap=True)
        run = Run.model_validate(ended.result["run"])
    elif ended.record is None:  # Refused: there is no run.
        _explain(ended)
        raise typer.Exit(get_exit_code(ended.result.get("error")))
    else:
        run = ended.record.run
    record = find_run(connection, run.source, run.id)
    _show_summary(connection, record)
    if ended.state != "SUCCEEDED":
        raise typer.Exit(get_exit_code(record.error))
    if record.status == "RUNNING":  # Another execution has the run: this request was not carried out.
        raise typer.Exit(RunBusyError.exit_code)
    return record


def _say_how_to_come_back(record: RunRecord | None, *, goes_on: bool) -> None:
    if not goes_on:
        errors.print("The run stops with the embedded AWS; the same command takes it up again.", highlight=False)
        return
    again = f"`framesift watch {record.source} '{safe_text(record.run.id)}'`" if record else "`framesift watch`"
    errors.print(f"The run goes on. {again} shows it again.", highlight=False, soft_wrap=True)


def watch_run(source: SourceArgument = DEFAULT_SOURCE, run_id: RunArgument = None, stack: StackOption = "") -> None:
    """Watch a run until it ends; of one that has ended, show how."""
    connection = connect(stack)
    record = find_run(connection, source, run_id)
    if run_id is None:  # A day's upload may be under way beside a newer one that has ended.
        newest = connection.records.runs.newest(source)
        record = next((each for each in newest if each.status == "RUNNING"), record)
    if record.status == "RUNNING":
        watch_execution(connection, record.execution_arn)
    else:
        output.print("No run is under way; the newest one:" if run_id is None else "It has ended.", highlight=False)
        _show_summary(connection, record)


def status(
    source: SourceArgument = DEFAULT_SOURCE,
    run_id: RunArgument = None,
    json_: JsonOption = False,
    stack: StackOption = "",
) -> None:
    """Show how a day's run went, category by category."""
    connection = connect_to_read(stack)
    record = find_run(connection, source, run_id)
    if json_:
        output.print_json(record.model_dump_json())
    else:
        _show_summary(connection, record)


def list_runs(
    source: SourceArgument = DEFAULT_SOURCE,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many executions.")] = 20,
    json_: JsonOption = False,
    stack: StackOption = "",
) -> None:
    """List the newest executions of a source's runs: who started each, and how it ended."""
    branch_of(source)
    executions = connect_to_read(stack).records.runs.executions(source, limit)
    if json_:
        output.print_json(json.dumps([execution.model_dump(mode="json") for execution in executions]))
        return
    show_table(
        (
            Column("run", keep=True),
            Column("attempt", priority=0, align="right"),
            Column("trigger", priority=4),
            Column("started", priority=3, min_width=16),
            Column("took", priority=2, align="right"),
            Column("status", keep=True),
            Column("worked on", priority=1, min_width=9),
            Column("error", priority=5, min_width=10),
        ),
        [_execution_row(execution) for execution in executions],
        if_empty=f"{source} has not been run yet: `framesift run {source}` does it.",
    )


def _execution_row(execution: Execution) -> tuple[str | Cell, ...]:
    end, start = execution.finished_at, execution.started_at
    return (
        execution.run_id,
        str(execution.attempt),
        execution.trigger if execution.action == "run" else execution.action,
        show_time(start),
        f"{(end - start).total_seconds():.0f} s" if end else "",
        Cell(execution.status, _COLOURS[execution.status]),
        ", ".join(execution.scopes),
        f"{execution.error}: {execution.cause}" if execution.cause else execution.error or "",
    )


def top10(
    category: Annotated[str | None, typer.Argument(help="One category; all by default.")] = None,
    json_: JsonOption = False,
    stack: StackOption = "",
) -> None:
    """Show the newest lists."""
    connection = connect_to_read(stack)
    lists = _newest_lists(connection, [category] if category else None)
    if json_:
        output.print_json(json.dumps([top.model_dump(mode="json") for top in lists]))
    else:
        show_lists(lists)


def clip(
    clip_id: Annotated[str, typer.Argument(help="The clip's id, as the site gives it.")],
    source: Annotated[str, typer.Option(help="The clip's source.")] = DEFAULT_SOURCE,
    json_: JsonOption = False,
    stack: StackOption = "",
) -> None:
    """Show a clip's history: each day, whether it was listed or dropped, and why."""
    days = connect_to_read(stack).records.items.days(source, clip_id)
    if not days:
        raise NotFoundError(f"{source} clip {clip_id} was never collected.")
    if json_:
        output.print_json(json.dumps([day.model_dump(mode="json") for day in days]))
        return
    for day in days:
        listed = day.list_id or f"dropped ({day.dropped})"
        output.print(
            f"{day.date}  {day.category:<10} {day.views:>12,} views  {listed}: {safe_text(day.why)}",
            highlight=False,
            soft_wrap=True,
        )


def _newest_lists(connection: Connection, categories: list[str] | None) -> list[TopList]:
    pointers = [
        pointer for pointer in connection.records.lists.pointers() if not categories or pointer.category in categories
    ]
    if not pointers:
        named = ", ".join(categories or ["any category"])
        raise NotFoundError(f"No list of {named} is published yet: `framesift run` makes one.")
    return [read_shown(pointer.key, connection.store, connection.records) for pointer in pointers]


def lists_of(connection: Connection, record: RunRecord) -> list[TopList]:
    """The newest lists of a run's day, without the clips that were taken down since."""
    store, records = connection.store, connection.records
    pointers = [pointer for category in record.done if (pointer := records.lists.pointer(category))]
    return [read_shown(key_of_day(pointer, record.date, store), store, records) for pointer in pointers]


_LIST_COLUMNS = (
    Column("rank", keep=True, align="right"),
    Column("views", priority=4, align="right", min_width=11),
    Column("moved", priority=2),
    Column("title", priority=5, min_width=28),
    Column("author", priority=1),
    Column("clip", keep=True),
)


def show_lists(lists: list[TopList]) -> None:
    """Print lists: for a person one table a category, for a program one table."""
    if not output.is_terminal:
        rows = [(top.category, top.date, *_list_row(item)) for top in lists for item in top.items]
        show_table((Column("category"), Column("date"), *_LIST_COLUMNS), rows)
        return
    for top in lists:
        note = safe_text(top.note or "")
        output.print(f"\n[bold]{top.category}[/]  {top.date}  [dim]{note}[/]", highlight=False)
        show_table(_LIST_COLUMNS, [_list_row(item) for item in top.items], if_empty="The list is empty.")


def _list_row(item: TopItem) -> tuple[str, ...]:
    moved = "new" if item.previous_rank is None else _moved(item.previous_rank - item.rank)
    return (str(item.rank), f"{item.views:,}", moved, item.title or "(no title)", f"@{item.author}", item.clip_id)


def _moved(places: int) -> str:
    return "=" if places == 0 else f"{'▲' if places > 0 else '▼'}{abs(places)}"


def find_run(connection: Connection, source: str, run_id: str | None) -> RunRecord:
    """The record of a run (`Run.id`); of the newest by default.

    Raises:
        NotFoundError: If there is none.
    """
    if run_id is None:
        records = connection.records.runs.newest(source, 1)
        if records:
            return records[0]
        raise NotFoundError(
            f"{source} has not been run yet: `framesift {branch_of(source).start_command}` starts a run."
        )
    record = connection.records.runs.get(source, run_id)
    if record is None:
        raise NotFoundError(f"{source} was not run for {run_id}; `framesift runs {source}` lists the runs.")
    return record


def _show_summary(connection: Connection, record: RunRecord) -> None:
    output.print(f"[bold]{record.source} {safe_text(record.run.id)}[/]  {_status(record)}", highlight=False)
    if record.error:
        output.print(
            f"at stage {record.stage}: {record.error}: {safe_text(record.cause or '')}", highlight=False, soft_wrap=True
        )
    if record.collection:
        show_poses(connection, record)
    else:
        _show_categories(record)
    if record.stand_ins:
        output.print(f"[dim]Stand-ins took the place of: {safe_text(', '.join(record.stand_ins))}[/]", soft_wrap=True)
    for sentence in record.degraded:
        output.print(f"[yellow]Note:[/] {safe_text(sentence)}", highlight=False, soft_wrap=True)


def _show_categories(record: RunRecord) -> None:
    missing = [name for name in record.wanted if name not in record.done and name not in record.failed_categories]
    names = dict.fromkeys([*record.wanted, *record.done, *record.failed_categories])
    columns = [
        Column("category", keep=True),
        Column("state", keep=True),
        Column("seen", priority=2, align="right"),
        Column("collected", priority=3, align="right"),
        Column("failed", priority=1, align="right"),
        Column("re-uploads", priority=4, align="right"),
        Column("other language", priority=0, align="right"),
        Column("listed", priority=5, align="right"),
    ]
    if branch_of(record.source).goal != "lists":  # Nothing is dropped there, and nothing listed.
        columns = columns[:5]
    show_table(columns, [_category_row(name, record)[: len(columns)] for name in names])
    if record.status == "PARTIAL" and missing:
        categories = " --category ".join(missing)
        output.print(
            f"What was started is done. Not started yet: {safe_text(', '.join(missing))}; "
            f"`framesift run {record.source} --date {record.date} --category {safe_text(categories)}` makes the rest.",
            highlight=False,
            soft_wrap=True,
        )
    analysis = record.counts.get("analysis")
    if analysis:
        output.print(
            f"[dim]Re-uploads were judged by {analysis['embedder']}: {analysis['embedder_why']}[/]", soft_wrap=True
        )
    show_detection(record.counts)


def _category_row(name: str, record: RunRecord) -> tuple[str | Cell, ...]:
    counts = record.counts.get(name, {})
    dropped = counts.get("dropped", {})
    figures = (
        counts.get("seen"),
        counts.get("items"),
        counts.get("failed_items"),
        dropped.get("duplicate", 0) if counts else None,
        dropped.get("language", 0) if counts else None,
        counts.get("ranked"),
    )
    failed = name in record.failed_categories
    waits = record.status == "RUNNING" and name in record.scopes
    state = "failed" if failed else "under way" if waits else "done" if name in record.done else "missing"
    shown = ("–" if value is None else f"{value:,}" for value in figures)
    return (Cell(name, "red" if failed else "bold"), state, *shown)


def _status(record: RunRecord) -> str:
    return f"[{_COLOURS[record.status]}]{record.status}[/]"


def _explain(ended: Snapshot) -> None:
    stage = f" at stage {ended.record.stage}" if ended.record and ended.record.stage else ""
    errors.print(
        f"[red]framesift:[/] the run ended {ended.state}{stage}: {ended.result.get('error')}: "
        f"{safe_text(plain_cause(ended.result.get('cause', '')))}",
        highlight=False,
        soft_wrap=True,
    )
