"""Put images into a collection, look at them again, and show what became of each file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, get_args

import typer
import urllib3
from urllib3.util import Retry

from framesift.catalog.batches import BatchFile, BatchUploads, FileLinks, NewFile, digest_files
from framesift.catalog.ledger import LedgerLine, LedgerStatus, read_ledger
from framesift.cli.connection import Connection, StackOption, connect, connect_to_read
from framesift.cli.console import count_of, errors, output, print_text
from framesift.cli.progress import sending
from framesift.cli.tables import Cell, Column, show_table
from framesift.cli.watch import watch
from framesift.errors import NoImagesError, NothingTakenError, UploadError
from framesift.names import check_collection
from framesift.settings import load_settings
from framesift.storage.transfer import Sent
from framesift.storage.zips import is_litter
from framesift.table import BatchRecord
from framesift.workflow import Workflow

_ANNOUNCED_AT_ONCE = 1_000
_LINKS_AT_ONCE = 32
_REQUESTS_AT_ONCE = 4
_SHOWN = 10
_ORDER: tuple[str, ...] = get_args(LedgerStatus)
_NOUNS = {"labels": "label file", "video": "video"}
_WHY = {
    "known": "The same bytes are in the collection already.",
    "skipped": "No image and no labels: the system or program that packed the files adds it.",
}

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The collection.")]
BatchArgument = Annotated[str, typer.Argument(metavar="BATCH", help="As `framesift collection batches` shows it.")]
ModelOption = Annotated[list[str] | None, typer.Option("--model", help="A model that looks; repeat it for several.")]
WaitOption = Annotated[bool, typer.Option("--wait/--no-wait", help="Show the run until it ends.")]
JsonOption = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


def add_commands(app: typer.Typer) -> None:
    """Add the commands about batches to the group of collections."""
    app.command("add")(add)
    app.command("look")(look)
    app.command("retry")(retry)
    app.command("batches")(batches)
    app.command("ledger")(ledger)


def add(
    name: NameArgument,
    sources: Annotated[
        list[str], typer.Argument(metavar="FILES|FOLDER|ZIP|s3://…", help="Images, folders of them, or zips.")
    ],
    model: ModelOption = None,
    wait: WaitOption = True,
    stack: StackOption = "",
) -> None:
    """Put images into a collection; what was sent before an interruption is not sent again.

    Images of `s3://bucket/prefix` stay where they are, and are only read.
    """
    check_collection(name)
    references = [source for source in sources if source.startswith("s3://")]
    files = dict(pair for source in sources if not source.startswith("s3://") for pair in _find_files(Path(source)))
    if not files and not references:
        raise NoImagesError(f"There is no file in {', '.join(sources)}.")
    connection = connect(stack)
    uploads = _uploads(connection)
    if references:
        _follow(connection, uploads, uploads.add_references(name, "", references, model or []), wait=wait)
    if files:
        batch = send_files(uploads, name, files, model or [])
        _follow(connection, uploads, uploads.complete(name, batch.id), wait=wait)


def look(name: NameArgument, model: ModelOption = None, wait: WaitOption = True, stack: StackOption = "") -> None:
    """Let models look at a collection's images again, without uploading them again."""
    connection = connect(stack)
    uploads = _uploads(connection)
    _follow(connection, uploads, uploads.look_again(name, "", model or []), wait=wait)


def retry(name: NameArgument, batch: BatchArgument, wait: WaitOption = True, stack: StackOption = "") -> None:
    """Try again what failed of a batch, and nothing else."""
    connection = connect(stack)
    uploads = _uploads(connection)
    _follow(connection, uploads, uploads.retry(name, batch), wait=wait)


def batches(name: NameArgument, json_: JsonOption = False, stack: StackOption = "") -> None:
    """List what was put into a collection together, the newest first."""
    found = list(connect_to_read(stack).records.batches.of_collection(name))
    if json_:
        output.print_json(json.dumps([batch.model_dump(mode="json") for batch in found]))
        return
    show_table(
        (
            Column("batch", keep=True),
            Column("kind", priority=2),
            Column("state", priority=4),
            Column("by", priority=0),
            Column("files", priority=3, min_width=16),
        ),
        [(batch.id, batch.kind, batch.state, batch.by, _counts(batch)) for batch in found],
        if_empty="Nothing was put into it yet: `framesift collection add` does it.",
    )


def ledger(
    name: NameArgument,
    batch: Annotated[str, typer.Argument(metavar="[BATCH]", help="By default the newest one.")] = "",
    status: Annotated[LedgerStatus | None, typer.Option(help="Only files that came to this.")] = None,
    json_: JsonOption = False,
    stack: StackOption = "",
) -> None:
    """Show what became of each file of a batch, and why."""
    connection = connect_to_read(stack)
    newest = next(connection.records.batches.of_collection(name), None)
    batch_id = _uploads(connection).get(name, batch or (newest.id if newest else "")).id
    lines = (line for line in read_ledger(connection.store, name, batch_id) if status in (None, line.status))
    if json_:
        for line in lines:
            print(line.model_dump_json(exclude_none=True, exclude={"file"}))  # noqa: T201 - one line for each file
        return
    show_table(
        (Column("file", keep=True), Column("came to", priority=3), Column("why", priority=2, min_width=20)),
        [(line.name, line.status, _explain(line)) for line in lines],
        if_empty="No file came to this.",
    )


