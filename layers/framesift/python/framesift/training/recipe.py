"""Recipes: what is trained, on what, and how, in one file."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from framesift.errors import RecipeError

Task = Literal["detector", "classifier"]
PRESETS: Final[dict[str, tuple[str, ...]]] = {
    "everyday": ("person", "car", "cell phone", "laptop", "book", "handbag", "sports ball"),
}
"""Lists of classes that `classes` may name instead, by a name alone."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DrawnData(_Section):
    """Parts that are drawn: training and validation from one world of shapes and backgrounds, the test from another."""

    kind: Literal["drawn"]
    seed: int = Field(1, ge=0, description="Seeds the photographs.")
    train: int = Field(3_000, ge=1, description="Photographs to train on.")
    val: int = Field(200, ge=0, description="Photographs to validate on.")
    test: int = Field(500, ge=0, description="Photographs to test on, of other shapes on other backgrounds.")


class _LabelledData(_Section):
    classes: tuple[str, ...] = Field(
        (), description="The classes to learn; the name of one of `PRESETS` stands for its list; empty: all."
    )
    keep_empty: bool = Field(True, description="Whether images without objects of these classes are kept.")
    val_share: float = Field(0.1, ge=0, lt=1, description="Goes to validation where no image is meant for it.")
    test_share: float = Field(0.1, ge=0, lt=1, description="Goes to the test where no image is meant for it.")


class FolderData(_LabelledData):
    """A folder with images and labels in the form of COCO or YOLO; names of files and folders say the splits."""

    kind: Literal["folder"]
    path: str = Field(description="The folder.")


class CollectionData(_LabelledData):
    """The items of a collection, in the splits that their tags say."""

    kind: Literal["collection"]
    collection: str = Field(description="The collection's name.")
    query: str = Field("", description="Which of its items, in the query language; empty: all.")


class NetworkOptions(_Section):
    """The network."""

    name: str = Field("small", description="`small`: our own; else the name of one of torchvision's.")
    width: int = Field(320, ge=32, le=2048, multiple_of=16, description="Of its input, in pixels.")
    height: int = Field(240, ge=32, le=2048, multiple_of=16, description="Of its input, in pixels.")
    start: str = Field("", description="A file of weights to begin with; empty: from nothing.")


class Augmentation(_Section):
    """How pictures are changed before each step, so that none is seen twice alike."""

    mirror: bool = Field(True, description="Mirror half of them.")
    flip: bool = Field(True, description="Turn half of them upside down: right for what is seen from above.")
    colour: float = Field(0.25, ge=0, le=1, description="How far brightness, contrast and colours vary.")
    scale: float = Field(0.25, ge=0, lt=1, description="How far they are enlarged or reduced.")
    shift: float = Field(0.1, ge=0, le=0.5, description="How far they are moved, as a share of the sides.")


class Schedule(_Section):
    """How long, and in which steps."""

    epochs: float | None = Field(None, gt=0, description="Passes over the images; null: by `minutes`.")
    minutes: float = Field(30.0, gt=0, description="Length in minutes of processor time, if no epochs are given.")
    batch: int = Field(16, ge=1, le=4096, description="Images of a step.")
    learning_rate: float = Field(2e-3, gt=0, le=1, description="AdamW's, at its peak.")
    warm_up: float = Field(0.03, ge=0, lt=1, description="The share of the training in which it rises.")
    weight_decay: float = Field(0.05, ge=0, le=1, description="AdamW's.")
    averaging: float = Field(0.998, ge=0, lt=1, description="Decay of the moving average of the weights.")
    validate_epochs: float = Field(2.0, gt=0, description="Epochs from one validation to the next.")
    patience: int = Field(0, ge=0, description="Validations without a better result before it stops; 0: never early.")


class Recipe(_Section):
    """What is trained, on what, and how."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)] = "1"
    task: Task
    seed: int = Field(1, ge=0, description="Seeds the first weights, the batches and their changes.")
    precision: Literal["auto", "float32", "bfloat16"] = Field("auto", description="`auto`: bfloat16 where it is quick.")
    licence: str = Field("its owner's", description="The model's licence: an SPDX identifier, or in words.")
    data: DrawnData | FolderData | CollectionData = Field(discriminator="kind")
    network: NetworkOptions = NetworkOptions()
    augmentation: Augmentation = Augmentation()
    schedule: Schedule = Schedule()

    @property
    def digest(self) -> str:
        """The sha256 of all that decides the weights, but for the length: a longer training resumes a shorter one."""
        lengths = {"epochs", "minutes", "patience", "validate_epochs"}
        decisive = self.model_dump(
            mode="json", exclude={"name": True, "version": True, "licence": True, "schedule": lengths}
        )
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def included_recipes() -> dict[str, Path]:
    """The recipes of the package's own models, by name."""
    return {path.stem: path for path in sorted(Path(__file__).with_name("recipes").glob("*.toml"))}


def read_recipe(path: Path) -> Recipe:
    """Read a recipe: TOML, or JSON by the file's name.

    Raises:
        RecipeError: It cannot be read, or a field is missing, unknown or out of range.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        # As JSON: strict, but a list may stand for a tuple.
        return Recipe.model_validate_json(json.dumps(document, default=str))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise RecipeError(f"{path.name} is no recipe: {_describe(error)}") from None


def _describe(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return f"{' '.join(str(error).split())}."
    faults = error.errors()
    place = ".".join(str(part) for part in faults[0]["loc"]) or "the file"
    more = f" ({len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{place}: {faults[0]['msg']}{more}."
