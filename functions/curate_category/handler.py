"""Decide about every item of a category. State: CurateCategory in statemachine/pipeline.asl.json."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from framesift.contracts import ScopeInput
from framesift.language import make_decider
from framesift.log import logger
from framesift.pipeline.tiktok.curate import curate_category
from framesift.settings import load_settings
from framesift.storage import S3Store
from framesift.table import Records

tracer = Tracer()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Parse the event, call the stage, return its output as JSON."""
    request = ScopeInput.model_validate(event)
    settings = load_settings()
    store, records = S3Store(settings.platform.bucket), Records(settings.platform.table)
    output = curate_category(request, settings, store, records, make_decider(settings.language))
    return output.model_dump(mode="json")
