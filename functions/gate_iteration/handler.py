"""Put a trained iteration into service if it is no worse. State: GateIteration in statemachine/pipeline.asl.json."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from framesift.contracts import TrainingInput
from framesift.detection.azure import CustomVisionDetector, CustomVisionTrainer
from framesift.log import logger
from framesift.pipeline.youtube.gate import gate_iteration
from framesift.settings import load_settings
from framesift.table import Records

tracer = Tracer()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Parse the event, call the stage, return its output as JSON."""
    request = TrainingInput.model_validate(event)
    settings = load_settings()
    azure, records = settings.custom_vision, Records(settings.platform.table)
    trainer, predictor = CustomVisionTrainer.from_settings(azure), CustomVisionDetector.from_settings(azure, None)
    output = gate_iteration(request, azure, records, trainer, predictor)
    return output.model_dump(mode="json")
