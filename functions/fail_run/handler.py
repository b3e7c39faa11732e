"""Record that a run failed, and notify. State: Fail; also the rule for stopped executions."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from framesift.contracts import FailInput
from framesift.log import logger
from framesift.pipeline.finish import fail_run, sns_notifier
from framesift.settings import load_settings
from framesift.table import Records
from framesift.workflow import Workflow

tracer = Tracer()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Parse the event, call the stage, return its output as JSON."""
    request = FailInput.model_validate(event)
    settings = load_settings()
    notify, workflow = sns_notifier(settings.platform.failure_topic), Workflow(settings.platform.state_machine)
    output = fail_run(request, Records(settings.platform.table), notify, workflow)
    return output.model_dump(mode="json")
