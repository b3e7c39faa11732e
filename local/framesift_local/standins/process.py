"""A stand-in in a process of its own, which leaves the embedded AWS its interpreter; started again when it dies."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from framesift.errors import EmbeddedAwsDownError
from framesift_local.private_files import make_private_file, make_private_folder
from framesift_local.process_tree import die_with_parent

_LOGGER = logging.getLogger(__name__)
_PORT = re.compile(r"http://127\.0\.0\.1:(\d+)")
_MAX_DEATHS = 3
_SHORT_LIFE_S = 10.0  # Who lives longer has started well.
_MESSAGE_CHARACTERS = 500


class StandInProcess:
    """Keeps a stand-in running on one port, until it dies too often in a row.

    Args:
        module: Its module below `framesift_local.standins`; `python -m` prints a line with its address.
        options: Its options, but for the port.
        log: File that gets what it writes to stderr, appended.

    Attributes:
        line: What it printed when it was ready.

    Example:
        >>> with StandInProcess("youtube", ["--date=2026-11-20"], Path("logs/youtube.log")) as youtube:
        ...     print(youtube.line)
    """

    def __init__(self, module: str, options: Sequence[str], log: Path) -> None:
        self._module = module
        self._options = list(options)
        self._log = log
        self._port = "0"
        self._fault = ""
        self._started = threading.Event()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self.line = ""

    def __enter__(self) -> Self:
        # The thread lives as long as the processes that it starts: Linux ends a child with the thread that made it.
        self._keeper = threading.Thread(target=self._keep, daemon=True, name=f"stand-in {self._module}")
        self._keeper.start()
        self._started.wait()
        if self._fault:
            self.__exit__()
            raise EmbeddedAwsDownError(self._fault)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        with self._lock:
            if self._process is not None:
                self._process.terminate()
        self._keeper.join()

    @property
    def pid(self) -> int:
        """The process that runs now, or ran last."""
        return self._process.pid if self._process else 0

    def check(self) -> None:
        """Make sure that it has not been given up.

        Raises:
            EmbeddedAwsDownError: It died too often in a row.
        """
        if self._fault:
            raise EmbeddedAwsDownError(self._fault)

    def _keep(self) -> None:
        deaths = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            self._run_once()
            if self._stopping.is_set():
                return
            if not self.line:  # It has never been up.
                self._give_up(
                    f"The stand-in {self._module} did not start: {self._last_words() or 'it printed nothing'}"
                )
                return
            deaths = deaths + 1 if time.monotonic() - began < _SHORT_LIFE_S else 1
            if deaths >= _MAX_DEATHS:
                self._give_up(
                    f"The stand-in {self._module} died {deaths} times in a row, as it does where memory runs out: free "
                    f"some memory, and start again. {self._log} may say more."
                )
                return
            _LOGGER.warning("The stand-in %s died; it is started again on port %s.", self._module, self._port)

    def _run_once(self) -> None:
        """Start it, and wait for its end."""
        make_private_folder(self._log.parent)
        command = [sys.executable, "-m", f"framesift_local.standins.{self._module}", f"--port={self._port}"]
        with make_private_file(self._log).open("a", encoding="utf-8") as log:
            with self._lock:
                if self._stopping.is_set():
                    return
                # Our own module, with values of our own; killed with us, however we end.
                self._process = subprocess.Popen(  # noqa: S603
                    [*command, *self._options],
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    umask=0o077,
                    preexec_fn=die_with_parent,  # noqa: PLW1509 - it asks the kernel for one thing, and takes no lock
                )
            with self._process as process:
                line = process.stdout.readline() if process.stdout else ""
                if line and not self.line:
                    self.line = line
                    self._port = found[1] if (found := _PORT.search(line)) else "0"
                    self._started.set()
                process.wait()

    def _give_up(self, fault: str) -> None:
        self._fault = fault
        _LOGGER.error(fault)
        self._started.set()

    def _last_words(self) -> str:
        lines = self._log.read_text("utf-8", "replace").splitlines() if self._log.exists() else []
        return lines[-1][-_MESSAGE_CHARACTERS:] if lines else ""
