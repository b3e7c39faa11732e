"""The one logger: structured lines (JSON), which reach CloudWatch from functions and jobs alike."""

from __future__ import annotations

import os
import sys

from aws_lambda_powertools import Logger

# Where functions and jobs run, their environment names the service; a command's output is for its user.
_SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME")

logger = Logger(service=_SERVICE) if _SERVICE else Logger(service="framesift", level="WARNING", stream=sys.stderr)
