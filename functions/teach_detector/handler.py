"""Send what project B lacks, and start a training. State: TeachDetector in statemachine/pipeline.asl.json."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from framesift.contracts import StageInput
from framesift.detection.azure import open_trainer
from framesift.detection_records import DetectionRecords
from framesift.pipeline.teach import teach_detector
from framesift.settings import load_settings
from framesift.storage import S3Store

logger = Logger()
tracer = Tracer()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Parse, call, dump."""
    request = StageInput.model_validate(event)
    settings = load_settings()
    store, table = S3Store(settings.platform.bucket), DetectionRecords(settings.platform.table)
    trainer = open_trainer(settings.custom_vision)
    output = teach_detector(request, settings, store, table, trainer)
    return output.model_dump(mode="json")
