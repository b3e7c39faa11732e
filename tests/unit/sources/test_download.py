"""The downloader: what it fetches, what it refuses, and that it never speaks to an address inside."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import ipaddress
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from PIL import Image

from framesift.errors import (
    DownloadFailedError,
    HostNotAllowedError,
    ImageTooLargeError,
    MediaError,
    MediaTooLargeError,
    NotAnImageError,
    PrivateAddressError,
)
from framesift.settings import DownloadSettings
from framesift.sources import download
from framesift.sources.download import DownloadedImage, ImageDownloader

PUBLIC = "93.184.215.14"
NAME = "p16.tiktokcdn.com"


def picture(width: int = 60, height: int = 40) -> bytes:
    file = BytesIO()
    Image.effect_noise((width, height), 90).save(file, "JPEG")
    return file.getvalue()


IMAGE = picture()


class Host(ThreadingHTTPServer):
    """A web host on loopback that does as its `answers` say, and counts who comes."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        self.connections = 0
        self.paths: list[str] = []
        self.names: list[str] = []
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> Any:
        accepted = super().get_request()
        self.connections += 1
        return accepted

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is part of these tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Host

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        self.server.names.append(self.headers["Host"])
        self.server.answers.get(self.path, send(200, IMAGE))(self)

    def log_message(self, *_: object) -> None:
        pass


def send(status: int, body: bytes = b"", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def in_turn(
    *answers: Callable[[BaseHTTPRequestHandler], None],
) -> Callable[[BaseHTTPRequestHandler], None]:
    waiting = list(answers)
    return lambda handler: (waiting.pop(0) if len(waiting) > 1 else waiting[0])(handler)


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def _quick_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "FIRST_WAIT_S", 0.01)


LOCAL = DownloadSettings(allow_loopback=True, timeout_s=5)


def fetch(url: str, settings: DownloadSettings = LOCAL, **parts: Any) -> DownloadedImage:
    async def run() -> DownloadedImage:
        async with ImageDownloader(settings, **parts) as downloader:
            return await downloader.fetch(url)

    return asyncio.run(run())


def fetch_all(urls: list[str], settings: DownloadSettings = LOCAL) -> dict[str, DownloadedImage | MediaError]:
    async def run() -> dict[str, DownloadedImage | MediaError]:
        async with ImageDownloader(settings) as downloader:
            return await downloader.fetch_all(urls)

    return asyncio.run(run())


def answering(*answers: list[str]) -> Callable[[str, int], Awaitable[list[str]]]:
    """A resolver that gives these answers in turn, and the last one from then on."""
    waiting = list(answers)

    async def resolve(host: str, port: int) -> list[str]:
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    return resolve


class Dialled(httpcore.AsyncNetworkBackend):
    """Notes which addresses are connected to, and leads all of them to a host of the test."""

    def __init__(self, port: int | None = None) -> None:
        self.addresses: list[str] = []
        self._port = port

    async def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        self.addresses.append(host)
        if self._port is None:
            raise httpcore.ConnectError("a test goes nowhere")
        return await httpcore.AnyIOBackend().connect_tcp("127.0.0.1", self._port)


# --- what is fetched ---


def test_gives_bytes_type_size_and_digest(host: Host) -> None:
    image = fetch(f"{host.url}/a.jpg?x=1&y=%20")
    assert image.data == IMAGE
    assert image.sha256 == hashlib.sha256(IMAGE).hexdigest()
    assert (image.facts.content_type, image.facts.width, image.facts.height) == ("image/jpeg", 60, 40)
    assert host.paths == ["/a.jpg?x=1&y=%20"]


def test_fetches_many_at_a_time_and_each_url_once(host: Host) -> None:
    together = threading.Barrier(8, timeout=5)
    host.answers = {f"/{n}": lambda handler: (together.wait(), send(200, IMAGE)(handler))[1] for n in range(8)}
    urls = [f"{host.url}/{n}" for n in range(8)]
    outcomes = fetch_all([*urls, *urls], LOCAL.model_copy(update={"concurrency": 8}))
    assert list(outcomes) == urls
    assert all(isinstance(outcome, DownloadedImage) for outcome in outcomes.values())
    assert len(host.paths) == 8


def test_one_bad_url_never_stops_others(host: Host) -> None:
    host.answers = {"/gone": send(404), "/page": send(200, b"<html>")}
    urls = [f"{host.url}/gone", "nonsense", f"{host.url}/page", "https://evil.example/x.jpg", f"{host.url}/good"]
    kinds = [type(outcome) for outcome in fetch_all(urls).values()]
    assert kinds == [DownloadFailedError, HostNotAllowedError, NotAnImageError, HostNotAllowedError, DownloadedImage]


@pytest.mark.parametrize("location", ["http://[", "https://[::1", "//["])
def test_a_redirect_that_is_no_url_costs_its_own_item(host: Host, location: str) -> None:
    host.answers = {"/bad": send(302, Location=location)}
    bad, good = fetch_all([f"{host.url}/bad", f"{host.url}/good"]).values()
    assert isinstance(bad, MediaError)
    assert isinstance(good, DownloadedImage)


