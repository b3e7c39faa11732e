"""Start a run, watch it, and read what came of it."""

from __future__ import annotations

import json
import uuid
from typing import Annotated, Any

import typer
from rich.table import Table as Grid

from framesift import aws
from framesift.cli.connection import Connection, StackOption, connect, connect_to_read
from framesift.cli.console import errors, output, safe_text
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
from framesift.table import RunRecord

SourceArgument = Annotated[str, typer.Argument(help=f"Where media comes from: {', '.join(BRANCHES)}.")]
RunArgument = Annotated[
    str | None, typer.Argument(metavar="[RUN]", help="YYYY-MM-DD, or as `framesift runs` lists it; else the newest.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]

_COLOURS = {"SUCCEEDED": "green", "PARTIAL": "cyan", "FAILED": "red", "RUNNING": "yellow"}


def run(
    source: SourceArgument = DEFAULT_SOURCE,
    date: Annotated[str | None, typer.Option(help="The day, YYYY-MM-DD; today in Seoul by default.")] = None,
    category: Annotated[list[str] | None, typer.Option(help="Only this category; may be repeated.")] = None,
    collection: Annotated[str | None, typer.Option(help="Of upload: do what is not done of this collection.")] = None,
    force: Annotated[bool, typer.Option(help="Run again even if the day is done.")] = False,
    only_if_failed: Annotated[bool, typer.Option(help="Do nothing unless the day has yet to succeed.")] = False,
    wait: Annotated[bool, typer.Option(help="Watch it until it ends.")] = True,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Only say what youtube's run would do; nothing is written or sent.")
    ] = False,
    stack: StackOption = "",
) -> None:
    """Start a day's run, or take up one that failed, and watch it.

    Exit codes: 0 done (or done before), 65 refused, 69 the site or this machine, 75 try again later, 70 otherwise.
    """
    start = {
        "source": source,
        "date": date,
        "categories": category,
        "collection": collection,
        "force": force,
        "only_if_failed": only_if_failed,
    }
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


def start_and_watch(connection: Connection, start: dict[str, Any]) -> RunRecord:
    """Start an execution and show it until it ends; exits with the error's code where it fails.

    Returns:
        The day's record, also where there was nothing to do.
    """
    return watch_execution(connection, _start(connection, start))


def watch_execution(connection: Connection, execution_arn: str) -> RunRecord:
    """Show an execution until it ends; exits with the error's code where it fails.

    Returns:
        The run's record, also where there was nothing to do.
    """
    ended = watch(execution_arn, connection.records, output)
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
    limit: Annotated[int, typer.Option(min=1, max=366, help="How many days.")] = 14,
    json_: JsonOption = False,
    stack: StackOption = "",
) -> None:
    """List the newest runs."""
    records = connect_to_read(stack).records.runs.newest(source, limit)
    if json_:
        output.print_json(json.dumps([record.model_dump(mode="json") for record in records]))
        return
    rows = []
    for record in records:
        took = f"{(record.finished_at - record.started_at).total_seconds():.0f} s" if record.finished_at else ""
        remark = f"{record.stage}: {record.error}" if record.error else "; ".join(record.degraded)
        state = Cell(record.status, _COLOURS[record.status])
        rows.append((record.run.id, state, str(record.attempt), took, ", ".join(record.done), remark))
    show_table(
        (
            Column("run", keep=True),
            Column("status", keep=True),
            Column("attempt", priority=0, align="right"),
            Column("took", priority=2, align="right"),
            Column("categories", priority=1),
            Column("remark", priority=3),
        ),
        rows,
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
    source: Annotated[str, typer.Option(help="Where it is from.")] = DEFAULT_SOURCE,
    stack: StackOption = "",
) -> None:
    """Show a clip's history: each day, whether it was listed or dropped, and why."""
    days = connect_to_read(stack).records.items.days(source, clip_id)
    if not days:
        raise NotFoundError(f"{source} clip {clip_id} was never collected.")
    for day in days:
        listed = day.list_id or f"dropped ({day.dropped})"
        output.print(
            f"{day.date}  {day.category:<10} {day.views:>12,} views  {listed}: {safe_text(day.why)}", highlight=False
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
        show_table(_LIST_COLUMNS, [_list_row(item) for item in top.items])


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
    grid = Grid(box=None, pad_edge=False)
    for column in ("", "seen", "collected", "failed", "re-uploads", "other language", "listed"):
        grid.add_column(column, header_style="dim", justify="left" if not column else "right")
    missing = [name for name in record.wanted if name not in record.done and name not in record.failed_categories]
    for category in dict.fromkeys([*record.done, *record.failed_categories, *missing]):
        counts = record.counts.get(category, {})
        dropped = counts.get("dropped", {})
        shown = (
            counts.get("seen"),
            counts.get("items"),
            counts.get("failed_items"),
            dropped.get("duplicate", 0) if counts else None,
            dropped.get("language", 0) if counts else None,
            counts.get("ranked"),
        )
        colour = "red" if category in record.failed_categories else "bold"
        grid.add_row(
            f"[{colour}]{safe_text(category)}[/]", *("–" if value is None else f"{value:,}" for value in shown)
        )
    output.print(grid)
    analysis = record.counts.get("analysis")
    if analysis:
        output.print(
            f"[dim]Re-uploads were judged by {analysis['embedder']}: {analysis['embedder_why']}[/]", soft_wrap=True
        )
    show_detection(record.counts)


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
