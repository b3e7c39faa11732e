"""One machine that is a whole Framesift: the embedded AWS with our stacks, and stand-ins for outside services."""

from __future__ import annotations

import json
import shlex
import urllib.request
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date as Date  # noqa: N812 - `date` is a field's name here
from functools import partial
from pathlib import Path

from framesift import keys
from framesift.contracts import Clip
from framesift.errors import FramesiftError
from framesift.settings.own import digest_settings, read_own_settings
from framesift.storage import Store, read_lines
from framesift.table import RunRecord
from framesift_local.aws.data_folder import hold
from framesift_local.aws.embedded import EmbeddedAws
from framesift_local.aws.server import check_port
from framesift_local.aws.stepfunctions import StatusListener, ignore_status
from framesift_local.aws.synth import synthesize
from framesift_local.outside import Outside, choose_services
from framesift_local.private_files import write_private
from framesift_local.standins.clipsite import ClipSite, Grade, grade
from framesift_local.standins.process import StandInProcess

SOURCES = ("tiktok", "youtube")
# In the data folder: the settings that lead a program to the stand-ins, for `set -a; . stand-ins.env`.
STAND_INS_FILE = "stand-ins.env"
SESSION_FILE = Path("sessions", "tiktok.json")
"""In the data folder: the session that `framesift login tiktok` keeps."""
_CONTROL_TIMEOUT_S = 10.0
_CATEGORIES = ("main", "dance", "challenge", "food", "tts")


