"""What a machine does to an embedded AWS: kills a process, fills the disk, damages or locks its files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.waiting import wait_until

needs_proc = pytest.mark.skipif(not Path("/proc").exists(), reason="reads /proc")


def fork_server_of(aws):
    """The process id of the fork server."""
    listing = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(aws.process.pid)], capture_output=True, text=True, check=True
    ).stdout
    (found,) = [int(line.split()[0]) for line in listing.splitlines() if "framesift_local.aws.fork_server" in line]
    return found


@needs_proc
def test_a_fork_server_that_dies_is_started_again(starts):
    aws = starts()
    assert aws.run({"do": "echo"})["status"] == "SUCCEEDED"
    killed = fork_server_of(aws)
    os.kill(killed, signal.SIGKILL)
    # A function that is warm may be asked at the very moment when it dies with its server, and fails as on AWS.
    wait_until(lambda: aws.run({"do": "echo"})["status"] == "SUCCEEDED", within_s=30)
    assert fork_server_of(aws) != killed
    assert aws.run({"do": "cpu", "spec": "after-the-death"})["status"] == "SUCCEEDED"
    assert "The fork server died" in (aws.data_dir / "logs" / "embedded-aws.log").read_text()


@needs_proc
def test_its_death_ends_what_runs_and_hangs_nothing(starts):
    aws = starts()
    machine = aws.outputs["MachineArn"]
    arn = aws.client("stepfunctions").start_execution(
        stateMachineArn=machine, name="cut-off", input='{"do":"cpu","spec":"interrupted-y"}'
    )["executionArn"]
    aws.wait_for(lambda: aws.keys("jobs/interrupted-y/"))
    os.kill(fork_server_of(aws), signal.SIGKILL)
    assert aws.wait_for(lambda: aws.ended(arn), 30)["status"] in {"SUCCEEDED", "FAILED"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_log_on_a_full_disk_costs_its_lines_and_no_answer(starts):
    aws = starts()
    (aws.data_dir / "logs" / "Test-Pipeline-Fail.log").symlink_to("/dev/full")
    for _ in range(2):
        answer = json.load(aws.client("lambda").invoke(FunctionName="Test-Pipeline-Fail", Payload=b"{}")["Payload"])
        assert answer["errorType"] == "ValueError"  # What the handler raised, not that its process has ended.


def test_what_is_kept_is_its_owner_s_alone(starts):
    aws = starts()
    aws.kill()
    aws.data_dir.chmod(0o755)
    for path in aws.data_dir.glob("state.db*"):
        path.chmod(0o644)
    again = starts()
    again.client("secretsmanager").put_secret_value(SecretId="test/session", SecretString="cookies")
    assert again.data_dir.stat().st_mode & 0o777 == 0o700
    private = [*again.data_dir.glob("state.db*"), *again.data_dir.glob("keys/*"), again.data_dir / "embedded.json"]
    assert len(private) >= 4
    assert {path.name for path in private if path.stat().st_mode & 0o077} == set()


def test_whatever_is_written_below_is_its_owner_s_alone(starts):
    aws = starts()
    aws.put("published/list.json")
    assert aws.run({"do": "echo"})["status"] == "SUCCEEDED"
    assert aws.run({"do": "cpu", "spec": "private"})["status"] == "SUCCEEDED"
    assert aws.stop() == 0
    written = [path for path in aws.data_dir.rglob("*") if path.name != "stderr.log"]  # The test's own.
    assert {"list.json", "embedded-aws.log", "state.db", "lock"} <= {path.name for path in written}
    assert [str(path) for path in written if path.stat().st_mode & 0o077] == []


def test_no_temporary_folder_is_left_behind(starts):
    aws = starts()
    made = Path((aws.data_dir / "temporary-folder").read_text())
    assert made.is_dir()
    (made / "left by a browser").mkdir()
    aws.kill()
    assert made.is_dir()
    again = starts()
    assert not made.exists()
    made = Path((again.data_dir / "temporary-folder").read_text())
    assert again.stop() == 0
    assert not made.exists()
    assert not (again.data_dir / "temporary-folder").exists()


def test_a_damaged_state_file_is_named(starts):
    aws = starts()
    aws.put("a.json")
    assert aws.stop() == 0
    for path in aws.data_dir.glob("state.db-*"):
        path.unlink()
    (aws.data_dir / "state.db").write_bytes(b"not a database, but longer than the header of one" * 50)
    with pytest.raises(RuntimeError, match=r"state\.db is damaged .*framesift local reset"):
        starts()