@pytest.mark.parametrize("zone", ["GMT", "-1200", ""])
def test_a_host_that_asks_for_a_pause_until_the_year_9999_costs_its_own_item(host: Host, zone: str) -> None:
    host.answers = {"/bad": send(503, Retry_After=f"Fri, 31 Dec 9999 23:59:59 {zone}")}
    bad, good = fetch_all([f"{host.url}/bad", f"{host.url}/good"]).values()
    assert isinstance(bad, DownloadFailedError)
    assert isinstance(good, DownloadedImage)
    assert host.paths.count("/bad") == 1


def test_follows_three_redirects_and_no_more(host: Host) -> None:
    host.answers = {f"/{n}": send(302, Location=f"/{n + 1}") for n in range(1, 5)}
    assert fetch(f"{host.url}/2").data == IMAGE
    with pytest.raises(DownloadFailedError, match="more than 3 times"):
        fetch(f"{host.url}/1")


# --- what is tried again ---


@pytest.mark.parametrize("status", [429, 500, 503])
def test_tries_again_what_may_pass(host: Host, status: int) -> None:
    host.answers = {"/a": in_turn(send(status), send(status), send(200, IMAGE))}
    assert fetch(f"{host.url}/a").data == IMAGE
    assert len(host.paths) == 3


def test_gives_up_after_all_tries(host: Host) -> None:
    host.answers = {"/a": send(503)}
    with pytest.raises(DownloadFailedError, match="3 tries: HTTP 503"):
        fetch(f"{host.url}/a")
    assert len(host.paths) == 3


@pytest.mark.parametrize("status", [204, 400, 403, 404])
def test_asks_once_for_what_stays_as_it_is(host: Host, status: int) -> None:
    host.answers = {"/a": send(status)}
    with pytest.raises(DownloadFailedError, match=str(status)):
        fetch(f"{host.url}/a")
    assert len(host.paths) == 1


def test_waits_as_long_as_the_host_asks(host: Host) -> None:
    host.answers = {"/a": in_turn(send(429, Retry_After="1"), send(200, IMAGE))}
    started = time.monotonic()
    assert fetch(f"{host.url}/a").data == IMAGE
    assert time.monotonic() - started >= 1


def test_does_not_wait_for_a_host_that_asks_for_an_hour(host: Host) -> None:
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    for text in ("3600", f"{soon:%a, %d %b %Y %H:%M:%S GMT}"):
        host.answers = {"/a": send(503, Retry_After=text)}
        with pytest.raises(DownloadFailedError, match="1 tries"):
            fetch(f"{host.url}/a")
    assert len(host.paths) == 2


def test_tries_again_when_the_connection_breaks(host: Host) -> None:
    def half(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nhalf")
        handler.close_connection = True

    host.answers = {"/a": in_turn(half, send(200, IMAGE))}
    assert fetch(f"{host.url}/a").data == IMAGE


def test_a_host_that_drips_is_left(host: Host) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        for _ in range(100):
            handler.wfile.write(b"H")
            handler.wfile.flush()
            time.sleep(0.05)

    host.answers = {"/a": drip}
    started = time.monotonic()
    with pytest.raises(DownloadFailedError, match=r"no whole answer within 0\.3 s"):
        fetch(f"{host.url}/a", LOCAL.model_copy(update={"timeout_s": 0.3, "tries": 2}))
    assert time.monotonic() - started < 3


# --- limits ---


def test_reads_no_more_bytes_than_allowed(host: Host) -> None:
    sent = 0

    def endless(handler: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            sent += handler.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")

    host.answers = {"/a": endless}
    with pytest.raises(MediaTooLargeError):
        fetch(f"{host.url}/a", LOCAL.model_copy(update={"max_bytes": 1_000_000}))
    assert sent < 30_000_000


def test_decodes_no_more_pixels_than_allowed(host: Host) -> None:
    with pytest.raises(ImageTooLargeError):
        fetch(f"{host.url}/a", LOCAL.model_copy(update={"max_pixels": 60 * 40 - 1}))


# --- where it may not go ---

ANY_NAME = DownloadSettings(allowed_hosts=["*.tiktokcdn.com", "127.1", "localhost", "2130706433", "[::1]"], timeout_s=2)


def test_the_canary_hears_nothing(host: Host) -> None:
    port = host.server_address[1]
    hosts = [
        "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "localhost", "LOCALHOST",
        "localhost.", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "0",
        "[::]", "127.0.0.1.", "①②⑦.0.0.1", "127。0。0。1", "a.tiktokcdn.com@127.0.0.1", "a.tiktokcdn.com:x@127.0.0.1",
        "127.0.0.1#.tiktokcdn.com", "127.0.0.1\\.tiktokcdn.com", "127.0.0.1%2f.tiktokcdn.com", "127.0.0.1\t",
    ]  # fmt: skip
    for name in hosts:
        for scheme in ("https", "http", "HTTPS", "ftp", "file", "gopher"):
            with pytest.raises(HostNotAllowedError):
                fetch(f"{scheme}://{name}:{port}/latest/meta-data", ANY_NAME)
    # What local settings allow is this machine's plain address, not its other spellings.
    for name in set(hosts[1:]) - {"127.0.0.1#.tiktokcdn.com"}:  # With a fragment, that is the plain address.
        with pytest.raises(HostNotAllowedError):
            fetch(f"http://{name}:{port}/", LOCAL)
    assert host.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "//p16.tiktokcdn.com/a", "http://p16.tiktokcdn.com/a", "https:///a", "https://p16.tiktokcdn.com:22/a",
        "https://tiktokcdn.com.evil.example/a", "https://eviltiktokcdn.com/a", "https://tiktokcdn.com/a",
        "https://me@p16.tiktokcdn.com/a", "https://p16.tiktokcdn.com./a", "https://p16.tiktokcdn.com\r\nX: y/a",
        "https://p16.tiktokcdn.com/a b", "https://[p16.tiktokcdn.com]/a", "https://p16.tiktokcdn.com:99999/a",
        "https://.tiktokcdn.com/a", "https://%70.tiktokcdn.com/a", "https://" + "a" * 5000 + ".tiktokcdn.com/",
    ],
)  # fmt: skip
def test_refuses_other_urls(url: str) -> None:
    dialled = Dialled()
    with pytest.raises(HostNotAllowedError):
        fetch(url, DownloadSettings(), network=dialled, resolve=answering([PUBLIC]))
    assert dialled.addresses == []


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.1", "::ffff:127.0.0.1", "64:ff9b::a9fe:a9fe"]
)
def test_an_allowed_name_that_leads_inside_is_refused(address: str) -> None:
    dialled = Dialled()
    with pytest.raises(PrivateAddressError, match="not on the public internet"):
        fetch(f"https://{NAME}/a", DownloadSettings(), network=dialled, resolve=answering([address]))
    assert dialled.addresses == []


