"""Decide about every item of a category. State: CurateCategory in statemachine/pipeline.asl.json."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from framesift.contracts import CategoryInput
from framesift.language import decider
from framesift.pipeline.curate import curate_category
from framesift.settings import load_settings
from framesift.storage import S3Store
from framesift.table import Table

logger = Logger()
tracer = Tracer()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Parse, call, dump."""
    request = CategoryInput.model_validate(event)
    settings = load_settings()
    store, table = S3Store(settings.platform.bucket), Table(settings.platform.table)
    output = curate_category(request, settings, store, table, decider(settings.language))
    return output.model_dump(mode="json")
