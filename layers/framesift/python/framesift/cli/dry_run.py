"""What a run would do: the workflow's own functions are asked, and do nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import typer

from framesift.cli.connection import Connection
from framesift.cli.console import output, safe_text
from framesift.cli.stage import call_state
from framesift.contracts import BeginOutput, CollectOutput, PredictOutput, Run, TeachOutput
from framesift.errors import InputError, NotFoundError, TagsDifferError


def dry_run(connection: Connection, start: dict[str, Any]) -> None:
    """Say what a start would do: nothing is written, no picture is sent, no training is started.

    What YouTube would list is told by its last answers, what would be predicted and taught by the newest day's pictures
    and the predictions that are recorded of them.

    Exits with the error's code where the run would end in one.
    """
    if start["source"] != "youtube":
        raise InputError(f"{start['source']} has no dry run: its clips are not known before they are crawled.")
    asked = {"start": start, "execution_arn": "dry run", "started_at": datetime.now(UTC).isoformat(), "dry_run": True}
    begun = BeginOutput.model_validate(call_state(connection, "Begin", asked))
    if begun.decision == "skip":
        _say(f"Collect: nothing would be done, {begun.why}; --force would do it again.")
    run = begun.run.model_dump(mode="json")
    for category in begun.categories:
        request = {"run": run, "category": category, "dry_run": True}
        _show_feed(CollectOutput.model_validate(call_state(connection, "CollectFeed", request)))
    _foretell_detection(connection, *_newest_collected(connection, begun.run))


def _newest_collected(connection: Connection, run: Run) -> tuple[Run, list[str]]:
    """The newest run that has collected something, and what; else the one that would be."""
    for record in connection.records.runs(run.source):
        stages = connection.records.stages(record.run)
        if collected := [category for category in record.categories if ("collect", category) in stages]:
            return record.run, collected
    return run, []


def _foretell_detection(connection: Connection, run: Run, categories: list[str]) -> None:
    request = {"run": run.model_dump(mode="json"), "categories": categories, "dry_run": True}
    predicted = PredictOutput.model_validate(call_state(connection, "PredictItems", request))
    which = f"On the pictures of {run.date}" if categories else "Without pictures, since none was collected yet"
    _say(f"{which}, by {predicted.detector}:")
    _show_predictions(predicted)
    try:
        taught = TeachOutput.model_validate(call_state(connection, "TeachDetector", request))
    except NotFoundError:
        _say("Teach: not known before the first prediction.")
    else:
        _show_teaching(taught)
    if predicted.tags_differ:
        raise typer.Exit(TagsDifferError.exit_code)


def _show_feed(feed: CollectOutput) -> None:
    if feed.cut_short:
        _say(f"Collect {feed.category}: {feed.cut_short}")
    else:
        _say(
            f"Collect {feed.category}: YouTube's quota pays {feed.units}; by its last answer {feed.seen} videos, "
            f"{feed.fetched} thumbnails to fetch."
        )


def _show_predictions(predicted: PredictOutput) -> None:
    for each in predicted.categories:
        seen = ", ".join(f"{count} {tag}" for tag, count in each.confident.items()) or "nothing"
        _say(
            f"Predict {each.category}: {each.items} pictures, a transaction each; recorded of them: {safe_text(seen)}, "
            f"{each.to_review} to review."
        )
    _say(f"Tags: {safe_text(predicted.tags_differ or 'the settings and the detector have the same.')}")


def _show_teaching(taught: TeachOutput) -> None:
    tags = f" Tags to make: {safe_text(', '.join(taught.tags_made))}." if taught.tags_made else ""
    _say(
        f"Teach: {taught.uploaded} new pictures to send, {taught.known} are there, {taught.waiting} wait for a person, "
        f"{taught.refused} would be refused.{tags}"
    )
    _say(f"Train: {safe_text(taught.why)}")
    if taught.gate:
        _say(
            f"Gate: an iteration would be compared with {taught.gate.publish_name}, average precision "
            f"{taught.gate.average_precision:.3f}; at most {taught.gate.margin:g} less is let through."
        )


def _say(text: str) -> None:
    output.print(text, highlight=False, soft_wrap=True)
