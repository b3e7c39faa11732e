"""What a folder has kept is read without an embedded AWS: quickly, and by several commands at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

STACK = Path(__file__).with_name("stack")
PROGRAM = """
import sys
from pathlib import Path

from framesift_local.aws.client import make_client
from framesift_local.kept import open_kept

with open_kept(Path(sys.argv[1]).resolve(), Path(sys.argv[2])) as address:
    s3 = make_client("s3", address.endpoint, address.region)
    bucket = s3.list_buckets()["Buckets"][0]["Name"]
    found = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    print([s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read().decode() for each in found])
    s3.put_object(Bucket=bucket, Key=sys.argv[3], Body=sys.argv[3])
print([name for name in ("moto.stepfunctions", "moto.ec2", "moto.batch") if name in sys.modules])
"""


def start(folder: Path, key: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(folder), str(STACK), key]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_commands_read_at_once_what_earlier_ones_have_written(tmp_path: Path) -> None:
    assert start(tmp_path, "a").communicate(timeout=120) == ("[]\n[]\n", "")
    # When two read at the same time, then one waits for the other, and finds what that has written.
    two = [start(tmp_path, key) for key in ("b", "c")]
    said = [process.communicate(timeout=120) for process in two]
    assert [err for _, err in said] == ["", ""]
    objects, loaded = zip(*(out.splitlines() for out, _ in said), strict=True)
    assert "['a']" in objects
    assert {"['a', 'b']", "['a', 'c']"} & set(objects)
    # And what takes seconds to load, and no reader needs, is not loaded.
    assert set(loaded) == {"[]"}
