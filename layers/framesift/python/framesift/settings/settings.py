"""Every setting, in one place, with its default, its unit and what it does.

A setting is read from the environment as `FRAMESIFT_<GROUP>__<NAME>` (for example
`FRAMESIFT_CRAWL__TARGET_CLIPS=500`), or from a `.env` file in the working directory. `docs/settings.md` is made from
this file.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Annotated, Literal, TypeAlias, get_origin

import pydantic_settings
from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from framesift.errors import SettingsError, UnknownSettingError
from framesift.settings.pose import DEFAULT_PRESET, PresetName, with_overrides

_PREFIX = "FRAMESIFT_"

Share = Annotated[float, Field(ge=0.0, le=1.0)]

EmbedderName: TypeAlias = Literal["auto", "resnet50", "copydetect", "pdq"]
"""What can be asked for to compare images by."""


class Group(BaseModel):
    """A group of settings; unknown names are refused."""

    model_config = ConfigDict(extra="forbid")


class PlatformSettings(Group):
    """The pipeline's own resources; the stack sets these on every function and job."""

    bucket: str = Field("", description="The bucket that holds everything.")
    user_pool: str = Field("", description="The user pool that people log in to.")
    login_url: str = Field("", description="The address of the user pool's managed login.")
    login_client: str = Field("", description="The id of the client that people log in with.")
    table: str = Field("", description="The DynamoDB table of runs, stages, items and lists.")
    state_machine: str = Field("", description="The ARN of the state machine that runs are executions of.")
    maintenance: str = Field(
        "", description="The function that maintains collections; empty: only its schedule, or the command line, does."
    )
    failure_topic: str = Field("", description="The SNS topic that is notified of failed runs.")


class RunSettings(Group):
    """Dates, categories and tolerance of a run."""

    timezone: str = Field("Asia/Seoul", description="The time zone that dates and schedules are in.")
    categories: list[str] = Field(
        ["main", "dance", "challenge", "food", "tts"],
        min_length=1,
        description="The categories of `tiktok`, in the order that they are crawled.",
    )
    tolerated_failed_share: Share = Field(
        0.2,
        description="The share of a category's items that may fail before the category does.",
    )
    stand_ins: list[str] = Field(
        [], description="Outside services that have a stand-in, as a local run sets it; it is recorded with the run."
    )


class CrawlSettings(Group):
    """Crawling the clip site."""

    site_url: str = Field("https://www.tiktok.com", description="The site's address.")
    paths: dict[str, str] = Field(
        {
            "main": "/explore",
            "dance": "/tag/dance",
            "challenge": "/tag/challenge",
            "food": "/tag/먹방",
            "tts": "/tag/tts",
        },
        description="The page of each category, below the site's address.",
    )
    target_clips: int = Field(200, ge=1, description="Stop when a category has this many clips.")
    min_views: int = Field(100_000, ge=0, description="Clips with fewer views are skipped.")
    quiet_scrolls: int = Field(6, ge=1, description="Stop after this many scrolls in a row without a new clip.")
    scroll_pause_s: tuple[float, float] = Field(
        (0.6, 1.6), description="The shortest and the longest pause between two scrolls, seconds."
    )
    page_timeout_s: float = Field(45.0, gt=0, description="How long a page may take to load, seconds.")
    time_limit_s: float = Field(
        600.0, gt=0, description="Stop scrolling after so many seconds and keep the clips found until then."
    )
    locale: str = Field("ko-KR", description="The browser's language.")
    headless: bool = Field(True, description="Run the browser without a window.")
    chromium_path: str = Field("", description="The browser to use; empty: Playwright's, else the system's.")
    chromium_sandbox: bool = Field(
        True, description="Use Chromium's sandbox; it is off for root and in Lambda, where it cannot work."
    )
    session_file: str = Field(
        "", description="A file that keeps the browser's session (Playwright's storage state, JSON)."
    )
    session_secret: str = Field(
        "", description="The secret that keeps the browser's session; takes precedence over the file."
    )


FeedName = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,40}$")]


