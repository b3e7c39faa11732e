"""Check a training's progress. State: CheckTraining in statemachine/pipeline.asl.json."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from framesift.contracts import TrainingInput
from framesift.detection.azure import CustomVisionTrainer
from framesift.log import logger
from framesift.pipeline.youtube.gate import check_training
from framesift.settings import load_settings

tracer = Tracer()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Parse the event, call the stage, return its output as JSON."""
    request = TrainingInput.model_validate(event)
    azure = load_settings().custom_vision
    output = check_training(request, azure, CustomVisionTrainer.from_settings(azure))
    return output.model_dump(mode="json")
