"""Synthesis in a process of its own: once for each state of the code, and its failures in our words."""

from __future__ import annotations

from pathlib import Path

import pytest

from framesift.errors import NodeMissingError, StacksError
from framesift_local.aws import synth

WRITES = "import os, pathlib\npathlib.Path(os.environ['CDK_OUTDIR'], 'made').open('a').write('x')\n"
NO_NODE = "class NodeMissingError(Exception): ...\nraise NodeMissingError('The CDK needs Node 22.')\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose CDK app is what a test writes to `cdk/app.py`."""
    (tmp_path / "cdk").mkdir()
    (tmp_path / "cdk" / "__init__.py").touch()
    (tmp_path / "out").mkdir()
    monkeypatch.setattr(synth, "REPOSITORY", tmp_path)
    return tmp_path


def test_the_same_code_is_synthesized_once_and_changed_code_again(repository: Path) -> None:
    app, out = repository / "cdk" / "app.py", repository / "out"
    app.write_text(WRITES)
    synth.synthesize(out)
    synth.synthesize(out)
    assert (out / "made").read_text() == "x"
    app.write_text(WRITES + "# changed\n")
    synth.synthesize(out)
    assert (out / "made").read_text() == "xx"


def test_without_node_it_says_what_to_do(repository: Path) -> None:
    (repository / "cdk" / "app.py").write_text(NO_NODE)
    with pytest.raises(NodeMissingError, match=r"^The CDK needs Node 22\.$"):
        synth.synthesize(repository / "out")


def test_broken_cdk_code_is_named_and_tried_again(repository: Path) -> None:
    (repository / "cdk" / "app.py").write_text("raise ValueError('no such instance type')\n")
    with pytest.raises(StacksError, match="no such instance type"):
        synth.synthesize(repository / "out")
    (repository / "cdk" / "app.py").write_text(WRITES)
    synth.synthesize(repository / "out")
