"""Detect objects in a run's images. State: PredictItems in statemachine/pipeline.asl.json."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from framesift.contracts import StageInput
from framesift.detection import open_detector
from framesift.log import logger
from framesift.pipeline.youtube.predict import predict_items
from framesift.settings import load_settings
from framesift.storage import S3Store
from framesift.table import Records

tracer = Tracer()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Parse the event, call the stage, return its output as JSON."""
    request = StageInput.model_validate(event)
    settings = load_settings()
    store, records = S3Store(settings.platform.bucket), Records(settings.platform.table)
    output = predict_items(
        request, settings, store, records, open_detector(settings, store, records.training.in_service())
    )
    return output.model_dump(mode="json")
