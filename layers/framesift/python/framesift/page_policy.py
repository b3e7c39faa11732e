"""The headers that the web page is served with, by CloudFront and by the embedded AWS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

HSTS_S: Final = 2 * 365 * 86_400


def content_security_policy(media_origins: Sequence[str]) -> str:
    """What the page may load and call: its own files, its own API, and the bucket's images and uploads.

    No script or style but from files of the page's own: text of others that became markup could do nothing. Trusted
    Types refuse the ways by which text becomes markup.

    Args:
        media_origins: The bucket's origins.

    Example:
        >>> "unsafe" in content_security_policy(["https://bucket.s3.amazonaws.com"])
        False
    """
    media = " ".join(media_origins)
    rules = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "font-src": "'self'",
        "img-src": f"'self' blob: data: {media}".strip(),
        "media-src": f"'self' blob: {media}".strip(),
        "connect-src": f"'self' {media}".strip(),
        "worker-src": "'self'",
        "manifest-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "object-src": "'none'",
        "require-trusted-types-for": "'script'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def page_headers(media_origins: Sequence[str]) -> Mapping[str, str]:
    """The headers of the page and its files."""
    return {
        "Content-Security-Policy": content_security_policy(media_origins),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }
