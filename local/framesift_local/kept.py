"""Serves what earlier runs in a folder have kept, for commands that read it while no embedded AWS runs."""

from __future__ import annotations

import atexit
from pathlib import Path

from framesift.address import Address
from framesift_local.aws.data_folder import STATE_FILE
from framesift_local.aws.embedded import EmbeddedAws
from framesift_local.aws.synth import synthesize


def serve_kept(folder: Path) -> Address | None:
    """Serve a folder's objects and records until this process ends; None: nothing was kept in it.

    No function, job or schedule is started.

    Raises:
        MachineError: A leaf of it says why what was kept cannot be served.
    """
    if not (folder / STATE_FILE).exists():
        return None
    embedded = EmbeddedAws(folder, synthesize(folder / "cdk.out"), with_functions=False)
    embedded.start()
    atexit.register(embedded.stop)
    return embedded.address
