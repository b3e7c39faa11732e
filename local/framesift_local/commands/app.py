"""The embedded AWS: the whole workflow on this machine, without an account."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import sys
import threading
import urllib.request
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import date as Date  # noqa: N812 - `date` is an option's name here
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.error import HTTPError
from zoneinfo import ZoneInfo

import typer

from framesift.address import is_running
from framesift.cli.connection import DATA_DIR, Connection, connect
from framesift.cli.console import errors, output
from framesift.cli.report import write_report
from framesift.cli.runs import INTERRUPTED_EXIT_CODE, lists_of, show_lists, start_and_watch
from framesift.errors import DataFolderBusyError, InvalidDateError, InvalidUserError, MachineError
from framesift.pipeline.branches import BRANCHES, DEFAULT_SOURCE, branch_of
from framesift.settings import load_settings

if TYPE_CHECKING:
    from framesift_local.aws.schedules import Outlook
    from framesift_local.machine import Machine
    from framesift_local.standins.clipsite import Grade

app = typer.Typer(
    no_args_is_help=True, help="The embedded AWS: the whole workflow on this machine, without an account."
)

# How often the stand-ins are looked after and set to the present day while the embedded AWS stays up.
_CHECK_S = 10
DEFAULT_API_PORT = 8787
_IMAGES = "images"
"""Beside the sources: a collection of images that are made here."""

ClipsOption = Annotated[int, typer.Option(min=1, max=2000, help="Clips that each of the clip site's categories lists.")]
DateOption = Annotated[str | None, typer.Option(help="The day, YYYY-MM-DD; today in Seoul by default.")]
RealOption = Annotated[
    list[str] | None,
    typer.Option(
        "--real",
        metavar="SERVICE",
        help="Call the real tiktok, youtube or custom-vision, or all of them, in place of a stand-in; may be repeated. "
        "A service whose address, key or session you have set is the real one anyway.",
    ),
]


@app.command()
def run(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(help=f"Where media comes from: {', '.join([*BRANCHES, _IMAGES])}.")
    ] = DEFAULT_SOURCE,
    date: DateOption = None,
    category: Annotated[list[str] | None, typer.Option(help="Only this category; may be repeated.")] = None,
    clips: ClipsOption = 200,
    images: Annotated[int, typer.Option(min=10, max=100_000, help="With images: how many are made.")] = 640,
    real: RealOption = None,
    force: Annotated[bool, typer.Option(help="Run again even if the day is done.")] = False,
) -> None:
    """Start the embedded AWS, run one day on it, show the results, and stop it again.

    With `upload`, a video that is made here is put into a collection, and its arrival starts the run. With `images`,
    photographs and drawn parts become a collection that can be searched and exported. Where `framesift local up` runs
    in this folder, the run takes place there.
    """
    start = {"source": source, "date": date, "categories": category, "force": force}
    start = {name: value for name, value in start.items() if value}
    day = _day(date)
    with ExitStack() as running:
        if is_running(DATA_DIR):
            _refuse_options_of_start(context, "clips", "real")
            errors.print("The embedded AWS that `framesift local up` keeps running in this folder is used.")
            _run(connect(""), start, None, images)
            say_how_to_find_commands()
            return
        sources = ["upload" if source == _IMAGES else source]
        with _starting():
            from framesift_local.machine import machine

            started = running.enter_context(machine(DATA_DIR, day=day, clips=clips, sources=sources, real=real or []))
        if services := started.outside.describe():
            _say(services)
        _run(connect(""), start, started, images)
        if _build_page():
            _say(f"Look at it in a browser: `make up` serves the web page at http://127.0.0.1:{DEFAULT_API_PORT}/")
        say_how_to_find_commands()


def _build_page() -> Path | None:
    """Build the web page where it is missing or old; without it, everything else works."""
    from framesift_local.page_build import build_page

    try:
        return build_page(lambda text: errors.print(text, highlight=False))
    except MachineError as error:
        errors.print(str(error), highlight=False, markup=False, soft_wrap=True)
        return None


@contextmanager
def _starting() -> Iterator[None]:
    """Show that a start takes its time; Ctrl-C in the midst of it says what became of it."""
    try:
        with output.status("Starting the embedded AWS and the stand-ins …"):
            yield
    except KeyboardInterrupt:
        errors.print("Interrupted before the embedded AWS was up: nothing was run.", highlight=False)
        raise typer.Exit(INTERRUPTED_EXIT_CODE) from None


def say_how_to_find_commands() -> None:
    """Say what makes the recommended commands work, where a shell does not find them, as after `make run`."""
    if shutil.which("framesift") is None:
        folder = shlex.quote(str(Path(sys.executable).parent))
        _say(f"For `framesift` to be found in this terminal: export PATH={folder}:$PATH")


def _run(connection: Connection, start: dict[str, Any], started: Machine | None, images: int) -> None:
    if start["source"] == _IMAGES:
        from framesift_local.commands.images import make_collection

        make_collection(connection, images)
        return
    branch = branch_of(start["source"])
    if branch.collector == "uploads":
        from framesift_local.commands.upload import drop_and_watch

        drop_and_watch(connection, goes_on=started is None)
        return
    record = start_and_watch(connection, start, goes_on=started is None)
    if branch.goal == "lists":
        show_lists(lists_of(connection, record))
        grade = started.grade(record, connection.store) if started else None
        if grade is not None and grade.total.reuploads:
            _show_grade(grade)
        _say_where(connection)
    _say(f"\nThe report of the day: {write_report(connection, record).resolve()}")
    _say(describe_ways_to_look(record.source))


def describe_ways_to_look(source: str) -> str:
    """Return the commands that show what a source's run has made."""
    if branch_of(source).goal == "lists":
        return "See it again with `framesift status`, `framesift report`, `framesift top10` and `framesift clip`."
    return f"See it again with `framesift status {source}`, `framesift report {source}` and `framesift review list`."


