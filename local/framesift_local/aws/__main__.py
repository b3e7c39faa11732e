"""Runs the embedded AWS in the foreground: `python -m framesift_local.aws --data-dir D --cdk-out C`."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from framesift.errors import FramesiftError
from framesift_local.aws.client import DEFAULT_REGION
from framesift_local.aws.embedded import REPOSITORY, EmbeddedAws


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m framesift_local.aws", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True, help="where everything is kept")
    parser.add_argument("--cdk-out", type=Path, required=True, help="folder of templates")
    parser.add_argument("--root", type=Path, default=REPOSITORY, help="where modules are found")
    parser.add_argument("--port", type=int, default=0, help="of the AWS endpoint; 0: a free one")
    parser.add_argument("--api-port", type=int, default=0, help="of the HTTP API; 0: a free one")
    parser.add_argument("--region", default=DEFAULT_REGION)
    parser.add_argument("--schedules", action="store_true", help="let schedules fire")
    parser.add_argument("--time-scale", type=float, default=1.0, help="factor on waits of retries")
    parser.add_argument("--queue-wait-scale", type=float, default=0.01)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="overrides")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or Ctrl-C; return the exit code."""
    options = _parse(arguments)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    embedded = EmbeddedAws(
        options.data_dir,
        options.cdk_out,
        root=options.root,
        port=options.port,
        api_port=options.api_port,
        region=options.region,
        schedules=options.schedules,
        time_scale=options.time_scale,
        queue_wait_scale=options.queue_wait_scale,
        overrides=dict(pair.split("=", 1) for pair in options.overrides),
    )
    try:
        with embedded:
            sys.stdout.write(f"{embedded.endpoint} {embedded.api_url}\n")
            sys.stdout.flush()
            stopping.wait()
    except FramesiftError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
