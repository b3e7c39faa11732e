"""The settings that a user has set: in this process's environment, or in the `.env` file of the working directory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

PREFIX = "FRAMESIFT_"
_PLATFORM_PREFIX = "FRAMESIFT_PLATFORM__"


def read_own_settings(env_file: Path = Path(".env")) -> dict[str, str]:
    """Return the user's settings by their variables' names; the environment wins over the file.

    Where the stack's resources are (`FRAMESIFT_PLATFORM__…`) is left out: a stack sets these itself.
    """
    from_file = {name: value or "" for name, value in dotenv_values(env_file).items()} if env_file.is_file() else {}
    found = {name.upper(): value for name, value in {**from_file, **os.environ}.items()}
    return {
        name: value
        for name, value in sorted(found.items())
        if name.startswith(PREFIX) and "__" in name and not name.startswith(_PLATFORM_PREFIX)
    }


def digest_settings(settings: Mapping[str, str]) -> dict[str, str]:
    """Return a digest of each value: enough to see whether two processes have the same, without the value."""
    return {name: hashlib.sha256(value.encode()).hexdigest()[:16] for name, value in settings.items()}
