"""S3's lifecycle rules: moto keeps them, we carry out what they say of age."""

from __future__ import annotations

import datetime as dt
from typing import Any

SWEEP_INTERVAL_S = 3600.0


def expire_objects(s3: Any, bucket: str, now: dt.datetime) -> int:
    """Delete what is older than the bucket's rules allow; return how many objects.

    Like S3, a rule's days are counted to the next midnight in UTC. Versions and unfinished multipart
    uploads are not kept across a start, so nothing is done for them.
    """
    try:
        rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    except s3.exceptions.ClientError:
        return 0
    midnight = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    expired = 0
    for rule in rules:
        days = rule.get("Expiration", {}).get("Days")
        if rule["Status"] != "Enabled" or not days:
            continue
        prefix = rule.get("Filter", {}).get("Prefix", rule.get("Prefix", ""))
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            old = [
                {"Key": entry["Key"]}
                for entry in page.get("Contents", [])
                if entry["LastModified"] + dt.timedelta(days=days) < midnight
            ]
            if old:
                s3.delete_objects(Bucket=bucket, Delete={"Objects": old, "Quiet": True})
                expired += len(old)
    return expired