@dataclass(frozen=True)
class Machine:
    """What runs.

    Attributes:
        aws: The embedded AWS.
        outside: Which services are the real ones.
        site_url: The clip site; empty where TikTok is the real one or is not called.
        clips: What the clip site lists in each category.
        stand_in_settings: Settings that lead the same code to the stand-ins.
        processes: The stand-ins.
    """

    aws: EmbeddedAws
    outside: Outside
    site_url: str
    clips: int
    stand_in_settings: Mapping[str, str]
    processes: Sequence[StandInProcess] = ()

    def check(self) -> None:
        """Make sure that no stand-in has been given up.

        Raises:
            EmbeddedAwsDownError: One died too often in a row.
        """
        for process in self.processes:
            process.check()

    def grade(self, record: RunRecord, store: Store) -> Grade | None:
        """Compare what a run found among the clip site's clips with the truth.

        Returns:
            None where it is not known: the clips are TikTok's, or of a site of another size, from an earlier day.
        """
        if not self.site_url:
            return None
        truth = ClipSite(date=record.run.day, cache_dir=Path(), clips_per_category=self.clips).truth()
        items = [
            item
            for category in record.done
            for item in read_lines(store, keys.manifest(record.run_of(category), category, "analyzed"), Clip)
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
        if youtube := self.stand_in_settings.get("FRAMESIFT_YOUTUBE__API_URL", "").removesuffix("/youtube/v3"):
            _post(f"{youtube}/control", {"date": day.isoformat()})

    def control_site(self, **how: object) -> None:
        """Change how the clip site behaves (`framesift_local.standins.clipsite.control`)."""
        _post(f"{self.site_url}/control", how)


def _post(url: str, message: Mapping[str, object]) -> None:
    request = urllib.request.Request(  # noqa: S310 - our own address
        url, json.dumps(message).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=_CONTROL_TIMEOUT_S).close()  # noqa: S310


@contextmanager
def machine(
    data_dir: Path,
    *,
    day: Date,
    clips: int = 200,
    sources: Collection[str] = SOURCES,
    real: Collection[str] = (),
    api_port: int = 0,
    page: Path | None = None,
    schedules: bool = False,
    time_scale: float = 1.0,
    on_execution: StatusListener = ignore_status,
    on_mail: Callable[[str], None] = print,
) -> Iterator[Machine]:
    """Start everything, and stop it again.

    Args:
        data_dir: Where all of it is kept.
        day: The day that the stand-ins show.
        clips: Clips that the clip site lists in each category, and videos that the feeds hold.
        sources: What will be run: stand-ins that only others need are not started.
        real: Names of services that are to be the real ones, or `all`; those that the user's settings reach are anyway.
        api_port: The HTTP API's port; 0 takes a free one.
        page: Folder of the built web page, which is served beside the API; None: there is none.
        schedules: Whether schedules fire.
        time_scale: Factor on the waits of retries.
        on_execution: Called with the detail of each change of an execution's status.
        on_mail: Called with what would be mailed to people who sign up, as a line.

    Raises:
        MachineError: A leaf of it says what this machine lacks.
        SettingsError: A service is to be the real one and its settings are missing.
    """
    check_port(api_port)
    own = read_own_settings()
    outside = choose_services(own, real, sources)
    with ExitStack() as held:
        held.enter_context(hold(data_dir))  # First: of two starts at once, one must leave the other's files alone.
        processes: list[StandInProcess] = []
        stand_in_settings: dict[str, str] = {}
        for service, make, read_settings in (
            ("tiktok", partial(_clip_site, data_dir, day, clips), _clip_site_settings),
            ("youtube", partial(_youtube, data_dir, day, clips), json.loads),
            ("custom-vision", partial(_custom_vision, data_dir), json.loads),
        ):
            if outside.uses_stand_in(service):
                processes.append(held.enter_context(make()))
                stand_in_settings |= read_settings(processes[-1].line)
        write_private(
            data_dir / STAND_INS_FILE,
            "".join(f"{name}={shlex.quote(value)}\n" for name, value in stand_in_settings.items()),
        )
        aws = EmbeddedAws(
            data_dir,
            synthesize(data_dir / "cdk.out"),
            api_port=api_port,
            page=page,
            schedules=schedules,
            time_scale=time_scale,
            overrides={
                **stand_in_settings,
                **_session_of_login(data_dir, outside, own),
                **outside.settings,
                "FRAMESIFT_RUN__STAND_INS": json.dumps([service.name for service in outside.stand_ins]),
                **own,  # What a user sets always wins.
            },
            command_settings={**stand_in_settings, **outside.settings},
            known_settings=digest_settings(own),
            holds_folder=False,
            on_execution=on_execution,
            on_mail=on_mail,
        )
        with aws:
            site_url = stand_in_settings.get("FRAMESIFT_CRAWL__SITE_URL", "")
            started = Machine(aws, outside, site_url, clips, stand_in_settings, tuple(processes))
            try:
                yield started
            except FramesiftError:
                started.check()  # A run fails where a stand-in has been given up: that is the cause to name.
                raise


def _session_of_login(data_dir: Path, outside: Outside, own: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of the session that `framesift login tiktok` has kept, for the real TikTok alone."""
    path = data_dir.resolve() / SESSION_FILE
    is_real = any(service.name == "tiktok" for service in outside.real)
    if not is_real or not path.exists() or "FRAMESIFT_CRAWL__SESSION_SECRET" in own:
        return {}
    return {"FRAMESIFT_CRAWL__SESSION_FILE": str(path), "FRAMESIFT_CRAWL__SESSION_SECRET": ""}


def _clip_site(data_dir: Path, day: Date, clips: int) -> StandInProcess:
    return _stand_in(data_dir, "clipsite", f"--date={day}", f"--clips={clips}", f"--cache={data_dir / 'clipsite'}")


def _clip_site_settings(line: str) -> dict[str, str]:
    return {
        "FRAMESIFT_CRAWL__SITE_URL": line.split("/main", 1)[0],
        "FRAMESIFT_CRAWL__PATHS": json.dumps({category: f"/{category}" for category in _CATEGORIES}),
        "FRAMESIFT_CRAWL__SCROLL_PAUSE_S": "[0.05, 0.15]",
        "FRAMESIFT_DOWNLOAD__ALLOW_LOOPBACK": "true",
    }


def _youtube(data_dir: Path, day: Date, videos: int) -> StandInProcess:
    return _stand_in(data_dir, "youtube", f"--date={day}", f"--videos={videos}")


def _custom_vision(data_dir: Path) -> StandInProcess:
    return _stand_in(data_dir, "customvision", f"--folder={data_dir / 'standins' / 'customvision'}")


def _stand_in(data_dir: Path, module: str, *options: str) -> StandInProcess:
    return StandInProcess(module, options, data_dir / "logs" / f"stand-in-{module}.log")
