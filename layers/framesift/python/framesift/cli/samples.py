"""Samples of a collection: a few images that tell much, chosen of many, and tagged."""

from __future__ import annotations

import json
import shlex
from typing import Annotated

import typer

from framesift.cli.catalog import JsonOption, NameArgument, QueryArgument, open_collection, pointing_at
from framesift.cli.connection import Connection, StackOption
from framesift.cli.console import count_of, errors, output, print_text
from framesift.cli.jobs import LocalOption, WaitOption, find_running, wait_for_job
from framesift.cli.tables import Column, show_table
from framesift.contracts.samples import SampleMethod, SampleOptions
from framesift.errors import SampleFailedError
from framesift.settings import load_settings
from framesift.table import SampleRecord
from framesift.workflow import Workflow


def add_commands(app: typer.Typer) -> None:
    """Add the commands about samples to the group of collections."""
    app.command("sample")(sample)
    app.command("samples")(list_samples)


def sample(
    name: NameArgument,
    tag: Annotated[str, typer.Argument(metavar="TAG", help="What the images are tagged with; none has it yet.")],
    query: QueryArgument = "",
    method: Annotated[
        SampleMethod,
        typer.Option(
            help="diverse: far from each other; representative: in the midst of many; unique: far from all others; "
            "uncertain: where models are least sure; boundary: with scores near --threshold."
        ),
    ] = "diverse",
    count: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 100,
    model: Annotated[
        str, typer.Option(help="Whose vectors or predictions, name@version; by default the best, and all.")
    ] = "",
    known: Annotated[
        str, typer.Option(metavar="QUERY", help="With diverse: images that are known, to stay far from.")
    ] = "",
    threshold: Annotated[float, typer.Option(min=0, max=1, help="With boundary: the score that decides.")] = 0.5,
    seed: Annotated[int, typer.Option(min=0, help="The same one chooses the same images.")] = 0,
    wait: WaitOption = True,
    local: LocalOption = False,
    json_: JsonOption = False,
    stack: StackOption = "",
) -> None:
    """Choose some of the images that a query finds, and tag them.

    Example: framesift collection sample parts 'to label' 'NOT tag:labelled' --count 50 --known tag:labelled
    """
    options = SampleOptions(method=method, count=count, model=model, known=known, threshold=threshold, seed=seed)
    connection = None if local else find_running(stack)
    with pointing_at(query):
        if connection is None:
            with errors.status("Choosing …"):
                record = open_collection(name, stack).sample(tag, query, **options.model_dump())
        else:
            record = _start(connection, name, tag, query, options)
            if not wait:
                print_text(
                    f"The sample {record.id} is being taken: `framesift collection samples {shlex.quote(name)}`."
                )
                return
            record = _wait(connection, record)
    if json_:
        print(record.model_dump_json())  # noqa: T201 - for programs, never wrapped
        return
    summary = record.summary
    if summary:
        few = f", {summary.considered:,} of which were looked at" if summary.considered < summary.found else ""
        print_text(
            f"{count_of(summary.chosen, 'image')} of {summary.found:,}{few} now tagged {record.tag}"
            f"{f', by {summary.model}' if summary.model else ''}."
        )


def list_samples(name: NameArgument, json_: JsonOption = False, stack: StackOption = "") -> None:
    """Show the samples that were taken of a collection: how each tag's images were chosen, the newest first."""
    found = open_collection(name, stack).samples()
    if json_:
        output.print_json(json.dumps([record.model_dump(mode="json") for record in found]))
        return
    show_table(
        (
            Column("tag", keep=True),
            Column("state", priority=4),
            Column("method", priority=3),
            Column("query", priority=2, min_width=10),
            Column("model", priority=1),
            Column("images", priority=3, align="right"),
        ),
        [
            (
                record.tag,
                record.state,
                record.options.method,
                record.query,
                record.summary.model if record.summary else record.options.model,
                f"{record.summary.chosen:,}" if record.summary else "",
            )
            for record in found
        ],
        if_empty="No sample was taken yet: `framesift collection sample` takes one.",
    )


def _start(connection: Connection, name: str, tag: str, query: str, options: SampleOptions) -> SampleRecord:
    from framesift.catalog.reader import open_reader
    from framesift.samples.records import create_sample, start_sample

    store, records = connection.store, connection.records
    records.collections.get(name)
    reader = open_reader(name, store, records, load_settings().catalog)
    record = create_sample(name, "", tag, query, options, reader=reader, records=records)
    start_sample(record, store=store, records=records, workflow=Workflow(connection.state_machine_arn))
    return record


def _wait(connection: Connection, record: SampleRecord) -> SampleRecord:
    """Wait for a sample.

    Raises:
        SampleFailedError: It could not be taken.
    """
    from framesift.samples.records import settle_sample

    with errors.status("Choosing …"):
        record = wait_for_job(connection, record, connection.records.samples, settle_sample)
    if record.state == "failed":
        raise SampleFailedError(f"The sample {record.id} could not be taken: {record.error}")
    return record