def _refuse_options_of_start(context: typer.Context, *names: str) -> None:
    """Refuse options that only take effect when the embedded AWS starts, where one runs already."""
    for name in names:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise DataFolderBusyError(
                f"--{name} takes effect when the embedded AWS starts, and one runs in this folder: stop it first "
                f"(Ctrl-C where `framesift local up` runs), or give --{name} to `framesift local up`."
            )


@app.command()
def up(
    clips: ClipsOption = 200,
    api_port: Annotated[int, typer.Option(help="The HTTP API's port on 127.0.0.1.")] = DEFAULT_API_PORT,
    schedules: Annotated[bool, typer.Option(help="Let the schedules start runs.")] = True,
    real: RealOption = None,
) -> None:
    """Keep the embedded AWS running, with its schedules and its API, until Ctrl-C.

    A run that its schedules missed today while it was down is started at once. Other commands in this folder use it.
    """
    page = _build_page()
    with ExitStack() as running:
        with _starting():
            from framesift_local.machine import machine

            started = running.enter_context(
                machine(
                    DATA_DIR,
                    day=_day(None),
                    clips=clips,
                    api_port=api_port,
                    page=page,
                    schedules=schedules,
                    real=real or [],
                    on_execution=_show_execution,
                    on_mail=_say,
                )
            )
        folder = DATA_DIR.resolve()
        site = f"  clip site     {started.site_url}/dance\n" if started.site_url else ""
        _say(
            f"The embedded AWS is up; Ctrl-C stops it. {started.outside.describe()}\n"
            f"  web page      {f'{started.aws.api_url}/' if page else 'not built: see above'}\n"
            f"  AWS endpoint  {started.aws.endpoint}\n"
            f"  HTTP API      {started.aws.api_url}/v1/top10/dance\n"
            f"{site}"
            "  log in        in the page, or by framesift login; codes that would be mailed are shown here\n"
            f"  files         {folder}/s3\n"
            f"  logs          {folder}/logs\n"
            f"  stand-ins     {folder}/stand-ins.env has their settings, for `framesift detector export`"
        )
        for line in describe_schedules(started.aws.outlook, enabled=schedules, done=_sources_done_today()):
            _say(line)
        _say("In another terminal: framesift run · framesift upload · framesift status · framesift local token")
        say_how_to_find_commands()
        _wait_for_a_signal(lambda: keep_current(started))


def _sources_done_today() -> set[str]:
    """Return the sources whose run of today has succeeded, as it has where `framesift local run` made it."""
    runs, today = connect("").records.runs, _day(None).isoformat()
    days = {source: runs.get(source, today) for source, branch in BRANCHES.items() if branch.collector != "uploads"}
    return {source for source, record in days.items() if record is not None and record.status == "SUCCEEDED"}