class YoutubeSettings(Group):
    """Collecting thumbnails through the YouTube Data API v3."""

    feeds: dict[FeedName, str] = Field(
        {"popular": "chart:KR"},
        min_length=1,
        description="The categories of `youtube`: `chart:REGION`, `chart:REGION:CATEGORY`, `channel:ID`, `playlist:ID` "
        "or `search:WORDS`, each under a name. Since July 2025 a chart holds music, films and games.",
    )
    max_videos: int = Field(200, ge=1, le=1000, description="Videos per feed at most.")
    api_url: str = Field("https://www.googleapis.com/youtube/v3", description="The API's address.")
    api_key: SecretStr = Field(SecretStr(""), description="The API's key.")
    api_secret: str = Field(
        "", description='The secret with the key, as {"api_key": "…"}; takes precedence over the key.'
    )
    daily_quota_units: int = Field(
        10_000,
        ge=1,
        description="Quota units that may be used per day (Pacific time): a list costs 1, a page of a search 100.",
    )
    patience_s: float = Field(60.0, gt=0, description="How long a feed waits for an outage to end, seconds.")


class DetectionSettings(Group):
    """Object detection: what is detected, and by which detector."""

    provider: Literal["azure", "onnx"] = Field("azure", description="Azure Custom Vision, or a model of the registry.")
    tags: dict[str, Share] = Field(
        {"person": 0.5, "logo": 0.5},
        min_length=1,
        description="The tags to detect, named as in the detector, each with the lowest probability that counts.",
    )
    review_from: Share = Field(
        0.3, description="Predictions with at least this probability, but less than their tag's, go to human review."
    )
    model: str = Field("", description="With `onnx`: the detector, as `framesift models add` names it: `NAME/VERSION`.")
    iou_threshold: Share = Field(
        0.45, description="With `onnx`: of two boxes of a tag with a higher IoU, the more probable one is kept."
    )
    batch: int = Field(8, ge=1, le=256, description="With `onnx`: images per batch.")


class CustomVisionSettings(Group):
    """Azure Custom Vision: resources, projects and limits."""

    training_endpoint: str = Field("", description="The training resource's endpoint.")
    training_key: SecretStr = Field(SecretStr(""), description="The training resource's key.")
    prediction_endpoint: str = Field("", description="The prediction resource's endpoint.")
    prediction_key: SecretStr = Field(SecretStr(""), description="The prediction resource's key.")
    prediction_resource_id: str = Field(
        "", description="The prediction resource's ARM id: where iterations are published."
    )
    secret: str = Field(
        "", description="The secret with any of the above, as a JSON object; takes precedence over them."
    )
    serving_project: str = Field(
        "", description="The serving project: predicts until an iteration of the candidate project is better."
    )
    candidate_project: str = Field("", description="The candidate project: is trained with new images.")
    requests_per_s: float = Field(
        10.0, gt=0, description="The pace of requests to each resource: 10 is S0's limit, 2 is F0's."
    )
    concurrency: int = Field(8, ge=1, le=64, description="Concurrent requests.")
    timeout_s: float = Field(60.0, gt=0, description="How long one request may take, seconds.")
    patience_s: float = Field(
        120.0, gt=0, description="How long a request is retried while the service is busy, seconds."
    )
    min_images_per_tag: int = Field(15, ge=1, description="Images that a tag needs before training starts.")
    training_check_s: int = Field(
        60, ge=1, description="How often the workflow checks whether a training is done, seconds."
    )
    training_limit_s: float = Field(7_200.0, gt=0, description="Longer trainings are abandoned, seconds.")
    gate_margin: Share = Field(
        0.02, description="How much lower than the serving iteration's a candidate's average precision may be."
    )
    review_days: int = Field(90, ge=1, description="How long a prediction stays in human review, days.")


class DownloadSettings(Group):
    """Downloads of media: hosts and limits."""

    allowed_hosts: list[str] = Field(
        ["*.tiktokcdn.com", "*.tiktokcdn-us.com", "*.tiktokcdn-eu.com", "*.byteimg.com", "*.ytimg.com"],
        description="Hosts that thumbnails may be downloaded from; `*.` stands for any subdomain.",
    )
    allow_loopback: bool = Field(
        False,
        description="Allow plain HTTP to this machine; only for the stand-ins of a local run.",
    )
    concurrency: int = Field(16, ge=1, le=256, description="Concurrent downloads.")
    timeout_s: float = Field(15.0, gt=0, description="How long one download may take, seconds.")
    tries: int = Field(3, ge=1, description="Attempts per download before its item is marked failed.")
    max_bytes: int = Field(10_000_000, gt=0, description="The largest file that is downloaded, bytes.")
    max_pixels: int = Field(25_000_000, gt=0, description="The largest image that is decoded, pixels.")


