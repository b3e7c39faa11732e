"""Crawl one category. State: CrawlCategory in statemachine/pipeline.asl.json."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from framesift.contracts import CategoryInput
from framesift.pipeline.collect import collect_category
from framesift.settings import load_settings
from framesift.storage import S3Store
from framesift.table import Table

logger = Logger()
tracer = Tracer()
metrics = Metrics(namespace="Framesift")


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Parse, call, dump."""
    request = CategoryInput.model_validate(event)
    settings = load_settings()
    store, table = S3Store(settings.platform.bucket), Table(settings.platform.table)
    metrics.add_dimension("category", request.category)
    metrics.add_metric("Crawls", MetricUnit.Count, 1)
    output = collect_category(request, settings, store, table)
    metrics.add_metric("ClipsSeen", MetricUnit.Count, output.seen)
    metrics.add_metric("FailedItems", MetricUnit.Count, output.failed_items)
    return output.model_dump(mode="json")
