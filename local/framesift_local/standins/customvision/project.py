"""What the stand-in keeps of a project, as JSON and files in a folder, so that it outlives the process."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from framesift_local.standins.customvision.eyes import Seen


def now() -> str:
    """The present, as the service writes it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


@dataclass
class Picture:
    """A picture of a project: its digest names its file."""

    id: str
    sha256: str
    name: str
    width: int
    height: int
    created: str
    regions: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Iteration:
    """A training, and what came of it."""

    id: str
    name: str
    created: str
    ready_at: float
    tags: dict[str, str]
    pictures: list[str]
    weakness: float = 0.0
    failure: str = ""
    publish_name: str | None = None
    resource_id: str | None = None

    @property
    def status(self) -> str:
        """As the service says it."""
        if time.time() < self.ready_at:
            return "Training"
        return "Failed" if self.failure else "Completed"


@dataclass
class Project:
    """A project of object detection."""

    id: str
    name: str
    folder: Path
    created: str = field(default_factory=now)
    tags: dict[str, str] = field(default_factory=dict)
    pictures: dict[str, Picture] = field(default_factory=dict)
    iterations: dict[str, Iteration] = field(default_factory=dict)
    changed: bool = False

    @classmethod
    def load(cls, folder: Path) -> Project:
        """Read a project that was saved."""
        kept = json.loads((folder / "project.json").read_text(encoding="utf-8"))
        pictures = {key: Picture(**value) for key, value in kept.pop("pictures").items()}
        iterations = {key: Iteration(**value) for key, value in kept.pop("iterations").items()}
        return cls(**{**kept, "folder": folder}, pictures=pictures, iterations=iterations)

    def save(self) -> None:
        """Write the project: whole, or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / "project.json.part"
        part.write_text(json.dumps({**asdict(self), "folder": ""}), encoding="utf-8")
        part.replace(self.folder / "project.json")

    def add_tag(self, name: str) -> str:
        """Make a tag."""
        tag_id = str(uuid.uuid4())
        self.tags[tag_id] = name
        return tag_id

    def add_picture(self, data: bytes, name: str, size: tuple[int, int], regions: list[dict[str, Any]]) -> str:
        """Take a picture, or more regions of one that is there; gives `OK` or `OKDuplicate`, and its id."""
        digest = hashlib.sha256(data).hexdigest()
        stamped = [
            {**region, "regionId": str(uuid.uuid4()), "tagName": self.tags[region["tagId"]], "created": now()}
            for region in regions
        ]
        self.changed = True
        for picture in self.pictures.values():
            if picture.sha256 == digest:
                picture.regions += stamped
                return picture.id
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / digest).write_bytes(data)
        picture = Picture(str(uuid.uuid4()), digest, name, *size, created=now(), regions=stamped)
        self.pictures[picture.id] = picture
        return picture.id

    def bytes_of(self, picture: Picture) -> bytes:
        """A picture's file."""
        return (self.folder / picture.sha256).read_bytes()

    def taught(self) -> dict[str, list[Seen]]:
        """What is in each picture."""
        return {
            picture.id: [
                Seen(region["tagName"], 1.0, region["left"], region["top"], region["width"], region["height"])
                for region in picture.regions
            ]
            for picture in self.pictures.values()
        }
