"""MLflow's own server, in a process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import wait_until

_RUN = "import sys; from mlflow.server import app; app.run('127.0.0.1', int(sys.argv[1]), threaded=True)"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_server(folder: Path, port: int) -> Iterator[str]:
    """Run a server on a folder; yields its address."""
    folder.mkdir(exist_ok=True)
    database = f"sqlite:///{folder / 'server.db'}"
    environment = {
        **os.environ,
        "_MLFLOW_SERVER_FILE_STORE": database,
        "_MLFLOW_SERVER_REGISTRY_STORE": database,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": (folder / "artifacts").as_uri(),
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    uri = f"http://127.0.0.1:{port}"
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen([sys.executable, "-c", _RUN, str(port)], env=environment, stdout=log, stderr=log)
        try:
            wait_until(lambda: _answers(uri) or server.poll() is not None, within_s=120)
            yield uri
        finally:
            server.terminate()
            server.wait(30)


def _answers(uri: str) -> bool:
    try:
        with urllib.request.urlopen(f"{uri}/health", timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False
