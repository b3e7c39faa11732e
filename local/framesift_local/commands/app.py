"""The embedded AWS: the whole workflow on this machine, without an account."""

from __future__ import annotations

import json
import shutil
import signal
import threading
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date as Date  # noqa: N812 - `date` is an option's name here
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from framesift.cli.connection import DATA_DIR, Connection, connect
from framesift.cli.console import errors, output
from framesift.cli.runs import lists_of, show_lists, start_and_watch
from framesift.errors import InvalidDateError
from framesift.settings import load_settings

if TYPE_CHECKING:
    from framesift_local.standins.clipsite import Grade

app = typer.Typer(
    no_args_is_help=True, help="The embedded AWS: the whole workflow on this machine, without an account."
)

# How often the clip site is told the day while the embedded AWS stays up.
_DAY_CHECK_S = 60
DEFAULT_API_PORT = 8787

ClipsOption = Annotated[int, typer.Option(min=1, max=2000, help="Clips that each of the clip site's categories lists.")]
DateOption = Annotated[str | None, typer.Option(help="The day, YYYY-MM-DD; today in Seoul by default.")]


@app.command()
def run(
    source: Annotated[str, typer.Argument(help="Where media comes from: tiktok, youtube or upload.")] = "tiktok",
    date: DateOption = None,
    category: Annotated[list[str] | None, typer.Option(help="Only this category; may be repeated.")] = None,
    clips: ClipsOption = 200,
    force: Annotated[bool, typer.Option(help="Run again even if the day is done.")] = False,
) -> None:
    """Start the embedded AWS, run one day on it, show what came of it, and stop it again.

    With `upload`, a video that is made here is dropped into a collection, and its arrival starts the run.
    """
    from framesift_local.commands.upload import drop_and_watch
    from framesift_local.machine import machine

    start = {"source": source, "date": date, "categories": category, "force": force}
    with ExitStack() as running:
        with output.status("Starting the embedded AWS and what stands in for the world …"):
            started = running.enter_context(machine(DATA_DIR, day=_day(date), clips=clips, sources=[source]))
        connection = connect("")
        if source == "upload":
            drop_and_watch(connection)
            return
        record = start_and_watch(connection, {name: value for name, value in start.items() if value})
        if source == "tiktok":
            show_lists(lists_of(connection, record))
            if (grade := started.grade(record, connection.store)) is not None:
                _show_grade(grade)
            _say_where(connection)


@app.command()
def up(
    clips: ClipsOption = 200,
    api_port: Annotated[int, typer.Option(help="The HTTP API's port on 127.0.0.1.")] = DEFAULT_API_PORT,
    schedules: Annotated[bool, typer.Option(help="Let the schedules start runs.")] = True,
) -> None:
    """Keep the embedded AWS running, with its schedules and its API, until Ctrl-C.

    A schedule that was missed today is made up for at once. Other commands in this folder speak to it.
    """
    from framesift_local.machine import machine

    with ExitStack() as running:
        with output.status("Starting the embedded AWS and what stands in for the world …"):
            started = running.enter_context(
                machine(DATA_DIR, day=_day(None), clips=clips, api_port=api_port, schedules=schedules)
            )
        output.print(
            f"The embedded AWS is up; Ctrl-C stops it.\n"
            f"  AWS endpoint  {started.aws.endpoint}\n"
            f"  HTTP API      {started.aws.api_url}/v1/top10/dance\n"
            f"  clip site     {started.site_url}/dance\n"
            f"  files         {DATA_DIR.resolve()}/s3\n"
            f"  logs          {DATA_DIR.resolve()}/logs\n"
            f"  stand-ins     {DATA_DIR.resolve()}/outside.env has their settings, for `framesift detector export`\n"
            "In another terminal: framesift run · framesift upload · framesift status · framesift local token",
            highlight=False,
            soft_wrap=True,
        )
        _wait_for_a_signal(lambda: started.show_day(_day(None)))


@app.command()
def token(
    username: Annotated[str, typer.Argument(help="Made where there is none.")] = "operator@example.com",
    group: Annotated[list[str] | None, typer.Option(help="A group of the user; may be repeated.")] = None,
) -> None:
    """Sign in at the embedded user pool and print an access token for the HTTP API."""
    connection = connect("")
    request = urllib.request.Request(  # noqa: S310 - the embedded AWS's own address
        f"{connection.endpoint_url}/_embedded/token",
        json.dumps({"username": username, "groups": group or []}).encode(),
    )
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
        output.print(json.load(response), soft_wrap=True, highlight=False)


@app.command()
def reset(yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Forget everything that runs on this machine have kept: lists, records, images."""
    if not DATA_DIR.exists():
        output.print("There is nothing to forget.")
        return
    if yes or typer.confirm(f"Delete {DATA_DIR.resolve()} with all lists and records?"):
        shutil.rmtree(DATA_DIR)


@app.command()
def prepare(
    quiet: Annotated[bool, typer.Option(help="Speak only of what has to be installed.")] = False,
) -> None:
    """Find a Chromium or install one, and synthesize the stacks, which takes a Node."""
    from framesift_local.aws.synth import synthesize
    from framesift_local.prepare import ensure_chromium

    ensure_chromium(lambda text: errors.print(text, highlight=False))
    with output.status("Synthesizing the stacks …"):
        synthesize(DATA_DIR / "cdk.out")
    if not quiet:
        output.print("Ready: a Chromium is here, and the stacks are synthesized.")


def _day(date: str | None) -> Date:
    if date is None:
        return datetime.now(ZoneInfo(load_settings().run.timezone)).date()
    try:
        return Date.fromisoformat(date)
    except ValueError:
        raise InvalidDateError(f"date {date!r} is no date of the form YYYY-MM-DD.") from None


def _wait_for_a_signal(now_and_then: Callable[[], None]) -> None:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    while not stopped.wait(_DAY_CHECK_S):
        now_and_then()


def _show_grade(grade: Grade) -> None:
    """How many of the stand-in's re-uploads were found, kind by kind: the site knows the truth."""
    kinds = "  ".join(f"{kind} {each.found}/{each.reuploads}" for kind, each in grade.by_kind.items() if each.reuploads)
    output.print(
        f"\n[dim]Of the clip site's {grade.total.reuploads} re-uploads {grade.total.found} were found: {kinds}. "
        f"Of {grade.originals} originals {len(grade.originals_lost)} were lost.[/]",
        highlight=False,
        soft_wrap=True,
    )


def _say_where(connection: Connection) -> None:
    folder = DATA_DIR.resolve() / "s3" / connection.bucket / "published"
    output.print(f"\nThe lists and their thumbnails are in {folder}", highlight=False, soft_wrap=True)
