"""List what was uploaded to a collection. State: CollectUploads in statemachine/pipeline.asl.json."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from framesift.contracts import CategoryInput
from framesift.pipeline.collect_uploads import collect_uploads
from framesift.settings import load_settings
from framesift.storage import S3Store
from framesift.upload_records import UploadRecords

logger = Logger()
tracer = Tracer()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Parse, call, dump."""
    request = CategoryInput.model_validate(event)
    settings = load_settings()
    platform = settings.platform
    output = collect_uploads(request, settings, S3Store(platform.bucket), UploadRecords(platform.table))
    return output.model_dump(mode="json")
