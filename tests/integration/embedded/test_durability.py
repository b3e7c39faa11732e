"""Killed at any moment and started again: what was acknowledged is there."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from framesift.address import find_running
from framesift.errors import DataFolderBusyError, DiskFullError
from framesift_local.aws import data_folder, disk, embedded
from framesift_local.aws.lifecycle import expire_objects


def hammer(aws, number, acknowledged, stop):
    """Write objects and items until the other side is gone; note what was acknowledged."""
    s3, dynamodb = aws.client("s3"), aws.client("dynamodb")
    bucket, table = aws.outputs["BucketName"], aws.outputs["TableName"]
    turn = 0
    while not stop.is_set():
        turn += 1
        key, value = f"writer-{number}/key-{turn % 7}", f"{number}-{turn}-" + "x" * (turn % 5000)
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=value.encode(),
                          ContentType="text/plain", Metadata={"turn": str(turn)})  # fmt: skip
            acknowledged["s3", key] = (value, str(turn))
            dynamodb.put_item(TableName=table, Item={
                "pk": {"S": f"w{number}"}, "sk": {"S": str(turn % 11)}, "turn": {"N": str(turn)},
            })  # fmt: skip
            acknowledged["item", f"w{number}", str(turn % 11)] = turn
        except (BotoCoreError, ClientError):
            return


def check(aws, acknowledged):
    bucket, table = aws.outputs["BucketName"], aws.outputs["TableName"]
    for where, *key in list(acknowledged):
        if where == "s3":
            value, turn = acknowledged[where, key[0]]
            found = aws.client("s3").get_object(Bucket=bucket, Key=key[0])
            body = found["Body"].read().decode()
            # One more write may have been under way, and be whole, but none may be lost or mixed.
            assert int(found["Metadata"]["turn"]) in {int(turn), int(turn) + 7}
            assert body.startswith(f"{key[0][7]}-{found['Metadata']['turn']}-")
            assert found["ContentType"] == "text/plain"
            assert found["ContentLength"] == len(body)
            if found["Metadata"]["turn"] == turn:
                assert body == value
        else:
            item = aws.client("dynamodb").get_item(TableName=table, Key={"pk": {"S": key[0]}, "sk": {"S": key[1]}})[
                "Item"
            ]
            assert int(item["turn"]["N"]) in {acknowledged[where, *key], acknowledged[where, *key] + 11}


def test_kill_during_writes(starts):
    acknowledged, secrets = {}, set()
    for _ in range(2):
        aws = starts()
        check(aws, acknowledged)
        secrets.add(aws.client("secretsmanager").get_secret_value(SecretId="test/session")["SecretString"])
        stop = threading.Event()
        mine = [{} for _ in range(3)]
        # Clients are made before the threads: making them is not safe on threads.
        aws.client("s3"), aws.client("dynamodb")
        threads = [threading.Thread(target=hammer, args=(aws, n, mine[n], stop)) for n in range(3)]
        for thread in threads:
            thread.start()
        aws.wait_for(lambda written=mine: all(len(each) > 5 for each in written))
        aws.kill()
        stop.set()
        for thread in threads:
            thread.join()
        for written in mine:
            acknowledged |= written
    check(starts(), acknowledged)
    assert len(secrets) == 1, "what the stack generates is generated once"


needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@needs_proc
def test_everything_else_is_there_after_a_kill(starts):
    aws = starts()
    outputs = aws.outputs
    cognito, secret = aws.client("cognito-idp"), aws.client("secretsmanager")
    token = aws.control("token", username="kim", groups=["admins"])
    users = cognito.list_users(UserPoolId=outputs["PoolId"])["Users"]
    secret.put_secret_value(SecretId="test/session", SecretString='{"cookies":[]}')
    aws.client("sqs").send_message(QueueUrl=outputs["QueueUrl"], MessageBody="unread")
    aws.control("tick", now="2031-05-01T23:00:00+09:00")
    aws.put("a/b.json", b"1", ContentType="application/json")
    aws.put("gone.json")
    aws.client("s3").delete_object(Bucket=outputs["BucketName"], Key="gone.json")
    done = aws.run({"do": "echo"}, name="done")
    aws.run({"do": "fail"}, name="told")
    aws.client("stepfunctions").start_execution(
        stateMachineArn=outputs["MachineArn"], name="running", input='{"do":"cpu","spec":"interrupted-x"}'
    )
    aws.wait_for(lambda: aws.keys("jobs/interrupted-x/"))
    job_pid = int(subprocess.run(
        ["pgrep", "-f", "embedded_stack.job interrupted-x"], capture_output=True, text=True
    ).stdout.split()[0])  # fmt: skip
    aws.kill()
    aws.wait_for(lambda: not Path(f"/proc/{job_pid}").exists(), 10)

    again = starts()
    assert again.outputs["MachineArn"] == outputs["MachineArn"]
    assert (again.data_dir / "s3" / outputs["BucketName"] / "a" / "b.json").read_bytes() == b"1"
    assert again.keys("gone") == []
    value = again.client("secretsmanager").get_secret_value(SecretId=outputs["SecretArn"])
    assert value["SecretString"] == '{"cookies":[]}'
    users_again = again.client("cognito-idp").list_users(UserPoolId=outputs["PoolId"])["Users"]
    assert [u["Attributes"] for u in users_again] == [u["Attributes"] for u in users]
    message = again.client("sqs").receive_message(QueueUrl=again.outputs["QueueUrl"])["Messages"][0]
    assert message["Body"] == "unread"
    status = {e["name"]: e["status"] for e in again.executions()}
    assert status == {"done": "SUCCEEDED", "told": "SUCCEEDED", "running": "ABORTED"}
    kept = again.client("stepfunctions").describe_execution(executionArn=done["executionArn"])
    assert kept["output"] == done["output"]
    history = again.client("stepfunctions").get_execution_history(executionArn=done["executionArn"])
    assert history["events"][-1]["type"] == "ExecutionSucceeded"
    assert again.control("notifications")[-1]["message"] == "ValueError"
    again.wait_for(lambda: again.keys("notices/running-ABORTED"))
    assert token.count(".") == 2
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        again.run({"do": "echo"}, name="done")

    # Midnight came while nothing ran: it is made up for, late, with the time that was due.
    assert again.control("tick", now="2031-05-02T02:30:00+09:00") == 1
    sfn = again.client("stepfunctions")
    started = [sfn.describe_execution(executionArn=e["executionArn"])["input"] for e in again.executions()]
    assert any("2031-05-01T15:00:00Z" in text for text in started)


def test_second_one_on_the_same_folder_is_refused(aws):
    with pytest.raises(RuntimeError, match=f"in use by the embedded AWS of process {aws.process.pid}"):
        type(aws)(aws.data_dir)


def test_port_in_use_is_said(aws, tmp_path):
    port = aws.endpoint.rpartition(":")[2]
    with pytest.raises(RuntimeError, match=f"Port {port} is in use"):
        type(aws)(tmp_path, "--port", port)


def test_full_disk_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "MIN_FREE_BYTES", 1 << 60)
    with pytest.raises(DiskFullError, match="free some"):
        embedded.EmbeddedAws(tmp_path, tmp_path).start()


def test_busy_folder_in_one_process(tmp_path):
    with data_folder.hold(tmp_path), pytest.raises(DataFolderBusyError, match="choose another folder"):
        embedded.EmbeddedAws(tmp_path, tmp_path).start()


def test_the_running_one_is_found_by_its_folder(aws):
    found = find_running(aws.data_dir)
    assert (found.endpoint, found.api_url, found.outputs) == (aws.endpoint, aws.api_url, aws.outputs)


@needs_proc
def test_listens_on_loopback_alone_and_leaves_no_process(starts):
    aws = starts()
    aws.run({"do": "echo"})
    port = int(aws.endpoint.rpartition(":")[2])
    listening = [
        line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and int(line.split()[1].split(":")[1], 16) == port
    ]  # fmt: skip
    assert listening == [f"0100007F:{port:04X}"]
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(aws.process.pid)], capture_output=True, text=True
    ).stdout.split()
    assert children
    assert aws.stop() == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)


def test_lifecycle_rule_expires_its_prefix_alone(aws):
    aws.put("residual/old.jpg")
    aws.put("runs/old.jpg")
    now = dt.datetime.now(dt.UTC)
    s3, bucket = aws.client("s3"), aws.outputs["BucketName"]
    assert expire_objects(s3, bucket, now + dt.timedelta(days=2)) == 0
    assert expire_objects(s3, bucket, now + dt.timedelta(days=5)) == 1
    assert aws.keys("residual/") == []
    assert aws.keys("runs/old.jpg")


def test_signing_key_is_the_owner_s_alone(aws):
    (key,) = (aws.data_dir / "keys").iterdir()
    assert key.stat().st_mode & 0o777 == 0o600
