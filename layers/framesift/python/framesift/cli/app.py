"""The commands, and where each is."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Annotated

import typer

from framesift import __version__
from framesift.cli import (
    collections,
    detector,
    doctor,
    duplicates,
    login,
    models,
    pose,
    report,
    review,
    runs,
    search,
    stage,
    takedown,
    thumbnails,
    train,
    training,
    uploads,
)
from framesift.cli.console import output

COMMANDS_GROUP = "framesift.commands"
"""Entry points of this group are `typer.Typer` objects; each becomes a group of commands under its name."""

app = typer.Typer(
    help="Collects media, finds near-duplicates, objects and poses, and publishes ranked lists.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        output.print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True)] = False,
) -> None:
    """Collects media, finds near-duplicates, objects and poses, and publishes ranked lists."""


app.command("run")(runs.run)
app.command("upload")(uploads.upload)
app.command("watch")(runs.watch_run)
app.command("status")(runs.status)
app.command("runs")(runs.list_runs)
app.command("top10")(runs.top10)
app.command("report")(report.report)
app.command("thumbnails")(thumbnails.thumbnails)
app.command("clip")(runs.clip)
app.add_typer(takedown.app, name="takedown", help="Clips that must not be listed: take down, list, undo.")
app.command("publish")(takedown.publish)
app.add_typer(collections.app, name="collection", help="Collections: put images in, look at them, pose sequences.")
app.add_typer(collections.app, name="collections", hidden=True, help="The same as `collection`.")
app.command("search")(search.search)
app.add_typer(duplicates.app, name="duplicates", help="Near-duplicates: of a folder of images, or of a day's run.")
app.add_typer(pose.app, name="pose", help="Pose sequences from videos: extract, draw, export, upload.")
app.command("stage")(stage.stage)
app.command("login")(login.login)
app.command("logout")(login.logout)
app.command("whoami")(login.whoami)
app.command("doctor")(doctor.doctor)
app.add_typer(detector.app, name="detector", help="The detector: what is in service, rollback, a project's export.")
app.add_typer(review.app, name="review", help="Predictions in human review: list, draw, accept, reject.")
app.command("train")(train.train)
app.add_typer(models.app, name="models", help="Model files: list, fetch and verify them, and add detectors.")
app.add_typer(training.app, name="training", help="Training: evaluate models on labelled images.")


def load_app() -> typer.Typer:
    """Return the commands with those that other installed packages add, such as `framesift local`."""
    added = {group.name for group in app.registered_groups}
    for entry_point in entry_points(group=COMMANDS_GROUP):
        if entry_point.name not in added:
            app.add_typer(entry_point.load(), name=entry_point.name)
    return app
