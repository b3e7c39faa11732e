"""What was taken for the same, to be looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from framesift import keys
from framesift.cli.connection import Connection, StackOption, connect_to_read
from framesift.cli.console import output
from framesift.cli.runs import RunArgument, SourceArgument, find_run
from framesift.contracts import Item, Run
from framesift.errors import MediaError, NotFoundError
from framesift.settings import load_settings
from framesift.storage import Store, read_manifest

if TYPE_CHECKING:
    from framesift.vision.contact_sheet import Tile

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """What was taken for the same, to be looked at."""


@app.command()
def show(
    source: SourceArgument = "tiktok",
    date: RunArgument = None,
    category: Annotated[list[str] | None, typer.Option(help="Only this category; may be repeated.")] = None,
    to: Annotated[Path, typer.Option("-o", "--output", help="The PNG.")] = Path("duplicates.png"),
    clusters: Annotated[int, typer.Option(min=1, max=500, help="Clusters at most, the largest first.")] = 40,
    stack: StackOption = "",
) -> None:
    """Draw a run's clusters of re-uploads with their scores: the kept clip first, in green.

    Pictures that were not published are in the residual archive for three days, and missing after.
    """
    from framesift.vision.contact_sheet import contact_sheet

    connection = connect_to_read(stack)
    record = find_run(connection, source, date)
    found = _clusters(connection, record.run, category or record.done)
    largest = sorted(found.values(), key=lambda items: (-len(items), items[0].id))[:clusters]
    sheets = [tiles for items in largest if len(tiles := list(_tiles(items, record.run, connection.store))) > 1]
    to.write_bytes(contact_sheet(sheets))
    output.print(
        f"{to}: {len(sheets)} of {len(found)} clusters of {source} {record.date}", highlight=False, soft_wrap=True
    )


def _clusters(connection: Connection, run: Run, categories: list[str]) -> dict[str, list[Item]]:
    """The re-uploads of each kept clip, the kept clip first where it is of this day."""
    store = connection.store
    items: dict[str, Item] = {}
    for name in categories:
        items |= {item.id: item for item in read_manifest(store, keys.manifest(run, name, "analyzed"))}
    clusters: dict[str, list[Item]] = defaultdict(list)
    for item in items.values():
        if item.duplicate is None:
            continue
        if not clusters[item.duplicate.of] and item.duplicate.of in items:
            clusters[item.duplicate.of].append(items[item.duplicate.of])
        clusters[item.duplicate.of].append(item)
    return clusters


def _tiles(items: list[Item], run: Run, store: Store) -> Iterator[Tile]:
    from framesift.vision.contact_sheet import Tile
    from framesift.vision.decode import decode_image

    for item in items:
        if item.media is None:
            continue
        try:
            body = _picture(store, run, item, item.media.key)
            image = decode_image(body, max_pixels=load_settings().download.max_pixels)
        except (NotFoundError, MediaError):
            continue
        yield Tile(image, f"{item.category} {item.id}", item.duplicate.score if item.duplicate else None)


def _picture(store: Store, run: Run, item: Item, key: str) -> bytes:
    try:
        return store.get(key)
    except NotFoundError:
        return store.get(keys.archived_media(run, item.category, key))
