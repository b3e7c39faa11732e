"""The one logger: structured lines (JSON), which reach CloudWatch from functions and jobs alike."""

from __future__ import annotations

import os

from aws_lambda_powertools import Logger

logger = Logger(service=os.environ.get("POWERTOOLS_SERVICE_NAME", "framesift"))
