"""The examples in the docstrings of what people call from Python run, and give what they say."""

import doctest
import importlib
import subprocess
import sys

import pytest

import framesift

MODULES = [
    "framesift",
    "framesift.duplicates.clusters",
    "framesift.duplicates.folder",
    "framesift.duplicates.index",
    "framesift.library",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert tried
    assert not failed


def test_what_is_offered_is_there():
    assert {name for name in framesift.__all__ if callable(getattr(framesift, name))} == {
        "build_index",
        "extract_poses",
        "find_duplicates",
        "load_index",
        "open_collection",
    }
    with pytest.raises(AttributeError, match="no_such_thing"):
        framesift.no_such_thing  # noqa: B018


def test_importing_the_package_loads_nothing_heavy():
    code = "import framesift, sys; print(*{'numpy', 'torch', 'cv2', 'boto3', 'PIL'} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
