"""`framesift duplicates`: of a folder of images, or of a day's run."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from framesift import keys
from framesift.cli import image_folder
from framesift.cli.connection import Connection, StackOption, connect_to_read
from framesift.cli.console import print_text, write_file
from framesift.cli.runs import RunArgument, SourceArgument, find_run
from framesift.contracts import Clip, Run
from framesift.errors import MediaError, NotFoundError
from framesift.pipeline.branches import DEFAULT_SOURCE
from framesift.settings import load_settings
from framesift.storage import Store, read_lines
from framesift.table import RunRecord

if TYPE_CHECKING:
    from framesift.duplicates.contact_sheet import Tile
    from framesift.vision.decode import RgbImage

app = typer.Typer(no_args_is_help=True)
app.command()(image_folder.find)
app.command()(image_folder.index)
app.command()(image_folder.search)
app.command()(image_folder.undo)


@app.callback()
def _group() -> None:
    """Near-duplicates: of a folder of images, or of a day's run."""


@app.command()
def show(
    source: SourceArgument = DEFAULT_SOURCE,
    date: RunArgument = None,
    category: Annotated[list[str] | None, typer.Option(help="Only this category; may be repeated.")] = None,
    to: Annotated[Path, typer.Option("-o", "--output", help="The PNG; further pages get a number.")] = Path(
        "duplicates.png"
    ),
    clusters: Annotated[int, typer.Option(min=1, max=500, help="Clusters at most, the largest first.")] = 40,
    stack: StackOption = "",
) -> None:
    """Draw a run's clusters of re-uploads with their scores: the kept clip first, in green.

    Images that were not published are in the residual archive for three days; the sheet says which are gone.
    """
    from framesift.duplicates.contact_sheet import draw_contact_sheets, page_paths

    connection = connect_to_read(stack)
    record = find_run(connection, source, date)
    found = _Clusters(connection, record, category or record.done)
    pages = draw_contact_sheets([found.tiles(keeper) for keeper in found.largest(clusters)])
    for path, page in zip(page_paths(to, len(pages)), pages, strict=True):
        write_file(path, page)
        print_text(path)
    shown = min(clusters, len(found))
    print_text(f"{shown} of {len(found)} clusters of {source} {record.date}")


# A keeper's day, category and id.
_Key = tuple[str, str, str]


class _Clusters:
    """A run's re-uploads by the clip that was kept, which may be an earlier day's."""

    def __init__(self, connection: Connection, record: RunRecord, categories: list[str]) -> None:
        self._connection, self._record = connection, record
        self._items = {(record.date, name): self._read(record.run_of(name), name) for name in categories}
        self._clusters: defaultdict[_Key, list[Clip]] = defaultdict(list)
        for items in [*self._items.values()]:
            for item in items.values():
                if item.duplicate is not None:
                    category = item.duplicate.of_category or item.category
                    self._clusters[item.duplicate.of_date or record.date, category, item.duplicate.of].append(item)

    def __len__(self) -> int:
        return len(self._clusters)

    def largest(self, count: int) -> list[_Key]:
        """The keepers of the largest clusters."""
        return sorted(self._clusters, key=lambda keeper: (-len(self._clusters[keeper]), keeper))[:count]

    def tiles(self, keeper: _Key) -> list[Tile]:
        """A cluster as it is drawn, the keeper first; images that are gone have none."""
        from framesift.duplicates.contact_sheet import Tile

        date, category, id_ = keeper
        run = self._run(date, category)
        item = self._kept_item(run, date, category, id_) if run else None
        image = _open(self._connection.store, run, item) if run and item else None
        note = "kept" if date == self._record.date else f"kept on {date}"
        tiles = [Tile(image, f"{category} {id_}", note, is_keeper=True)]
        for one in self._clusters[keeper]:
            if one.duplicate is not None:
                image = _open(self._connection.store, self._record.run_of(one.category), one)
                note = f"{one.duplicate.score:.2f} {one.duplicate.method}"
                tiles.append(Tile(image, f"{one.category} {one.id}", note))
        return tiles

    def _run(self, date: str, category: str) -> Run | None:
        if date == self._record.date:
            return self._record.run_of(category)
        record = self._connection.records.runs.get(self._record.source, date)
        return record.run_of(category) if record else None

    def _kept_item(self, run: Run, date: str, category: str, id_: str) -> Clip | None:
        if (date, category) not in self._items:
            try:
                self._items[date, category] = self._read(run, category)
            except NotFoundError:
                self._items[date, category] = {}
        return self._items[date, category].get(id_)

    def _read(self, run: Run, category: str) -> dict[str, Clip]:
        items = read_lines(self._connection.store, keys.manifest(run, category, "analyzed"), Clip)
        return {item.id: item for item in items}


def _open(store: Store, run: Run, item: Clip) -> RgbImage | None:
    """An item's image, from where it was collected or from the archive; None where it is in neither."""
    from framesift.vision.decode import decode_image

    if item.media is None:
        return None
    for key in (item.media.key, keys.archived_media(run, item.category, item.media.key)):
        try:
            return decode_image(store.get(key), max_pixels=load_settings().download.max_pixels)
        except NotFoundError:
            continue
        except MediaError:
            return None
    return None
