"""`python -m framesift_local.standins.outside`: YouTube and Custom Vision on this machine, with projects A and B.

Prints one line of JSON: the settings that send the same code to these.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import threading
from pathlib import Path

from framesift.errors import FramesiftError
from framesift_local.standins.customvision import CustomVisionStandIn
from framesift_local.standins.customvision.account import RESOURCE_ID, Account, Training
from framesift_local.standins.customvision.server import PREDICTION_KEY, TRAINING_KEY
from framesift_local.standins.youtube import YoutubeStandIn
from framesift_local.standins.youtube.server import API_KEY

_TAGS = ("person", "logo")
# A logo's score has a long tail; a face's has none.
_THRESHOLDS = {"person": 0.5, "logo": 0.75}
_REVIEW_FROM = 0.45
_TRAINING_S = 4.0


def main() -> int:
    """Serves until interrupted; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m framesift_local.standins.outside", description=__doc__)
    parser.add_argument("--date", type=dt.date.fromisoformat, required=True, help="the day whose chart is shown")
    parser.add_argument("--videos", type=int, default=120, help="videos of the chart (default: %(default)s)")
    parser.add_argument("--folder", type=Path, required=True, help="where projects are kept")
    options = parser.parse_args()
    youtube = YoutubeStandIn(options.date, videos=options.videos)
    azure = CustomVisionStandIn(Account(options.folder, training=Training(training_s=_TRAINING_S)))
    try:
        with youtube, azure:
            sys.stdout.write(json.dumps(settings(youtube, azure)) + "\n")
            sys.stdout.flush()
            threading.Event().wait()
    except FramesiftError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 0
    return 0


def settings(youtube: YoutubeStandIn, azure: CustomVisionStandIn) -> dict[str, str]:
    """What sends Framesift to the stand-ins; secrets of the stack are put aside."""
    a = azure.account.make_project("A", _TAGS, publish="stable")
    b = azure.account.make_project("B")
    return {
        "FRAMESIFT_YOUTUBE__API_URL": youtube.api_url,
        "FRAMESIFT_YOUTUBE__API_KEY": API_KEY,
        "FRAMESIFT_YOUTUBE__API_SECRET": "",
        "FRAMESIFT_CUSTOM_VISION__SECRET": "",
        "FRAMESIFT_CUSTOM_VISION__TRAINING_ENDPOINT": azure.url,
        "FRAMESIFT_CUSTOM_VISION__TRAINING_KEY": TRAINING_KEY,
        "FRAMESIFT_CUSTOM_VISION__PREDICTION_ENDPOINT": azure.url,
        "FRAMESIFT_CUSTOM_VISION__PREDICTION_KEY": PREDICTION_KEY,
        "FRAMESIFT_CUSTOM_VISION__PREDICTION_RESOURCE_ID": RESOURCE_ID,
        "FRAMESIFT_CUSTOM_VISION__SERVING_PROJECT": a.id,
        "FRAMESIFT_CUSTOM_VISION__CANDIDATE_PROJECT": b.id,
        "FRAMESIFT_CUSTOM_VISION__TRAINING_CHECK_S": "2",
        "FRAMESIFT_DOWNLOAD__ALLOW_LOOPBACK": "true",
        "FRAMESIFT_DETECTION__TAGS": json.dumps(_THRESHOLDS),
        "FRAMESIFT_DETECTION__REVIEW_FROM": str(_REVIEW_FROM),
    }


if __name__ == "__main__":
    sys.exit(main())
