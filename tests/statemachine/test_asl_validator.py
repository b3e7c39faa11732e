"""asl-validator on our state machine: somebody else's reading of the language's definition."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from cdk.node import node_path
from statemachine.lint import FOLDER

PACKAGE = Path(__file__).parent / "asl_validator"
VALIDATOR = PACKAGE / "node_modules" / "asl-validator" / "dist" / "bin" / "asl-validator.js"
pytestmark = pytest.mark.skipif(
    not VALIDATOR.exists(), reason="asl-validator is not installed: `npm ci --prefix tests/statemachine/asl_validator`"
)


def validate(path: Path) -> subprocess.CompletedProcess[str]:
    command = [str(node_path()), str(VALIDATOR), "--json-path", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_our_state_machine_is_valid() -> None:
    (path,) = FOLDER.glob("*.asl.json")
    ran = validate(path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_broken_one_is_not(tmp_path: Path) -> None:
    machine = json.loads((FOLDER / "pipeline.asl.json").read_text(encoding="utf-8"))
    machine["States"]["Begin"]["Next"] = "Nowhere"
    path = tmp_path / "broken.asl.json"
    path.write_text(json.dumps(machine), encoding="utf-8")
    assert validate(path).returncode != 0
