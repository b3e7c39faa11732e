"""One machine that is a whole Framesift: the embedded AWS with our stacks, and stand-ins for what is outside."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date as Date  # noqa: N812 - `date` is a field's name here
from pathlib import Path

from framesift import keys
from framesift.contracts import Clip
from framesift.errors import EmbeddedAwsDownError
from framesift.storage import Store, read_lines
from framesift.table import RunRecord
from framesift_local.aws.embedded import EmbeddedAws
from framesift_local.aws.process_tree import die_with_parent
from framesift_local.aws.server import check_port
from framesift_local.aws.synth import synthesize
from framesift_local.private_files import make_private_folder, write_private
from framesift_local.standins.clipsite import ClipSite, Grade, grade

SOURCES = ("tiktok", "youtube")
# In the data folder: the settings that lead a command of this machine's user to the stand-ins, too.
OUTSIDE_FILE = "outside.env"
_CATEGORIES = ("main", "dance", "challenge", "food", "tts")


@dataclass(frozen=True)
class Machine:
    """What runs.

    Attributes:
        aws: The embedded AWS.
        site_url: The clip site; empty where it was not asked for.
        clips: What the clip site lists in each category.
        overrides: Settings that lead the same code to the stand-ins.
    """

    aws: EmbeddedAws
    site_url: str
    clips: int
    overrides: Mapping[str, str]

    def grade(self, record: RunRecord, store: Store) -> Grade | None:
        """Hold what a run found among the clip site's clips against the truth.

        Returns:
            None where it cannot be told: some clips are of a site of another size, from an earlier day.
        """
        truth = ClipSite(date=record.run.day, cache_dir=Path(), clips_per_category=self.clips).truth()
        items = [
            item
            for category in record.done
            for item in read_lines(store, keys.manifest(record.run, category, "analyzed"), Clip)
            if item.error is None
        ]
        dropped = {item.id: item.duplicate.of for item in items if item.duplicate}
        if not truth.keys() >= {*dropped.values(), *(item.id for item in items)}:
            return None
        return grade(truth, (item.id for item in items), dropped)

    def show_day(self, day: Date) -> None:
        """Let the stand-ins show a day."""
        if self.site_url:
            self.control_site(date=day.isoformat())
        if youtube := self.overrides.get("FRAMESIFT_YOUTUBE__API_URL", "").removesuffix("/youtube/v3"):
            _post(f"{youtube}/control", {"date": day.isoformat()})

    def control_site(self, **how: object) -> None:
        """Tell the clip site how to behave (`framesift_local.standins.clipsite.control`)."""
        _post(f"{self.site_url}/control", how)


def _post(url: str, message: Mapping[str, object]) -> None:
    request = urllib.request.Request(  # noqa: S310 - our own address
        url, json.dumps(message).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310


@contextmanager
def machine(
    data_dir: Path,
    *,
    day: Date,
    clips: int = 200,
    sources: Collection[str] = SOURCES,
    api_port: int = 0,
    schedules: bool = False,
    time_scale: float = 1.0,
) -> Iterator[Machine]:
    """Start everything, and stop it again.

    Args:
        data_dir: Where all of it is kept.
        day: The day that the clip site shows.
        clips: Clips that the clip site lists in each category, and videos that the feeds hold.
        sources: What will be run: stand-ins that only others need are not started.
        api_port: The HTTP API's port; 0 takes a free one.
        schedules: Whether schedules fire.
        time_scale: Factor on the waits of retries.

    Raises:
        MachineError: A leaf of it says what this machine lacks.
    """
    check_port(api_port)
    make_private_folder(data_dir)
    with ExitStack() as stand_ins:
        site_url = stand_ins.enter_context(_clip_site(data_dir, day, clips)) if "tiktok" in sources else ""
        outside = stand_ins.enter_context(_outside(data_dir, day, clips)) if "youtube" in sources else {}
        overrides = {**_own_settings(), **_overrides(site_url), **outside}
        aws = EmbeddedAws(
            data_dir,
            synthesize(data_dir / "cdk.out"),
            api_port=api_port,
            schedules=schedules,
            time_scale=time_scale,
            overrides=overrides,
            command_settings=outside,
        )
        with aws:
            yield Machine(aws, site_url, clips, overrides)


def _own_settings() -> dict[str, str]:
    """Settings of whoever starts the machine: functions and jobs get them too, but for where resources are."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith("FRAMESIFT_") and "__" in name and not name.startswith("FRAMESIFT_PLATFORM__")
    }


def _overrides(site_url: str) -> dict[str, str]:
    """Settings that send the same code to the stand-in, at a machine's pace."""
    return {
        "FRAMESIFT_CRAWL__SITE_URL": site_url,
        "FRAMESIFT_CRAWL__PATHS": json.dumps({category: f"/{category}" for category in _CATEGORIES}),
        "FRAMESIFT_CRAWL__SCROLL_PAUSE_S": "[0.05, 0.15]",
        "FRAMESIFT_DOWNLOAD__ALLOW_LOOPBACK": "true",
    }


@contextmanager
def _clip_site(data_dir: Path, day: Date, clips: int) -> Iterator[str]:
    options = ["--port=0", f"--date={day}", f"--clips={clips}", f"--cache={data_dir / 'clipsite'}"]
    with _stand_in("clipsite", options) as line:
        yield line.split("/main", 1)[0]


@contextmanager
def _outside(data_dir: Path, day: Date, videos: int) -> Iterator[dict[str, str]]:
    options = [f"--date={day}", f"--videos={videos}", f"--folder={data_dir / 'standins' / 'customvision'}"]
    with _stand_in("outside", options) as line:
        settings: dict[str, str] = json.loads(line)
        lines = [f"{name}={shlex.quote(value)}\n" for name, value in settings.items()]
        write_private(data_dir / OUTSIDE_FILE, "".join(lines))
        yield settings


@contextmanager
def _stand_in(module: str, options: list[str]) -> Iterator[str]:
    """A stand-in in a process of its own, which leaves this one's interpreter to the embedded AWS; its first line."""
    command = [sys.executable, "-m", f"framesift_local.standins.{module}", *options]
    # Our own module, with values of our own; killed with us, however we end.
    with subprocess.Popen(  # noqa: S603
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - it asks the kernel for one thing, and takes no lock
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                said = process.stderr.read() if process.stderr else ""
                raise EmbeddedAwsDownError(f"The stand-in {module} did not start: {said.strip() or 'it said nothing'}")
            yield line
        finally:
            process.terminate()
