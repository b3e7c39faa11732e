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

tracer = Tracer()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Parse the event, call the stage, count metrics, return the output as JSON."""
    request = FinishInput.model_validate(event)
    settings = load_settings()
    store, records = S3Store(settings.platform.bucket), Records(settings.platform.table)
    output = finish_run(request, store, records, sns_notifier(settings.platform.failure_topic))
    metrics.add_dimension("source", request.run.source)
    add_counts(RunsFinished=1, FailedCategories=len(output.failed_categories), ItemsCollected=output.items)
    return output.model_dump(mode="json")
