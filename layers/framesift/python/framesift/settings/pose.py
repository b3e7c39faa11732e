"""Every setting of a pose extraction with its default and unit, the presets, and the JSON configuration file.

Precedence, highest first: an option of the command, the configuration file, the preset, the default.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from framesift.errors import PoseConfigError, UnknownPresetError

Confidence = Annotated[float, Field(ge=0.0, le=1.0)]
PoseModelName = Literal["lite", "full", "heavy"]
PresetName = Literal["development", "production", "high_accuracy", "fast"]
Model = TypeVar("Model", bound=BaseModel)

DEFAULT_PRESET: PresetName = "production"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VideoSettings(_Section):
    """Which frames are processed, and the limits on a video."""

    target_fps: float | None = Field(30.0, gt=0, le=1000, description="Frames per second to process; null: all.")
    max_frames: int | None = Field(None, ge=1, description="The most frames of a video to process; null: all.")
    extensions: tuple[str, ...] = Field(
        (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v"), description="The files of a folder that are videos."
    )
    max_size_bytes: int = Field(8 << 30, ge=1, description="Larger files are refused.")
    max_pixels: int = Field(8192 * 4320, ge=1, description="Videos with larger frames are refused.")
    max_duration_s: float = Field(6 * 3600.0, gt=0, description="Longer videos are refused.")
    max_undecoded_share: Confidence = Field(
        0.1, description="A video of whose frames a larger share cannot be decoded is refused; fewer are reported."
    )
    max_frame_rate: float = Field(1000.0, gt=0, description="Videos with more frames a second are refused.")


def is_video(name: str) -> bool:
    """Whether a file is a video by its name.

    Example:
        >>> is_video("dance/1.MP4"), is_video("dance/1.jpg")
        (True, False)
    """
    return PurePosixPath(name).suffix.lower() in VideoSettings().extensions


class LandmarkSettings(_Section):
    """How people are detected and tracked."""

    engine: Literal["mediapipe", "batched"] = Field(
        "mediapipe", description="MediaPipe itself, or its graph on batches of frames of several segments."
    )
    model: PoseModelName = Field("full", description="The network's size.")
    people: int = Field(1, ge=1, le=16, description="The most people to follow.")
    min_detection_confidence: Confidence = Field(0.5, description="The detector's score for a new person.")
    min_presence_confidence: Confidence = Field(0.5, description="The score from which a person is still there.")
    min_tracking_confidence: Confidence = Field(
        0.5, description="The overlap from which two regions are one person; raise it for people side by side."
    )
    min_confidence: Confidence = Field(
        0.5, description="Frames whose best person has a lower mean visibility are left out."
    )


class RefinementSettings(_Section):
    """Optional steps after the landmarks; what was done is recorded in the file."""

    max_gap_s: float = Field(0.0, ge=0, le=10, description="Fill gaps up to so many seconds by interpolation; 0: none.")
    smoothing: Literal["none", "one_euro", "savitzky_golay"] = Field("none", description="The filter over time.")
    one_euro_min_cutoff_hz: float = Field(1.0, gt=0, description="One Euro: the cutoff at rest.")
    one_euro_beta: float = Field(0.5, ge=0, description="One Euro: how much speed raises the cutoff.")
    savitzky_golay_window: int = Field(7, ge=3, le=99, description="Savitzky-Golay: frames in the window, odd.")
    savitzky_golay_order: int = Field(2, ge=1, le=5, description="Savitzky-Golay: the polynomial's order.")


class OutputSettings(_Section):
    """What is written."""

    dtype: Literal["float16", "float32"] = Field("float16", description="The landmarks' type in the file.")
    overwrite: bool = Field(False, description="Process videos again that are done.")


class S3Settings(_Section):
    """Where sequences are uploaded."""

    bucket: str | None = Field(None, description="The bucket; null: no upload.")
    prefix: str = Field("poses", description="The keys' prefix.")
    max_workers: int = Field(4, ge=1, le=64, description="Concurrent transfers.")
    part_size_bytes: int = Field(8 << 20, ge=5 << 20, description="From this size on, a file is sent in such parts.")
    overwrite: bool = Field(False, description="Upload files that are there already, too.")


class PerformanceSettings(_Section):
    """How the work is spread."""

    workers: int | None = Field(None, ge=1, le=256, description="Processes; null: as many as cores.")
    segment_s: float = Field(10.0, gt=0, description="A long video is cut into segments no shorter than this.")
    warm_up_s: float = Field(
        1.0, ge=0, description="What a segment processes before its start, so that tracking has settled there."
    )
    batch_size: int = Field(8, ge=1, le=256, description="Segments that the batched engine follows at once.")
    memory_limit_mb: int = Field(2048, ge=256, description="What one worker may hold; a video that takes more fails.")
    video_timeout_s: float = Field(3600.0, gt=0, description="How long one video or segment may take.")


class PoseSettings(_Section):
    """A whole configuration, in the sections of its JSON file."""

    video: VideoSettings = VideoSettings()
    landmarks: LandmarkSettings = LandmarkSettings()
    refinement: RefinementSettings = RefinementSettings()
    output: OutputSettings = OutputSettings()
    s3: S3Settings = S3Settings()
    performance: PerformanceSettings = PerformanceSettings()

    def recorded(self) -> dict[str, Any]:
        """The settings that determine a sequence: another value makes another file."""
        recorded = self.model_dump(mode="json", include={"video", "landmarks", "refinement", "output"})
        del recorded["output"]["overwrite"], recorded["video"]["extensions"]
        return recorded


PRESETS: Mapping[PresetName, Mapping[str, Mapping[str, Any]]] = {
    "development": {"video": {"target_fps": 15.0, "max_frames": 300}, "landmarks": {"model": "lite"}},
    "production": {"video": {"target_fps": 30.0}, "landmarks": {"model": "full"}},
    "high_accuracy": {"video": {"target_fps": 60.0}, "landmarks": {"model": "heavy"}, "output": {"dtype": "float32"}},
    "fast": {"video": {"target_fps": 15.0}, "landmarks": {"model": "lite", "engine": "batched"}},
}


def with_overrides(*names: str) -> Callable[[type[Model]], type[Model]]:
    """Make a class decorator that adds optional copies of pose settings to a model.

    Args:
        names: Dotted names, as in `load_pose_settings(options=…)`; the fields have the names behind the dots. `None`,
            the default of each, leaves the value of the preset.
    """

    def decorate(model: type[Model]) -> type[Model]:
        fields: dict[str, Any] = {}
        for dotted in names:
            section, name = dotted.split(".")
            field = type(getattr(PoseSettings(), section)).model_fields[name]
            about = Field(description=field.description)
            fields[name] = (Annotated[field.annotation | None, about, *field.metadata], None)
        return create_model(
            model.__name__, __base__=model, __module__=model.__module__, __doc__=model.__doc__, **fields
        )

    return decorate


def load_pose_settings(
    preset: str = DEFAULT_PRESET, config: Path | None = None, options: Mapping[str, Any] | None = None
) -> PoseSettings:
    """Combine preset, file and options into a configuration.

    Args:
        preset: One of `PRESETS`; what it does not name has its default.
        config: A JSON file in the form of `json_schema()`; any key may be left out.
        options: Dotted names with values, such as `{"video.target_fps": 15}`; a value of `None` is ignored.

    Raises:
        UnknownPresetError: The preset does not exist.
        PoseConfigError: The file cannot be read, or a key or value is wrong; the message names it.
    """
    try:
        layers: list[Mapping[str, Any]] = [PRESETS[preset]]  # type: ignore[index]
    except KeyError:
        raise UnknownPresetError(f"There is no preset {preset!r}: choose one of {', '.join(PRESETS)}.") from None
    if config is not None:
        layers.append(_read_config(config))
    for dotted, value in (options or {}).items():
        if value is not None:
            section, name = dotted.split(".")
            layers.append({section: {name: value}})
    merged: dict[str, dict[str, Any]] = {}
    for layer in layers:
        for section, values in layer.items():
            if not isinstance(values, Mapping):
                raise PoseConfigError(f"{section!r} in {config} must be an object of settings.")
            merged[section] = {**merged.get(section, {}), **values}
    try:
        return PoseSettings.model_validate(merged)
    except ValidationError as error:
        raise PoseConfigError(_one_line(error)) from error


def json_schema() -> dict[str, Any]:
    """The configuration file's JSON Schema."""
    return PoseSettings.model_json_schema()


def _read_config(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PoseConfigError(f"The configuration {path} cannot be read: {error}.") from error
    except json.JSONDecodeError as error:
        raise PoseConfigError(f"The configuration {path} is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise PoseConfigError(f"The configuration {path} must hold a JSON object.")
    content.pop("$schema", None)
    return content


def _one_line(error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"There is no setting {name!r}: `framesift pose config` writes a file with all of them."
    return f"The setting {name!r} cannot be {first['input']!r}: {first['msg'].lower()}."
