"""A run as a person watches it: a live table in a terminal, plain lines in a pipe."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import Progress, TaskID
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table as Grid
from rich.text import Text

from framesift import aws
from framesift.cli.console import count_of, safe_text
from framesift.cli.progress import frame_bars
from framesift.pipeline.branches import branch_of
from framesift.table import Records, RunRecord
from framesift.table.stages import FRAMES, SCOPE_SEPARATOR

POLL_S = 0.5
_CELL_WIDTH, _GAP = 16, 2  # A stage's column: a bar of 8 cells, and `200/200`.


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment.

    Attributes:
        state: The execution's status, such as `RUNNING`.
        seconds: Since the execution started.
        record: The run's record, once it is claimed.
        cells: What to show of a stage and category: done, total and a text.
        frames: Of videos: how many frames are done, and of how many.
        result: The execution's output where it has ended, or its error and cause.
    """

    state: str
    seconds: float
    record: RunRecord | None = None
    cells: dict[tuple[str, str], tuple[int, int, str]] = field(default_factory=dict)
    frames: dict[str, tuple[int, int]] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        """Whether the execution is still at work."""
        return self.state == "RUNNING"


def watch(execution_arn: str, records: Records, console: Console) -> Snapshot:
    """Show a run until it ends, from wherever it is.

    Returns:
        How it ended.
    """
    moments = _snapshots(execution_arn, records)
    return _watch_live(moments, console) if console.is_terminal else _watch_plainly(moments, console)


def _snapshots(execution_arn: str, records: Records) -> Iterator[Snapshot]:
    record: RunRecord | None = None
    while True:
        execution = aws.stepfunctions().describe_execution(executionArn=execution_arn)
        if record is None:
            record = records.runs.of_execution(execution_arn)
        progress = records.stages.progress(record.run, record.started_at) if record else {}
        snapshot = Snapshot(
            state=execution["status"],
            seconds=(datetime.now(UTC) - execution["startDate"]).total_seconds(),
            record=record,
            cells=_cells(record, records, progress) if record else {},
            frames={scope: counts for (stage, scope), counts in progress.items() if stage == FRAMES},
            result=_result(execution),
        )
        yield snapshot
        if not snapshot.running:
            return
        time.sleep(POLL_S)


def _result(execution: Any) -> dict[str, Any]:
    if execution["status"] == "SUCCEEDED":
        output = json.loads(execution.get("output") or "{}")
        return output if isinstance(output, dict) else {}
    return {"error": execution.get("error") or execution["status"], "cause": execution.get("cause") or ""}


def _cells(
    record: RunRecord, records: Records, progress: Mapping[tuple[str, str], tuple[int, int]]
) -> dict[tuple[str, str], tuple[int, int, str]]:
    run, stages = record.run, records.stages
    cells: dict[tuple[str, str], tuple[int, int, str]] = {}
    for (stage, scope), (done, total) in progress.items():
        for category in scope.split(SCOPE_SEPARATOR):
            cells[stage, category] = (done, total, f"{done}/{total}")
    for (stage, scope), output in stages.outputs(run).items():
        describe = _DESCRIBE.get(stage)
        for category in scope.split(SCOPE_SEPARATOR):
            cells[stage, category] = (1, 1, describe(output, category) if describe else "done")
            # The vision job keeps no output of its own: the next stage's shows that it is done.
            if stage == "curate":
                duplicates = output["dropped"].get("duplicate", 0)
                cells["analyze", category] = (1, 1, count_of(duplicates, "re-upload"))
            elif stage in ("predict", "poses"):
                cells["analyze", category] = (1, 1, "done")
    return {key: cell for key, cell in cells.items() if key[1] in record.scopes}


def _describe_published(output: dict[str, Any], category: str) -> str:
    counts = {listed["category"]: listed["count"] for listed in output["lists"]}
    return f"top {counts[category]}" if category in counts else "none qualified"


def _describe_predicted(output: dict[str, Any], category: str) -> str:
    seen = next(each for each in output["categories"] if each["category"] == category)
    return f"{sum(seen['confident'].values())} detected, {seen['to_review']} to review"


_DESCRIBE: dict[str, Callable[[dict[str, Any], str], str]] = {
    "collect": lambda output, _: count_of(output["items"], "item"),
    "curate": lambda output, _: f"{output['items'] - _not_kept(output)} kept",
    "publish": _describe_published,
    "predict": _describe_predicted,
    "poses": lambda output, _: f"{output['done']} done, {output['failed']} failed",
    "train": lambda output, _: f"{output['uploaded']} uploaded: {output['outcome'].replace('_', ' ')}",
}


def _not_kept(output: dict[str, Any]) -> int:
    return sum(count for reason, count in output["dropped"].items() if reason != "below_top")


def _watch_live(moments: Iterator[Snapshot], console: Console) -> Snapshot:
    snapshot = Snapshot("RUNNING", 0)
    spinner, bars = Spinner("dots"), frame_bars(console)
    tasks: dict[str, TaskID] = {}
    with Live(console=console, refresh_per_second=8, transient=True) as live:
        for snapshot in moments:
            _advance(bars, tasks, snapshot.frames)
            live.update(Group(_render(snapshot, spinner, console.width), bars))
    return snapshot


def _advance(bars: Progress, tasks: dict[str, TaskID], frames: Mapping[str, tuple[int, int]]) -> None:
    """Bring the bars of videos up to date; those of videos that are done are hidden."""
    for name, (done, total) in frames.items():
        if name not in tasks:
            tasks[name] = bars.add_task(safe_text(name), total=total, completed=done)
        bars.update(tasks[name], completed=done, total=total, visible=done < total)


def _render(snapshot: Snapshot, spinner: Spinner, width: int) -> RenderableType:
    record = snapshot.record
    title = f"{record.source} {record.run.id}" if record else "starting"
    spinner.update(text=Text.assemble((f" {title}", "bold"), f"  {snapshot.seconds:.0f} s"))
    if record is None:
        return spinner
    stages = branch_of(record.source).stages
    # Columns keep their widths while their cells change; at a narrow terminal they are narrower, and have no bars.
    names = max(map(cell_len, record.scopes), default=0)
    cell_width = min(_CELL_WIDTH, (width - names) // len(stages) - _GAP)
    grid = Grid(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    grid.add_column("", style="bold")
    for stage in stages:
        grid.add_column(stage, min_width=cell_width, header_style="dim", overflow="ellipsis", no_wrap=True)
    for category in record.scopes:
        cells = (snapshot.cells.get((stage, category)) for stage in stages)
        grid.add_row(category, *(_cell(cell, with_bar=cell_width == _CELL_WIDTH) for cell in cells))
    return Group(spinner, grid)


def _cell(cell: tuple[int, int, str] | None, *, with_bar: bool) -> RenderableType:
    if cell is None:
        return Text("·", style="dim")
    done, total, text = cell
    if done >= total:
        return Text(text, style="green")
    if not with_bar:
        return Text(text)
    bar = Grid.grid(padding=(0, 1, 0, 0))
    bar.add_row(ProgressBar(total=total, completed=done, width=8), Text(text, style="dim"))
    return bar


def _watch_plainly(moments: Iterator[Snapshot], console: Console) -> Snapshot:
    snapshot = Snapshot("RUNNING", 0)
    said: set[tuple[str, str]] = set()
    for snapshot in moments:
        for (stage, category), (done, total, text) in snapshot.cells.items():
            if done >= total and (stage, category) not in said:
                said.add((stage, category))
                line = safe_text(f"{snapshot.seconds:6.1f} s  {stage:<8} {category:<10} {text}")
                console.print(line, highlight=False)
    return snapshot
