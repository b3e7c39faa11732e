"""A pose sequence, and its file: Parquet, readable by pandas, DuckDB, Polars and Arrow without this code.

One row is one person in one frame:

| column | type | what |
| --- | --- | --- |
| `frame` | int32 | the row's frame among those kept, from 0 |
| `source_frame` | int64 | the frame's number in the video, from 0 |
| `pts` | int64 | when the frame is shown, in the container's ticks |
| `time_s` | double | the same in seconds since the video's first frame |
| `person` | int8 | the person's slot; one person keeps one slot while followed |
| `filled` | bool | interpolated, not detected |
| `x`, `y`, `z`, `visibility`, `presence` | 33 x half or float | see `skeleton.CHANNELS` |
| `world_x`, `world_y`, `world_z` | 33 x half or float | metres, origin between the hips |

The 33 values of a list are those of `skeleton.LANDMARKS`, in that order.
The file's key-value metadata holds JSON under `framesift.pose`: the video's facts with its sha256, the model, the
settings, what was refined, how many frames were read, kept and dropped, and the number of people's slots.
Columns are split into byte planes and compressed by Zstandard; nothing is lost.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from framesift.contracts import FrameCounts
from framesift.errors import NotASequenceError
from framesift.pose.decode import VideoFacts
from framesift.pose.files import atomic_path
from framesift.pose.skeleton import CHANNELS, LANDMARK_COUNT, VISIBILITY, WORLD_CHANNELS

SUFFIX = ".pose.parquet"
FORMAT = 1
_METADATA_KEY = b"framesift.pose"
_ZSTD_LEVEL = 19

_WORLD_COLUMNS = tuple(f"world_{channel}" for channel in WORLD_CHANNELS)
_VALUE_COLUMNS = CHANNELS + _WORLD_COLUMNS

T = TypeVar("T")

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class ModelFacts:
    """The engine and model that produced the landmarks.

    Attributes:
        engine: `mediapipe` or `batched`.
        runtime: The library that ran the networks, with its version.
        name: The model's name in the registry.
        version: Likewise.
        sha256: The bundle's digest.
    """

    engine: str
    runtime: str
    name: str
    version: str
    sha256: str


@dataclass(frozen=True, eq=False)
class PoseSequence:
    """The landmarks of one video. `F` frames, `P` slots for people.

    Attributes:
        landmarks: (F, P, 33, 5) float32 or float16, as `skeleton.CHANNELS`; NaN where a slot is empty.
        world: (F, P, 33, 3) of the same type, metres, y down; NaN likewise.
        source_frame: (F,) int64, the frames' numbers in the video, in order of presentation, from 0.
        pts: (F,) int64, when frames are shown, ticks of `video.time_base`.
        time_s: (F,) float64, seconds since the video's first frame.
        filled: (F, P) bool, interpolated by gap filling.
        video: The source.
        model: The engine and model that produced the landmarks.
        settings: What was asked for.
        refinement: The steps that were applied, in order, each with its parameters.
        counts: What became of the frames.
    """

    landmarks: FloatArray
    world: FloatArray
    source_frame: NDArray[np.int64]
    pts: NDArray[np.int64]
    time_s: NDArray[np.float64]
    filled: NDArray[np.bool_]
    video: VideoFacts
    model: ModelFacts
    settings: dict[str, Any]
    refinement: list[dict[str, Any]] = field(default_factory=list)
    counts: FrameCounts = field(default_factory=lambda: FrameCounts(0, 0, 0, 0, 0))

    @property
    def present(self) -> NDArray[np.bool_]:
        """(F, P) bool: which slots hold a person."""
        return ~np.isnan(self.landmarks[:, :, 0, 0])

    def confidence(self) -> NDArray[np.float64]:
        """(F,) the best person's mean visibility, 0 where nobody is."""
        return confidence(self.landmarks)

    def take(self, kept: NDArray[np.bool_]) -> PoseSequence:
        """The sequence of the frames that `kept`, (F,) bool, marks."""
        return replace(
            self,
            landmarks=self.landmarks[kept],
            world=self.world[kept],
            source_frame=self.source_frame[kept],
            pts=self.pts[kept],
            time_s=self.time_s[kept],
            filled=self.filled[kept],
        )

    def astype(self, dtype: str) -> PoseSequence:
        """The sequence with landmarks of that type."""
        return replace(self, landmarks=self.landmarks.astype(dtype), world=self.world.astype(dtype))


