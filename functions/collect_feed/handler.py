"""List a feed of YouTube and fetch its thumbnails. State: CollectFeed in statemachine/pipeline.asl.json."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from framesift.contracts import CategoryInput
from framesift.pipeline.collect_feed import collect_feed
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
    output = collect_feed(request, settings, S3Store(settings.platform.bucket), Table(settings.platform.table))
    return output.model_dump(mode="json")