# What the settings of uploads may change in a preset.
UPLOAD_OVERRIDES = (
    "video.target_fps",
    "video.max_frames",
    "video.max_size_bytes",
    "video.max_duration_s",
    "landmarks.engine",
    "landmarks.model",
    "landmarks.people",
    "landmarks.min_confidence",
)


@with_overrides(*UPLOAD_OVERRIDES)
class UploadSettings(Group):
    """Pose extraction from uploaded videos; what is not set (null) is as in the preset."""

    preset: PresetName = Field(DEFAULT_PRESET, description="The preset, as in `framesift pose config --preset`.")
    only_scanned: bool = Field(
        False, description="Take only uploads that GuardDuty's malware scan has found clean; the stack sets it."
    )
    delete_too_large: bool = Field(
        True,
        description="Delete an upload that is larger than `max_size_bytes`: it is never used, and storing it costs. "
        "Its failure stays recorded, and S3 keeps the deleted version for the stage's `noncurrent_days`.",
    )
    array_videos: int = Field(1, ge=1, description="Videos per child of an array job.")
    timeout_s: int = Field(72_000, ge=60, description="How long the whole job may take, waiting included.")
    attempt_timeout_s: int = Field(10_800, ge=60, description="How long one attempt of a child may take.")
    gpu_timeout_s: int = Field(
        10_800, ge=60, description="After this long in the GPU queue, waiting included, the CPU queue takes over."
    )


class CollectionSettings(Group):
    """Collections of images: what is taken, how each image is looked at."""

    max_bytes: int = Field(100_000_000, gt=0, description="The largest file that is looked at, bytes.")
    max_pixels: int = Field(60_000_000, gt=0, le=89_000_000, description="The largest image that is decoded, pixels.")
    aligned_each: int = Field(
        4,
        ge=1,
        description="With how many of the images that are most like it a new image is aligned, where features alone "
        "leave it open whether one repeats the other.",
    )
    models: list[str] = Field(
        [], description="Classifiers and detectors of a collection that names none, as `framesift models list` does."
    )
    min_score: Share = Field(0.3, description="Predictions with a lower probability are not kept.")
    max_predictions: int = Field(
        20, ge=1, le=300, description="The most predictions of one model that are kept of an image, the best first."
    )
    network_batch: int = Field(32, ge=1, le=256, description="Images that a network takes at once.")
    read_ahead_mb: int = Field(
        128,
        ge=1,
        description="Bytes of files that wait to be looked at, at most, but for a single larger one, MiB.",
    )
    read_ahead: int = Field(
        32, ge=1, le=256, description="Files that are fetched at once, ahead of those that are being looked at."
    )
    thumbnail_quality: int = Field(80, ge=1, le=100, description="WebP quality of thumbnails (256 and 1024 px).")
    thumbnail_effort: int = Field(
        0,
        ge=0,
        le=6,
        description="WebP's method, 0 (fast) to 6 (small): 4, which is usual, takes 4 times as long as 0, looks the "
        "same (35.3 dB at quality 80) and saves a sixth of the bytes.",
    )
    blurry_below: float = Field(
        40.0, ge=0, description="Sharpness (variance of the Laplacian at 512 px) below which an image is `blurry`."
    )
    dark_below: Share = Field(0.08, description="Mean luma below which an image is `dark`.")
    bright_above: Share = Field(0.92, description="Mean luma above which an image is `bright`.")
    low_contrast_below: Share = Field(0.04, description="Deviation of luma below which an image is `low_contrast`.")
    near_empty_below_bits: float = Field(
        1.0, ge=0, le=8, description="Entropy of the luma's histogram below which an image is `near_empty`, bits."
    )
    odd_aspect_above: float = Field(
        3.0, ge=1, description="How many times the shorter side the longer one is in an image with an `odd_aspect`."
    )


