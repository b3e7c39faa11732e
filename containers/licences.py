"""Lists the licences of what each image installs, from the metadata of the packages installed here.

    python -m containers.licences             a table for each image
    python -m containers.licences vision      for one

A wheel's own licence says nothing of the libraries that it carries along: those under the GPL are listed beside it.
A package of another platform (CUDA's, for the GPU image) is listed as not installed.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

REQUIREMENTS = Path(__file__).resolve().parents[1] / "requirements"
IMAGES = ("steps", "detection", "crawler", "search", "vision", "vision-gpu")
NOT_INSTALLED = "not installed here"
UNNAMED = "not named in its metadata"

# Shared libraries whose licence is the GPL, by the start of their file's name.
_GPL_LIBRARIES = {
    "libx264": "GPL-2.0-or-later",
    "libx265": "GPL-2.0-or-later",
    "libxvidcore": "GPL-2.0-or-later",
    "libpostproc": "GPL-2.0-or-later",
    "librubberband": "GPL-2.0-or-later",
    "libvidstab": "GPL-2.0-or-later",
}
_CLASSIFIER = "License :: "
_LICENCE_LINE_CHARACTERS = 80  # Some packages put the licence's whole text where its name belongs.
_PINNED = re.compile(r"^[A-Za-z0-9][^\\#]*", re.MULTILINE)


@dataclass(frozen=True)
class Package:
    """A package that an image installs.

    Attributes:
        name: On PyPI.
        version: As pinned.
        licence: An SPDX expression or the package's own words; `NOT_INSTALLED` where it cannot be read.
        bundled_gpl: Libraries under the GPL in its wheel, such as `libx264 (GPL-2.0-or-later)`.
    """

    name: str
    version: str
    licence: str
    bundled_gpl: tuple[str, ...] = ()


def list_packages(image: str) -> list[Package]:
    """List what an image installs on this Python and platform, by name.

    Args:
        image: One of `IMAGES`.
    """
    return [_package(requirement) for requirement in _pinned(REQUIREMENTS / f"{image}.txt")]


def _pinned(path: Path) -> Iterator[Requirement]:
    for line in _PINNED.findall(path.read_text("utf-8")):
        requirement = Requirement(line.strip())
        if requirement.marker is None or requirement.marker.evaluate():
            yield requirement


def _package(requirement: Requirement) -> Package:
    version = str(requirement.specifier).removeprefix("==")
    try:
        found = distribution(requirement.name)
    except PackageNotFoundError:
        return Package(requirement.name, version, NOT_INSTALLED)
    return Package(requirement.name, version, _licence(found), tuple(_bundled_gpl(found)))


def _licence(found: Distribution) -> str:
    metadata = found.metadata.json
    if expression := metadata.get("license_expression"):
        return str(expression)
    text = str(metadata.get("license") or "").strip()
    if text and "\n" not in text and len(text) <= _LICENCE_LINE_CHARACTERS:
        return text
    classifiers = [line for line in metadata.get("classifier") or [] if line.startswith(_CLASSIFIER)]
    return ", ".join(line.split(" :: ")[-1] for line in classifiers) or text.split("\n")[0] or UNNAMED


def _bundled_gpl(found: Distribution) -> Iterator[str]:
    files = {path.name for path in found.files or []}
    for library, licence in _GPL_LIBRARIES.items():
        if any(re.match(rf"{library}\b", name) for name in files):
            yield f"{library} ({licence})"


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="*", choices=[*IMAGES, []], default=list(IMAGES))
    for image in parser.parse_args().images:
        lines = [
            f"\n## {image}\n",
            "| package | version | licence | carries under the GPL |",
            "| --- | --- | --- | --- |",
        ]
        for package in list_packages(image):
            cells = (package.name, package.version, package.licence, ", ".join(package.bundled_gpl))
            lines.append(f"| {' | '.join(cells)} |")
        sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
