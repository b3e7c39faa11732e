"""The page's grid over 100,000 images, scrolled from the first to the last in headless Chromium.

    python -m benchmarks.page [--items 100000] [--steps 300]

The embedded AWS serves the page and its API; the catalog is that of `benchmarks.catalog`. The wheel is turned as fast
as the API gives pages, then up again in what has been loaded. Thumbnails are one small image, as drawing is
what is measured, not how fast this machine's S3 is. Rendering is software's: there is no GPU. A frame is late where
more than 1.5 of the screen's 16.7 ms have gone by. Writes `benchmarks/results/page.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, Route, sync_playwright

from benchmarks.catalog import NAME, PART, make_items
from benchmarks.rounds import machine, report, table
from framesift import aws
from framesift.address import ADDRESS_FILE
from framesift.catalog.compact import compact
from framesift.catalog.log import CatalogLog
from framesift.sources.browser import sandbox_is_possible, system_chromiums
from framesift.storage import S3Store
from framesift.table import Collection, Records
from framesift_local.page_build import build_page

FRAME_MS = 1000 / 60
LOADING_S = 1_200
PASSWORD = "Correct-horse-9-battery"  # noqa: S105 - of an account that lives as long as this run

MEASURE = """
window.frames_ms = [];
let before = performance.now();
const next = now => { window.frames_ms.push(now - before); before = now; requestAnimationFrame(next); };
requestAnimationFrame(next);
"""


def fill(outputs: dict[str, str], owner: str, count: int) -> None:
    """Make the catalog as uploads would: changes of 10,000 items, and one compaction."""
    store, records = S3Store(outputs["BucketName"]), Records(outputs["TableName"])
    records.collections.create(Collection(id=NAME, owner=owner, created_at=datetime.now(UTC)))
    log, items = CatalogLog(NAME, store, records), make_items(count)
    for start in range(0, count, PART):
        log.add_items((next(items) for _ in range(min(PART, count - start))), "pipeline")
    compact(NAME, store, records)


def draw_thumbnail() -> bytes:
    """A thumbnail as uploads make them."""
    image = Image.effect_noise((256, 192), 60).convert("RGB")
    data = BytesIO()
    image.save(data, "WEBP", quality=80)
    return data.getvalue()


def sign_up(page: Page, url: str, said: list[str]) -> str:
    """Log a new person in; return their id."""
    page.goto(f"{url}/collections")
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Sign up").click()
    page.get_by_label("E-mail address").fill("person@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    deadline = time.monotonic() + 60
    while not (codes := re.findall(r"your code is (\d+)", " ".join(said))):
        if time.monotonic() > deadline:
            raise TimeoutError("No code was mailed.")
        time.sleep(0.1)
    page.get_by_label("Code").fill(codes[-1])
    page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Password").fill(PASSWORD)
    with page.expect_response("**/v1/session") as answer:
        page.get_by_role("button", name="Log in").click()
    token = str(answer.value.json()["access_token"])
    page.wait_for_url("**/collections")
    me = page.request.get(f"{url}/v1/me", headers={"Authorization": f"Bearer {token}"})
    return str(me.json()["profile"]["user"])


def scroll(page: Page, steps: int, by: int) -> list[float]:
    """Turn the wheel, and return how long each frame took meanwhile, ms."""
    page.evaluate("window.frames_ms = []")
    for _ in range(steps):
        page.mouse.wheel(0, by)
        page.wait_for_timeout(FRAME_MS)
    return [float(value) for value in page.evaluate("window.frames_ms")]


def load_all(page: Page, count: int) -> tuple[float, list[float]]:
    """Go to the end again and again until all images are loaded; return the seconds, and each frame's ms."""
    page.evaluate("window.frames_ms = []")
    started = time.monotonic()
    loaded = 0
    while loaded < count and time.monotonic() - started < LOADING_S:
        page.mouse.wheel(0, 1_000_000)
        page.wait_for_timeout(100)
        indexes = page.locator(".tile-open").evaluate_all("tiles => tiles.map(tile => Number(tile.dataset.index))")
        loaded = max([loaded, *(index + 1 for index in indexes)])
    if loaded < count:
        raise TimeoutError(f"{loaded:,} of {count:,} images were loaded in {LOADING_S} s.")
    return time.monotonic() - started, [float(value) for value in page.evaluate("window.frames_ms")]