def describe_schedules(outlook: Sequence[Outlook], *, enabled: bool, done: Collection[str] = ()) -> list[str]:
    """Return what the schedules will do, a line each, and what they have missed for good and how to do it.

    Args:
        outlook: What each schedule will do.
        enabled: Whether the schedules start runs.
        done: Sources that have nothing left to do today.
    """
    if not enabled:
        return ["  schedules     off: `framesift run` starts a run"]
    coming = sorted((each for each in outlook if each.next_at), key=lambda each: str(each.next_at))
    lines = [
        f"  next          {each.next_at:%a %H:%M} {each.next_at.tzname()}  {_describe_start(each.start)}"
        for each in coming
        if each.next_at
    ]
    latest_first = sorted(
        (each for each in outlook if each.missed_at), key=lambda each: str(each.missed_at), reverse=True
    )
    # The first of a source's runs does it. What maintains collections does it all in its next hour.
    missed = {_command(each.start): each for each in latest_first if "source" in each.start}
    return lines + [
        f"Today's {each.missed_at:%H:%M} run of {each.start['source']} was missed and is not started, "
        f"since nothing was up here before: `{command}` in another terminal does it."
        for command, each in missed.items()
        if each.start["source"] not in done
    ]


def _describe_start(start: Mapping[str, Any]) -> str:
    if "source" not in start:
        return "maintenance of collections"
    return f"{start['source']}{', if the day has yet to succeed' if start.get('only_if_failed') else ''}"


def _command(start: Mapping[str, Any]) -> str:
    return f"framesift run {start['source']}"


def _show_execution(detail: Mapping[str, Any]) -> None:
    """Print a line for each execution that starts or ends."""
    output.print(f"{datetime.now():%H:%M:%S}  {detail['name']}  {detail['status']}", highlight=False, soft_wrap=True)  # noqa: DTZ005 - a person's clock


@app.command()
def token(
    username: Annotated[str, typer.Argument(help="The user; created if there is none.")] = "operator@example.com",
    group: Annotated[
        list[str] | None, typer.Option(help="A group of the user, by default admin; may be repeated.")
    ] = None,
) -> None:
    """Sign in at the embedded user pool and print an access token for the HTTP API."""
    connection = connect("")
    request = urllib.request.Request(  # noqa: S310 - the embedded AWS's own address
        f"{connection.endpoint_url}/_embedded/token",
        json.dumps({"username": username, "groups": group or ["admin"]}).encode(),
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            output.print(json.load(response), soft_wrap=True, highlight=False)
    except HTTPError as error:
        with error:
            raise InvalidUserError(f"There is no token for {username!r}: {error.read().decode().strip()}") from None


@app.command()
def reset(yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Delete everything that local runs have stored: lists, records, images."""
    from framesift_local.aws.data_folder import check_unused, delete

    check_unused(DATA_DIR)
    if not DATA_DIR.exists():
        output.print("There is nothing to forget.")
        return
    if yes or typer.confirm(f"Delete {DATA_DIR.resolve()} with all lists and records?"):
        delete(DATA_DIR)


@app.command()
def prepare(
    quiet: Annotated[bool, typer.Option(help="Report only what has to be installed.")] = False,
) -> None:
    """Find a Chromium or install one, build the web page, and synthesize the stacks, which takes a Node."""
    from framesift_local.aws.synth import synthesize
    from framesift_local.prepare import ensure_chromium

    ensure_chromium(lambda text: errors.print(text, highlight=False))
    _build_page()
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


def keep_current(started: Machine) -> None:
    """Let the stand-ins show the present day, and make sure that they are there.

    Raises:
        EmbeddedAwsDownError: One died too often in a row.
    """
    started.check()
    # One is being started again, or the machine is too busy for it to answer: the next time tells it.
    with suppress(OSError, HTTPException):
        started.show_day(_day(None))


def _wait_for_a_signal(now_and_then: Callable[[], None]) -> None:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    while not stopped.wait(_CHECK_S):
        now_and_then()


def _show_grade(grade: Grade) -> None:
    """Show how many of the clip site's re-uploads were found, kind by kind: the site knows the truth."""
    kinds = "  ".join(f"{kind} {each.found}/{each.reuploads}" for kind, each in grade.by_kind.items() if each.reuploads)
    output.print(
        f"\n[dim]Of the clip site's {grade.total.reuploads} re-uploads {grade.total.found} were found: {kinds}. "
        f"Of {grade.originals} originals {len(grade.originals_lost)} were lost.[/]",
        highlight=False,
        soft_wrap=True,
    )


def _say_where(connection: Connection) -> None:
    folder = DATA_DIR.resolve() / "s3" / connection.bucket / "published"
    _say(f"\nThe lists and their thumbnails are in {folder}")


def _say(text: str) -> None:
    output.print(text, highlight=False, markup=False, soft_wrap=True)
