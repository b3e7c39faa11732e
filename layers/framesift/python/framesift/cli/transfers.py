"""Export a collection's images, and bring in labels that other programs made of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from framesift.cli.catalog import JsonOption, NameArgument, QueryArgument, open_collection, pointing_at
from framesift.cli.connection import Connection, StackOption
from framesift.cli.console import count_of, errors, print_text
from framesift.cli.jobs import LocalOption, WaitOption, find_running, wait_for_job
from framesift.contracts.exports import ExportFormat, ExportOptions, ExportSummary
from framesift.errors import ExportFailedError, ImportFailedError
from framesift.settings import load_settings
from framesift.table import ExportRecord, ImportRecord
from framesift.table.imports import ImportFormat
from framesift.workflow import Workflow

_CLASSES_SHOWN = 12
_FAULTS_SHOWN = 10


def add_commands(app: typer.Typer) -> None:
    """Add the commands about what goes out and comes back to the group of collections."""
    app.command("export")(export)
    app.command("import")(import_labels)


def export(
    name: NameArgument,
    query: QueryArgument = "",
    query_option: Annotated[str, typer.Option("--query", help="The same as the argument.")] = "",
    format_: Annotated[ExportFormat, typer.Option("--format", help="What other programs read.")] = "coco",
    to: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="By default NAME and the format's own.")
    ] = None,
    labels: Annotated[
        Literal["annotations", "predictions", "either"],
        typer.Option(help="Whose labels; either: an item's annotations, or its predictions where it has none."),
    ] = "either",
    min_score: Annotated[float, typer.Option(min=0, max=1, help="Predictions below it are left out.")] = 0.5,
    class_: Annotated[
        list[str] | None, typer.Option("--class", help="Only these classes, in this order; repeat it for each.")
    ] = None,
    images: Annotated[bool, typer.Option("--images/--no-images", help="Whether the images are in the zip.")] = True,
    vectors: Annotated[str | None, typer.Option(help="For parquet: the model whose vectors are a column.")] = None,
    wait: WaitOption = True,
    local: LocalOption = False,
    json_: JsonOption = False,
    stack: StackOption = "",
) -> None:
    """Export the images that a query finds, with their labels, for other programs.

    A job makes the file; the same command again goes on with one that was interrupted.
    """
    from framesift.catalog.export import FORMATS

    query = query or query_option
    options = ExportOptions(labels=labels, min_score=min_score, classes=class_, images=images, vectors=vectors)
    path = to or Path(f"{name}-{FORMATS[format_].file}")
    connection = None if local else find_running(stack)
    with pointing_at(query):
        if connection is None:
            with errors.status("Exporting …"):
                summary = open_collection(name, stack).export(query, format_, path, options)
        else:
            record = _start_export(connection, name, query, format_, options)
            if not wait:
                print_text(f"Export {record.id} of {name} is under way: the same command without --no-wait fetches it.")
                return
            summary = _fetch_export(connection, record, path)
    if json_:
        print(summary.model_dump_json(exclude_none=True))  # noqa: T201 - for programs, never wrapped
        return
    _describe(summary, path)


def import_labels(
    name: NameArgument,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A file of labels.")],
    format_: Annotated[
        ImportFormat | None, typer.Option("--format", help="By default what the file's name and beginning tell.")
    ] = None,
    wait: WaitOption = True,
    local: LocalOption = False,
    json_: JsonOption = False,
    stack: StackOption = "",
) -> None:
    """Bring in labels of images that are in the collection: they take the place of those that the images have.

    Corrections that were made in Label Studio come back by their items' ids. Data sets with images go in by `add`.
    """
    from framesift.catalog.import_jobs import guess_format
    from framesift.catalog.import_jobs import import_labels as import_now

    with file.open("rb") as opened_file:
        form = format_ or guess_format(file.name, opened_file.read())
    connection = None if local else find_running(stack)
    if connection is None:
        opened = open_collection(name, stack)
        with errors.status("Importing …"):
            done = import_now(opened.log, opened.reader, file.read_bytes(), form, opened.by)
        items, count, first = done.items, done.faults.count, done.faults.first
    else:
        record = _start_import(connection, name, file, form)
        if not wait:
            print_text(f"Import {record.id} into {name} is under way.")
            return
        record = _wait_for_import(connection, record)
        items, count, first = record.items, record.faults, record.first_faults
    if json_:
        print(json.dumps({"items": items, "faults": count, "first_faults": first}, ensure_ascii=False))  # noqa: T201
        return
    print_text(f"{count_of(items, 'item')} now {'has' if items == 1 else 'have'} the labels of {file}.")
    if count:
        print_text(f"{count_of(count, 'entry').replace('entrys', 'entries')} of {file} could not be used:")
        for fault in first[:_FAULTS_SHOWN]:
            print_text(f"  {fault}")


def _start_export(
    connection: Connection, name: str, query: str, form: ExportFormat, options: ExportOptions
) -> ExportRecord:
    """Start an export, or take up the newest one of the same that has not been fetched yet."""
    from framesift.catalog.export_jobs import restart_export, settle_export, start_export

    store, records, workflow = connection.store, connection.records, Workflow(connection.state_machine_arn)
    for record in records.exports.of_collection(name):
        is_same = (record.by, record.query, record.format, record.options) == ("", query, form, options)
        if is_same and record.state != "done" and record.expires_at > datetime.now(UTC):
            settled = settle_export(record, records, workflow)
            return restart_export(settled, store=store, records=records, workflow=workflow)
    return start_export(
        name,
        "",
        query,
        form,
        options,
        settings=load_settings(),
        store=store,
        records=records,
        workflow=workflow,
    )


def _fetch_export(connection: Connection, record: ExportRecord, path: Path) -> ExportSummary:
    """Wait for an export, and download its file.

    Raises:
        ExportFailedError: It has failed.
        ExportMissingError: It was deleted meanwhile.
    """
    from framesift.catalog.export_jobs import settle_export

    with _progress("export") as on_progress:
        record = wait_for_job(
            connection,
            record,
            connection.records.exports,
            settle_export,
            lambda running: on_progress(running.done, running.total),
        )
    if record.summary is None:
        raise ExportFailedError(f"The export {record.id} has failed: {record.error}")
    path.parent.mkdir(parents=True, exist_ok=True)
    connection.store.download(record.summary.key, path)
    return record.summary


def _start_import(connection: Connection, name: str, file: Path, form: ImportFormat) -> ImportRecord:
    from framesift.catalog.import_files import new_import
    from framesift.catalog.import_jobs import start_import

    records, store = connection.records, connection.store
    records.collections.get(name)
    record = new_import(name, "", form, file.stat().st_size, load_settings(), records)
    store.upload(file, record.key)
    return start_import(record, store=store, records=records, workflow=Workflow(connection.state_machine_arn))


def _wait_for_import(connection: Connection, record: ImportRecord) -> ImportRecord:
    """Wait for an import.

    Raises:
        ImportFailedError: It has failed.
        ImportMissingError: It was deleted with its collection.
    """
    from framesift.catalog.import_jobs import settle_import

    with errors.status("Importing …"):
        record = wait_for_job(connection, record, connection.records.imports, settle_import)
    if record.state == "failed":
        raise ImportFailedError(f"The import has failed: {record.error}")
    return record


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar of items; yields the callback that advances it."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def _describe(summary: ExportSummary, path: Path) -> None:
    splits = ", ".join(f"{count:,} in {split}" for split, count in summary.splits.items() if count)
    print_text(
        f"{path}: {count_of(summary.items, 'item')}{f' ({splits})' if splits else ''}, {summary.size_bytes:,} bytes."
    )
    classes = ", ".join([*summary.classes[:_CLASSES_SHOWN], *(["…"] if summary.classes[_CLASSES_SHOWN:] else [])])
    print_text(
        f"{summary.boxes:,} boxes, {summary.image_labels:,} labels of whole images, "
        f"{len(summary.classes):,} class{'' if len(summary.classes) == 1 else 'es'}{f': {classes}' if classes else ''}."
    )
    for count, what in (
        (summary.left_out, "labels of other classes are left out"),
        (summary.images_missing, "images are gone"),
        (summary.without_vector, "items have no vector of that model"),
    ):
        if count:
            errors.print(f"[yellow]{count:,} {what}.[/]", highlight=False)
