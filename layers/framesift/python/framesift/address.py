"""Where the embedded AWS of a folder answers: the file that it writes and that commands read.

The file is `embedded.json` in the data folder. It is there for as long as the embedded AWS runs:
```json
{"endpoint": "http://127.0.0.1:40001", "api_url": "http://127.0.0.1:8787", "region": "ap-northeast-2", "pid": 4711,
 "outputs": {"BucketName": "…", "TableName": "…", "StateMachineArn": "…"}, "settings": {"FRAMESIFT_…": "…"}}
```
"""

from __future__ import annotations

import json
import os
import urllib.request
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from framesift.errors import EmbeddedAwsDownError

ADDRESS_FILE = "embedded.json"
STATUS_PATH = "/_embedded/status"
_STATUS_TIMEOUT_S = 5


class Address(BaseModel):
    """Where an embedded AWS answers.

    Attributes:
        endpoint: The AWS endpoint, for every service.
        api_url: The HTTP API.
        region: The stack's region.
        pid: The process that serves both.
        outputs: The stack's outputs.
        settings: Environment variables that its functions have on top of the template's, for commands that call the
            same services: where the stand-ins are.
        known_settings: Digests of the user's settings that it was started with (`own_settings.digest_settings`).
    """

    model_config = ConfigDict(frozen=True)

    endpoint: str
    api_url: str
    region: str
    pid: int
    outputs: dict[str, str]
    settings: dict[str, str] = Field(default_factory=dict)
    known_settings: dict[str, str] = Field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """Write the file, whole and readable by its owner alone; return its path."""
        path = folder / ADDRESS_FILE
        part = folder / f"{ADDRESS_FILE}.{os.getpid()}.part"
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(self.model_dump_json(indent=2))
        part.replace(path)
        return path


def find_running(folder: Path) -> Address:
    """Return the address of the embedded AWS that runs on a folder.

    Raises:
        EmbeddedAwsDownError: None answers.
    """
    try:
        written = Address.model_validate_json((folder / ADDRESS_FILE).read_bytes())
        with urllib.request.urlopen(f"{written.endpoint}{STATUS_PATH}", timeout=_STATUS_TIMEOUT_S) as response:  # noqa: S310 - our own address
            if json.load(response)["pid"] == written.pid:
                return written
    except (OSError, ValueError, KeyError):
        pass
    raise EmbeddedAwsDownError(
        f"No embedded AWS runs on {folder}: `framesift local up` starts it; --stack names a deployed one."
    )


def is_running(folder: Path) -> bool:
    """Return whether an embedded AWS runs on a folder."""
    try:
        find_running(folder)
    except EmbeddedAwsDownError:
        return False
    return True
