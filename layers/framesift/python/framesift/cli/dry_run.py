"""What a run would do: the workflow's own functions are called, and write nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import typer

from framesift.cli.connection import Connection
from framesift.cli.console import output, safe_text
from framesift.cli.stage import call_state
from framesift.contracts import BeginOutput, FeedOutput, PredictOutput, Run, StageInput, TrainOutput
from framesift.errors import InputError, NotFoundError, TagsDifferError
from framesift.pipeline.branch import Branch
from framesift.pipeline.branches import branch_of


def dry_run(connection: Connection, start: dict[str, Any]) -> None:
    """Report what a start would do: nothing is written, no image is sent, no training is started.

    What would be listed is known from the last answers, what would be predicted and trained from the newest day's
    images and the predictions that are recorded of them.

    Exits with the error's code where the run would end in one.
    """
    branch = branch_of(start["source"])
    if not branch.has_dry_run:
        raise InputError(f"{branch.source} has no dry run: what it would find is not known before it is collected.")
    asked = {"start": start, "execution_arn": "dry run", "started_at": datetime.now(UTC).isoformat(), "dry_run": True}
    begun = BeginOutput.model_validate(call_state(connection, "Begin", asked, branch))
    if begun.decision == "skip":
        _print(f"Collect: nothing would be done, {begun.why}; --force would do it again.")
    for work in begun.work:
        request = work.model_copy(update={"dry_run": True}).model_dump(mode="json")
        _show_feed(FeedOutput.model_validate(call_state(connection, "Collect", request, branch)))
    _preview_detection(connection, branch, *_newest_collected(connection, begun.run))


def _newest_collected(connection: Connection, run: Run) -> tuple[Run, list[str]]:
    """The newest run that has collected something, and what; else the one that would be."""
    for record in connection.records.runs.newest(run.source):
        stages = connection.records.stages.outputs(record.run)
        if collected := [category for category in record.scopes if ("collect", category) in stages]:
            return record.run, collected
    return run, []


def _preview_detection(connection: Connection, branch: Branch, run: Run, scopes: list[str]) -> None:
    request = StageInput(run=run, scopes=scopes, dry_run=True).model_dump(mode="json")
    states = branch.stage_states
    predicted = PredictOutput.model_validate(call_state(connection, states["predict"], request, branch))
    which = f"On the images of {run.date}" if scopes else "Without images, since none was collected yet"
    _print(f"{which}, by {predicted.detector}:")
    _show_predictions(predicted)
    try:
        trained = TrainOutput.model_validate(call_state(connection, states["train"], request, branch))
    except NotFoundError:
        _print("Train: not known before the first prediction.")
    else:
        _show_training(trained)
    if predicted.tags_differ:
        raise typer.Exit(TagsDifferError.exit_code)


def _show_feed(feed: FeedOutput) -> None:
    if feed.cut_short:
        _print(f"Collect {feed.scope}: {feed.cut_short}")
    else:
        _print(
            f"Collect {feed.scope}: {feed.units} units of YouTube's quota; by its last answer {feed.seen} videos, "
            f"{feed.fetched} thumbnails to fetch."
        )


def _show_predictions(predicted: PredictOutput) -> None:
    for each in predicted.categories:
        found = ", ".join(f"{count} {tag}" for tag, count in each.confident.items()) or "nothing"
        _print(
            f"Predict {each.category}: {each.items} images, a transaction each; recorded of them: {safe_text(found)}, "
            f"{each.to_review} to review."
        )
    _print(f"Tags: {safe_text(predicted.tags_differ or 'the settings and the detector have the same.')}")


def _show_training(trained: TrainOutput) -> None:
    tags = f" Tags to make: {safe_text(', '.join(trained.tags_made))}." if trained.tags_made else ""
    _print(
        f"Train: {trained.uploaded} new images to upload, {trained.known} present, {trained.waiting} wait for a person,"
        f" {trained.refused} would be refused.{tags}"
    )
    _print(safe_text(trained.why))
    if trained.gate:
        _print(
            f"Gate: an iteration would be compared with {trained.gate.publish_name}, average precision "
            f"{trained.gate.average_precision:.3f}; at most {trained.gate.margin:g} less is allowed."
        )


def _print(text: str) -> None:
    output.print(text, highlight=False, soft_wrap=True)
