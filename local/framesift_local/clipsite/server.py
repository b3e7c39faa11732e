"""The site as an HTTP server on loopback."""

from __future__ import annotations

import datetime as dt
import errno
import json
import random
import re
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import ValidationError

from framesift.errors import PortInUseError
from framesift_local.clipsite import answers, pictures
from framesift_local.clipsite.catalogue import CATEGORIES, LAG_SHARES, STAYING_SHARES, Catalogue, Clip, catalogue
from framesift_local.clipsite.control import Control, Misbehaviour

_HOST = "127.0.0.1"
_COUNT_MAX = 35  # The most clips that one request may ask for, as on the real site.
# A clip of today is at most this many days younger than its original.
_TRUTH_DAYS = len(LAG_SHARES) - 1 + len(STAYING_SHARES)
_JSON = "application/json; charset=utf-8"
_HTML = "text/html; charset=utf-8"
_CATEGORY = "|".join(CATEGORIES)
_ROUTES = {
    "page": re.compile(rf"/(?P<category>{_CATEGORY})/?"),
    "items": re.compile(rf"/api/(?P<category>{_CATEGORY})/item_list/?"),
    "media": re.compile(r"/media/(?P<clip>\d{19})\.(?:jpeg|webp|png)"),
    "clip": re.compile(r"/@[\w.]+/video/(?P<clip>\d{19})"),
}


