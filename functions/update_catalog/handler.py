"""Bring a batch of images into its collection's catalog. State: UpdateCatalog in statemachine/pipeline.asl.json."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from framesift.contracts import StageInput
from framesift.log import logger
from framesift.pipeline.upload.catalog import update_catalog
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
    output = update_catalog(request, settings, S3Store(settings.platform.bucket), Records(settings.platform.table))
    return output.model_dump(mode="json")
