"""How objects are kept: what moto does with them must not read their bytes."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own, as moto is changed in it.
COPY_OF_A_VERSION = """
import copy
from pathlib import Path
from unittest.mock import Mock
from moto.s3.models import FakeKey
from framesift_local.aws.durable import Durability
from framesift_local.aws.objects import DiskBuffer

Durability(Mock(), Mock(), "ap-northeast-2", Mock()).install()
key = FakeKey("a", b"", "123456789012", "ap-northeast-2", bucket_name="b")
key._value_buffer = DiskBuffer(Path("nowhere"))
[copied] = copy.deepcopy([key])
copied.name = "b"
print(key.name, copied._value_buffer is key._value_buffer)
"""


def test_listing_versions_which_copies_all_of_them_reads_none() -> None:
    ran = subprocess.run([sys.executable, "-c", COPY_OF_A_VERSION], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == ["a", "True"]
