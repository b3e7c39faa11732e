"""`python -m framesift_local.standins.youtube`: prints one line of JSON, the settings that lead the same code here."""

from __future__ import annotations

import argparse
import datetime as dt
import sys

from framesift_local.standins.serve import serve
from framesift_local.standins.youtube.server import API_KEY, YoutubeStandIn


def main() -> int:
    """Serve until interrupted; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m framesift_local.standins.youtube", description=__doc__)
    parser.add_argument("--date", type=dt.date.fromisoformat, required=True, help="the day whose chart is shown")
    parser.add_argument("--videos", type=int, default=120, help="videos of the chart (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (default: %(default)s)")
    options = parser.parse_args()
    stand_in = YoutubeStandIn(options.date, videos=options.videos, port=options.port)
    return serve(
        stand_in,
        lambda: {
            "FRAMESIFT_YOUTUBE__API_URL": stand_in.api_url,
            "FRAMESIFT_YOUTUBE__API_KEY": API_KEY,
            "FRAMESIFT_YOUTUBE__API_SECRET": "",
            "FRAMESIFT_DOWNLOAD__ALLOW_LOOPBACK": "true",
        },
    )


if __name__ == "__main__":
    sys.exit(main())