class IntakeSettings(Group):
    """Images that come into collections: what is taken, and how the work is divided."""

    extensions: list[str] = Field(
        [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".heic", ".heif", ".avif", ".tif", ".tiff", ".bmp", ".gif"],
        description="What an image's name may end in; a name without an ending is judged by its content.",
    )
    max_batch_files: int = Field(1_000_000, ge=1, description="Files that one batch may have, those in zips included.")
    max_zip_bytes: int = Field(100_000_000_000, ge=1, description="The largest zip, bytes.")
    max_zip_entries: int = Field(200_000, ge=1, description="Entries that a zip may have.")
    max_zip_unpacked_bytes: int = Field(200_000_000_000, ge=1, description="Sum of a zip's unpacked entries, bytes.")
    max_zip_ratio: float = Field(
        200.0, ge=1, description="An entry's unpacked bytes per compressed byte; entries below 10 MB may have any."
    )
    delete_taken: bool = Field(
        True,
        description="Delete an uploaded file once all images in it are in the collection, which has its own copy.",
    )
    buckets: list[str] = Field(
        [],
        description="Other buckets that images may be read from in place; the stack's `read_in_place` sets it, and "
        "allows the functions to read them.",
    )
    part_bytes: int = Field(
        16 << 20, ge=5 << 20, le=5 << 30, description="Size of an upload's parts; smaller files have one part, bytes."
    )
    link_s: int = Field(3_600, ge=60, description="How long a link to upload a part works, seconds.")
    open_days: int = Field(
        7, ge=1, description="How long an upload can be resumed, days; the bucket then deletes what has arrived of it."
    )
    scan_wait_s: int = Field(
        1_800, ge=0, description="With `upload.only_scanned`: how long a batch waits for its malware scan, seconds."
    )
    shard_files: int = Field(
        500, ge=1, description="Files per shard: at most this much is repeated when a job is killed."
    )
    array_files: int = Field(5_000, ge=1, description="Files per child of an array job; fewer run in one job.")


class AnalysisSettings(Group):
    """The vision job: where it runs, and how its work is divided."""

    compute: Literal["auto", "gpu", "cpu"] = Field(
        "auto",
        description="`auto`: the CPU queue for small days, else the GPU queue with the CPU queue as a fallback.",
    )
    cpu_max_items: int = Field(
        5_000, ge=0, description="With `auto`, days with at most this many items use the CPU queue."
    )
    shard_items: int = Field(
        128, ge=1, description="Items per shard: at most this much is repeated when a job is killed."
    )
    array_items: int = Field(20_000, ge=1, description="Items per child of an array job; fewer run in one job.")
    threads: int = Field(0, ge=0, description="Threads of the job; 0: one per core.")
    timeout_s: int = Field(
        21_600,
        ge=60,
        description="How long the whole job may take, waiting included: machines may be busy with uploads for hours.",
    )
    attempt_timeout_s: int = Field(3_600, ge=60, description="How long one attempt of the job may take.")
    gpu_timeout_s: int = Field(
        5_400, ge=60, description="After this long in the GPU queue, waiting included, the CPU queue takes over."
    )
    model_cache: str = Field(
        "", description="Where model files are cached; empty: the user's cache folder, in Lambda `/tmp`."
    )


class DuplicateSettings(Group):
    """Near-duplicates: what counts as a re-upload."""

    model: EmbedderName = Field(
        "auto",
        description="What compares: `auto` uses ResNet50 if its weights are available, else the model in the package.",
    )
    resnet50_threshold: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0,
        description="The cosine similarity from which two images are duplicates (ResNet50); 0: the value on the "
        "model's card.",
    )
    copydetect_threshold: Annotated[float, Field(ge=0, le=1)] = Field(0.0, description="The same (copydetect).")
    copydetect_candidate_threshold: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0,
        description="From this lower similarity on, two images are aligned, and are duplicates if the aligned images "
        "agree; 0: the value on the model's card; 1: never.",
    )
    pdq_threshold: int = Field(
        31,
        ge=0,
        le=256,
        description="The Hamming distance up to which two PDQ hashes mean a duplicate, bits.",
    )
    windowed_items: int = Field(
        0,
        ge=0,
        description="This many of each category's most viewed items are also compared by five windows of their image, "
        "which finds images that are shown inset on a page, at about 20 ms per item.",
    )
    history_days: int = Field(7, ge=0, description="Items that were kept on this many previous days count as keepers.")


class LanguageSettings(Group):
    """Language detection: which language is kept, and who detects it."""

    keep: str = Field("ko", description="The language that is kept (ISO 639-1).")
    provider: Literal["offline", "google"] = Field(
        "offline",
        description="`google` calls Google Cloud Translate, and falls back to `offline` if that fails.",
    )
    google_project: str = Field("", description="The Google Cloud project that is billed.")
    google_endpoint: str = Field("", description="Another endpoint for Translate, such as a stand-in's.")
    google_secret: str = Field("", description="The secret with the service account's JSON key.")
    google_max_chars: int = Field(
        100_000, ge=0, description="Characters that one category may send; Google itself sets no daily limit."
    )
    google_requests_per_s: float = Field(50.0, gt=0, description="The pace of requests to Google.")
    google_patience_s: float = Field(
        60.0, gt=0, description="How long a category waits for a per-minute quota or an outage to end, seconds."
    )


