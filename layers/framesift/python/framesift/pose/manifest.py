"""The manifest of an output folder: what became of each video. One JSON file, written whole after each video."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from framesift.contracts import VideoEntry
from framesift.errors import PoseConfigError
from framesift.pose.files import atomic_path

MANIFEST_NAME = "manifest.json"
FORMAT = 1


class Totals(BaseModel):
    """Sums over the videos."""

    videos: int
    done: int
    failed: int
    frames_kept: int
    seconds: float
    source_size_bytes: int
    output_size_bytes: int
    ratio: float | None


class Manifest(BaseModel):
    """All videos of an output folder, by source."""

    format: int = FORMAT
    videos: dict[str, VideoEntry] = {}

    def totals(self) -> Totals:
        """Sums over the videos."""
        done = [entry for entry in self.videos.values() if entry.status == "done"]
        source, output = sum(e.source_size_bytes for e in done), sum(e.output_size_bytes for e in done)
        return Totals(
            videos=len(self.videos),
            done=len(done),
            failed=len(self.videos) - len(done),
            frames_kept=sum(entry.frames.kept for entry in done if entry.frames),
            seconds=round(sum(entry.seconds for entry in self.videos.values()), 3),
            source_size_bytes=source,
            output_size_bytes=output,
            ratio=round(output / source, 6) if source else None,
        )

    def is_done(self, source: str, sha256: str, settings: dict[str, Any], folder: Path) -> bool:
        """Whether that very video was done with those very settings, and its sequence is still there."""
        entry = self.videos.get(source)
        if entry is None or entry.status != "done" or entry.output is None:
            return False
        return entry.sha256 == sha256 and entry.settings == settings and (folder / entry.output).is_file()


def json_schema() -> dict[str, Any]:
    """The manifest's JSON Schema."""
    schema = Manifest.model_json_schema(mode="serialization")
    schema["$defs"]["Totals"] = Totals.model_json_schema()
    schema["properties"]["totals"] = {"$ref": "#/$defs/Totals"}
    return schema


def read_manifest(folder: Path) -> Manifest:
    """Read a folder's manifest; an empty one where there is none.

    Raises:
        PoseConfigError: The file there is not a manifest.
    """
    path = folder / MANIFEST_NAME
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Manifest()
    except ValidationError as error:
        raise PoseConfigError(f"{path} is not a manifest of pose sequences: move it away.") from error


def write_pose_manifest(folder: Path, manifest: Manifest) -> None:
    """Write a folder's manifest whole or not at all."""
    with atomic_path(folder / MANIFEST_NAME) as scratch:
        scratch.write_text(manifest_json(manifest), "utf-8")


def manifest_json(manifest: Manifest) -> str:
    """The manifest's file, with its totals."""
    content = manifest.model_dump(mode="json") | {"totals": manifest.totals().model_dump(mode="json")}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
