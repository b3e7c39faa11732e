"""Model files: which there are, where they come from, whether they are whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table as Grid

from framesift.cli.connection import StackOption, connect
from framesift.cli.console import output
from framesift.copydetect import commands as copydetect
from framesift.errors import ModelError
from framesift.models import BucketOrigin, default_cache_dir, open_registry, shipped_cards

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
        BucketOrigin(connection.store).push(model.card, model.path)
        output.print(f"In the bucket: s3://{connection.bucket}/models/{model.card.folder}/", highlight=False)
