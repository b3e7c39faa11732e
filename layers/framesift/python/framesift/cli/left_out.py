"""What of a folder is left out, said to the user: links, FIFOs, devices, and folders that cannot be read."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

from framesift.cli.console import errors

_NOUNS = {
    "link": "links",
    "link to a folder": "links to folders",
    "broken link": "broken links",
    "FIFO, socket or device": "FIFOs, sockets or devices",
    "folder that cannot be read": "folders that cannot be read",
}


def count_left_out(folder: Path, suffixes: Collection[str], *, takes_links: bool) -> Counter[str]:
    """Count what looks like one of the wanted files, or like a folder of them, and is not read.

    Hidden entries are not counted.

    Args:
        folder: The folder; those below are included.
        suffixes: Of wanted files, in lower case.
        takes_links: Whether links to files are read.

    Returns:
        How many of each kind.
    """
    return Counter(_find(folder, suffixes, takes_links=takes_links))


def report_left_out(folder: Path, suffixes: Collection[str], *, takes_links: bool = False) -> None:
    """Print one line on stderr where something is left out. See `count_left_out`."""
    counts = count_left_out(folder, suffixes, takes_links=takes_links)
    if counts:
        parts = [f"{count:,} {kind if count == 1 else _NOUNS[kind]}" for kind, count in sorted(counts.items())]
        errors.print(f"[yellow]left out[/]  {', '.join(parts)}", highlight=False, soft_wrap=True)


def _find(folder: Path, suffixes: Collection[str], *, takes_links: bool) -> Iterator[str]:
    try:
        entries = [entry for entry in os.scandir(folder) if not entry.name.startswith(".")]
    except NotADirectoryError:
        return  # A single file, which the user named.
    except OSError:
        yield "folder that cannot be read"
        return
    for entry in entries:
        is_wanted = Path(entry.name).suffix.lower() in suffixes
        if entry.is_symlink():
            if kind := _kind_of_link(entry, is_wanted=is_wanted, takes_links=takes_links):
                yield kind
        elif entry.is_dir():
            yield from _find(Path(entry.path), suffixes, takes_links=takes_links)
        elif is_wanted and not entry.is_file():
            yield "FIFO, socket or device"


def _kind_of_link(link: os.DirEntry[str], *, is_wanted: bool, takes_links: bool) -> str:
    try:
        mode = link.stat().st_mode
    except OSError:  # It leads nowhere, or in a circle.
        return "broken link" if is_wanted else ""
    if stat.S_ISDIR(mode):
        return "link to a folder"
    return "" if not is_wanted or (takes_links and stat.S_ISREG(mode)) else "link"
