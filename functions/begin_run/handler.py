"""Claim the run, or return why there is nothing to do. State: Begin in statemachine/pipeline.asl.json."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from framesift.contracts import BeginInput
from framesift.log import logger
from framesift.pipeline.begin import begin_run
from framesift.settings import load_settings
from framesift.table import Records
from framesift.workflow import execution_is_running

tracer = Tracer()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Parse the event, call the stage, return its output as JSON."""
    request = BeginInput.model_validate(event)
    settings = load_settings()
    output = begin_run(request, settings, Records(settings.platform.table), execution_is_running)
    return output.model_dump(mode="json")