def describe(name: str, frames_ms: list[float]) -> list[str]:
    """A line of the table."""
    ordered = sorted(frames_ms)
    late = sum(value > 1.5 * FRAME_MS for value in ordered) / len(ordered)
    per_s = 1000 * len(ordered) / sum(ordered)
    return [
        name,
        f"{per_s:.1f}",
        f"{statistics.median(ordered):.1f}",
        f"{ordered[int(len(ordered) * 0.99)]:.1f}",
        f"{late:.1%}",
    ]


def measure(page: Page, url: str, count: int, steps: int) -> list[str]:
    """Scroll, and describe it."""
    thumbnail = draw_thumbnail()

    def show(route: Route) -> None:
        headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "max-age=3600"}
        route.fulfill(body=thumbnail, content_type="image/webp", headers=headers)

    page.route("**/thumbnails/**", show)
    page.add_init_script(MEASURE)
    started = time.monotonic()
    page.goto(f"{url}/collections/{NAME}")
    page.locator(".tile").first.wait_for()
    first_s = time.monotonic() - started
    page.mouse.move(800, 600)
    rows = [describe("the first images, new ones loaded meanwhile", scroll(page, steps, 300))]
    loading_s, frames_ms = load_all(page, count)
    rows.append(describe("to the end, as fast as the API gives pages", frames_ms))
    rows.append(describe("all loaded, up by the wheel", scroll(page, steps, -300)))
    rows.append(describe("all loaded, up by ten screens at a time", scroll(page, steps, -9_000)))
    nodes = page.evaluate("document.querySelectorAll('*').length")
    heap_mb = page.evaluate("performance.memory.usedJSHeapSize") / 1e6
    header = ["scrolling", "frames/s", "median (ms)", "99th percentile (ms)", "late"]
    sizes = f"{nodes:,} elements are in the page then, its heap has {heap_mb:.0f} MB"
    return [
        *table(header, rows),
        "",
        f"- The first images of {count:,} are shown after {first_s:.1f} s, with all of the page's files.",
        f"- All {count:,} are loaded after {loading_s:.0f} s; {sizes}.",
    ]


def main() -> None:
    """Run it all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=300, help="turns of the wheel in each measurement")
    options = parser.parse_args()
    build_page(print)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        command = [sys.executable, "-c", "from framesift.cli import main; main()", "local", "up"]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "FRAMESIFT_API__CLIENT_REQUESTS_PER_MINUTE": "0"}
        flags = ["--clips=1", "--api-port=0", "--no-schedules"]
        process = subprocess.Popen([*command, *flags], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
        said: list[str] = []
        threading.Thread(target=lambda: said.extend(process.stdout or ()), daemon=True).start()
        try:
            while not any("another terminal" in line for line in said):
                time.sleep(0.5)
            address = json.loads((folder / ".framesift" / ADDRESS_FILE).read_text(encoding="utf-8"))
            os.environ |= {
                "AWS_ENDPOINT_URL": address["endpoint"],
                "AWS_ACCESS_KEY_ID": "local",
                "AWS_SECRET_ACCESS_KEY": "local",
                "AWS_REGION": address["region"],
                "AWS_DEFAULT_REGION": address["region"],
            }
            aws.forget_clients()
            found = system_chromiums()
            browser = playwright.chromium.launch(
                executable_path=found[0] if found else None,
                chromium_sandbox=sandbox_is_possible(),
                args=["--disable-dev-shm-usage", "--disable-gpu"],
            )
            page = browser.new_page(locale="en-GB", viewport={"width": 1440, "height": 900})
            owner = sign_up(page, address["api_url"], said)
            fill(address["outputs"], owner, options.items)
            lines = measure(page, address["api_url"], options.items, options.steps)
            chromium = browser.version
            browser.close()
        finally:
            process.terminate()
            process.wait(60)
    head = (__doc__ or "").partition("\n\n")[0]
    report(
        "page",
        [f"# {head}", "", *lines, "", *machine(["playwright"]), f"- Chromium {chromium}, headless, software rendering"],
    )


if __name__ == "__main__":
    main()
