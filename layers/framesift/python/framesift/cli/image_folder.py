"""`framesift duplicates find`, `index`, `search` and `undo`: folders of images, without AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from framesift.cli.console import errors, output, safe_text, write_file
from framesift.cli.left_out import report_left_out
from framesift.errors import ExtraMissingError
from framesift.settings import EmbedderName

if TYPE_CHECKING:
    from framesift.duplicates.clusters import FolderDuplicates
    from framesift.duplicates.index import ImageIndex
    from framesift.duplicates.move import Move

FolderArgument = Annotated[Path, typer.Argument(help="A folder of images; the folders below are included.")]
ThresholdOption = Annotated[
    float | None,
    typer.Option(min=0.01, max=1.0, help="The cosine similarity from which two images are duplicates."),
]
ModelOption = Annotated[
    EmbedderName,
    typer.Option(help="The embedder; auto: ResNet50 where its weights are installed; pdq: hashes alone."),
]
_SHOWN_CLUSTERS = 20
_SHEET_CLUSTERS = 100


def find(
    folder: FolderArgument,
    csv: Annotated[Path | None, typer.Option(help="Write a line for each image of a cluster.")] = None,
    json_: Annotated[Path | None, typer.Option("--json", help="Write everything as JSON.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write a page with thumbnails, side by side.")] = None,
    contact_sheet: Annotated[Path | None, typer.Option(help="Draw PNG pages of clusters.")] = None,
    threshold: ThresholdOption = None,
    model: ModelOption = "auto",
    index: Annotated[Path | None, typer.Option(help="An index of the folder: unchanged files are not read.")] = None,
    move_to: Annotated[Path | None, typer.Option(help="Move the duplicates to this folder; keepers stay.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be moved.")] = False,
) -> None:
    """Find the near-duplicates of a folder of images, and which one of each to keep.

    The image with the most pixels is kept; of equals the larger file, then the first by path. Files are never deleted
    or overwritten; --move-to writes a list that `framesift duplicates undo` takes back.
    """
    with _needing_vision():
        from framesift.duplicates.clusters import find_duplicates
        from framesift.duplicates.folder import SUFFIXES
        from framesift.duplicates.index import load_index
    previous = load_index(index) if index else None
    report_left_out(folder, SUFFIXES)
    with _progress() as on_progress:
        found = find_duplicates(folder, threshold=threshold, model=model, previous=previous, on_progress=on_progress)
    _show(found)
    _write(found, csv, json_, report, contact_sheet)
    if move_to is not None:
        _move(found, move_to, dry_run=dry_run)


def index(
    folder: FolderArgument,
    to: Annotated[Path, typer.Option("-o", "--output", help="The index; an existing one is brought up to date.")],
    model: ModelOption = "auto",
) -> None:
    """Make or update an index of a folder's images; unchanged files are not read again."""
    with _needing_vision():
        from framesift.duplicates.folder import SUFFIXES
        from framesift.duplicates.index import build_index, load_index
    previous = load_index(to) if to.exists() else None
    report_left_out(folder, SUFFIXES)
    with _progress() as on_progress:
        made = build_index(folder, previous=previous, model=model, on_progress=on_progress)
    made.save(to)
    _show_unreadable([(file.path, file.message) for file in made.unreadable])
    _say(f"{to}: {len(made.files):,} images, {_count_new(made, previous):,} of them new or changed")


def search(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE…", help="Images to look up.")],
    index: Annotated[Path, typer.Option(help="An index that `framesift duplicates index` made.")],
    threshold: ThresholdOption = None,
) -> None:
    """Find the images of an index that these are duplicates of."""
    with _needing_vision():
        from framesift.duplicates.index import load_index, open_model_of
    kept = load_index(index)
    model = open_model_of(kept, threshold)
    for image in images:
        results = kept.search(image, model=model)
        _say(f"{_name(image)}: {_count(len(results), 'duplicate')}")
        for result in results:
            _say(f"  {result.score:.3f}  {result.method:<10}  {_name(result.path)}")


