"""The examples in docstrings run, and print what they say."""

import doctest
import inspect
import subprocess
import sys
import textwrap

import pytest

from framesift.pose import decode, files, tracking
from framesift.pose.extract import extract
from tests.unit.videos import person_frames, write_video


@pytest.mark.parametrize("module", [decode, files, tracking], ids=lambda module: module.__name__.split(".")[-1])
def test_short_examples(module):
    outcome = doctest.testmod(module)
    assert outcome.attempted > 0
    assert outcome.failed == 0


@pytest.mark.usefixtures("pose_model")
def test_the_script_that_extracts(tmp_path, astronaut):
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "a.mp4", person_frames(astronaut, 7))
    code = inspect.getdoc(extract).split("```python\n")[1].split("```")[0]
    script = tmp_path / "example.py"
    script.write_text(textwrap.dedent(code))
    result = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("a.mp4 (3, 1, 33, 5) 0.2")
