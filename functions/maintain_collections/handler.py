"""Maintain collections. Events: a schedule's, and what `framesift.maintenance` sends."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from framesift.catalog.maintenance import run_maintenance
from framesift.contracts import MaintenanceInput
from framesift.log import logger
from framesift.settings import load_settings

tracer = Tracer()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Parse the event, do what there is time for, return what was done as JSON."""
    request = MaintenanceInput.model_validate(event)
    output = run_maintenance(request, load_settings(), context.get_remaining_time_in_millis)
    return output.model_dump(mode="json")