def undo(
    moves: Annotated[Path, typer.Argument(metavar="LIST", help="The list that --move-to wrote.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Move files back where they were."""
    with _needing_vision():
        from framesift.duplicates.move import original_folder, undo_moves
    folder = original_folder(moves)
    if not yes and not typer.confirm(f"Move files back into {safe_text(folder)}?"):
        raise typer.Abort
    _show_moves(undo_moves(moves), "moved back")


@contextmanager
def _needing_vision() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise ExtraMissingError.for_module("This command", str(error.name), "vision") from None


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar of images on a terminal; nothing elsewhere."""
    columns = (TextColumn("images"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _show(found: FolderDuplicates) -> None:
    from framesift.duplicates.report import summarise

    for cluster in found.clusters[:_SHOWN_CLUSTERS]:
        _say(f"[green]keep[/]  {_name(cluster.keeper.path)}")
        for one in cluster.duplicates:
            _say(f"      {_name(one.file.path)}  [dim]{one.score:.3f} {one.method}[/]")
    if len(found.clusters) > _SHOWN_CLUSTERS:
        _say(
            f"[dim]… and {len(found.clusters) - _SHOWN_CLUSTERS:,} more clusters: --csv, --json or --report has all[/]"
        )
    _show_unreadable([(file.path, file.message) for file in found.unreadable])
    _say(summarise(found))
    _say(f"[dim]Compared by PDQ and {escape(found.embedder)}. {escape(found.why)}[/]")


def _show_unreadable(files: Sequence[tuple[str, str]]) -> None:
    for path, message in files:
        errors.print(f"[yellow]unreadable[/]  {_name(path)}: {escape(message)}", highlight=False, soft_wrap=True)


def _write(
    found: FolderDuplicates, csv: Path | None, json_: Path | None, report: Path | None, contact_sheet: Path | None
) -> None:
    from framesift.duplicates.contact_sheet import draw_contact_sheets, page_paths
    from framesift.duplicates.report import to_csv, to_html, to_json, to_tiles

    files: list[tuple[Path, bytes]] = []
    if csv:
        files.append((csv, to_csv(found)))
    if json_:
        files.append((json_, to_json(found).encode("ascii")))
    if report:
        files.append((report, to_html(found).encode()))
    if contact_sheet:
        pages = draw_contact_sheets([to_tiles(cluster, found.folder) for cluster in found.clusters[:_SHEET_CLUSTERS]])
        files += zip(page_paths(contact_sheet, len(pages)), pages, strict=True)
    for path, body in files:
        write_file(path, body)
        _say(f"Written: {_name(path)}")


def _move(found: FolderDuplicates, destination: Path, *, dry_run: bool) -> None:
    from framesift.duplicates.move import move_duplicates, plan_moves

    if dry_run:
        for move in plan_moves(found, destination):
            _say(f"would move  {_name(move.source)} → {_name(move.target)}")
    else:
        path, moves = move_duplicates(found, destination)
        _show_moves(moves, "moved")
        _say(f"To undo: framesift duplicates undo {_name(path)}")


def _show_moves(moves: Sequence[Move], verb: str) -> None:
    for move in moves:
        if move.problem:
            errors.print(
                f"[yellow]left[/]  {_name(move.source)}: {escape(move.problem)}", highlight=False, soft_wrap=True
            )
    _say(f"{_count(sum(not move.problem for move in moves), 'file')} {verb}.")


def _count_new(made: ImageIndex, previous: ImageIndex | None) -> int:
    known = set(previous.files) if previous else set()
    return sum(file not in known for file in made.files)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _name(path: Path | str) -> str:
    from framesift.duplicates.folder import show_name

    return escape(show_name(str(path)))


def _say(text: str) -> None:
    output.print(text, highlight=False, soft_wrap=True)
