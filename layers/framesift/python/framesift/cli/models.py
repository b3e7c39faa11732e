"""Model files: which there are, where they come from, whether they are whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table as Grid

from framesift.cli.connection import StackOption, connect
from framesift.cli.console import output
from framesift.copydetect import commands as copydetect
from framesift.errors import ModelError, ModelMismatchError
from framesift.models import BucketOrigin, default_cache_dir, open_registry, shipped_cards
from framesift.models.card import Head

if TYPE_CHECKING:
    from framesift.detection.onnx.added import AddedModel

app = typer.Typer(no_args_is_help=True)
app.command()(copydetect.train)
app.command()(copydetect.evaluate)

CacheOption = Annotated[
    Path | None, typer.Option("--cache", help="Where model files are kept; the user's cache by default.")
]


@app.command("list")
def list_models(cache: CacheOption = None) -> None:
    """List the models, and which are here."""
    grid = Grid(box=None, pad_edge=False)
    for column in ("name", "version", "here", "licence", "output"):
        grid.add_column(column, header_style="dim")
    registry = open_registry(cache or default_cache_dir())
    for card in shipped_cards().values():
        try:
            registry.resolve(card.name)
            here = "[green]yes[/]"
        except ModelError:
            here = "no"
        grid.add_row(card.name, card.version, here, card.licence, card.output)
    output.print(grid)


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="A name of `framesift models list`.")],
    cache: CacheOption = None,
    to_bucket: Annotated[bool, typer.Option(help="Also put it into the bucket, where jobs look.")] = False,
    stack: StackOption = "",
) -> None:
    """Get a model's file from its maker, or make it, and check it."""
    model = open_registry(cache or default_cache_dir(), public=True).resolve(name)
    output.print(f"{model.card.folder}: {model.path}", highlight=False, soft_wrap=True)
    if to_bucket:
        connection = connect(stack)
        BucketOrigin(connection.store).push(model.card, model.path.read_bytes())
        output.print(f"In the bucket: s3://{connection.bucket}/models/{model.card.folder}/", highlight=False)


@app.command()
def add(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Custom Vision's zip, or an ONNX file.")],
    name: Annotated[str, typer.Option(help="What the detector is to be called.")],
    version: Annotated[str, typer.Option(help="By default the iteration's id, or the file's digest, shortened.")] = "",
    head: Annotated[Head | None, typer.Option(help="How its outputs are read; a zip needs none.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="What it finds, in its classes' order; a zip knows.")] = None,
    size: Annotated[int, typer.Option(help="The side of its input, pixels, where the file leaves it open.")] = 0,
    licence: Annotated[str, typer.Option(help="Whose it is: an SPDX name, or in words.")] = "its owner's",
    stack: StackOption = "",
) -> None:
    """Put a detector of your own into the bucket, where prediction finds it."""
    from framesift.detection.onnx.added import read_detector

    added = read_detector(file, name, version=version, head=head, tags=tag or (), size=size, licence=licence)
    connection = connect(stack)
    _push(BucketOrigin(connection.store), added)
    output.print(
        f"{added.card.folder} finds {', '.join(added.card.detector.tags if added.card.detector else ())}. To predict "
        f"with it: FRAMESIFT_DETECTION__PROVIDER=onnx FRAMESIFT_DETECTION__MODEL={added.card.folder}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _push(bucket: BucketOrigin, added: AddedModel) -> None:
    """A version never changes: caches would not notice."""
    there = bucket.card(added.card.folder)
    if there is not None and there.sha256 != added.card.sha256:
        raise ModelMismatchError(f"The bucket has another file as {added.card.folder}: choose another --version.")
    bucket.push(added.card, added.data)
