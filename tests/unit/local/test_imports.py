"""The local package's modules import one another in one direction only."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import framesift_local

ROOT = Path(framesift_local.__file__).parents[1]


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(tree: ast.Module, modules: set[str]) -> set[str]:
    """All imports, those inside functions and for type checkers too."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names} & modules
            found |= submodules or {node.module}
    return found & modules


def _graph() -> dict[str, set[str]]:
    paths = {_name(path): path for path in (ROOT / "framesift_local").rglob("*.py")}
    return {
        name: _imports(ast.parse(path.read_text(encoding="utf-8")), paths.keys()) - {name}
        for name, path in paths.items()
    }


def test_no_module_imports_itself_through_others() -> None:
    try:
        TopologicalSorter(_graph()).prepare()
    except CycleError as error:
        raise AssertionError(" → ".join(error.args[1])) from None


def test_what_plays_aws_and_what_plays_the_outside_know_nothing_of_each_other() -> None:
    for name, imported in _graph().items():
        for one, other in (("aws", "standins"), ("standins", "aws")):
            if name.startswith(f"framesift_local.{one}"):
                assert not any(each.startswith(f"framesift_local.{other}") for each in imported), name
