"""Find a collection's images by queries, and change what is known about them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.cells import cell_len

from framesift.catalog.metadata import read_number
from framesift.catalog.table_text import decode_table
from framesift.cli.connection import Connection, StackOption, connect_to_read
from framesift.cli.console import count_of, errors, output, plain_text, print_text, safe_text
from framesift.cli.tables import Column, show_table
from framesift.contracts import CatalogItem, MetadataValue
from framesift.errors import CollectionExistsError, FieldTableError, InvalidMetadataError, QueryError
from framesift.names import check_collection
from framesift.settings import load_settings
from framesift.table import Collection, Visibility

if TYPE_CHECKING:
    from framesift.opened import OpenCollection

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The collection.")]
QueryArgument = Annotated[
    str, typer.Argument(metavar="[QUERY]", help="In quotes; docs/guides/query.md has the language.")
]
WantedQuery = Annotated[str, typer.Argument(metavar="QUERY", help="Which items; an empty one, '', finds all.")]
JsonOption = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
_FACETS_SHOWN = 12
_REFUSED_SHOWN = 10


def add_commands(app: typer.Typer) -> None:
    """Add the commands about what is in a collection to the group of collections."""
    app.command("create")(create)
    app.command("query")(query)
    app.command("facets")(facets)
    app.command("tag")(tag)
    app.command("untag")(untag)
    app.command("set")(set_fields)
    app.command("duplicates")(duplicates)
    app.command("index")(index)


def create(
    name: NameArgument,
    description: Annotated[str, typer.Option(help="What it is, for people.")] = "",
    visibility: Annotated[Visibility, typer.Option(help="Who finds it beside its members.")] = "private",
    department: Annotated[str, typer.Option(help="With --visibility department: which one.")] = "",
    model: Annotated[list[str] | None, typer.Option("--model", help="A model that looks; repeat it.")] = None,
    stack: StackOption = "",
) -> None:
    """Make an empty collection; `add` makes one that is not there, too."""
    check_collection(name)
    if (visibility == "department") != bool(department):
        raise typer.BadParameter("--visibility department and --department go together.")
    made = connect_to_read(stack).records.collections.create(
        Collection(
            id=name,
            name=name,
            description=description,
            visibility=visibility,
            department=department,
            models=model or [],
            created_at=datetime.now(UTC),
        )
    )
    if not made:
        raise CollectionExistsError(f"There is a collection {name!r} already.")
    print_text(f"{name} is there, and empty: `framesift collection add '{name}' FOLDER` puts images into it.")


def query(
    name: NameArgument,
    query: QueryArgument = "",
    limit: Annotated[int, typer.Option(min=1, help="Items at most.")] = 20,
    every: Annotated[bool, typer.Option("--all", help="All items, however many.")] = False,
    sort: Annotated[str, typer.Option(help="A field such as size, or -size for the largest first.")] = "",
    count: Annotated[bool, typer.Option("--count", help="Only how many there are.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="As JSON, a line for each item.")] = False,
    stack: StackOption = "",
) -> None:
    """Show the images that a query finds, what was added last first."""
    opened = open_collection(name, stack)
    with pointing_at(query):
        if count:
            output.print(opened.count(query), highlight=False)
            return
        found = opened.query(query, sort=sort, limit=None if every else limit)
        if json_:
            for item in found:
                print(item.model_dump_json(exclude_none=True))  # noqa: T201 - one line for each item
            return
        items = list(found)
        total = len(items) if every or len(items) < limit else opened.count(query)
    show_table(
        (
            Column("id", keep=True),
            Column("name", priority=5, min_width=14),
            Column("size", priority=1),
            Column("tags", priority=4, min_width=10),
            Column("labels", priority=3, min_width=10),
            Column("flags", priority=2),
        ),
        [_describe(item) for item in items],
        if_empty="No image.",
    )
    errors.print(f"[dim]{len(items):,} of {total:,}[/]", highlight=False)


def facets(
    name: NameArgument,
    query: QueryArgument = "",
    kind: Annotated[
        list[str] | None, typer.Option(help="tags, labels, flags, …, metadata or metadata:NAME; repeat it for several.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Values of each kind at most.")] = _FACETS_SHOWN,
    json_: JsonOption = False,
    stack: StackOption = "",
) -> None:
    """Count which tags, labels, flags and fields the images that a query finds have."""
    opened = open_collection(name, stack)
    with pointing_at(query):
        found = opened.facets(query, kinds=kind, limit=limit) if kind else opened.facets(query, limit=limit)
    if json_:
        counts = {each: {value.value: value.count for value in values} for each, values in found.items()}
        output.print_json(json.dumps(counts))
        return
    show_table(
        (
            Column("kind", priority=1),
            Column("value", keep=True),
            Column("items", priority=2, align="right"),
        ),
        [(each, value.value, f"{value.count}") for each, values in found.items() for value in values],
    )


def tag(
    name: NameArgument,
    query: WantedQuery,
    tags: Annotated[list[str], typer.Argument(metavar="TAG…", help="Any text, of any script.")],
    stack: StackOption = "",
) -> None:
    """Add tags to the images that a query finds."""
    with pointing_at(query):
        count = open_collection(name, stack).tag(query, *tags)
    print_text(f"{count_of(count, 'item')} tagged {', '.join(tags)}.")


def untag(
    name: NameArgument,
    query: WantedQuery,
    tags: Annotated[list[str], typer.Argument(metavar="TAG…", help="Tags; their case does not matter.")],
    stack: StackOption = "",
) -> None:
    """Remove tags from the images that a query finds."""
    with pointing_at(query):
        count = open_collection(name, stack).untag(query, *tags)
    print_text(f"{count_of(count, 'item')} without {', '.join(tags)} now.")


def set_fields(
    name: NameArgument,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="Which items; with --from, it is left out.")] = "",
    fields: Annotated[
        list[str] | None,
        typer.Argument(metavar="FIELD=VALUE…", help="Text, a number, true, false; nothing after = removes the field."),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="A CSV or JSONL with a column `id` or `name`; others are fields."),
    ] = None,
    stack: StackOption = "",
) -> None:
    """Set fields of your own, the same for all images that a query finds, or each its own by a table.

    Example: framesift collection set parts 'name:line3*' line=3 checked=true
    """
    if (table is None) != bool(fields):
        raise typer.BadParameter("Name the fields, as in line=3, or give a table by --from.")
    opened = open_collection(name, stack)
    if table:
        _set_by_table(opened, table)
        return
    with pointing_at(query):
        values = dict(_read_field(each) for each in fields or [])
        count = opened.set(query, values)
    print_text(f"{count_of(count, 'item')} changed: {', '.join(values)}.")


def duplicates(
    name: NameArgument,
    query: QueryArgument = "",
    limit: Annotated[int, typer.Option(min=1, help="Pairs at most.")] = 50,
    json_: JsonOption = False,
    stack: StackOption = "",
) -> None:
    """Show which images nearly repeat another of the collection, the surest first."""
    opened = open_collection(name, stack)
    with pointing_at(query):
        wanted = f"({query}) is:duplicate" if query else "is:duplicate"
        found = list(opened.query(wanted, sort="-duplicate_score", limit=limit))
    pairs = [(item, item.duplicate) for item in found if item.duplicate]
    if json_:
        output.print_json(json.dumps([{"id": item.id, **pair.model_dump(mode="json")} for item, pair in pairs]))
        return
    originals = {pair.of: _name_of(opened, pair.of) for _, pair in pairs}
    show_table(
        (
            Column("id", keep=True),
            Column("name", priority=4, min_width=12),
            Column("repeats", priority=3, min_width=12),
            Column("method", priority=1),
            Column("score", priority=2, align="right"),
        ),
        [(item.id, item.names[0], originals[pair.of], pair.method, f"{pair.score:.3f}") for item, pair in pairs],
        if_empty="No image nearly repeats another.",
    )


def index(
    name: NameArgument,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make the indexes anew from the stored vectors.")] = False,
    json_: JsonOption = False,
    stack: StackOption = "",
) -> None:
    """Bring the indexes that `framesift search` uses up to date; every upload does so by itself."""
    with errors.status("Indexing …"):
        indexes = open_collection(name, stack).index(rebuild=rebuild)
    if json_:
        print(json.dumps([index.model_dump(mode="json") for index in indexes]))  # noqa: T201 - for programs
        return
    show_table(
        (
            Column("model", keep=True),
            Column("vectors", priority=3, align="right"),
            Column("segments", priority=1, align="right"),
            Column("MB", priority=2, align="right"),
        ),
        [
            (
                each.model,
                f"{each.rows}",
                f"{len(each.segments)}",
                f"{sum(segment.size_bytes for segment in each.segments) / 1e6:.1f}",
            )
            for each in indexes
        ],
    )


def open_collection(name: str, stack: str = "") -> OpenCollection:
    """Open a collection by its name, to find its images and to change what is known about them.

    Args:
        name: Its id.
        stack: A deployed pipeline stack; empty: the embedded AWS of this folder.

    Raises:
        CollectionMissingError: There is no such collection.
        CollectionDeletedError: It is being deleted.
        EmbeddedAwsDownError: No stack is named, and nothing was run from this folder yet.
    """
    return open_connected(name, connect_to_read(stack))


def open_connected(name: str, connection: Connection) -> OpenCollection:
    """Open a collection of a Framesift that was found already.

    Raises:
        CollectionMissingError: There is no such collection.
        CollectionDeletedError: It is being deleted.
    """
    from framesift.opened import OpenCollection

    return OpenCollection(name, connection.store, connection.records, load_settings().catalog)


@contextmanager
def pointing_at(query: str) -> Iterator[None]:
    """Show where in a query an error lies: the query, and a mark below its column."""
    try:
        yield
    except QueryError as error:
        if "\n" not in query and 1 <= error.column <= len(query) + 1:
            # Hangul and other wide characters take two cells each.
            before = cell_len(plain_text(query[: error.column - 1]))
            errors.print(f"  {safe_text(query)}\n  {' ' * before}[red]^[/]", highlight=False, soft_wrap=True)
        raise


def read_value(text: str) -> MetadataValue | None:
    """Read a field's value as a person writes it.

    Example:
        >>> [read_value(text) for text in ("3", "0.5", "true", "003", "Line 3", "")]
        [3, 0.5, True, '003', 'Line 3', None]
    """
    if text in ("true", "false"):
        return text == "true"
    is_code = len(text) > 1 and text[0] == "0" and text[1] != "."  # Serial numbers keep their zeros.
    try:
        return text or None if is_code or "_" in text else read_number(text)
    except ValueError:
        return text or None


def _describe(item: CatalogItem) -> tuple[str, ...]:
    best: dict[str, float] = {}
    for prediction in item.predictions:
        best[prediction.label] = max(prediction.score, best.get(prediction.label, 0))
    labels = dict.fromkeys(annotation.label for annotation in item.annotations)
    scored = sorted(best.items(), key=lambda pair: -pair[1])
    shown = [*labels, *(f"{label} {score:.2f}" for label, score in scored if label not in labels)]
    flags = [*(item.health.flags if item.health else ()), *(["duplicate"] if item.duplicate else ())]
    return (
        item.id,
        item.names[0],
        f"{item.width}×{item.height}",
        ", ".join(item.tags),
        ", ".join(shown),
        ", ".join(flags),
    )


def _name_of(opened: OpenCollection, item_id: str) -> str:
    return next((item.names[0] for item in opened.query(f"id:{item_id}", limit=1)), item_id)


def _read_field(text: str) -> tuple[str, MetadataValue | None]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise InvalidMetadataError(f"{text!r} is no field with a value: write it as in line=3, or line= to remove it.")
    return name, read_value(value)


def _set_by_table(opened: OpenCollection, table: Path) -> None:
    """Set fields by a table; name those of its rows that were not used."""
    file_format = "jsonl" if table.suffix.lower() in (".jsonl", ".ndjson") else "csv"
    try:
        text = decode_table(table.read_bytes())
    except OSError as error:
        raise FieldTableError(f"{table} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise FieldTableError(f"{table} is no text in UTF-8, UTF-16 or CP949: save it as CSV in UTF-8.") from None
    report = opened.import_metadata(io.StringIO(text, newline=""), file_format)
    print_text(f"{count_of(report.items, 'item')} changed.")
    for row in report.refused[:_REFUSED_SHOWN]:
        errors.print(f"[yellow]line {row.line}:[/] {safe_text(row.reason)}", highlight=False, soft_wrap=True)
    if len(report.refused) > _REFUSED_SHOWN:
        errors.print(f"[yellow]{len(report.refused) - _REFUSED_SHOWN:,} more rows were not used.[/]", highlight=False)
