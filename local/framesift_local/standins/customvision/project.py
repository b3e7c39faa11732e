"""A project as the stand-in keeps it: JSON and files in a folder, so that it outlives the process."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from framesift.errors import StateDamagedError
from framesift_local.standins.customvision.refusals import Refusal
from framesift_local.standins.customvision.vision import Detection


def now() -> str:
    """Return the present in the service's format."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


@dataclass
class StoredImage:
    """An image of a project: its digest names its file."""

    id: str
    sha256: str
    name: str
    width: int
    height: int
    created: str
    regions: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Iteration:
    """A training and its result."""

    id: str
    name: str
    created: str
    ready_at: float
    tags: dict[str, str]
    images: list[str]
    weakness: float = 0.0
    failure: str = ""
    publish_name: str | None = None
    resource_id: str | None = None

    @property
    def status(self) -> str:
        """The status by the service's names."""
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
    images: dict[str, StoredImage] = field(default_factory=dict)
    iterations: dict[str, Iteration] = field(default_factory=dict)
    changed: bool = False

    @classmethod
    def load(cls, folder: Path) -> Project:
        """Read a project that was saved.

        Raises:
            StateDamagedError: What was saved cannot be read.
        """
        path = folder / "project.json"
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            images = {key: StoredImage(**value) for key, value in kept.pop("images").items()}
            iterations = {key: Iteration(**value) for key, value in kept.pop("iterations").items()}
            return cls(**{**kept, "folder": folder}, images=images, iterations=iterations)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise StateDamagedError(
                f"{path} is damaged ({error}): delete the folder {folder}, and the project begins anew."
            ) from None

    def find_iteration(self, iteration_id: str) -> Iteration:
        """Return an iteration by its id."""
        if iteration_id not in self.iterations:
            raise Refusal(HTTPStatus.NOT_FOUND, "NotFoundIteration", "Invalid iteration id.")
        return self.iterations[iteration_id]

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

    def add_image(self, data: bytes, name: str, size: tuple[int, int], regions: list[dict[str, Any]]) -> str:
        """Add an image, or more regions of one that is there; return its id."""
        digest = hashlib.sha256(data).hexdigest()
        stamped = [
            {**region, "regionId": str(uuid.uuid4()), "tagName": self.tags[region["tagId"]], "created": now()}
            for region in regions
        ]
        self.changed = True
        for image in self.images.values():
            if image.sha256 == digest:
                image.regions += stamped
                return image.id
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / digest).write_bytes(data)
        image = StoredImage(str(uuid.uuid4()), digest, name, *size, created=now(), regions=stamped)
        self.images[image.id] = image
        return image.id

    def bytes_of(self, image: StoredImage) -> bytes:
        """Return an image's file."""
        return (self.folder / image.sha256).read_bytes()

    def ground_truth(self) -> dict[str, list[Detection]]:
        """Return the regions of each image, by its id."""
        return {
            image.id: [
                Detection(region["tagName"], 1.0, region["left"], region["top"], region["width"], region["height"])
                for region in image.regions
            ]
            for image in self.images.values()
        }
