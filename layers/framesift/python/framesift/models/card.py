"""Model cards: the metadata of the registry's models."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from framesift.errors import NotFoundError

CARD_FILE_NAME = "card.json"

_PathSegment = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]


Head = Literal["yolov5", "yolov8", "torchvision", "custom_vision", "custom_vision_s1"]


class DetectorForm(BaseModel):
    """Input and output of an object detector's ONNX file.

    Attributes:
        head: `yolov5`: (N, boxes, 5 + tags); `yolov8`: (N, 4 + tags, boxes); `torchvision`: boxes, labels and scores of
            one image; `custom_vision`: Custom Vision's export of General (compact), (N, anchors · (5 + tags), H, W);
            `custom_vision_s1`: that of General (compact) [S1], three outputs.
        tags: Its classes, by number. Class 0 of a torchvision detector is the background.
        width: Width of its input, pixels; a multiple of 32 for YOLO.
        height: Height of its input, likewise.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    head: Head
    tags: tuple[str, ...] = Field(min_length=1)
    width: Annotated[int, Field(ge=32, le=4096)]
    height: Annotated[int, Field(ge=32, le=4096)]


class ClassifierForm(BaseModel):
    """Input and output of a classifier's ONNX file.

    The first output has a score for each label; an output named `features`, if there is one, has the features from
    before the output layer.

    Attributes:
        labels: Its classes, by number.
        width: Width of its input, pixels.
        height: Height of its input, pixels.
        resize: What the short side is resized to before the middle is cut out; 0: the image is stretched to the input.
        mean: Of R, G and B, 0 to 1; subtracted from images, unless the network takes uint8.
        deviation: The same; images are divided by it.
        scores: What the first output has: probabilities, or logits, of which the softmax is taken.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    labels: tuple[str, ...] = Field(min_length=1)
    width: Annotated[int, Field(ge=16, le=4096)]
    height: Annotated[int, Field(ge=16, le=4096)]
    resize: Annotated[int, Field(ge=0, le=8192)] = 0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    deviation: tuple[float, float, float] = (1.0, 1.0, 1.0)
    scores: Literal["probabilities", "logits"] = "probabilities"


class ImageEncoderForm(BaseModel):
    """Input of a dual encoder's tower for images.

    Attributes:
        width: Width of its input, pixels.
        height: Height of its input, pixels.
        resize: What the short side is resized to before the middle is cut out; 0: the whole image is scaled to the
            input, without its aspect ratio.
        interpolation: How images are scaled.
        mean: Of R, G and B, 0 to 1; subtracted from images, unless the network takes uint8.
        deviation: The same; images are divided by it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    width: Annotated[int, Field(ge=16, le=4096)]
    height: Annotated[int, Field(ge=16, le=4096)]
    resize: Annotated[int, Field(ge=0, le=8192)] = 0
    interpolation: Literal["bilinear", "bicubic"] = "bicubic"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    deviation: tuple[float, float, float] = (1.0, 1.0, 1.0)


class TextEncoderForm(BaseModel):
    """Input of a dual encoder's tower for texts; the file's metadata holds its tokenizer.

    Attributes:
        max_tokens: Tokens of a text at most, those that the tokenizer adds at both ends included.
        padding: The token that shorter texts are filled up with.
        languages: The languages that it was trained with, by ISO 639-1; empty: not known.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    max_tokens: Annotated[int, Field(ge=4, le=8192)]
    padding: Annotated[int, Field(ge=0)] = 0
    languages: tuple[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")], ...] = ()


class ModelCard(BaseModel):
    """One version of one model: a single file, and how to use and get it.

    Attributes:
        name: The name that commands and settings use, such as `resnet50`.
        version: Changes whenever the file's outputs change.
        file: The file's name.
        sha256: The file's digest. `None` only if the file is built on the machine that needs it;
            the card beside a built file has the digest.
        size_bytes: The file's size; `None` as for `sha256`.
        licence: An SPDX identifier, and the licensor.
        source: The origin of the weights, for people.
        input: Shape, dtype, range and colour order of the input.
        output: The same of the output.
        dimension: Length of an output vector, for embedders.
        threshold: The cosine from which two outputs are duplicates, likewise.
        candidate_threshold: The lower cosine from which they are duplicates if the aligned images agree.
        runs_on_gpu: Whether a GPU computes it where the vision job has one, likewise.
        url: HTTPS URL of exactly this file, if its publisher hosts it.
        builder: `package.module:function` in this package that builds the file from what its publisher hosts:
            `(destination: Path) -> None`.
        builder_extra: The package extra that the builder needs.
        detector: Input and output, for object detectors.
        classifier: Input and output, for classifiers.
        image_encoder: Input, for a dual encoder's tower for images. Its tower for texts is the model `{name}-texts` of
            the same version.
        text_encoder: Input, for that one.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: _PathSegment
    version: _PathSegment
    file: _PathSegment
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    size_bytes: Annotated[int, Field(gt=0)] | None = None
    licence: str
    source: str
    input: str
    output: str
    dimension: Annotated[int, Field(gt=0)] | None = None
    threshold: Annotated[float, Field(ge=-1, le=1)] | None = None
    candidate_threshold: Annotated[float, Field(ge=-1, le=1)] | None = None
    runs_on_gpu: bool = False
    url: Annotated[str, Field(pattern=r"^https://")] | None = None
    builder: Annotated[str, Field(pattern=r"^framesift(\.\w+)+:\w+$")] | None = None
    builder_extra: str | None = None
    detector: DetectorForm | None = None
    classifier: ClassifierForm | None = None
    image_encoder: ImageEncoderForm | None = None
    text_encoder: TextEncoderForm | None = None

    @property
    def label(self) -> str:
        """`name@version`: how predictions and the folders of features name it."""
        return f"{self.name}@{self.version}"

    @property
    def folder(self) -> str:
        """`{name}/{version}`: the folder of its files, in a cache or below the bucket's `models/`."""
        return f"{self.name}/{self.version}"


@cache
def shipped_cards() -> dict[str, ModelCard]:
    """Read the cards that are included in the package, by name.

    A card is one JSON file in `framesift/models/cards/`; an included model has its file in
    `framesift/models/files/`.
    """
    folder = files("framesift.models") / "cards"
    texts = (entry.read_text("utf-8") for entry in folder.iterdir() if entry.name.endswith(".json"))
    cards = [ModelCard.model_validate_json(text) for text in texts]
    return {card.name: card for card in sorted(cards, key=lambda card: card.name)}


def shipped_card(name: str) -> ModelCard:
    """Return the card of that name.

    Raises:
        NotFoundError: There is none; the message lists those that exist.
    """
    try:
        return shipped_cards()[name]
    except KeyError:
        known = ", ".join(shipped_cards())
        raise NotFoundError(f"There is no model {name!r}: choose one of {known}.") from None


def read_card(path: Path) -> ModelCard | None:
    """Read a card from a file; `None` if the file does not exist."""
    try:
        return ModelCard.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
