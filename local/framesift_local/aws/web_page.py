"""The web page: static files beside the API, with the headers that CloudFront adds on AWS."""

from __future__ import annotations

import gzip
import mimetypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from werkzeug.wrappers import Request, Response

from framesift.page_policy import page_headers

_ASSETS = "assets"
_COMPRESSED = {".css", ".html", ".js", ".json", ".svg"}
_TYPES = {".js": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
_API = "/v1/"


@dataclass(frozen=True)
class WebPage:
    """The page's files.

    Every address that is no file is the page itself, which finds its view by the address.

    Attributes:
        folder: The built page.
        media_origins: Where images come from and uploads go to.
    """

    folder: Path
    media_origins: Sequence[str]
    headers: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Make the headers once."""
        object.__setattr__(self, "headers", page_headers(self.media_origins))

    def answer(self, request: Request) -> Response | None:
        """Answer a request; None if it is not for the page."""
        if request.method not in {"GET", "HEAD"} or request.path.startswith(_API):
            return None
        file = self._find(request.path)
        if file is None:
            return None
        is_asset = file.parent.name == _ASSETS
        body = _read(file, file.stat().st_mtime_ns)
        response = Response(mimetype=_TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0])
        if file.suffix in _COMPRESSED and "gzip" in request.headers.get("accept-encoding", ""):
            body = _compress(body)
            response.headers["Content-Encoding"] = "gzip"
        response.set_data(body)
        response.headers.update(self.headers)
        response.headers["Vary"] = "Accept-Encoding"
        # An asset's name holds its digest, so it never changes.
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if is_asset else "no-cache"
        return response

    def _find(self, path: str) -> Path | None:
        """The file of a path; None: there is none, and no view could be meant."""
        folder = self.folder.resolve()
        file = (folder / path.lstrip("/")).resolve()
        if file.is_relative_to(folder) and file.is_file():
            return file
        index = folder / "index.html"
        is_view = not path.startswith(f"/{_ASSETS}/") and index.is_file()
        return index if is_view else None


@lru_cache(maxsize=256)
def _read(file: Path, changed_at_ns: int) -> bytes:
    return file.read_bytes()


@lru_cache(maxsize=256)
def _compress(body: bytes) -> bytes:
    return gzip.compress(body, 6, mtime=0)
