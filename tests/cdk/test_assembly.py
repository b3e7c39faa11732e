import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from aws_cdk import Stack
from aws_cdk.aws_s3 import Bucket

from cdk.app import make_app

SNAPSHOTS = Path(__file__).parent / "snapshots"
REFRESH = "FRAMESIFT_REFRESH_SNAPSHOTS"


def test_cfn_lint_finds_no_error(assembly, prod_assembly):
    templates = sorted([*assembly.glob("*.template.json"), *prod_assembly.glob("*.template.json")])
    assert len(templates) == 9

    # W3005: the CDK names a dependency twice, which is harmless. W6001: the CLI reads all from one stack's outputs.
    main = "import sys; from cfnlint.runner import main; sys.exit(main())"
    options = ["--format", "json", "--ignore-checks", "W3005", "W6001", "--"]
    ran = subprocess.run(
        [sys.executable, "-c", main, *options, *templates], capture_output=True, text=True, timeout=300, check=False
    )

    assert ran.stdout, ran.stderr
    found = [(match["Rule"]["Id"], match["Message"]) for match in json.loads(ran.stdout)]
    assert [each for each in found if not is_computed_timeout(*each)] == []


def is_computed_timeout(rule: str, message: str) -> bool:
    """Step Functions takes a JSONata expression as a task's timeout; cfn-lint's schema knows numbers only."""
    return rule == "E3601" and bool(re.fullmatch(r"'{% .+ %}' is not of type 'number' at '.+/TimeoutSeconds'", message))


def test_what_cdk_nag_finds_stops_a_deployment(tmp_path, page):
    # The assembly above was synthesized, so it found nothing there; here it has something to find.
    app = make_app(str(tmp_path), page=page)
    Bucket(Stack(app, "careless"), "Open")

    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()

    report = json.loads((tmp_path / "validation-report.json").read_text(encoding="utf-8"))
    found = {violation["ruleName"] for pack in report["pluginReports"] for violation in pack["violations"]}
    assert found == {"AwsSolutions-S1", "AwsSolutions-S10"}


@pytest.mark.parametrize("stack", ["storage", "pipeline", "web"])
def test_template_is_as_it_was(assembly, stack):
    """Refresh with `FRAMESIFT_REFRESH_SNAPSHOTS=1 pytest tests/cdk/test_assembly.py`, and read the difference."""
    text = (assembly / f"framesift-full-{stack}.template.json").read_text(encoding="utf-8")
    template = json.loads(re.sub(r"\b[0-9a-f]{64}\b", "<image>", text))
    for resource in template["Resources"].values():
        if "DefinitionString" in resource.get("Properties", {}):
            resource["Properties"]["DefinitionString"] = "<statemachine/pipeline.asl.json>"
    snapshot = SNAPSHOTS / f"{stack}.json"
    if os.environ.get(REFRESH):
        snapshot.write_text(json.dumps(template, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    assert template == json.loads(snapshot.read_text(encoding="utf-8"))
