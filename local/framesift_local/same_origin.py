"""Who may call a port of this machine: programs, and pages that the port itself serves; no other web page.

Every browser reaches 127.0.0.1, and nobody checks credentials here. A page of another site is recognised by what the
browser adds and a page cannot change (Fetch Metadata, `Origin`), and a page whose name was rebound to this machine
(DNS rebinding) by `Host`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

HOST = "127.0.0.1"
_LOOPBACK_NAMES = {HOST, "localhost", "::1"}
_FOREIGN_SITES = {"cross-site", "same-site"}


def refuse_foreign(headers: Mapping[str, str], trusted_origins: Collection[str] = ()) -> str | None:
    """Decide about a request.

    Args:
        headers: The request's headers by lower-case name.
        trusted_origins: Origins besides the port's own whose pages may call it.

    Returns:
        Why it is refused, in one sentence; None: it may pass.

    Example:
        >>> refuse_foreign({"host": "127.0.0.1:8787"})
        >>> refuse_foreign({"host": "127.0.0.1:8787", "origin": "https://evil.example"})
        'Pages of https://evil.example may not call this port.'
        >>> refuse_foreign({"host": "evil.example:8787"})
        'evil.example:8787 is not a name of this machine.'
    """
    host = headers.get("host", "")
    if not _is_loopback(host):
        return f"{host or 'A request without a Host'} is not a name of this machine."
    origin = headers.get("origin")
    if origin is not None:
        if origin == f"http://{host}" or origin in trusted_origins:
            return None
        return f"Pages of {origin} may not call this port."
    if headers.get("sec-fetch-site") in _FOREIGN_SITES:
        return "Pages of another site may not call this port."
    return None


def _is_loopback(host: str) -> bool:
    try:
        return urlsplit(f"//{host}").hostname in _LOOPBACK_NAMES
    except ValueError:
        return False
