"""A stack on moto, and a way to run a command as a shell would."""

from __future__ import annotations

import json

import pytest

from framesift import aws, cli
from framesift.storage import S3Store
from framesift.table import Records


@pytest.fixture
def stack(store: S3Store, records: Records, monkeypatch: pytest.MonkeyPatch) -> str:
    """A stack whose outputs name the bucket and the records."""
    outputs = {
        "BucketName": store.bucket,
        "TableName": records.name,
        "StateMachineArn": "arn:aws:states:ap-northeast-2:123456789012:stateMachine:framesift",
        "ApiUrl": "https://example.invalid",
    }
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    aws.cloudformation().create_stack(StackName="framesift-test", TemplateBody=json.dumps(template))
    monkeypatch.setenv("FRAMESIFT_STACK", "framesift-test")
    return "framesift-test"


def framesift(*arguments: str) -> int:
    """Run a command as a shell would; returns its exit code."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sys.argv", ["framesift", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return int(ended.value.code or 0)
