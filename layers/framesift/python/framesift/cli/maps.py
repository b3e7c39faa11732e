"""Maps of a collection: where images that resemble each other lie together, and what stands apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from framesift import keys
from framesift.cli.catalog import JsonOption, NameArgument, QueryArgument, open_connected, pointing_at
from framesift.cli.connection import Connection, StackOption, connect_to_read
from framesift.cli.console import count_of, errors, output, print_text
from framesift.cli.jobs import LocalOption, WaitOption, find_running, wait_for_job
from framesift.cli.tables import Column, show_table
from framesift.contracts.maps import MapMethod, MapOptions, OutlierMethod
from framesift.errors import MapFailedError, MapNotReadyError, MapOptionsError
from framesift.table import MapRecord
from framesift.workflow import Workflow

MapArgument = Annotated[str, typer.Argument(metavar="MAP", help="A map that `framesift collection maps` shows.")]


def add_commands(app: typer.Typer) -> None:
    """Add the commands about maps to the group of collections."""
    app.command("map")(draw_map)
    app.command("maps")(list_maps)
    app.command("select")(select)


def draw_map(
    name: NameArgument,
    query: QueryArgument = "",
    method: Annotated[MapMethod, typer.Option(help="How vectors become places, after PCA.")] = "tsne",
    dimensions: Annotated[int, typer.Option(min=2, max=3, help="3 by umap or pca.")] = 2,
    model: Annotated[str, typer.Option(help="Whose vectors, name@version; by default the best there are.")] = "",
    neighbors: Annotated[int, typer.Option(min=2, max=200, help="How many neighbours keep near each other.")] = 30,
    seed: Annotated[int, typer.Option(min=0, help="The same one draws the same map.")] = 0,
    update: Annotated[
        str, typer.Option(metavar="MAP", help="Place the images on this map that came since; nothing moves.")
    ] = "",
    to: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="A .png or .parquet; by default NAME-map.png.")
    ] = None,
    wait: WaitOption = True,
    local: LocalOption = False,
    json_: JsonOption = False,
    stack: StackOption = "",
) -> None:
    """Draw a map of the images that a query finds: what resembles each other lies together.

    Example: framesift collection map parts 'label:scratch' --method umap --dimensions 3
    """
    options = MapOptions(method=method, dimensions=dimensions, model=model, neighbors=neighbors, seed=seed)
    connection = None if local else find_running(stack)
    with pointing_at(query):
        if connection is None:
            connection = connect_to_read(stack)
            opened = open_connected(name, connection)
            with errors.status("Drawing …"):
                record = opened.update_map(update) if update else opened.map(query, **options.model_dump())
        else:
            record = _start(connection, name, query, options, update)
            if not wait:
                print_text(
                    f"The map {record.id} of {name} is being drawn: `framesift collection maps '{name}'` shows it."
                )
                return
            record = _wait(connection, record)
    path = to or Path(f"{name}-map.png")
    key = (keys.map_table if path.suffix == ".parquet" else keys.map_picture)(record.collection, record.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    connection.store.download(key, path)
    _show(record, path, as_json=json_)


def list_maps(
    name: NameArgument,
    delete: Annotated[str, typer.Option(metavar="MAP", help="Delete this one.")] = "",
    json_: JsonOption = False,
    stack: StackOption = "",
) -> None:
    """Show the maps of a collection that were drawn, with their options, the newest first."""
    connection = connect_to_read(stack)
    opened = open_connected(name, connection)
    if delete:
        from framesift.maps.records import delete_map

        delete_map(name, delete, connection.store, connection.records)
        print_text(f"The map {delete} is deleted.")
        return
    found = opened.maps()
    if json_:
        output.print_json(json.dumps([record.model_dump(mode="json") for record in found]))
        return
    show_table(
        (
            Column("map", keep=True),
            Column("state", priority=5),
            Column("query", priority=4, min_width=10),
            Column("method", priority=3),
            Column("model", priority=2),
            Column("items", priority=3, align="right"),
            Column("clusters", priority=1, align="right"),
        ),
        [_row(record) for record in found],
    )


def select(
    name: NameArgument,
    map_id: MapArgument,
    cluster: Annotated[list[int] | None, typer.Option(help="The number of a cluster; repeat it for each.")] = None,
    outliers: Annotated[OutlierMethod | None, typer.Option(help="What stands apart most, by this method.")] = None,
    count: Annotated[int, typer.Option(min=1, help="With --outliers: how many.")] = 20,
    box: Annotated[
        str, typer.Option(metavar="X1,Y1,X2,Y2", help="A part of the map; of a map in three dimensions, X1,Y1,Z1,X2,….")
    ] = "",
    tag: Annotated[str, typer.Option(help="Give the images this tag.")] = "",
    json_: JsonOption = False,
    stack: StackOption = "",
) -> None:
    """Select images by their places on a map, and make a tag of them.

    Example: framesift collection select parts 20261121-120000-ab12 --outliers knn --count 50 --tag 'to check'
    """
    from framesift.maps.select import Selection, select_items

    corners = _read_corners(box)
    if not (cluster or outliers or corners):
        raise typer.BadParameter("Say which: --cluster, --outliers or --box.")
    opened = open_connected(name, connect_to_read(stack))
    chosen = Selection(clusters=tuple(cluster or ()), outliers=outliers, count=count, corners=corners)
    ids = select_items(opened.points(map_id), chosen)
    if tag and ids:
        opened.log.set_tags(ids, opened.by, add=[tag])
    if json_:
        output.print_json(json.dumps(ids))
        return
    if not tag:
        for item_id in ids:
            output.print(item_id, highlight=False)
    errors.print(f"[dim]{count_of(len(ids), 'item')}{f' tagged {tag}' if tag else ''}[/]", highlight=False)


def _start(connection: Connection, name: str, query: str, options: MapOptions, update: str) -> MapRecord:
    from framesift.maps.records import create_map, reopen_map, start_map

    records, workflow = connection.records, Workflow(connection.state_machine_arn)
    if update:
        record = reopen_map(records.maps.find(name, update), records)
    else:
        record = create_map(name, "", query, options, records=records)
    start_map(record, store=connection.store, records=records, workflow=workflow)
    return record


def _wait(connection: Connection, record: MapRecord) -> MapRecord:
    """Wait for a map.

    Raises:
        MapFailedError: It could not be drawn.
    """
    from framesift.maps.records import settle_map

    with errors.status("Drawing …"):
        record = wait_for_job(connection, record, connection.records.maps, settle_map)
    if record.state == "failed":
        raise MapFailedError(f"The map {record.id} could not be drawn: {record.error}")
    return record


def _show(record: MapRecord, path: Path, *, as_json: bool) -> None:
    summary = record.summary
    if summary is None:
        raise MapNotReadyError(f"The map {record.id} is being drawn: ask again later.")
    if as_json:
        print(record.model_dump_json())  # noqa: T201 - for programs, never wrapped
        return
    show_table(
        (Column("cluster", keep=True), Column("name", keep=True), Column("items", priority=1, align="right")),
        [(f"{cluster.number}", cluster.name, f"{cluster.items}") for cluster in summary.clusters],
    )
    print_text(
        f"{path}: {count_of(summary.items, 'item')} by {summary.model}, {summary.unclustered:,} of them in no cluster; "
        f"trustworthiness {summary.trustworthiness:.3f}. The map is {record.id}."
    )
    if summary.without_vector:
        errors.print(
            f"[yellow]{count_of(summary.without_vector, 'item')} without a vector of that model.[/]", highlight=False
        )


def _row(record: MapRecord) -> tuple[str, ...]:
    summary = record.summary
    return (
        record.id,
        record.state,
        record.query,
        f"{record.options.method} {record.options.dimensions}-D",
        summary.model if summary else record.options.model,
        f"{summary.items}" if summary else "",
        f"{len(summary.clusters)}" if summary else "",
    )


def _read_corners(text: str) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    if not text:
        return None
    try:
        numbers = [float(each) for each in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in {4, 6}:
        raise MapOptionsError(f"{text!r} is no part of a map: write two corners, as in --box=-0.5,-0.5,0,0.")
    half = len(numbers) // 2
    return tuple(numbers[:half]), tuple(numbers[half:])
