"""Crawl one category of a source that takes a browser. State: Collect in statemachine/pipeline.asl.json."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from framesift.contracts import ScopeInput
from framesift.log import logger
from framesift.metrics import add_counts, metrics
from framesift.pipeline.branches import branch_of
from framesift.settings import load_settings
from framesift.storage import S3Store
from framesift.table import Records

tracer = Tracer()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Parse, call, dump."""
    request, settings = ScopeInput.model_validate(event), load_settings()
    metrics.add_dimension("category", request.scope)
    add_counts(Crawls=1)
    store, records = S3Store(settings.platform.bucket), Records(settings.platform.table)
    output = branch_of(request.run.source).collect(event, settings, store, records)
    add_counts(ClipsSeen=output.seen, FailedItems=output.failed_items)
    return output.model_dump(mode="json")
