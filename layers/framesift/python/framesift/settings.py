"""Every setting, in one place, with its default, its unit and what it does.

A setting is read from the environment as `FRAMESIFT_<GROUP>__<NAME>` (for example
`FRAMESIFT_CRAWL__TARGET_CLIPS=500`), or from a `.env` file in the working directory. `docs/settings.md` is made from
this file.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from framesift.errors import SettingsError

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class PlatformSettings(BaseModel):
    """Where the pipeline's own resources are; the stack sets these on every function and job."""

    bucket: str = Field("", description="The bucket that holds everything.")
    table: str = Field("", description="The DynamoDB table of runs, stages, items and lists.")
    failure_topic: str = Field("", description="The SNS topic that hears of failed runs.")


class RunSettings(BaseModel):
    """What a run is."""

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


class CrawlSettings(BaseModel):
    """How the site is read."""

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
    target_clips: int = Field(200, ge=1, description="Stop when a category has as many clips.")
    min_views: int = Field(100_000, ge=0, description="Clips with fewer views are left out.")
    quiet_scrolls: int = Field(6, ge=1, description="Stop after as many scrolls in a row that brought nothing new.")
    scroll_pause_s: tuple[float, float] = Field(
        (0.6, 1.6), description="The shortest and the longest pause between two scrolls, seconds."
    )
    page_timeout_s: float = Field(45.0, gt=0, description="How long a page may take to load.")
    time_limit_s: float = Field(
        600.0, gt=0, description="Stop scrolling after so many seconds, and keep what was seen until then."
    )
    locale: str = Field("ko-KR", description="The browser's language.")
    headless: bool = Field(True, description="Run the browser without a window.")
    chromium_path: str = Field("", description="The browser to use; empty: Playwright's own, else the system's.")
    chromium_sandbox: bool = Field(
        True, description="Keep Chromium's sandbox; it is off for root and in Lambda, where it cannot work."
    )
    session_file: str = Field("", description="A file with the session to use (Playwright's storage state, JSON).")
    session_secret: str = Field(
        "", description="The secret with the session to use, and to keep it in; wins over the file."
    )


FeedName = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,40}$")]


class YoutubeSettings(BaseModel):
    """Which videos' thumbnails are collected, through the YouTube Data API v3."""

    feeds: dict[FeedName, str] = Field(
        {"popular": "chart:KR"},
        min_length=1,
        description="The categories of `youtube`: `chart:REGION`, `chart:REGION:CATEGORY`, `channel:ID`, `playlist:ID` "
        "or `search:WORDS`, each under a name. Since July 2025 a chart holds music, films and games.",
    )
    max_videos: int = Field(200, ge=1, le=1000, description="Videos that a feed gives at most.")
    api_url: str = Field("https://www.googleapis.com/youtube/v3", description="The API's address.")
    api_key: SecretStr = Field(SecretStr(""), description="The API's key.")
    api_secret: str = Field("", description='The secret with the key, as {"api_key": "…"}; wins over the key.')
    daily_quota_units: int = Field(
        10_000, ge=1, description="Units that a day (Pacific time) may cost: a list 1, a page of a search 100."
    )
    patience_s: float = Field(60.0, gt=0, description="How long a feed waits for an outage to pass, seconds.")


class DetectionSettings(BaseModel):
    """What is looked for in pictures, and by whom."""

    provider: Literal["azure", "onnx"] = Field("azure", description="Azure Custom Vision, or a model of the registry.")
    tags: dict[str, Share] = Field(
        {"person": 0.5, "logo": 0.5},
        min_length=1,
        description="What is looked for, exactly as the detector names it, and the probability from which it counts.",
    )
    review_from: Share = Field(
        0.3, description="From this probability on, and below its tag's, a prediction waits for a person."
    )
    model: str = Field("", description="With `onnx`: the detector, as `framesift models add` calls it: `NAME/VERSION`.")
    max_overlap: Share = Field(0.45, description="With `onnx`: boxes of a tag that overlap more (IoU) are one.")
    batch: int = Field(8, ge=1, le=256, description="With `onnx`: pictures to a batch.")


