"""Our own workflow with its real functions on the embedded AWS, where each function takes one event at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from framesift_local.aws.synth import synthesize
from tests.integration.embedded.conftest import ROOT, Running


@pytest.fixture(scope="session")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    stack = synthesize(tmp_path_factory.mktemp("cdk.out"))
    _reserve_one_of_each(stack / "framesift-local-pipeline.template.json")
    options = ["--cdk-out", str(stack), "--root", str(ROOT), "--time-scale", "0.2"]
    options += ["--set", "FRAMESIFT_API__CLIENT_REQUESTS_PER_MINUTE=0"]
    running = Running(tmp_path_factory.mktemp("crowded"), *options)
    yield running
    assert running.stop() == 0


def _reserve_one_of_each(path: Path) -> None:
    template = json.loads(path.read_text(encoding="utf-8"))
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            resource["Properties"]["ReservedConcurrentExecutions"] = 1
    path.write_text(json.dumps(template), encoding="utf-8")
