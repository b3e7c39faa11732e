"""Record how a run ended. State: Finish in statemachine/pipeline.asl.json."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from framesift.contracts import FinishInput
from framesift.log import logger
from framesift.metrics import add_counts, metrics
from framesift.pipeline.finish import finish_run, sns_notifier
from framesift.settings import load_settings
from framesift.storage import S3Store
from framesift.table import Records
from framesift.workflow import Workflow

tracer = Tracer()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Parse the event, call the stage, count metrics, return the output as JSON."""
    request, own = FinishInput.model_validate(event), load_settings().platform
    notify, workflow = sns_notifier(own.failure_topic), Workflow(own.state_machine)
    output = finish_run(request, S3Store(own.bucket), Records(own.table), notify, workflow)
    metrics.add_dimension("source", request.run.source)
    add_counts(RunsFinished=1, FailedCategories=len(output.failed_categories), ItemsCollected=output.items)
    return output.model_dump(mode="json")
