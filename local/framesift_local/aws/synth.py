"""Synthesizes the stacks, so that what runs here is what is deployed; once for each state of the CDK code."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from framesift.errors import NodeMissingError, StacksError

REPOSITORY = Path(__file__).resolve().parents[3]
# What the templates are made of. Code inside images changes their assets' hashes alone, which nobody reads here.
_SOURCES = ("cdk.json", "cdk/**/*.py", "statemachine/*.json", "containers/*/Dockerfile")
_MARK = ".sources-sha256"


def synthesize(out: Path) -> Path:
    """Write the templates into a folder, unless they are there already.

    Returns:
        The folder.

    Raises:
        NodeMissingError: If there is no Node recent enough for CDK.
        StacksError: If the CDK code fails.
    """
    digest = _digest()
    mark = out / _MARK
    if mark.exists() and mark.read_text() == digest:
        return out
    for template in out.glob("*.template.json"):  # Of a stage that was called otherwise.
        template.unlink()
    environment = {**os.environ, "CDK_OUTDIR": str(out.resolve()), "CDK_CONTEXT_JSON": '{"stage": "local"}'}
    command = [sys.executable, "-m", "cdk.app"]
    ran = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own module
    if ran.returncode != 0:
        _, _, missing_node = ran.stderr.rpartition("NodeMissingError: ")
        if missing_node != ran.stderr:
            raise NodeMissingError(missing_node.strip())
        raise StacksError(f"The stacks cannot be synthesized (`python -m cdk.app` shows more):\n{ran.stderr[-2000:]}")
    mark.write_text(digest)
    return out


def _digest() -> str:
    digest = hashlib.sha256()
    for pattern in _SOURCES:
        for path in sorted(REPOSITORY.glob(pattern)):
            digest.update(str(path.relative_to(REPOSITORY)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