class CatalogSettings(Group):
    """Catalogs of collections: queries, snapshots, and what a process keeps of them."""

    cache_dir: str = Field(
        "", description="The folder of the snapshots that queries run on; empty: the user's cache (in Lambda: `/tmp`)."
    )
    cache_mb: int = Field(
        4_096, ge=1, description="Size of that folder at most, MB; what was not used for longest goes first."
    )
    query_memory_mb: int = Field(384, ge=64, description="Memory that the queries on one collection may take, MB.")
    query_threads: int = Field(2, ge=1, description="Threads of one query.")
    query_time_limit_s: float = Field(10.0, gt=0, description="How long one query may take, seconds.")
    open_readers: int = Field(4, ge=1, description="Collections that one process keeps open for queries.")
    export_days: int = Field(7, ge=1, description="How long an export is kept, days.")
    max_import_bytes: int = Field(
        500_000_000, ge=1_000, description="The largest file of corrections that is brought in, bytes."
    )
    compact_after_changes: int = Field(
        100, ge=1, description="A catalog gets a new snapshot as soon as it has so many changes since the last one."
    )
    compact_after_items: int = Field(
        1_000, ge=1, description="The same for items that those changes touch: readers keep them in memory."
    )


class SearchSettings(Group):
    """Search for similar images."""

    models: list[str] = Field(
        [],
        description="The models whose vectors are indexed, as `name@version`, the one that searches use by default "
        "first; empty: all that a collection has vectors of.",
    )
    recall_target: Share = Field(
        0.985,
        description="The share of the exact 10 nearest images that a search finds at least, measured as an index is "
        "built.",
    )
    max_results: int = Field(1_000, ge=1, description="Results of one search at most.")
    cache_dir: str = Field(
        "", description="The folder of the indexes that searches use; empty: the user's cache (in Lambda: `/tmp`)."
    )
    cache_mb: int = Field(
        8_192, ge=1, description="Size of that folder at most, MB; what was not used for longest goes first."
    )
    open_indexes: int = Field(4, ge=1, description="Indexes that one process keeps open for searches.")


class PublishSettings(Group):
    """Published lists and thumbnails."""

    top: int = Field(10, ge=1, le=99, description="Clips per list.")
    thumbnail_width: int = Field(540, ge=16, le=4096, description="Maximum width of a thumbnail, pixels.")
    thumbnail_height: int = Field(960, ge=16, le=4096, description="Maximum height of a thumbnail, pixels.")
    thumbnail_quality: int = Field(85, ge=1, le=100, description="JPEG quality of thumbnails.")


class ApiSettings(Group):
    """The HTTP API."""

    list_max_age_s: int = Field(60, ge=0, description="How long a list may be cached, seconds.")
    client_requests_per_minute: int = Field(
        1_200,
        ge=0,
        description="Requests that one client (a user, else an address) may send per minute; 0: any number. The page "
        "sends about 60 for a day that it has not shown before: one for each thumbnail.",
    )
    media_url_s: int = Field(3_600, ge=60, description="How long a link to a thumbnail works, seconds.")
    max_body_bytes: int = Field(5_000_000, ge=1_000, description="The largest body of a request, bytes.")
    idempotency_s: int = Field(86_400, ge=60, description="How long an `Idempotency-Key` is remembered, seconds.")


class PeopleSettings(Group):
    """Who may use collections."""

    sign_up: bool = Field(
        False,
        description="Anybody with an e-mail address may sign up; runs, clips, reviews and takedowns are then for the "
        "group `admin` alone. The stack sets it.",
    )
    approval_required: bool = Field(False, description="An administrator lets each new person in.")
    share_days: int = Field(30, ge=1, le=365, description="Days that a shared link works at most.")


