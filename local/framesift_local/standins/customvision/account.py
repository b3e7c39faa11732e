"""What the stand-in holds: projects, limits, and how the next training goes. Routes act on it; it knows no HTTP."""

from __future__ import annotations

import time
import uuid
from http import HTTPStatus
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from framesift_local.standins.customvision.project import Iteration, Project, now
from framesift_local.standins.customvision.refusals import Refusal

RESOURCE_ID = "/subscriptions/0/resourceGroups/stand-in/providers/Microsoft.CognitiveServices/accounts/prediction"


class Training(BaseModel):
    """How the next training goes.

    Attributes:
        training_s: How long it takes, seconds.
        weakness: Share of the objects, 0 to 1, that its iteration misses.
        training_failure: Why it fails; empty: it succeeds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    training_s: float = Field(1.0, ge=0, le=3600)
    weakness: float = Field(0.0, ge=0, le=1)
    training_failure: str = ""


class Account:
    """Projects of an account, kept in a folder.

    Args:
        folder: Where projects are kept.
        training: How trainings go.
        max_images: Images that a project holds.
        max_iterations: Iterations that a project holds.
    """

    def __init__(
        self,
        folder: Path,
        *,
        training: Training | None = None,
        max_images: int = 100_000,
        max_iterations: int = 20,
    ) -> None:
        self.folder = folder
        self.training = training or Training()
        self.max_images = max_images
        self.max_iterations = max_iterations
        # As many of the next images fail for the moment, in batches that are answered all the same.
        self.flaky_images = 0
        saved = sorted(folder.glob("*/project.json")) if folder.exists() else []
        self.projects = {project.id: project for project in (Project.load(path.parent) for path in saved)}

    def set_training(self, **changes: object) -> None:
        """Change how the next training goes: fields of `Training`; what is not given stays as it is.

        Raises:
            pydantic.ValidationError: An unknown field, or a value out of range.
        """
        self.training = Training.model_validate(self.training.model_dump() | changes)

    def make_project(self, name: str, tags: tuple[str, ...] = (), publish: str | None = None) -> Project:
        """Return the project of a name, made where there is none.

        Args:
            name: The project's name.
            tags: Tags of a new project.
            publish: Name under which a new project's first iteration is published; None: it has no iteration.
        """
        project = next((each for each in self.projects.values() if each.name == name), None)
        if project is not None:
            return project
        project_id = str(uuid.uuid4())
        project = Project(project_id, name, self.folder / project_id)
        for tag in tags:
            project.add_tag(tag)
        self.projects[project_id] = project
        if publish:
            iteration = self.add_iteration(project, ready_at=0)
            iteration.publish_name, iteration.resource_id = publish, RESOURCE_ID
        project.save()
        return project

    def train(self, project: Project) -> Iteration:
        """Begin a training."""
        return self.add_iteration(project, ready_at=time.time() + self.training.training_s)

    def add_iteration(self, project: Project, ready_at: float) -> Iteration:
        """Add an iteration that is trained from a time on (seconds since the epoch)."""
        iteration = Iteration(
            id=str(uuid.uuid4()),
            name=f"Iteration {len(project.iterations) + 1}",
            created=now(),
            ready_at=ready_at,
            tags=dict(project.tags),
            images=list(project.images),
            weakness=self.training.weakness,
            failure=self.training.training_failure,
        )
        project.iterations[iteration.id] = iteration
        return iteration

    def find_project(self, project_id: str) -> Project:
        """Return a project by its id."""
        if project_id not in self.projects:
            raise Refusal(HTTPStatus.NOT_FOUND, "NotFoundProject", "Invalid project id.")
        return self.projects[project_id]

    def find_file(self, project_id: str, sha256: str) -> bytes | None:
        """Return an image's bytes; None where there is none."""
        path = self.folder / project_id / sha256
        return path.read_bytes() if project_id in self.projects and path.exists() else None
