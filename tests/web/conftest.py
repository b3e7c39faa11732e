"""The page on a machine of its own, as `make up` runs it, and a person with a browser."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from framesift import aws
from framesift.errors import MachineError
from framesift.settings import load_settings
from framesift.sources.browser import sandbox_is_possible, system_chromiums
from framesift.storage import S3Store
from framesift.table import Records
from framesift_local.page_build import build_page
from tests.waiting import wait_until
from tests.web.world import SEOUL, fill

PASSWORD = "Correct-horse-9-battery"
ROOT = Path(__file__).parents[2]
PICTURES = Path(os.environ.get("PAGE_PICTURES", ROOT / "build" / "pictures"))
"""Where the pictures of every page are kept for people to look at."""


@dataclass
class Site:
    """The page, and what it shows."""

    url: str
    folder: Path
    today: str
    store: S3Store
    records: Records
    said: list[str] = field(default_factory=list)

    def code_for(self, email: str) -> str:
        """The code that was mailed to somebody."""

        def found() -> str:
            codes = [
                code for line in self.said for code in re.findall(rf"To {re.escape(email)}: your code is (\d+)", line)
            ]
            return codes[-1] if codes else ""

        return wait_until(found, within_s=20)


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    try:
        build_page(print)
    except MachineError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("page")
    command = [sys.executable, "-c", "from framesift.cli import main; main()", "local", "up"]
    options = ["--clips=12", "--api-port=0", "--no-schedules"]
    # S3's least part: a file of some megabytes is sent in several.
    settings = {"FRAMESIFT_INTAKE__PART_BYTES": str(5 << 20)}
    environment = {**os.environ, **settings, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
    process = subprocess.Popen([*command, *options], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        said: list[str] = []
        threading.Thread(target=lambda: said.extend(process.stdout or ()), daemon=True).start()
        wait_until(lambda: any("another terminal" in line for line in said), within_s=300)
        address = json.loads((folder / ".framesift" / "embedded.json").read_text())
        variables = {
            "AWS_ENDPOINT_URL": address["endpoint"],
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": address["region"],
            "AWS_DEFAULT_REGION": address["region"],
        }
        with _environment(variables):
            aws.forget_clients()
            load_settings.cache_clear()
            store, records = S3Store(address["outputs"]["BucketName"]), Records(address["outputs"]["TableName"])
            today = datetime.now(SEOUL).date()
            fill(store, records, today)
            # The clients stay those of this machine: a test's own environment has no endpoint.
            yield Site(address["api_url"], folder, today.isoformat(), store, records, said)
    finally:
        aws.forget_clients()
        process.terminate()
        process.wait(30)
        if process.stdout:
            process.stdout.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = system_chromiums()
    flags = ["--disable-dev-shm-usage", "--disable-gpu"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=found[0] if found else None, chromium_sandbox=sandbox_is_possible(), args=flags
        )
        yield started
        started.close()


class Person:
    """Somebody with a browser; what their browser complains about is kept."""

    def __init__(self, browser: Browser, site: Site, **options: Any) -> None:
        self.site = site
        self.context: BrowserContext = browser.new_context(**{"locale": "en-GB", **options})
        self.complaints: list[str] = []
        self.context.on("console", self._listen)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(20_000)

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def go(self, path: str) -> Page:
        self.page.goto(f"{self.site.url}{path}")
        self.page.wait_for_load_state("networkidle")
        return self.page

    def log_in(self, email: str, path: str = "/runs") -> Page:
        page = self.go(path)
        page.get_by_role("main").get_by_role("button", name="Log in").click()
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"**{path}")
        return page

    def sign_up(self, email: str, path: str = "/runs") -> Page:
        page = self.go(path)
        page.get_by_role("main").get_by_role("button", name="Log in").click()
        page.get_by_role("link", name="Sign up").click()
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign up").click()
        page.get_by_label("Code").fill(self.site.code_for(email))
        page.get_by_role("button", name="Confirm").click()
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"**{path}")
        return page


@pytest.fixture(scope="module")
def login(browser: Browser, site: Site) -> Any:
    """What the browser keeps of the first person's login: that person administers the machine."""
    person = Person(browser, site)
    person.sign_up("first@example.com")
    kept = person.context.storage_state()
    person.context.close()
    return kept


@pytest.fixture
def visitor(browser: Browser, site: Site) -> Iterator[Callable[..., Person]]:
    """Make people; at the end, none of their browsers may have complained."""
    people: list[Person] = []

    def make(**options: Any) -> Person:
        people.append(Person(browser, site, **options))
        return people[-1]

    yield make
    for person in people:
        person.context.close()
    assert [complaint for person in people for complaint in person.complaints] == []


@pytest.fixture
def operator(visitor: Callable[..., Person], login: Any) -> Person:
    """The first person, logged in."""
    return visitor(storage_state=login)