class CustomVisionSettings(BaseModel):
    """Azure Custom Vision: its resources and the two projects."""

    training_endpoint: str = Field("", description="The training resource's address.")
    training_key: SecretStr = Field(SecretStr(""), description="The training resource's key.")
    prediction_endpoint: str = Field("", description="The prediction resource's address.")
    prediction_key: SecretStr = Field(SecretStr(""), description="The prediction resource's key.")
    prediction_resource_id: str = Field("", description="The prediction resource's ARM id: where iterations go.")
    secret: str = Field("", description="The secret with any of the above, as a JSON object; wins over them.")
    predict_project: str = Field("", description="Project A: predicts until one of B's iterations is better.")
    teach_project: str = Field("", description="Project B: is taught.")
    requests_per_s: float = Field(
        10.0, gt=0, description="The pace of requests to each resource: 10 is S0's limit, 2 is F0's."
    )
    concurrency: int = Field(8, ge=1, le=64, description="Requests at a time.")
    timeout_s: float = Field(60.0, gt=0, description="How long one request may take.")
    patience_s: float = Field(120.0, gt=0, description="How long a request is repeated while the service is busy.")
    min_images_per_tag: int = Field(15, ge=1, description="Pictures that a tag needs before a training is asked for.")
    training_check_s: int = Field(60, ge=1, description="How often the workflow asks whether a training is done.")
    training_limit_s: float = Field(7_200.0, gt=0, description="A training that takes longer is given up.")
    gate_margin: Share = Field(
        0.02, description="How much less average precision than the one in service an iteration may have."
    )
    review_days: int = Field(90, ge=1, description="How long a prediction waits for a person, days.")


class DownloadSettings(BaseModel):
    """What may be fetched from the hosts that media is kept on."""

    allowed_hosts: list[str] = Field(
        ["*.tiktokcdn.com", "*.tiktokcdn-us.com", "*.tiktokcdn-eu.com", "*.byteimg.com", "*.ytimg.com"],
        description="Hosts that thumbnails may come from; `*.` stands for any subdomain.",
    )
    allow_loopback: bool = Field(
        False,
        description="Allow plain HTTP to this machine: for the stand-ins of a local run, nowhere else.",
    )
    concurrency: int = Field(16, ge=1, le=256, description="Downloads at a time.")
    timeout_s: float = Field(15.0, gt=0, description="How long one download may take.")
    tries: int = Field(3, ge=1, description="Tries of one download before its item is marked failed.")
    max_bytes: int = Field(10_000_000, gt=0, description="The largest file that is taken, bytes.")
    max_pixels: int = Field(25_000_000, gt=0, description="The largest image that is decoded, pixels.")


class UploadSettings(BaseModel):
    """How poses are found in videos that users upload; what is not set is as the preset has it."""

    preset: Literal["development", "production", "high_accuracy", "fast"] = Field(
        "production", description="The preset, as in `framesift pose config --preset`."
    )
    target_fps: float | None = Field(None, gt=0, le=1000, description="Frames a second to look at.")
    max_frames: int | None = Field(None, ge=1, description="Frames to look at in a video at most.")
    engine: Literal["mediapipe", "batched"] | None = Field(None, description="What finds and follows people.")
    model: Literal["lite", "full", "heavy"] | None = Field(None, description="The network's size.")
    people: int | None = Field(None, ge=1, le=16, description="People to follow at most.")
    min_confidence: Share | None = Field(
        None, description="Frames whose best person has a lower mean visibility are left out."
    )
    max_size_bytes: int | None = Field(
        None, ge=1, description="Larger videos are refused; a Fargate job has about 15 GB of disk."
    )
    max_duration_s: float | None = Field(None, gt=0, description="Longer videos are refused.")
    array_videos: int = Field(1, ge=1, description="Videos to a child of an array job.")


