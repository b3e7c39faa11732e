"""boto3 clients of the embedded AWS."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

DEFAULT_REGION = "ap-northeast-2"


def make_client(service: str, endpoint_url: str, region: str) -> Any:
    """Return a boto3 client of the embedded AWS at an address; it checks no credentials."""
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=endpoint_url,
        region_name=region,
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106  the embedded AWS checks none
        config=Config(max_pool_connections=32, s3={"addressing_style": "path"}),
    )
