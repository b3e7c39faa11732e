"""Every size, limit and difference between stages of the stacks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from framesift.errors import NotFoundError, SettingsError


@dataclass(frozen=True)
class Schedule:
    """When a source runs.

    Attributes:
        name: Names the schedule.
        source: The source of `StartInput`.
        hour: In the config's time zone.
        only_if_failed: Run only what the day's runs have left to do.
    """

    name: str
    source: str
    hour: int
    only_if_failed: bool = False


@dataclass(frozen=True)
class Option:
    """What a stage gets with a source or a feature that is switched on.

    Attributes:
        schedules: When runs start by themselves.
        secrets: What is kept in Secrets Manager (`cdk/secrets.py`).
        settings: Settings that it means.
        needs: Settings that the stage has to give.
    """

    schedules: tuple[Schedule, ...] = ()
    secrets: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()


# Sources that run on a schedule; uploads start their runs themselves.
SOURCES: Mapping[str, Option] = {
    "tiktok": Option(
        schedules=(
            Schedule("TiktokMidnight", "tiktok", hour=0),
            Schedule("TiktokNoonIfFailed", "tiktok", hour=12, only_if_failed=True),
        ),
        secrets=("session",),
    ),
    "youtube": Option(schedules=(Schedule("YoutubeNight", "youtube", hour=3),), secrets=("youtube",)),
}
# Services of other companies.
FEATURES: Mapping[str, Option] = {
    "google": Option(
        secrets=("google",),
        settings={"FRAMESIFT_LANGUAGE__PROVIDER": "google"},
        needs=("FRAMESIFT_LANGUAGE__GOOGLE_PROJECT",),
    ),
    "azure": Option(secrets=("azure",)),
}


@dataclass(frozen=True)
class Config:
    """One stage. A new one starts nothing by itself: it has no schedule and no secret unless configured to.

    Attributes:
        stage: Part of the stacks' names, so that several can share an account.
        region: Where it runs.
        account: The account's number; None: the deploying credentials' account.
        timezone: What schedules and dates are in (IANA).
        alert_email: Who is notified of failures; empty: subscribe to the topic by hand.
        sources: Sources that run on a schedule, `tiktok` and `youtube`.
        features: Services of others that are used: `google` (Cloud Translate) and `azure` (Custom Vision).
        own_settings: Settings of the package that the stage changes: `FRAMESIFT_…` variables for every function.
        scan_uploads: GuardDuty scans what is uploaded for malware, and only what is clean starts a run.
        read_in_place: Names of other buckets, whose images collections may show without a copy; they are only read.
        sign_up: Anybody with an e-mail address may sign up, and use collections; what concerns runs and lists is then
            for the group `admin` alone.
        approve_people: An administrator lets each new person in.
        web_origins: Pages that may call the API from a browser, as `https://example.com`.
        page: Whether the web page is served by CloudFront.
        page_firewall: The ARN of a web ACL (of us-east-1) that limits each address's requests; it is paid for by the
            month. Empty: none.
        web_url: The page's address, as `https://d111111abcdef8.cloudfront.net`, which a login leads back to.
        protect: Termination protection on both stacks.
        chromium_week: The ISO week whose Chromium the crawler gets; a deployment in another week renews it.

    Raises:
        SettingsError: If there is no such source or feature, or a feature lacks a setting.
    """

    stage: str
    region: str = "ap-northeast-2"
    account: str | None = None
    timezone: str = "Asia/Seoul"
    alert_email: str = ""
    sources: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    own_settings: Mapping[str, str] = field(default_factory=dict)
    scan_uploads: bool = False
    read_in_place: tuple[str, ...] = ()
    sign_up: bool = False
    approve_people: bool = False
    web_origins: tuple[str, ...] = ()
    page: bool = True
    page_firewall: str = ""
    web_url: str = ""
    protect: bool = False
    chromium_week: str = field(default_factory=lambda: f"{datetime.now(UTC):%G-W%V}")

    # Storage. What runs leave behind; reviews need it for as long as they wait (90 days by default).
    run_days: int = 120
    residual_days: int = 3
    incoming_days: int = 7  # As `intake.open_days`: what arrived of a batch that was never completed, or failed.
    noncurrent_days: int = 7
    access_log_days: int = 90
    log_days: int = 30

    # The region's availability zones that a new account gets: all of them (Seoul: 4).
    zones: int = 4

    # The vision job. Spot prices of several types and zones are what keeps a GPU to be had.
    gpu_instance_types: tuple[str, ...] = ("g6.xlarge", "g5.xlarge", "g4dn.xlarge")
    gpu_max_vcpus: int = 16
    gpu_job_vcpus: int = 4
    gpu_job_memory_mb: int = 14_000  # Of a machine's 16 GiB, what ECS leaves to jobs.
    gpu_disk_gb: int = 100
    cpu_max_vcpus: int = 16
    cpu_job_vcpus: int = 4
    cpu_job_memory_mb: int = 16_384
    job_attempts: int = 5
    job_timeout_s: int = 3_600  # Of one attempt; shorter than a Spot machine's life usually is.
    # Batch gives a job up when it has waited so long for a machine; at least 600.
    queue_give_up_s: int = 1_200

    # The API
    throttle_rate_per_s: int = 50
    throttle_burst: int = 100
    login_callback_url: str = "http://localhost:8976/callback"

    def __post_init__(self) -> None:
        """Refuse what is not known, before anything is deployed."""
        for kind, wanted, known in (("source", self.sources, SOURCES), ("feature", self.features, FEATURES)):
            for name in wanted:
                if name not in known:
                    raise SettingsError(f"Stage {self.stage!r}: there is no {kind} {name!r}; take {', '.join(known)}.")
                if missing := [need for need in known[name].needs if not self.own_settings.get(need)]:
                    raise SettingsError(f"Stage {self.stage!r}: {name} needs {missing[0]} in own_settings.")

    @property
    def schedules(self) -> tuple[Schedule, ...]:
        """When runs start by themselves."""
        return tuple(schedule for option in self._options for schedule in option.schedules)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets that the stage keeps."""
        return tuple(secret for option in self._options for secret in option.secrets)

    @property
    def settings(self) -> dict[str, str]:
        """Settings for every function and job: the stage's own over those of its options."""
        switched_on = {name: value for option in self._options for name, value in option.settings.items()}
        if self.scan_uploads:
            switched_on["FRAMESIFT_UPLOAD__ONLY_SCANNED"] = "true"
        if self.read_in_place:
            switched_on["FRAMESIFT_INTAKE__BUCKETS"] = json.dumps(list(self.read_in_place))
        if self.sign_up:
            switched_on["FRAMESIFT_PEOPLE__SIGN_UP"] = "true"
        if self.approve_people:
            switched_on["FRAMESIFT_PEOPLE__APPROVAL_REQUIRED"] = "true"
        return {**switched_on, **self.own_settings}

    @property
    def _options(self) -> list[Option]:
        return [*(SOURCES[name] for name in self.sources), *(FEATURES[name] for name in self.features)]


STAGES = {
    "dev": Config("dev"),
    "prod": Config("prod", sources=("tiktok",), protect=True),
    # What the embedded AWS runs on one machine: all that needs no account elsewhere.
    "local": Config("local", sources=("tiktok", "youtube"), features=("azure",), sign_up=True, page=False),
}


def stage_config(stage: str) -> Config:
    """Return the config of a stage.

    Raises:
        NotFoundError: If there is no such stage.
    """
    if stage not in STAGES:
        raise NotFoundError(f"There is no stage {stage!r}: it is one of {', '.join(STAGES)} (cdk/config.py).")
    return STAGES[stage]
