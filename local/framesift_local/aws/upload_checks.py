"""What S3 refuses of uploads and moto does not: forms that do not fit their policy, and parts of uploads that are gone.

Source: Amazon S3 API Reference, "POST Policy". The policy's signature is not checked: nobody's credentials are here.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from xml.sax.saxutils import escape

from moto.s3.exceptions import NoSuchUpload
from moto.s3.models import S3Backend
from moto.s3.responses import S3Response

from framesift_local.aws.patching import original, replace

# Fields that need no condition; so do those that begin with `x-ignore-`.
_FREE: Final = frozenset({"policy", "file", "x-amz-signature", "signature", "awsaccesskeyid"})


def check_uploads() -> None:
    """Let moto's S3 refuse what S3 does."""
    put_part = original(S3Backend, "upload_part")
    post = original(S3Response, "_bucket_response_post")

    def checked_post(self: Any, request: Any, bucket_name: str) -> Any:
        # To delete many objects is a POST as well.
        if "multipart/form-data" not in str(request.headers.get("Content-Type", "")):
            return post(self, request, bucket_name)
        fields = {name.lower(): str(value) for name, value in self.form_data.items() if name != "file"}
        if refusal := find_refusal(fields, bucket_name, len(self.body), datetime.now(UTC)):
            message = escape(f"Invalid according to Policy: {refusal}")
            return 403, {}, f"<Error><Code>AccessDenied</Code><Message>{message}</Message></Error>"
        return post(self, request, bucket_name)

    def checked_part(self: Any, bucket_name: str, multipart_id: str, part_id: int, value: bytes) -> Any:
        if multipart_id not in self.get_bucket(bucket_name).multiparts:
            raise NoSuchUpload(upload_id=multipart_id)
        return put_part(self, bucket_name, multipart_id, part_id, value)

    replace(S3Response, "_bucket_response_post", checked_post)
    replace(S3Backend, "upload_part", checked_part)


def find_refusal(fields: Mapping[str, str], bucket: str, size_bytes: int, now: datetime) -> str | None:
    """Why a form is refused; None: it fits its policy.

    Args:
        fields: The form's, by lower-case names, without the file.
        bucket: Where it was sent.
        size_bytes: The file's size.
        now: The time.
    """
    try:
        policy = json.loads(base64.b64decode(fields["policy"], validate=True))
        expires_at = datetime.fromisoformat(policy["expiration"])
        conditions = [_read(condition) for condition in policy["conditions"]]
    except KeyError as error:
        return f"{error} is missing."
    except (ValueError, TypeError, AttributeError, binascii.Error):
        return "The policy cannot be read."
    if expires_at <= now:
        return "Policy expired."
    given = {**fields, "bucket": bucket}
    for operator, name, *wanted in conditions:
        if operator == "content-length-range":
            smallest, largest = (int(each) for each in (name, *wanted))
            if not smallest <= size_bytes <= largest:
                return f"The file has {size_bytes} bytes, not {smallest} to {largest}."
            continue
        value = given.get(str(name), "")
        fits = value.startswith(str(wanted[0])) if operator == "starts-with" else value == str(wanted[0])
        if not fits:
            return f"Policy Condition failed: {operator} {name} {wanted[0]}"
    named = {str(name) for _, name, *_ in conditions}
    extra = [name for name in fields if name not in named | _FREE and not name.startswith("x-ignore-")]
    return f"Extra input fields: {', '.join(extra)}" if extra else None


def _read(condition: Any) -> tuple[Any, ...]:
    """A condition as its operator, the field's lower-case name, and what it must be."""
    if isinstance(condition, dict):
        [(name, value)] = condition.items()
        return "eq", name.lower(), value
    operator, name, value = condition
    operator = operator.lower()
    return (operator, name, value) if operator == "content-length-range" else (operator, name[1:].lower(), value)
