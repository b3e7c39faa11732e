"""What differs between stages, and every size and limit of the stack. Nothing below `app.py` looks anywhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from framesift.errors import NotFoundError


@dataclass(frozen=True)
class FunctionSize:
    """What a function may use.

    Attributes:
        memory_mb: Memory; Lambda gives one CPU for each 1,769 MB.
        timeout_s: Not more than its task's `TimeoutSeconds` in the state machine.
        disk_mb: Space in `/tmp`.
    """

    memory_mb: int
    timeout_s: int
    disk_mb: int = 512


@dataclass(frozen=True)
class Schedule:
    """When a source runs.

    Attributes:
        name: Names the schedule.
        source: The source of `StartInput`.
        hour: In the config's time zone.
        only_if_failed: Run only where the day's run has failed.
    """

    name: str
    source: str
    hour: int
    only_if_failed: bool = False


@dataclass(frozen=True)
class Config:
    """One stage.

    Attributes:
        stage: Part of the stacks' names, so that several can share an account.
        region: Where it runs.
        account: The account's number; None: that of whoever deploys.
        timezone: What schedules and dates are in (IANA).
        alert_email: Who is told of failures; empty: subscribe to the topic by hand.
        schedules: When runs start.
        protect: Termination protection on both stacks.
    """

    stage: str
    region: str = "ap-northeast-2"
    account: str | None = None
    timezone: str = "Asia/Seoul"
    alert_email: str = ""
    schedules: tuple[Schedule, ...] = (
        Schedule("TiktokMidnight", "tiktok", hour=0),
        Schedule("TiktokNoonIfFailed", "tiktok", hour=12, only_if_failed=True),
        Schedule("YoutubeNight", "youtube", hour=3),
    )
    protect: bool = False

    # Settings of the package that a stage changes: `FRAMESIFT_…` variables for every function.
    settings: Mapping[str, str] = field(default_factory=dict)

    # Storage
    residual_days: int = 3
    noncurrent_days: int = 7
    access_log_days: int = 90
    log_days: int = 30

    # Functions. A browser wants two CPUs and room for its profile; 3,008 MB is the most that a new account gets.
    functions: Mapping[str, FunctionSize] = field(
        default_factory=lambda: {
            "begin_run": FunctionSize(512, 60),
            "plan_analysis": FunctionSize(512, 120),
            "curate_category": FunctionSize(1769, 300),
            "publish_lists": FunctionSize(1769, 300),
            "archive_run": FunctionSize(512, 300),
            "finish_run": FunctionSize(512, 120),
            "fail_run": FunctionSize(512, 60),
            "serve_api": FunctionSize(512, 20),
            "collect_feed": FunctionSize(1769, 600),
            "predict_items": FunctionSize(1769, 900),
            "train_detector": FunctionSize(1769, 900),
            "check_training": FunctionSize(512, 60),
            "gate_iteration": FunctionSize(512, 120),
            "collect_uploads": FunctionSize(1769, 300),
            "publish_poses": FunctionSize(1769, 300),
            "crawl_category": FunctionSize(3008, 900, disk_mb=2048),
        }
    )

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


STAGES = {
    "dev": Config("dev"),
    "prod": Config("prod", protect=True),
}


def stage_config(stage: str) -> Config:
    """The config of a stage.

    Raises:
        NotFoundError: If there is no such stage.
    """
    if stage not in STAGES:
        raise NotFoundError(f"There is no stage {stage!r}: it is one of {', '.join(STAGES)} (cdk/config.py).")
    return STAGES[stage]
