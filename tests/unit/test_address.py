"""Where an embedded AWS answers: what is written is found, as long as the same process answers there."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from framesift.address import ADDRESS_FILE, STATUS_PATH, Address, find_running
from framesift.errors import EmbeddedAwsDownError


class _Status(BaseHTTPRequestHandler):
    """Answers as an embedded AWS does that this process serves."""

    def do_GET(self) -> None:
        body = json.dumps({"pid": os.getpid()}).encode()
        self.send_response(200 if self.path == STATUS_PATH else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def address() -> Iterator[Address]:
    """An address where something answers."""
    server = HTTPServer(("127.0.0.1", 0), _Status)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield Address(
        endpoint=f"http://127.0.0.1:{server.server_port}",
        api_url="http://127.0.0.1:1",
        region="ap-northeast-2",
        pid=os.getpid(),
        outputs={"BucketName": "bucket"},
        settings={"FRAMESIFT_CRAWL__SITE_URL": "http://127.0.0.1:2"},
    )
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_was_written_is_found(tmp_path: Path, address: Address) -> None:
    address.write(tmp_path)
    assert find_running(tmp_path) == address


def test_its_file_is_private_and_replaces_one_that_was_not(tmp_path: Path, address: Address) -> None:
    (tmp_path / ADDRESS_FILE).write_text("{}")
    (tmp_path / ADDRESS_FILE).chmod(0o644)
    assert address.write(tmp_path).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [ADDRESS_FILE]


@pytest.mark.parametrize("content", [None, "", "[]", '{"endpoint": 1}'])
def test_no_address_or_a_damaged_one_advises_what_starts_it(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / ADDRESS_FILE).write_text(content)
    with pytest.raises(EmbeddedAwsDownError, match="framesift local up"):
        find_running(tmp_path)


def test_nothing_answers_there_any_more(tmp_path: Path, address: Address) -> None:
    address.model_copy(update={"endpoint": "http://127.0.0.1:9"}).write(tmp_path)
    with pytest.raises(EmbeddedAwsDownError):
        find_running(tmp_path)


def test_another_process_answers_on_its_port(tmp_path: Path, address: Address) -> None:
    address.model_copy(update={"pid": os.getpid() + 1}).write(tmp_path)
    with pytest.raises(EmbeddedAwsDownError):
        find_running(tmp_path)
