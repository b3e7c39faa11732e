"""`python -m framesift_local.standins.customvision`: prints one line of JSON, the settings that lead the code here.

It has a serving project with a published iteration, and an empty candidate project.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from framesift_local.standins.customvision.account import RESOURCE_ID, Account, Training
from framesift_local.standins.customvision.server import PREDICTION_KEY, TRAINING_KEY, CustomVisionStandIn
from framesift_local.standins.serve import serve

# A logo's score has a long tail; a face's has none.
_THRESHOLDS = {"person": 0.5, "logo": 0.75}
_REVIEW_FROM = 0.45
_TRAINING_S = 4.0


def main() -> int:
    """Serve until interrupted; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m framesift_local.standins.customvision", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where projects are kept")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (default: %(default)s)")
    options = parser.parse_args()
    account = Account(options.folder, training=Training(training_s=_TRAINING_S))
    stand_in = CustomVisionStandIn(account, port=options.port)
    return serve(stand_in, lambda: _settings(stand_in))


def _settings(stand_in: CustomVisionStandIn) -> dict[str, str]:
    serving = stand_in.account.make_project("serving", tuple(_THRESHOLDS), publish="stable")
    candidate = stand_in.account.make_project("candidate")
    return {
        "FRAMESIFT_CUSTOM_VISION__SECRET": "",
        "FRAMESIFT_CUSTOM_VISION__TRAINING_ENDPOINT": stand_in.url,
        "FRAMESIFT_CUSTOM_VISION__TRAINING_KEY": TRAINING_KEY,
        "FRAMESIFT_CUSTOM_VISION__PREDICTION_ENDPOINT": stand_in.url,
        "FRAMESIFT_CUSTOM_VISION__PREDICTION_KEY": PREDICTION_KEY,
        "FRAMESIFT_CUSTOM_VISION__PREDICTION_RESOURCE_ID": RESOURCE_ID,
        "FRAMESIFT_CUSTOM_VISION__SERVING_PROJECT": serving.id,
        "FRAMESIFT_CUSTOM_VISION__CANDIDATE_PROJECT": candidate.id,
        "FRAMESIFT_CUSTOM_VISION__TRAINING_CHECK_S": "2",
        "FRAMESIFT_DETECTION__TAGS": json.dumps(_THRESHOLDS),
        "FRAMESIFT_DETECTION__REVIEW_FROM": str(_REVIEW_FROM),
    }


if __name__ == "__main__":
    sys.exit(main())
