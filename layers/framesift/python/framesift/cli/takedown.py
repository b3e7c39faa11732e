"""Clips that must not be listed: take down, list, undo; and the day's lists published again."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from framesift.cli.connection import StackOption, connect_to_read
from framesift.cli.console import output, print_text, show_time
from framesift.cli.tables import Column, show_table
from framesift.pipeline import takedowns
from framesift.pipeline.branches import DEFAULT_SOURCE

SourceOption = Annotated[str, typer.Option(help="The clip's source.")]
IdArgument = Annotated[str, typer.Argument(help="The clip's id, as the site gives it: `framesift top10` shows it.")]


class _AddsByDefault(TyperGroup):
    """`takedown CLIP_ID …` is `takedown add CLIP_ID …`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Resolve what is no command's name to `add`."""
        return super().resolve_command(ctx, args if args[0] in self.commands else ["add", *args])


app = typer.Typer(cls=_AddsByDefault, no_args_is_help=True)


@app.command()
def add(
    clip_id: IdArgument,
    why: Annotated[str, typer.Option(help="The reason, which stays in the records.")],
    source: SourceOption = DEFAULT_SOURCE,
    stack: StackOption = "",
) -> None:
    """Leave a clip out of every list, at once; `add` may be left out."""
    connection = connect_to_read(stack)
    listed_in = takedowns.take_down(source, clip_id, why, connection.store, connection.records)
    if listed_in:
        print_text(
            f"{clip_id} is gone from the list of {', '.join(listed_in)}, and will not be listed again. The ranks "
            "close up in the next edition: `framesift publish` makes one now, without a crawl."
        )
    else:
        print_text(f"{clip_id} will not be listed again; it is in none of the newest lists.")


@app.command()
def undo(clip_id: IdArgument, source: SourceOption = DEFAULT_SOURCE, stack: StackOption = "") -> None:
    """Let a clip that was taken down be listed again."""
    connection = connect_to_read(stack)
    listed_in = takedowns.restore(source, clip_id, connection.store, connection.records)
    shown = f" and is in the list of {', '.join(listed_in)} again" if listed_in else ""
    print_text(f"{clip_id} may be listed{shown}. `framesift publish` ranks the day's clips anew.")


@app.command("list")
def list_takedowns(
    source: SourceOption = DEFAULT_SOURCE,
    json_: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    stack: StackOption = "",
) -> None:
    """List the clips that must not be listed, the latest takedown first."""
    items = connect_to_read(stack).records.items
    found = items.takedowns(source)
    if json_:
        output.print_json(json.dumps([each.model_dump(mode="json") for each in found]))
        return
    titles = {each.id: days[0].title if (days := items.days(source, each.id)) else "" for each in found}
    show_table(
        (Column("clip", keep=True), Column("since", priority=2), Column("why", priority=3), Column("title")),
        [(each.id, show_time(each.at), each.why, titles[each.id]) for each in found],
        if_empty="No clip is taken down.",
    )


def publish(
    run_id: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="YYYY-MM-DD; the newest day by default.")
    ] = None,
    category: Annotated[list[str] | None, typer.Option(help="Only this category; may be repeated.")] = None,
    stack: StackOption = "",
) -> None:
    """Publish a day's lists again without a crawl: clips that are taken down leave, and the ranks close up."""
    from framesift.cli.runs import find_run, show_lists
    from framesift.log import logger
    from framesift.pipeline.shown_lists import read_shown
    from framesift.pipeline.tiktok.republish import republish
    from framesift.settings import load_settings

    logger.setLevel("WARNING")  # This process is a person's: its output is the lists.
    connection = connect_to_read(stack)
    record = find_run(connection, DEFAULT_SOURCE, run_id)
    published = republish(record, category, load_settings(), connection.store, connection.records)
    show_lists([read_shown(each.key, connection.store, connection.records) for each in published])
