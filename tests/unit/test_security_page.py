"""The page on security names tests and files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")
TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


@pytest.mark.parametrize(("path", "name"), TESTS)
def test_each_test_exists(path: str, name: str) -> None:
    assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8")


def test_each_entry_point_has_a_test() -> None:
    rows = [line for line in PAGE.partition("## Entry points")[2].splitlines() if line.startswith("| ")][2:]
    assert len(rows) >= 15
    assert not [row for row in rows if "::test_" not in row]


def test_each_file_exists() -> None:
    places = (ROOT, ROOT / "layers/framesift/python/framesift", ROOT / "local/framesift_local")
    named = re.findall(r"`((?:[\w.]+/)*[\w]+(?:\.py|/))`", PAGE.replace("framesift/sandbox.py", "sandbox.py"))
    missing = [
        name for name in named if not any((place / name.removeprefix("framesift/")).exists() for place in places)
    ]
    assert len(named) > 20
    assert missing == []
