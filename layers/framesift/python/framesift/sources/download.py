"""Fetches media from the web, guarded against SSRF: its URLs come from pages that anyone can write to.

A name is resolved once, its addresses are checked, and the connection goes to the address that was checked, so that DNS
rebinding gains nothing. TLS and the `Host` header keep the name. Proxies are not used, and redirects are followed here,
each checked like the first URL.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self

import httpcore

from framesift.errors import (
    BadValueError,
    DownloadFailedError,
    HostNotAllowedError,
    MediaError,
    MediaTooLargeError,
    PrivateAddressError,
)
from framesift.settings import DownloadSettings
from framesift.sources.addresses import is_public
from framesift.sources.untrusted import join_url, read_retry_after_s, split_url
from framesift.vision.images import ImageFacts, check_image

Resolve = Callable[[str, int], Awaitable[list[str]]]

_REDIRECTS = 3
_REDIRECT_STATUSES = {301, 302, 303, 307, 308}
_LOOPBACK = "127.0.0.1"
# A name of letters, digits and hyphens whose last part begins with a letter: never an IP address in any spelling.
_HOST_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_URL_TEXT = re.compile(r"[!-~]{1,4096}")
FIRST_WAIT_S = 0.25
_LONGEST_WAIT_S = 30.0  # A host that requests a longer pause is given up.
_ADDRESSES_TRIED = 3
_HEADERS: dict[bytes | str, bytes | str] = {
    "User-Agent": "Framesift/1",
    "Accept": "image/*",
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True)
class DownloadedImage:
    """A file that was fetched and is an image.

    Attributes:
        data: Its bytes.
        sha256: Their digest, in hexadecimal.
        facts: Its type and size in pixels.
    """

    data: bytes
    sha256: str
    facts: ImageFacts

    @classmethod
    def check(cls, data: bytes, max_pixels: int) -> Self:
        """Accept bytes that are a whole image.

        Raises:
            NotAnImageError: If they are none, or damaged.
            ImageTooLargeError: If it has more pixels.
            ImageTooCostlyError: If decoding it takes more time or memory than an image may.
        """
        return cls(data, hashlib.sha256(data).hexdigest(), check_image(data, max_pixels))


class ImageDownloader:
    """Fetches images, many at a time, over connections that are kept.

    Use it as an asynchronous context manager, and await `fetch` of many URLs at once.

    Args:
        settings: Allowed hosts and limits.
        resolve: Returns a name's addresses; the system's resolver by default.
        network: Connects to addresses that were checked; plain TCP by default.
        ssl_context: The trusted certificate authorities; the system's by default.
    """

    def __init__(
        self,
        settings: DownloadSettings,
        *,
        resolve: Resolve | None = None,
        network: httpcore.AsyncNetworkBackend | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._settings = settings
        self._slots = asyncio.Semaphore(settings.concurrency)
        # Names are looked up and images decoded here, so that neither waits for the other's queue.
        self._threads = ThreadPoolExecutor(settings.concurrency, thread_name_prefix="download")
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context,
            max_connections=settings.concurrency,
            network_backend=_GuardedNetwork(
                resolve or self._system_resolve,
                network or httpcore.AnyIOBackend(),
                allow_loopback=settings.allow_loopback,
            ),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.aclose()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def fetch(self, url: str) -> DownloadedImage:
        """Fetch one image.

        Raises:
            HostNotAllowedError: The URL, or one that it redirects to, is not allowed.
            BadValueError: It redirects to what is no URL.
            PrivateAddressError: Its host has no address on the public internet.
            DownloadFailedError: It could not be fetched in all tries.
            MediaTooLargeError: It has more bytes than allowed; no more than that was read.
            ImageTooLargeError: It has more pixels than allowed.
            NotAnImageError: It is no image, or a damaged one.
            ImageTooCostlyError: Decoding it takes more time or memory than an image may.
        """
        async with self._slots:
            data = await self._with_tries(url)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, DownloadedImage.check, data, self._settings.max_pixels)

    async def fetch_all(self, urls: Iterable[str]) -> dict[str, DownloadedImage | MediaError]:
        """Fetch images; for each URL the image, or the error."""

        async def outcome(url: str) -> DownloadedImage | MediaError:
            try:
                return await self.fetch(url)
            except MediaError as error:
                return error

        distinct = list(dict.fromkeys(urls))
        return dict(zip(distinct, await asyncio.gather(*map(outcome, distinct)), strict=True))

    async def _with_tries(self, url: str) -> bytes:
        for number in range(1, self._settings.tries + 1):
            try:
                async with asyncio.timeout(self._settings.timeout_s):
                    return await self._follow(url)
            except _TryAgain as fault:
                why, wait_s = fault.why, fault.wait_s
            except TimeoutError:
                why, wait_s = f"no whole answer within {self._settings.timeout_s:g} s", None
            except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
                why, wait_s = f"the connection broke ({type(error).__name__}: {error})", None
            if number == self._settings.tries or (wait_s or 0) > _LONGEST_WAIT_S:
                break
            backoff_s = FIRST_WAIT_S * 2 ** (number - 1) * random.uniform(0.5, 1.5)
            await asyncio.sleep(max(wait_s or 0.0, backoff_s))
        raise DownloadFailedError(f"{_shown(url)} could not be fetched in {number} tries: {why}.")

    async def _follow(self, url: str) -> bytes:
        target = url
        for _ in range(_REDIRECTS + 1):
            async with self._pool.stream(
                "GET",
                self._checked(target),
                headers=_HEADERS,
                extensions={"timeout": dict.fromkeys(("connect", "read", "write"), self._settings.timeout_s)},
            ) as response:
                if response.status not in _REDIRECT_STATUSES:
                    return await self._read(url, response)
                location = _header(response, b"location")
            target = join_url(target, location)
        raise DownloadFailedError(f"{_shown(url)} redirects more than {_REDIRECTS} times.")

    def _checked(self, url: str) -> httpcore.URL:
        """The parts of a URL that is allowed: what is requested is what was checked, without a second parser."""
        if not _URL_TEXT.fullmatch(url) or "\\" in url:
            raise HostNotAllowedError(f"{_shown(url)} is not a URL that can be fetched.")
        try:
            parts = split_url(url)
        except BadValueError:
            raise HostNotAllowedError(f"{_shown(url)} is not a URL that can be fetched.") from None
        host, port = parts.hostname or "", parts.port
        if self._settings.allow_loopback and (parts.scheme, host) == ("http", _LOOPBACK):
            default_port = 80
        elif parts.scheme == "https" and port in (None, 443) and self._allowed(host):
            default_port = 443
        else:
            raise HostNotAllowedError(
                f"{_shown(url)} is on no allowed host: only https, and only hosts in FRAMESIFT_DOWNLOAD__ALLOWED_HOSTS."
            )
        if parts.username is not None:
            raise HostNotAllowedError(f"{_shown(url)} contains a user name, which media URLs never do.")
        query = f"?{parts.query}" if parts.query else ""
        return httpcore.URL(
            scheme=parts.scheme, host=host, port=port or default_port, target=f"{parts.path or '/'}{query}"
        )

    def _allowed(self, host: str) -> bool:
        return _HOST_NAME.fullmatch(host) is not None and any(
            host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern
            for pattern in map(str.lower, self._settings.allowed_hosts)
        )

    async def _read(self, url: str, response: httpcore.Response) -> bytes:
        if response.status == 429 or response.status >= 500:
            raise _TryAgain(f"HTTP {response.status}", read_retry_after_s(_header(response, b"retry-after")))
        if response.status != 200:
            raise DownloadFailedError(f"{_shown(url)} could not be fetched: HTTP {response.status}.")
        body = bytearray()
        async for chunk in response.aiter_stream():
            body += chunk
            if len(body) > self._settings.max_bytes:
                raise MediaTooLargeError(f"{_shown(url)} has more than {self._settings.max_bytes:,} bytes.")
        return bytes(body)

    async def _system_resolve(self, host: str, port: int) -> list[str]:
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return [str(entry[4][0]) for entry in found]


class _TryAgain(Exception):  # noqa: N818 - no error that leaves this module
    def __init__(self, why: str, wait_s: float | None) -> None:
        super().__init__(why)
        self.why = why
        self.wait_s = wait_s


class _GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Connects only to addresses that were checked."""

    def __init__(self, resolve: Resolve, network: httpcore.AsyncNetworkBackend, *, allow_loopback: bool) -> None:
        self._resolve = resolve
        self._network = network
        self._allow_loopback = allow_loopback

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        if self._allow_loopback and host == _LOOPBACK:
            addresses = [host]
        else:
            found = await self._resolve(host, port)
            addresses = [address for address in found if is_public(address)][:_ADDRESSES_TRIED]
            if not addresses:
                raise PrivateAddressError(
                    f"{host} resolves to {', '.join(found) or 'no address'}, which is not on the public internet."
                )
        fault: Exception | None = None
        for address in addresses:
            try:
                share_s = timeout / len(addresses) if timeout else None
                return await self._network.connect_tcp(address, port, share_s, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                fault = error
        raise fault or httpcore.ConnectError(host)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def _header(response: httpcore.Response, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), "")


def _shown(url: str) -> str:
    """A URL for a message: on one line, without its query, which may contain a signature."""
    return ascii(url.partition("?")[0][:200])[1:-1]
