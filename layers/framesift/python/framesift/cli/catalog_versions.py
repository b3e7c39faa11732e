"""Keep a collection's catalog under a name, compare what was kept, and deal its images into splits."""

from __future__ import annotations

import json
from itertools import islice
from typing import Annotated, Any

import typer

from framesift.cli.catalog import JsonOption, NameArgument, QueryArgument, open_collection, pointing_at
from framesift.cli.connection import StackOption, connect_to_read
from framesift.cli.console import count_of, errors, output, print_text, show_time
from framesift.cli.tables import Column, show_table

_VersionArgument = Annotated[str, typer.Argument(metavar="VERSION", help="Its name.")]


def add_commands(app: typer.Typer) -> None:
    """Add the commands about versions and splits to the group of collections."""
    app.command("version")(version)
    app.command("versions")(versions)
    app.command("diff")(diff)
    app.command("splits")(splits)


def version(
    name: NameArgument,
    version: _VersionArgument,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    delete: Annotated[bool, typer.Option("--delete", help="Delete it; the collection stays as it is.")] = False,
    stack: StackOption = "",
) -> None:
    """Keep what is known about all images, as it is now, under a name; it never changes."""
    from framesift.catalog.versions import delete_version

    opened = open_collection(name, stack)
    if delete:
        delete_version(name, version, opened.store, opened.records)
        print_text(f"The version {version} of {name} is deleted.")
        return
    kept = opened.keep(version, description)
    print_text(f"{kept.name} keeps {count_of(kept.snapshot.count, 'image')} of {name} as they are now.")


def versions(name: NameArgument, json_: JsonOption = False, stack: StackOption = "") -> None:
    """List the versions that were kept of a collection."""
    records = connect_to_read(stack).records
    records.collections.get(name)
    found = sorted(records.collections.versions(name), key=lambda each: each.at, reverse=True)
    if json_:
        output.print_json(json.dumps([each.model_dump(mode="json") for each in found]))
        return
    show_table(
        (
            Column("version", keep=True),
            Column("images", priority=3, align="right"),
            Column("kept", priority=2, min_width=16),
            Column("by", priority=0),
            Column("description", priority=1, min_width=12),
        ),
        [(each.name, str(each.snapshot.count), show_time(each.at), each.by, each.description) for each in found],
        if_empty="No version was kept yet: `framesift collection version` keeps one.",
    )


def diff(
    name: NameArgument,
    before: Annotated[str, typer.Argument(metavar="VERSION", help="The earlier version.")],
    after: Annotated[str, typer.Argument(metavar="[VERSION]", help="The later one; by default as it is now.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Images at most.")] = 50,
    json_: Annotated[bool, typer.Option("--json", help="As JSON, a line for each image, and all of them.")] = False,
    stack: StackOption = "",
) -> None:
    """Show which images differ between two versions, and in what."""
    found = open_collection(name, stack).compare(before, after)
    if json_:
        for each in found:
            states = {"before": each.before, "after": each.after}
            line: dict[str, Any] = {"id": each.id, "fields": each.fields}
            line |= {state: item.model_dump(mode="json", exclude_none=True) for state, item in states.items() if item}
            print(json.dumps(line, ensure_ascii=False))  # noqa: T201 - one line for each image
        return
    rows = []
    for each in islice(found, limit):
        item = each.after or each.before
        what = "added" if each.before is None else "removed" if each.after is None else "changed"
        rows.append((each.id, item.names[0] if item else "", what, ", ".join(each.fields)))
    more = sum(1 for _ in found)
    show_table(
        (
            Column("id", keep=True),
            Column("name", priority=1, min_width=12),
            Column("is", priority=3),
            Column("in", priority=2, min_width=10),
        ),
        rows,
        if_empty="They are equal.",
    )
    if more:
        errors.print(f"[dim]{len(rows):,} of {len(rows) + more:,}[/]", highlight=False)


def splits(
    name: NameArgument,
    query: QueryArgument = "",
    train: Annotated[float, typer.Option(min=0, max=1, help="Share that trains.")] = 0.8,
    val: Annotated[float, typer.Option(min=0, max=1, help="Share that chooses between models.")] = 0.1,
    test: Annotated[float, typer.Option(min=0, max=1, help="Share that tests the chosen one.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Another one deals otherwise.")] = 0,
    stratify: Annotated[bool, typer.Option("--stratify/--no-stratify", help="Each label has its shares.")] = True,
    json_: JsonOption = False,
    stack: StackOption = "",
) -> None:
    """Deal the images that a query finds into train, val and test, as tags; near-duplicates stay on one side."""
    opened = open_collection(name, stack)
    with pointing_at(query):
        report = opened.split(query, shares={"train": train, "val": val, "test": test}, seed=seed, stratify=stratify)
    if json_:
        leaks = [leak.splits for leak in report.leaks]
        output.print_json(
            json.dumps({"counts": report.counts, "labels": report.labels, "groups": report.groups, "leaks": leaks})
        )
        return
    rows = [("all", report.counts), *report.labels.items()]
    show_table(
        (
            Column("label", keep=True),
            *(Column(split, priority=1, align="right") for split in report.counts),
        ),
        [(label, *(str(counts[split]) for split in report.counts)) for label, counts in rows],
    )
    errors.print(f"[dim]{count_of(report.groups, 'group')} of near-duplicates[/]", highlight=False)
    if report.leaks:
        errors.print(
            f"[yellow]{count_of(len(report.leaks), 'group')} lay in several splits before.[/]", highlight=False
        )