class Settings(BaseSettings):
    """All settings of one process."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        env_file=".env",
        extra="ignore",
        frozen=True,
    )

    platform: PlatformSettings = PlatformSettings()
    run: RunSettings = RunSettings()
    crawl: CrawlSettings = CrawlSettings()
    download: DownloadSettings = DownloadSettings()
    youtube: YoutubeSettings = YoutubeSettings()
    detection: DetectionSettings = DetectionSettings()
    custom_vision: CustomVisionSettings = CustomVisionSettings()
    upload: UploadSettings = UploadSettings()
    collections: CollectionSettings = CollectionSettings()
    intake: IntakeSettings = IntakeSettings()
    analysis: AnalysisSettings = AnalysisSettings()
    duplicates: DuplicateSettings = DuplicateSettings()
    catalog: CatalogSettings = CatalogSettings()
    search: SearchSettings = SearchSettings()
    people: PeopleSettings = PeopleSettings()
    language: LanguageSettings = LanguageSettings()
    publish: PublishSettings = PublishSettings()
    api: ApiSettings = ApiSettings()


# Variables with our prefix that are no settings, and who reads them.
OTHER_VARIABLES = {
    "FRAMESIFT_STACK": "The stack that commands use, as with `--stack`.",
    "FRAMESIFT_BASE_IMAGE": "Tests: the base image to build the containers on.",
    "FRAMESIFT_REFRESH_SNAPSHOTS": "Tests: write the CDK snapshots anew.",
}


@cache
def load_settings() -> Settings:
    """Read the settings of this process, once.

    Raises:
        UnknownSettingError: If the environment or `.env` has a variable with our prefix that is no setting.
        SettingsError: If a value is of the wrong form or out of range; it names the variable.
    """
    variables = {**_env_file(), **{name.upper(): value for name, value in os.environ.items()}}
    ours = {name: value for name, value in variables.items() if name.startswith(_PREFIX)}
    _check_names(ours)
    try:
        return Settings()
    except ValidationError as error:
        faults = [(_variable(fault["loc"]), fault) for fault in error.errors()]
        unknown = [name for name, fault in faults if fault["type"] == "extra_forbidden"]
        if unknown:
            raise _unknown(unknown) from None
        sentences = "; ".join(f"{name}: {fault['msg']}" for name, fault in faults)
        raise SettingsError(f"Settings that cannot be used: {sentences}.") from None
    except (pydantic_settings.SettingsError, RecursionError):
        names = ", ".join(name for name, value in ours.items() if not _is_readable(name, value))
        raise SettingsError(
            f"Settings that cannot be used: {names}: lists and tables are JSON, such as '[\"dance\"]'."
        ) from None


def variables_of() -> dict[str, FieldInfo]:
    """Every setting's variable with its field."""
    return {
        f"{_PREFIX}{group}__{name}".upper(): field
        for group, model in groups().items()
        for name, field in model.model_fields.items()
    }


def groups() -> dict[str, type[BaseModel]]:
    """The groups of settings by their names."""
    found = {name: field.annotation for name, field in Settings.model_fields.items()}
    return {name: model for name, model in found.items() if isinstance(model, type) and issubclass(model, BaseModel)}


def _env_file() -> dict[str, str]:
    path = Settings.model_config.get("env_file")
    try:
        found = dotenv_values(path) if isinstance(path, str) else {}
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8 text: save it as UTF-8.") from None
    return {name.upper(): value or "" for name, value in found.items()}


def _check_names(ours: Iterable[str]) -> None:
    """Refuse what is neither a setting, a group as a whole (`FRAMESIFT_RUN={…}`), nor an entry of a table."""
    known = variables_of()
    whole = {f"{_PREFIX}{group}".upper() for group in groups()}
    tables = tuple(f"{name}__" for name, field in known.items() if get_origin(field.annotation) is dict)
    unknown = [
        name
        for name in ours
        if name not in known and name not in whole and name not in OTHER_VARIABLES and not name.startswith(tables)
    ]
    if unknown:
        raise _unknown(unknown)


def _unknown(names: Sequence[str]) -> UnknownSettingError:
    known = [*variables_of(), *OTHER_VARIABLES]
    sentences = []
    for name in sorted(names):
        nearest = difflib.get_close_matches(name, known, 1, cutoff=0.6)
        sentences.append(f"{name} (did you mean {nearest[0]}?)" if nearest else name)
    return UnknownSettingError(
        f"There is no such setting: {', '.join(sentences)}. Correct it in the environment or in .env; "
        "docs/settings.md lists all."
    )


def _variable(location: Sequence[int | str]) -> str:
    return f"{_PREFIX}{'__'.join(str(part) for part in location)}".upper()


def _is_readable(name: str, value: str) -> bool:
    """Whether a list or table is JSON; any other value is."""
    field = variables_of().get(name)
    if field is not None and get_origin(field.annotation) not in (list, dict, tuple):
        return True
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return field is None and name.count("__") > 1
    return True
