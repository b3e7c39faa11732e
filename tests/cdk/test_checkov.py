"""Checkov on what `prod` deploys: whatever it finds has a written reason in `cdk/checkov.json`.

It pins some hundred packages of its own, others than ours, so it has an environment beside the tests' own, which
`make test` makes from the lock in `checkov/`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REASONS = Path(__file__).parents[2] / "cdk" / "checkov.json"
CHECKOV = Path(sys.prefix, "checkov", "bin", "checkov")


def test_each_accepted_kind_has_a_reason() -> None:
    reasons = json.loads(REASONS.read_text(encoding="utf-8"))
    assert list(reasons) == sorted(reasons, key=lambda name: int(name.rpartition("_")[2]))
    assert all(len(reason.split()) > 5 for reason in reasons.values())


@pytest.mark.slow
@pytest.mark.skipif(not CHECKOV.exists(), reason="Checkov is not installed: `make .venv/bin/.ready-checkov`")
def test_checkov_finds_only_what_has_a_reason(prod_assembly: Path) -> None:
    templates = sorted(prod_assembly.glob("*.template.json"))
    options = ["--framework", "cloudformation", "--compact", "--skip-download", "--output", "json"]
    named = [argument for path in templates for argument in ("--file", str(path))]
    environment = {**os.environ, "LOG_LEVEL": "CRITICAL"}
    ran = subprocess.run(
        [str(CHECKOV), *options, *named], capture_output=True, text=True, env=environment, timeout=400, check=False
    )

    assert ran.stdout, ran.stderr
    report = json.loads(ran.stdout)
    assert report["summary"]["passed"] > 400
    assert report["summary"]["parsing_errors"] == 0
    found = {each["check_id"] for each in report["results"]["failed_checks"]}
    assert found == json.loads(REASONS.read_text(encoding="utf-8")).keys(), "a new finding, or a reason for none"