class ClipSite:
    """A site that behaves like TikTok's category pages, with thousands of clips and the truth about them.

    Use it as a context manager, or call `start` and `stop`.

    Args:
        date: The day to show.
        cache_dir: Where covers are kept once they are drawn; made if missing.
        seed: Which site; the same seed and date give the same clips and pictures, byte for byte.
        clips_per_category: How many distinct clips each of the five categories lists.
        port: To listen on at 127.0.0.1; 0 takes a free one.
    """

    def __init__(
        self,
        *,
        date: dt.date,
        cache_dir: Path,
        seed: int = 1,
        clips_per_category: int = 400,
        port: int = 0,
    ) -> None:
        self.seed = seed
        self.clips_per_category = clips_per_category
        self.cache_dir = cache_dir
        self._port = port
        self._control = Control(date=date)
        self._shown_dates = {date}
        self._dice = random.Random(seed)
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        """Where the site is, without a slash at the end."""
        return f"http://{_HOST}:{self._port}"

    @property
    def date(self) -> dt.date:
        """The day that is shown."""
        return self._control.date

    def start(self) -> Self:
        """Starts to answer.

        Raises:
            PortInUseError: Another process listens on the port.
        """
        try:
            self._server = _Server(self, self._port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            message = f"port {self._port} is in use: stop what listens there, or choose another --port"
            raise PortInUseError(message) from error
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self) -> None:
        """Stops to answer and closes all connections."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def control(self, **changes: Any) -> Control:
        """Changes the date or the misbehaviour, as `POST /control` does.

        Args:
            **changes: Fields of `Control`; what is not given stays as it is.

        Raises:
            pydantic.ValidationError: An unknown field, or a value out of range.
        """
        self._control = Control.model_validate(self._control.model_dump() | changes)
        self._shown_dates.add(self._control.date)
        return self._control

    def catalogue(self, days_before: int = 0) -> Catalogue:
        """What the site lists on its date, or so many days before."""
        return catalogue(self.seed, self.date - dt.timedelta(days=days_before), self.clips_per_category)

    def truth(self) -> dict[str, Clip]:
        """All that is listed on the date and on the days before whose pictures may come again, by id.

        Of a clip that is listed on several of these days, the latest views are given.
        """
        clips: dict[str, Clip] = {}
        for days_before in range(_TRUTH_DAYS, -1, -1):
            clips |= self.catalogue(days_before).clips
        return clips

    def find(self, clip_id: str) -> Clip | None:
        """Finds a clip of a day that was shown since the start."""
        for date in sorted(self._shown_dates, reverse=True):
            clip = catalogue(self.seed, date, self.clips_per_category).clips.get(clip_id)
            if clip:
                return clip
        return None

    def misbehaviour(self, category: str) -> Misbehaviour:
        """What the site was told, as far as it holds for a category."""
        told = self._control
        return told if category in (told.categories or CATEGORIES) else Misbehaviour()

    def rolls_under(self, share: float) -> bool:
        """Throws the dice: true for `share` (0 to 1) of the calls."""
        return self._dice.random() < share


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def __init__(self, site: ClipSite, port: int) -> None:
        self.site = site
        self._open: set[socket.socket] = set()
        super().__init__((_HOST, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self._open):  # Kept alive by clients.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):  # The client left.
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Cliptown"
    timeout = 60  # Seconds that an idle connection is kept.
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        for name, pattern in _ROUTES.items():
            match = pattern.fullmatch(address.path)
            if match:
                getattr(self, f"_{name}")(address.query, **match.groupdict())
                return
        if address.path == "/control":
            self._answer_json(self.server.site.control().model_dump(mode="json"))
        elif address.path == "/control/truth":
            self._truth()
        elif address.path == "/":
            self._answer(HTTPStatus.FOUND, _HTML, b"", Location=f"/{CATEGORIES[0]}")
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"not found")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/control":
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"not found")
            return
        try:
            changes = json.loads(body)
            control = self.server.site.control(**changes)
        except (ValidationError, ValueError, TypeError) as error:
            self._answer_json({"error": str(error)}, HTTPStatus.BAD_REQUEST)
        else:
            self._answer_json(control.model_dump(mode="json"))

    def log_message(self, *_: object) -> None:
        """Says nothing: a crawl is thousands of lines."""

    def _page(self, _query: str, category: str) -> None:
        told = self._misbehave(category)
        if told is None:
            return
        if told.wall == "denied":
            self._answer(HTTPStatus.FORBIDDEN, _HTML, answers.DENIED_PAGE.encode())
        else:
            self._answer(HTTPStatus.OK, _HTML, answers.category_page(category, told.wall).encode())

    def _items(self, query: str, category: str) -> None:
        told = self._misbehave(category)
        if told is None:
            return
        if told.wall:
            self._answer_json(answers.blocked_list(told.wall))
            return
        numbers = {name: values[0] for name, values in parse_qs(query).items()}
        cursor, count = (numbers.get(name, default) for name, default in (("cursor", "0"), ("count", "20")))
        if not (cursor.isdecimal() and count.isdecimal()):
            self._answer_json({"statusCode": 10201, "statusMsg": "invalid parameters"})
            return
        site = self.server.site
        asked = min(int(count), _COUNT_MAX)
        self._answer_json(answers.item_list(site.catalogue(), category, int(cursor), asked, site.url))

    def _media(self, _query: str, clip: str) -> None:
        site = self.server.site
        found = site.find(clip)
        if found is None:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"not found")
            return
        told = self._misbehave(found.category)
        if told is None:
            return
        media = pictures.cover(found, site.cache_dir)
        how = pictures.breakage(found, told.broken_image_share)
        self._answer(*(pictures.broken(media, how) if how else media))

    def _clip(self, _query: str, clip: str) -> None:
        found = self.server.site.find(clip)
        if found is None:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"not found")
            return
        self._answer(HTTPStatus.OK, _HTML, answers.clip_page(found).encode())

    def _truth(self) -> None:
        self._answer_json({id_: answers.truth(clip) for id_, clip in self.server.site.truth().items()})

    def _misbehave(self, category: str) -> Misbehaviour | None:
        """Waits, or cuts the connection (then None), as told for the category."""
        site = self.server.site
        told = site.misbehaviour(category)
        if told.latency_s:
            time.sleep(told.latency_s)
        if site.rolls_under(told.drop_share):
            # With no time to linger, closing resets the connection.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return None
        return told

    def _answer_json(self, content: Any, status: HTTPStatus = HTTPStatus.OK) -> None:
        """Sends JSON; None is an empty body."""
        body = b"" if content is None else json.dumps(content, ensure_ascii=False).encode()
        self._answer(status, _JSON, body)

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
