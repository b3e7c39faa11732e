"""`python -m framesift_local.standins.clipsite`: the clip site, to be looked at by hand."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import threading
from pathlib import Path

from framesift.errors import FramesiftError
from framesift_local.standins.clipsite import ClipSite


def main() -> int:
    """Serves until interrupted; returns the exit code."""
    today = dt.datetime.now(dt.timezone(dt.timedelta(hours=9))).date()
    parser = argparse.ArgumentParser(prog="python -m framesift_local.standins.clipsite", description=__doc__)
    parser.add_argument("--port", type=int, default=8799, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--date", type=dt.date.fromisoformat, default=today, help="the day to show (default: today)")
    parser.add_argument("--seed", type=int, default=1, help="which site (default: %(default)s)")
    parser.add_argument("--clips", type=int, default=400, help="per category (default: %(default)s)")
    parser.add_argument(
        "--cache", type=Path, default=Path(".framesift/clipsite"), help="folder of drawn covers (default: %(default)s)"
    )
    options = parser.parse_args()
    site = ClipSite(
        date=options.date,
        cache_dir=options.cache,
        seed=options.seed,
        clips_per_category=options.clips,
        port=options.port,
    )
    try:
        with site:
            sys.stdout.write(f"{site.url}/main shows {options.date}; Ctrl+C stops it\n")
            sys.stdout.flush()
            threading.Event().wait()
    except FramesiftError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
