"""A day of 5 x 200 clips on one machine: the workflow, and the same stages one after another in one process.

    python -m benchmarks.day [--clips 200]

What the workflow costs of its own (claiming, states, functions that start, records) is timed apart: a run of which
every stage was done before, with functions that are cold. Writes `benchmarks/results/day.md`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import date as Date  # noqa: N812
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.rounds import machine as this_machine
from benchmarks.rounds import report, table
from framesift import aws
from framesift.contracts import AnalysisJob, Run, ScopeInput, StageInput
from framesift.embedding.choose import choose_embedder
from framesift.language import make_decider
from framesift.models import default_cache_dir, open_registry
from framesift.pipeline.analyze import Analyst, analyze
from framesift.pipeline.plan import plan_analysis
from framesift.pipeline.tiktok.archive import archive_run
from framesift.pipeline.tiktok.collect import collect_category
from framesift.pipeline.tiktok.curate import curate_category
from framesift.pipeline.tiktok.publish import publish_lists
from framesift.settings import load_settings
from framesift.storage import S3Store, parse_uri
from framesift.table import Records
from framesift_local.machine import Machine, machine

DAY = Date(2026, 11, 2)


@contextlib.contextmanager
def up(folder: Path, day: Date, clips: int) -> Iterator[Machine]:
    """The machine on a day; this process's clients and settings reach it."""
    with machine(folder, day=day, clips=clips, sources=["tiktok"]) as started:
        os.environ.update({**started.aws.environment(), **started.stand_in_settings})
        aws.forget_clients()
        load_settings.cache_clear()
        yield started


def run(started: Machine, day: Date) -> float:
    """Run the workflow; returns its seconds."""
    states, outputs = aws.stepfunctions(), outputs_of(started)
    began = time.perf_counter()
    arn = states.start_execution(
        stateMachineArn=outputs["StateMachineArn"],
        name=uuid.uuid4().hex,
        input=json.dumps({"source": "tiktok", "date": day.isoformat()}),
    )["executionArn"]
    while (found := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        time.sleep(0.1)
    if found["status"] != "SUCCEEDED":
        raise SystemExit(f"The run ended {found['status']}: {found.get('error')}: {found.get('cause')}")
    return time.perf_counter() - began


def outputs_of(started: Machine) -> dict[str, Any]:
    """The stacks' outputs."""
    return dict(json.loads((started.aws.data_dir / "embedded.json").read_text())["outputs"])


def run_plainly(started: Machine, day: Date) -> float:
    """The stages' functions, one after another, in this process; returns their seconds."""
    outputs, settings = outputs_of(started), load_settings()
    store, records = S3Store(outputs["BucketName"]), Records(outputs["TableName"])
    today, categories = Run(source="tiktok", date=day.isoformat(), attempt=1), settings.run.categories
    began = time.perf_counter()
    for category in categories:
        collect_category(ScopeInput(run=today, scope=category), settings, store, records)
    plan = plan_analysis(StageInput(run=today, scopes=categories), settings, store, records)
    job = AnalysisJob.model_validate_json(store.get(parse_uri(plan.job_spec_uri)[1]))
    choice = choose_embedder(settings, open_registry(default_cache_dir(), store))
    analyze(job, Analyst(settings, store, records, choice, lambda: False), child=0)
    for category in categories:
        request = ScopeInput(run=today, scope=category)
        curate_category(request, settings, store, records, make_decider(settings.language))
    publish_lists(StageInput(run=today, scopes=categories), settings, store, records)
    archive_run(StageInput(run=today, scopes=categories), store, records)
    return time.perf_counter() - began


def forget_the_end(started: Machine, day: Date) -> None:
    """Let a run look as if it had failed at its very end."""
    records = Records(outputs_of(started)["TableName"])
    record = records.runs.get("tiktok", day.isoformat())
    if record is None:
        raise SystemExit(f"There is no run of {day}.")
    records.runs.end(record.model_copy(update={"status": "FAILED", "done": []}))


def main() -> None:
    """Run the comparison and write its report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=200)
    clips = parser.parse_args().clips
    days = [DAY + timedelta(days=number) for number in range(3)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seconds = {}
        for title, day in (("first day, with the site's images still to be drawn", days[0]), ("a new day", days[1])):
            began = time.perf_counter()
            with up(folder, day, clips) as started:
                ready = time.perf_counter() - began
                seconds[f"{title}: the workflow"] = run(started, day)
            seconds[f"{title}: from nothing to stopped"] = time.perf_counter() - began
        with up(folder, days[1], clips) as started:
            forget_the_end(started, days[1])
            seconds["the workflow's own: a run of which all is done, functions cold"] = run(started, days[1])
        with up(folder, days[2], clips) as started:
            seconds["plain: the same stages in one process"] = run_plainly(started, days[2])
    report(
        "day",
        [
            f"# A day of 5 x {clips} clips",
            "",
            *table(["what", "seconds"], [[title, f"{value:.1f}"] for title, value in seconds.items()]),
            "",
            f"The embedded AWS and the clip site were ready after {ready:.1f} s. One run each, of different days.",
            "",
            *this_machine(["moto", "playwright", "onnxruntime-openvino"]),
        ],
    )


if __name__ == "__main__":
    main()
