"""Find the images of a collection that are similar to something."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from framesift.cli.catalog import JsonOption, NameArgument, open_collection, pointing_at
from framesift.cli.connection import StackOption
from framesift.cli.console import errors
from framesift.cli.tables import Column, show_table
from framesift.contracts import Box


def search(
    name: NameArgument,
    text: Annotated[str, typer.Argument(metavar="[WORDS]", help="What the images show, in quotes.")] = "",
    image: Annotated[
        Path | None, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="An image to be similar to.")
    ] = None,
    item: Annotated[str, typer.Option(metavar="ID", help="An image of the collection to be similar to.")] = "",
    box: Annotated[
        str,
        typer.Option(
            metavar="LEFT,TOP,WIDTH,HEIGHT", help="Only this part of the image, in shares of its sides: 0.5,0,0.5,1."
        ),
    ] = "",
    unlike: Annotated[str, typer.Option(metavar="WORDS", help="What the images do not show.")] = "",
    where: Annotated[
        str, typer.Option(metavar="QUERY", help="Only images that this query finds; docs/guides/query.md.")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Results at most.")] = 20,
    min_score: Annotated[float, typer.Option(min=-1, max=1, help="The least cosine.")] = -1.0,
    fold: Annotated[
        float | None, typer.Option(min=-1, max=1, help="Count results with a better one from this cosine on.")
    ] = None,
    objects: Annotated[bool, typer.Option("--objects", help="Find objects in images, not whole images.")] = False,
    model: Annotated[str, typer.Option(metavar="NAME@VERSION", help="Whose vectors are compared.")] = "",
    json_: JsonOption = False,
    stack: StackOption = "",
) -> None:
    """Find the images of a collection that are most similar to words, to an image, or to both, the best first.

    Example: framesift search parts --image scratch.jpg --where 'tag:line3' -n 50
    """
    opened = open_collection(name, stack)
    with pointing_at(where):
        found = opened.search(
            text,
            image=image,
            item=item,
            box=read_box(box) if box else None,
            unlike=unlike,
            where=where,
            limit=limit,
            model=model,
            objects=objects,
            min_score=min_score,
            fold_from=fold,
        )
    names = {each.id: each.names[0] for each in opened.get_many([hit.id for hit in found.hits]) if each.names}
    if json_:
        for hit in found.hits:
            shown = {"id": hit.id, "score": round(hit.score, 6), "name": names.get(hit.id, "")}
            shown |= {"box": hit.box.model_dump(), "label": hit.label} if hit.box else {}
            shown |= {"folded": hit.folded} if hit.folded else {}
            print(json.dumps(shown, ensure_ascii=False))  # noqa: T201 - one line for each result
        return
    show_table(
        (
            Column("id", keep=True),
            Column("score", priority=4, align="right"),
            Column("name", priority=3, min_width=14),
            Column("label", priority=2),
            Column("folded", priority=1, align="right"),
        ),
        [(hit.id, f"{hit.score:.4f}", names.get(hit.id, ""), hit.label, str(hit.folded or "")) for hit in found.hits],
    )
    errors.print(f"[dim]{len(found.hits):,} of {found.matching:,} that match, by {found.model}[/]", highlight=False)


def read_box(text: str) -> Box:
    """Read a box as a person writes it.

    Example:
        >>> read_box("0.5,0,0.5,1")
        Box(left=0.5, top=0.0, width=0.5, height=1.0)

    Raises:
        BadParameter: It is none.
    """
    try:
        left, top, width, height = (float(side) for side in text.split(","))
        return Box(left=left, top=top, width=width, height=height)
    except ValueError:
        raise typer.BadParameter(f"--box is LEFT,TOP,WIDTH,HEIGHT, each from 0 to 1, not {text!r}.") from None
