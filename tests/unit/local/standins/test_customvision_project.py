"""What the Custom Vision stand-in keeps of a project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from framesift.errors import StateDamagedError
from framesift_local.standins.customvision.account import Account
from framesift_local.standins.customvision.project import Project


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """The folder of a project that was saved."""
    project = Account(tmp_path).make_project("candidate", ("person",))
    return tmp_path / project.id


def test_a_kill_while_it_writes_leaves_the_project_as_it_was(saved: Path) -> None:
    before = Project.load(saved)
    (saved / "project.json.part").write_text('{"id": "')
    assert Project.load(saved) == before
    assert list(Account(saved.parent).projects) == [before.id]


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"images": {"a": {"odd": 1}}, "iterations": {}}', "null"])
def test_a_damaged_file_is_named(saved: Path, content: str) -> None:
    (saved / "project.json").write_text(content)
    with pytest.raises(StateDamagedError, match=r"project\.json is damaged .*delete the folder"):
        Account(saved.parent)


def test_a_field_that_is_missing_is_named(saved: Path) -> None:
    kept = json.loads((saved / "project.json").read_text())
    del kept["name"]
    (saved / "project.json").write_text(json.dumps(kept))
    with pytest.raises(StateDamagedError, match="name"):
        Project.load(saved)