def confidence(landmarks: FloatArray) -> NDArray[np.float64]:
    """The best person's mean visibility in each frame: (F, P, 33, 5) to (F,), 0 where nobody is."""
    mean = np.asarray(landmarks[..., VISIBILITY], np.float64).mean(axis=-1)
    best: NDArray[np.float64] = np.where(np.isnan(mean), 0.0, mean).max(axis=1, initial=0.0)
    return best


def write_sequence(sequence: PoseSequence, path: Path) -> None:
    """Write the file whole or not at all."""
    frame, person = np.nonzero(sequence.present)
    landmarks, world = sequence.landmarks[frame, person], sequence.world[frame, person]
    values = np.concatenate([landmarks, world], axis=2)
    columns: dict[str, Any] = {
        "frame": frame.astype(np.int32),
        "source_frame": sequence.source_frame[frame],
        "pts": sequence.pts[frame],
        "time_s": sequence.time_s[frame],
        "person": person.astype(np.int8),
        "filled": sequence.filled[frame, person],
    }
    for i, name in enumerate(_VALUE_COLUMNS):
        columns[name] = pa.FixedSizeListArray.from_arrays(pa.array(values[:, :, i].ravel()), LANDMARK_COUNT)
    header = {
        "format": FORMAT,
        "frames": len(sequence.pts),
        "people": sequence.landmarks.shape[1],
        "video": asdict(sequence.video),
        "model": asdict(sequence.model),
        "settings": sequence.settings,
        "refinement": sequence.refinement,
        "counts": asdict(sequence.counts),
    }
    table = pa.table(columns).replace_schema_metadata({_METADATA_KEY: json.dumps(header).encode()})
    with atomic_path(path) as scratch:
        pq.write_table(
            table,
            scratch,
            compression="zstd",
            compression_level=_ZSTD_LEVEL,
            use_dictionary=["person", "filled"],
            column_encoding={f"{name}.list.element": "BYTE_STREAM_SPLIT" for name in _VALUE_COLUMNS}
            | dict.fromkeys(("frame", "source_frame", "pts"), "DELTA_BINARY_PACKED"),
            write_statistics=False,
        )


def read_sequence(path: Path) -> PoseSequence:
    """Read a file back, bit for bit.

    Raises:
        NotASequenceError: The file is not a pose sequence.
    """
    try:
        table = pq.read_table(path)
        header = json.loads(table.schema.metadata[_METADATA_KEY])
        frames, people = int(header["frames"]), int(header["people"])
        frame, person = table["frame"].to_numpy(), table["person"].to_numpy()
        values = np.stack([_lists(table[name]) for name in _VALUE_COLUMNS], axis=2)
        landmarks = np.full((frames, people, LANDMARK_COUNT, len(CHANNELS)), np.nan, values.dtype)
        world = np.full((frames, people, LANDMARK_COUNT, len(WORLD_CHANNELS)), np.nan, values.dtype)
        landmarks[frame, person], world[frame, person] = np.split(values, [len(CHANNELS)], axis=2)
        pts, time_s = np.zeros(frames, np.int64), np.zeros(frames, np.float64)
        pts[frame], time_s[frame] = table["pts"].to_numpy(), table["time_s"].to_numpy()
        video = _known(VideoFacts, header["video"])
        source_frame = np.rint(time_s * video.frame_rate).astype(np.int64)  # Versions before had no such column.
        if "source_frame" in table.column_names:
            source_frame[frame] = table["source_frame"].to_numpy()
        filled = np.zeros((frames, people), bool)
        filled[frame, person] = table["filled"].to_numpy(zero_copy_only=False)
        return PoseSequence(
            landmarks=landmarks,
            world=world,
            source_frame=source_frame,
            pts=pts,
            time_s=time_s,
            filled=filled,
            video=video,
            model=_known(ModelFacts, header["model"]),
            settings=header["settings"],
            refinement=header["refinement"],
            counts=_known(FrameCounts, header["counts"]),
        )
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError, IndexError) as error:
        raise NotASequenceError(f"{path} is not a pose sequence, or is damaged: extract it again.") from error


def _known(kind: type[T], values: dict[str, Any]) -> T:
    """Make a dataclass of what it knows among the values: later versions may write more."""
    names = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in values.items() if name in names})


def _lists(column: pa.ChunkedArray) -> FloatArray:
    """A column of lists of 33 as (rows, 33)."""
    flat: FloatArray = column.combine_chunks().flatten().to_numpy()
    return flat.reshape(-1, LANDMARK_COUNT)
