"""Keeps what client libraries send out of logs: at DEBUG they log whole requests, with keys, secrets and cookies."""

from __future__ import annotations

import logging

# `google` and `msrest` log headers, `botocore` bodies as well; `httpx` logs addresses at INFO.
_LEVELS = {
    "boto3": logging.INFO,
    "botocore": logging.INFO,
    "google": logging.INFO,
    "httpcore": logging.INFO,
    "httpx": logging.WARNING,
    "msrest": logging.INFO,
    "oauthlib": logging.INFO,
    "requests_oauthlib": logging.INFO,
    "s3transfer": logging.INFO,
    "urllib3": logging.INFO,
}


def hide_wire_logs() -> None:
    """Let these libraries log nothing below INFO, whatever the root logger's level is.

    A level that somebody has set on one of their loggers before stays: who asks for the wire gets it.
    """
    for name, level in _LEVELS.items():
        library = logging.getLogger(name)
        if library.level == logging.NOTSET:
            library.setLevel(level)
