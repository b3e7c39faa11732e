"""Framesift: collects media, finds near-duplicates, objects and poses, and publishes ranked lists.

What people call from Python is here, and imported when it is first used: `import framesift` loads no numpy, OpenCV or
torch.

>>> import framesift
>>> sorted(framesift.__all__)
['__version__', 'build_index', 'extract_poses', 'find_duplicates', 'load_index', 'open_collection']
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from framesift.wire_logs import hide_wire_logs

if TYPE_CHECKING:
    from framesift.cli.catalog import open_collection
    from framesift.duplicates.clusters import find_duplicates
    from framesift.duplicates.index import build_index, load_index
    from framesift.library import extract_poses

__version__ = "0.1.0"
__all__ = ["__version__", "build_index", "extract_poses", "find_duplicates", "load_index", "open_collection"]

_MODULES = {
    "find_duplicates": "framesift.duplicates.clusters",
    "build_index": "framesift.duplicates.index",
    "load_index": "framesift.duplicates.index",
    "extract_poses": "framesift.library",
    "open_collection": "framesift.cli.catalog",
}

hide_wire_logs()


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