def send_files(uploads: BatchUploads, name: str, files: dict[str, Path], models: Sequence[str]) -> BatchRecord:
    """Send files as one batch, and return it, not yet completed; an interrupted batch of the same files goes on.

    Args:
        uploads: The batches.
        name: The collection.
        files: Files by their names in the batch.
        models: What looks at them; none: the collection's models.

    Raises:
        BatchError: If the files, or one of them, cannot be taken.
        UploadError: If S3 does not accept a file.
    """
    announced = [NewFile(name=each, size_bytes=path.stat().st_size) for each, path in sorted(files.items())]
    batch = uploads.open(name, "", digest_files(announced), models)
    rest = iter(announced[batch.files :])
    while some := list(islice(rest, _ANNOUNCED_AT_ONCE)):
        uploads.add_files(name, batch.id, some)
    batch = uploads.get(name, batch.id)
    arrived = uploads.arrived(batch)
    # The batch has its names in a clean form; the order is the announced one.
    paths = {number: files[file.name] for number, file in enumerate(announced)}
    with sending(list(files.values())) as (on_bytes, on_file):
        sender = _Sender(uploads, paths, on_bytes)
        waiting = []
        for file in uploads.files(batch):
            if file.number in arrived:
                on_bytes(file.size_bytes)
                on_file(Sent(paths[file.number], file.key, "there", file.size_bytes))
            else:
                waiting.append(file)
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
            for start in range(0, len(waiting), _LINKS_AT_ONCE):  # Links are made when they are used: they expire.
                some_files = waiting[start : start + _LINKS_AT_ONCE]
                links = uploads.links(name, batch.id, some_files)
                for sent in pool.map(lambda pair: sender.send(*pair), zip(some_files, links, strict=True)):
                    on_file(sent)
    return batch


@dataclass(frozen=True)
class _Sender:
    """Sends files by their links, as any client of the API does.

    Attributes:
        uploads: The batches.
        paths: Files by their numbers.
        on_bytes: Called with numbers of bytes that were sent.
    """

    uploads: BatchUploads
    paths: dict[int, Path]
    on_bytes: Callable[[int], None]

    def send(self, file: BatchFile, links: FileLinks) -> Sent:
        """Send what is missing of a file."""
        path = self.paths[file.number]
        if links.form:
            fields = {**links.form.fields, "file": ("file", path.read_bytes(), file.content_type)}
            self._request("POST", links.form.url, file, fields=fields)
            self.on_bytes(file.size_bytes)
        else:
            self.on_bytes(file.size_bytes - sum(part.size_bytes for part in links.parts))
        with path.open("rb") as body:
            for part in links.parts:
                body.seek(part.start)
                self._request("PUT", part.url, file, body=body.read(part.size_bytes))
                self.on_bytes(part.size_bytes)
        return Sent(path, file.key, "sent", file.size_bytes)

    def _request(self, method: str, url: str, file: BatchFile, **content: object) -> None:
        try:
            answer = _http.request(method, url, **content)  # type: ignore[arg-type]
        except urllib3.exceptions.HTTPError as error:
            raise UploadError(f"{file.name} could not be sent: {error}. Call the command again to go on.") from None
        if answer.status >= 300:
            raise UploadError(f"S3 refused {file.name} ({answer.status}): call the command again to go on.")


_http = urllib3.PoolManager(retries=Retry(4, backoff_factor=0.5, allowed_methods=None), maxsize=_REQUESTS_AT_ONCE)


def _find_files(path: Path) -> Iterator[tuple[str, Path]]:
    """A file by its name, a folder's files by their paths in it; links are not followed out of the folder."""
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            name = file.relative_to(path).as_posix()
            if file.is_file() and not file.is_symlink() and not is_litter(name):
                yield name, file
    elif path.is_file():
        yield path.name, path
    else:
        raise NoImagesError(f"There is no {path}.")


def _uploads(connection: Connection) -> BatchUploads:
    return BatchUploads(load_settings(), connection.store, connection.records, Workflow(connection.state_machine_arn))


def _follow(connection: Connection, uploads: BatchUploads, batch: BatchRecord, *, wait: bool) -> None:
    """Show a batch's run until it ends, and what became of its files."""
    print_text(f"Batch {batch.id} of {batch.collection} is under way.")
    if not wait:
        return
    watch(uploads.execution(batch), connection.records, errors)
    done = uploads.get(batch.collection, batch.id)
    print_text(f"{done.state}: {_counts(done) if done.published else done.error or 'the run did not end'}.")
    told = [line for line in read_ledger(connection.store, batch.collection, batch.id) if line.error or line.note]
    for line in told[:_SHOWN]:
        print_text(f"  {line.error.message if line.error else f'{line.name}: {line.note}'}")
    if len(told) > _SHOWN:
        print_text(f"`framesift collection ledger '{batch.collection}' {batch.id}` lists all.")
    if set(done.counts) == {"refused"}:
        raise NothingTakenError(f"None of the {count_of(done.counts['refused'], 'file')} could be taken.")


def _counts(batch: BatchRecord) -> str:
    """How many files came to what."""
    counts = sorted(batch.counts.items(), key=lambda pair: _ORDER.index(pair[0]))
    return ", ".join(_count(status, count) for status, count in counts) or f"{batch.files} announced"


def _count(status: str, count: int) -> str:
    noun = _NOUNS.get(status)
    return count_of(count, noun) if noun else f"{count:,} {status}"


def _explain(line: LedgerLine) -> Cell | str:
    """Why a file came to what it came to, where the status does not say it."""
    return Cell(line.error.message, "red") if line.error else line.note or _WHY.get(line.status, "")
