"""Names that are safe wherever they are used."""

from __future__ import annotations

import hashlib
import re

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def safe_id(text: str) -> str:
    """An id that is safe as a file name, an S3 key part and a DynamoDB key.

    An id of ASCII letters, digits, `_` and `-` stays as it is; any other becomes a digest, so that two ids never
    collide and nothing that a site sends can leave its folder.
    """
    if _SAFE_ID.fullmatch(text):
        return text
    return "x" + hashlib.sha256(text.encode()).hexdigest()[:31]