def test_of_many_addresses_only_public_ones_are_dialled() -> None:
    dialled = Dialled()
    with pytest.raises(DownloadFailedError):
        fetch(
            f"https://{NAME}/a",
            DownloadSettings(tries=1),
            network=dialled,
            resolve=answering(["127.0.0.1", PUBLIC, "10.0.0.1"]),
        )
    assert dialled.addresses == [PUBLIC]


def test_a_redirect_inside_is_refused(host: Host) -> None:
    with Host() as canary:
        threading.Thread(target=canary.serve_forever, daemon=True).start()
        port = canary.server_address[1]
        targets = [
            f"http://127.1:{port}/", f"http://localhost:{port}/", f"//[::1]:{port}/", f"https://127.0.0.1:{port}/",
            f"http://me@127.0.0.1:{port}/", "http://169.254.169.254/latest/", "file:///etc/passwd",
        ]  # fmt: skip
        for target in targets:
            host.answers = {"/a": send(302, Location=target)}
            with pytest.raises(HostNotAllowedError):
                fetch(f"{host.url}/a")
        canary.shutdown()
        assert canary.connections == 0


# --- the address that was checked is the address that is connected to ---


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for a name, and the context of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test's authority")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert, secret = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    secret.write_bytes(key.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, secret)
    return server, ssl.create_default_context(cafile=str(cert))


def test_connects_to_the_checked_address_and_keeps_the_name(host: Host, tmp_path: Path) -> None:
    server, client = certificate(tmp_path, NAME)
    asked: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: asked.append(name)
    host.socket = server.wrap_socket(host.socket, server_side=True)
    dialled = Dialled(host.server_address[1])
    # The name leads to a public address when it is checked, and inside when it is asked for again.
    resolve = answering([PUBLIC], ["127.0.0.1"])
    image = fetch(f"https://{NAME}/a", DownloadSettings(), resolve=resolve, network=dialled, ssl_context=client)
    assert image.data == IMAGE
    assert dialled.addresses == [PUBLIC]
    assert asked == [NAME]
    assert host.names == [NAME]


def test_a_name_that_turns_inside_between_tries_is_refused(host: Host, tmp_path: Path) -> None:
    server, client = certificate(tmp_path, NAME)
    host.socket = server.wrap_socket(host.socket, server_side=True)
    host.answers = {"/a": send(503, Connection="close")}
    dialled = Dialled(host.server_address[1])
    resolve = answering([PUBLIC], ["169.254.169.254"])
    with pytest.raises(PrivateAddressError):
        fetch(f"https://{NAME}/a", DownloadSettings(), resolve=resolve, network=dialled, ssl_context=client)
    assert all(ipaddress.ip_address(address).is_global for address in dialled.addresses)


def test_a_certificate_for_another_name_is_refused(host: Host, tmp_path: Path) -> None:
    server, client = certificate(tmp_path, "other.tiktokcdn.com")
    host.socket = server.wrap_socket(host.socket, server_side=True)
    dialled = Dialled(host.server_address[1])
    with pytest.raises(DownloadFailedError, match="CERTIFICATE_VERIFY_FAILED"):
        fetch(f"https://{NAME}/a", DownloadSettings(), resolve=answering([PUBLIC]), network=dialled, ssl_context=client)
    assert host.paths == []