class AnalysisSettings(BaseModel):
    """How the vision job works."""

    compute: Literal["auto", "gpu", "cpu"] = Field(
        "auto",
        description="`auto`: the CPU queue for small days, the GPU queue (else CPU) for others.",
    )
    cpu_max_items: int = Field(
        5_000, ge=0, description="With `auto`, days of at most as many items take the CPU queue."
    )
    shard_items: int = Field(128, ge=1, description="Items to a shard: what is redone at most when a job is killed.")
    array_items: int = Field(20_000, ge=1, description="Items to a child of an array job; fewer run in one job.")
    threads: int = Field(0, ge=0, description="Threads of the job; 0: one for each core.")
    model_cache: str = Field("", description="Where model files are kept; empty: the user's cache, in Lambda `/tmp`.")


class DuplicateSettings(BaseModel):
    """What counts as a re-upload."""

    model: Literal["auto", "resnet50", "copydetect", "pdq"] = Field(
        "auto",
        description="What judges: `auto` takes ResNet50 where its weights are, else the model in the package.",
    )
    resnet50_threshold: Annotated[float, Field(gt=0, le=1)] = Field(
        0.82, description="The cosine similarity from which two pictures are the same (ResNet50)."
    )
    copydetect_threshold: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="The same for our copy-detection model; 0: the value on the model's card."
    )
    copydetect_candidate_threshold: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0,
        description="From this lower similarity on, two pictures are laid over each other, and are the same if they "
        "agree; 0: the value on the model's card; 1: never.",
    )
    pdq_threshold: int = Field(
        31,
        ge=0,
        le=256,
        description="The Hamming distance up to which two PDQ hashes are the same, bits.",
    )
    windowed_items: int = Field(
        0,
        ge=0,
        description="As many of each category's most viewed items are also compared by five windows of their picture, "
        "which finds what they show inset on a page, at about 20 ms an item.",
    )
    history_days: int = Field(7, ge=0, description="Items that were kept in as many days before are keepers already.")


class LanguageSettings(BaseModel):
    """Which language is kept, and who decides."""

    keep: str = Field("ko", description="The language that is kept (ISO 639-1).")
    provider: Literal["offline", "google"] = Field(
        "offline",
        description="`google` asks Google Cloud Translate; offline decides where it fails.",
    )
    google_project: str = Field("", description="The Google Cloud project that is asked.")
    google_endpoint: str = Field("", description="Another endpoint for Translate, such as a stand-in's.")
    google_secret: str = Field("", description="The secret with the service account's JSON key.")
    google_max_chars: int = Field(
        100_000, ge=0, description="The characters that one category may cost; Google itself sets no daily limit."
    )
    google_requests_per_s: float = Field(50.0, gt=0, description="The pace at which Google is asked.")
    google_patience_s: float = Field(
        60.0, gt=0, description="How long a category waits for a minute's quota or an outage to pass, seconds."
    )


class PublishSettings(BaseModel):
    """What an app gets."""

    top: int = Field(10, ge=1, le=99, description="Clips in a list.")
    thumbnail_width: int = Field(540, ge=16, le=4096, description="Thumbnails' largest width, pixels.")
    thumbnail_height: int = Field(960, ge=16, le=4096, description="Thumbnails' largest height, pixels.")
    thumbnail_quality: int = Field(85, ge=1, le=100, description="Thumbnails' JPEG quality.")


class ApiSettings(BaseModel):
    """How the HTTP API answers."""

    list_max_age_s: int = Field(60, ge=0, description="How long a list may be cached, seconds.")
    media_url_s: int = Field(3_600, ge=60, description="How long a link to a thumbnail works, seconds.")


class Settings(BaseSettings):
    """All settings of one process."""

    model_config = SettingsConfigDict(
        env_prefix="FRAMESIFT_",
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
    analysis: AnalysisSettings = AnalysisSettings()
    duplicates: DuplicateSettings = DuplicateSettings()
    language: LanguageSettings = LanguageSettings()
    publish: PublishSettings = PublishSettings()
    api: ApiSettings = ApiSettings()


@cache
def load_settings() -> Settings:
    """Read the settings of this process, once.

    Raises:
        SettingsError: If a value is of the wrong form or out of range; it names the variable.
    """
    try:
        return Settings()
    except ValidationError as error:
        faults = "; ".join(
            f"FRAMESIFT_{'__'.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}"
            for fault in error.errors()
        )
        raise SettingsError(f"Settings that cannot be used: {faults}.") from None
