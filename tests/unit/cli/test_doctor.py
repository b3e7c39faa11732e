"""`framesift doctor` against a stack on moto, and on this machine."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from framesift import aws
from framesift.cli.checks.machine import (
    check_chromium,
    check_data_folder,
    check_disk,
    check_machine,
    check_memory,
    check_node,
    check_port,
)
from framesift.cli.checks.stack import (
    DeployedStack,
    check_batch,
    check_notifications,
    check_secrets,
    check_stack,
    read_stack,
)
from framesift.settings import load_settings
from framesift.storage import S3Store
from framesift.table import Records, RunRecord
from tests.unit.cli.conftest import framesift

STACK = "framesift-test-pipeline"


@pytest.fixture
def pipeline(store: S3Store, records: Records, monkeypatch: pytest.MonkeyPatch) -> str:
    """A pipeline stack with a topic on moto."""
    monkeypatch.delenv("FRAMESIFT_STACK", raising=False)
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {
            "BucketName": {"Value": store.bucket},
            "TableName": {"Value": records.name},
            "StateMachineArn": {"Value": "arn:aws:states:ap-northeast-2:123456789012:stateMachine:none"},
            "FailureTopicArn": {"Value": {"Ref": "Topic"}},
            "ApiUrl": {"Value": "https://example.invalid"},
        },
    }
    aws.cloudformation().create_stack(StackName=STACK, TemplateBody=json.dumps(template))
    return STACK


def statuses(checks: Any) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for check in checks:
        found.setdefault(check.name, set()).add(check.status)
    return found


def test_a_stack_is_checked_as_far_as_can_be(pipeline: str, records: Records) -> None:
    record = RunRecord(
        source="tiktok",
        date="2026-11-20",
        status="FAILED",
        attempt=1,
        execution_arn="arn:1",
        categories=["dance"],
        started_at=datetime(2026, 11, 20, tzinfo=UTC),
        stage="collect",
        error="CaptchaShownError",
    )
    records.runs.claim(record, None)

    checks = list(check_stack(pipeline))

    found = statuses(checks)
    assert found["credentials"] == found["stack"] == {"ok"}
    assert found["notifications"] == {"fault"}
    assert found["runs"] == {"warning", "ok"}
    assert {"quotas", "permissions"} <= found.keys()
    (failed,) = [check for check in checks if check.name == "runs" and check.status == "warning"]
    assert "CaptchaShownError in collect" in failed.found


@pytest.mark.usefixtures("aws_on_moto")
def test_a_secret_that_was_not_given_a_value_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {
        name: aws.secretsmanager().create_secret(Name=name, SecretString="{}")["ARN"] for name in ("Session", "Youtube")
    }
    resources = {f"{name}A1B2": ("AWS::SecretsManager::Secret", arn) for name, arn in made.items()}
    deployed = DeployedStack("framesift-test-pipeline", {}, resources)

    session, youtube = check_secrets(deployed)
    assert (session.status, youtube.status) == ("warning", "fault"), "the session is optional"
    assert made["Youtube"] in youtube.advice

    describe = aws.secretsmanager().describe_secret

    def describe_an_hour_later(**wanted: str) -> Any:
        found = describe(**wanted)
        return found | {"LastChangedDate": found["CreatedDate"] + timedelta(hours=1)}

    monkeypatch.setattr(aws.secretsmanager(), "describe_secret", describe_an_hour_later)
    assert statuses(check_secrets(deployed)) == {"secrets": {"ok"}}


def test_a_subscription_counts_once_it_is_there(pipeline: str) -> None:
    deployed = read_stack(pipeline)
    topic = deployed.outputs["FailureTopicArn"]
    aws.sns().subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com", ReturnSubscriptionArn=True)
    assert statuses(check_notifications(deployed)) == {"notifications": {"ok"}}


def test_no_queue_is_no_result(pipeline: str) -> None:
    assert list(check_batch(read_stack(pipeline))) == []


@pytest.mark.usefixtures("aws_on_moto")
def test_a_stack_that_is_not_there_is_a_fault_with_an_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("doctor", "--stack", "nobody", "--json") == 69
    checks = json.loads(capsys.readouterr().out)
    assert [(check["name"], check["status"]) for check in checks] == [("credentials", "ok"), ("stack", "fault")]
    assert "nobody" in checks[1]["found"]
    assert checks[1]["advice"]


def test_this_machine_has_what_a_local_run_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = statuses(check_machine(Path(".framesift")))
    assert list(found) == [
        "Python", "Node", "Chromium", "disk", "memory", "data folder", "embedded AWS", "port",
    ]  # fmt: skip
    assert found["Python"] == found["Node"] == found["data folder"] == {"ok"}


def test_the_command_prints_a_line_a_check_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FRAMESIFT_CRAWL__CHROMIUM_PATH", "/nowhere/chromium")
    load_settings.cache_clear()
    assert framesift("doctor") == 69
    shown = capsys.readouterr().out
    assert "fault   Chromium" in shown
    assert "Correct FRAMESIFT_CRAWL__CHROMIUM_PATH" in shown
    assert len(shown.splitlines()) == 8


@pytest.mark.parametrize(("free_gb", "status"), [(0.1, "fault"), (2, "warning"), (50, "ok")])
def test_disk(free_gb: float, status: str) -> None:
    assert check_disk(int(free_gb * 1e9)).status == status


@pytest.mark.parametrize(("total_gb", "status"), [(1, "fault"), (4, "warning"), (16, "ok")])
def test_memory(total_gb: float, status: str) -> None:
    assert check_memory(int(total_gb * 1e9)).status == status


def test_a_port_in_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert check_port(taken.getsockname()[1]).status == "warning"


def test_a_file_in_the_data_folders_place(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    assert check_data_folder(tmp_path / "data").status == "fault"


def test_without_node_and_chromium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert (check_node().status, check_chromium().status) == ("fault", "fault")
