"""The table of sources, and that nothing else knows their names."""

from __future__ import annotations

import ast
from pathlib import Path

import framesift
from framesift.pipeline.branches import BRANCHES

PACKAGE = Path(framesift.__file__).parent
# `framesift login` signs in to one site; `framesift upload` is a command; a trigger is called like the source.
ALLOWED = {
    ("catalog/batches.py", "upload"),
    ("cli/app.py", "upload"),
    ("cli/login.py", "tiktok"),
    ("cli/progress.py", "upload"),
    ("pipeline/begin.py", "upload"),
    ("table/batches.py", "upload"),
    ("table/runs.py", "upload"),
}


def test_a_source_is_named_in_its_own_folders_only() -> None:
    named = set()
    for path in PACKAGE.rglob("*.py"):
        place = path.relative_to(PACKAGE)
        if place.parts[0] == "contracts":  # Their fields' values are names of sources.
            continue
        nodes = ast.walk(ast.parse(path.read_text("utf-8")))
        constants = {node.value for node in nodes if isinstance(node, ast.Constant)}
        named |= {(place.as_posix(), source) for source in constants & {*BRANCHES} if source not in place.parts}
    assert named == ALLOWED
