"""Dual encoders from ONNX files: a tower for images and one for texts, each with a card of its own.

The tower for texts carries its tokenizer in the file's metadata (`TOKENIZER_KEY`), in the form of the library
`tokenizers`, which needs no network. It is the model `{name}-texts` of the same version as `{name}`. Needs
`framesift[encoders]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from framesift.errors import (
    ModelMismatchError,
    ModelMissingError,
    NotAnEncoderError,
    NoTextEncoderError,
    NotFoundError,
    TextTooLongError,
)
from framesift.models import Model, ModelRegistry
from framesift.models.card import ImageEncoderForm, TextEncoderForm
from framesift.vision.decode import RgbImage
from framesift.vision.image_model import Look, Prepared, to_features
from framesift.vision.inputs import InputForm, normalise_planes, prepare_input
from framesift.vision.onnx_session import OnnxNetwork

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TEXTS_SUFFIX: Final = "-texts"
"""What the name of a tower for texts has beyond that of its tower for images."""
TOKENIZER_KEY: Final = "tokenizer.json"
"""Where the metadata of a tower for texts has its tokenizer."""

_IMAGES_AT_ONCE = 16
_TEXTS_AT_ONCE = 32
_SHOWN_CHARS = 40


class ImageTower:
    """The tower for images; see `ImageModel`: it gives features and predicts nothing.

    Args:
        model: The registry's model.
        batch: Images per run of the network.
        threads: Threads of one run; 0: one per core.
        exact: Compute in float32 in any case.

    Raises:
        NotAnEncoderError: The model's card describes no tower for images.
    """

    def __init__(self, model: Model, *, batch: int = _IMAGES_AT_ONCE, threads: int = 0, exact: bool = False) -> None:
        if model.card.image_encoder is None or model.card.dimension is None:
            raise NotAnEncoderError(f"The model {model.card.name} is no dual encoder's tower for images.")
        self.name = model.card.label
        self.dimension = model.card.dimension
        self._form = model.card.image_encoder
        self.input_form = input_form(self._form)
        self._network = OnnxNetwork(model.path, threads=threads, exact=exact)
        self._batch = self._network.batch_size or batch
        self.device = self._network.device

    def look(self, images: Sequence[Prepared], *, min_score: float, max_predictions: int) -> list[Look]:
        """See `ImageModel.look`."""
        del min_score, max_predictions
        rows = self.encode(np.concatenate([image.pixels for image in images])) if images else ()
        return [Look([], to_features(row)) for row in rows]

    def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Turn `(N, height, width, 3)` uint8 RGB in `input_form` into `(N, dimension)` float32 of length 1."""
        parts = [self._run(pixels[start : start + self._batch]) for start in range(0, len(pixels), self._batch)]
        return _join(parts, self.dimension, self.name)

    def _run(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        count, missing = len(pixels), self._network.batch_size - len(pixels)
        if missing > 0:  # A batch that is fixed is filled up.
            pixels = np.concatenate([pixels, np.repeat(pixels[-1:], missing, axis=0)])
        batch: NDArray[Any] = pixels
        if not self._network.takes_uint8:
            batch = normalise_planes(pixels, self._form.mean, self._form.deviation)
        return _vectors(self._network.run_all(batch))[:count]


class TextTower:
    """The tower for texts.

    Args:
        model: The registry's model.
        threads: Threads of one run; 0: one per core.

    Raises:
        NotAnEncoderError: The model's card describes no tower for texts, or its file has no tokenizer.
    """

    def __init__(self, model: Model, *, threads: int = 0) -> None:
        if model.card.text_encoder is None or model.card.dimension is None:
            raise NotAnEncoderError(f"The model {model.card.name} is no dual encoder's tower for texts.")
        self.name = model.card.label
        self.dimension = model.card.dimension
        self._form = model.card.text_encoder
        # In float32: a query is one text, and its vector decides about every hit.
        self._network = OnnxNetwork(model.path, threads=threads, exact=True)
        self._tokenizer = read_tokenizer(self._network.metadata.get(TOKENIZER_KEY, ""), model.path.name)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Turn N texts into `(N, dimension)` float32 of length 1.

        Raises:
            TextTooLongError: A text has more tokens than the tower takes.
        """
        tokens = [self.tokenize(text) for text in texts]
        parts = []
        for start in range(0, len(tokens), _TEXTS_AT_ONCE):
            some = tokens[start : start + _TEXTS_AT_ONCE]
            parts.append(_vectors(self._network.run_named(fill_up(some, self._form, self._network.inputs))))
        return _join(parts, self.dimension, self.name)

    def tokenize(self, text: str) -> list[int]:
        """The numbers of a text's tokens, those at both ends included.

        Raises:
            TextTooLongError: There are more than the tower takes.
        """
        found: list[int] = self._tokenizer.encode(text).ids
        if len(found) > self._form.max_tokens:
            shown = text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
            raise TextTooLongError(
                f"{shown!r} has {len(found)} tokens (pieces of words), and {self.name} takes at most "
                f"{self._form.max_tokens}: shorten it."
            )
        return found


class OnnxEncoder:
    """A dual encoder of the registry; see `Encoder`.

    Args:
        name: `name@version`, as the vectors of items are kept under.
        dimension: Length of a vector.
        registry: Where the towers come from, each when it is first used.
        threads: Threads of one run; 0: one per core.
        exact: Compute the vectors of images in float32 in any case.
    """

    def __init__(
        self, name: str, dimension: int, registry: ModelRegistry, threads: int = 0, *, exact: bool = False
    ) -> None:
        self.name = name
        self.dimension = dimension
        self._registry = registry
        self._threads = threads
        self._exact = exact

    def encode_images(self, images: Sequence[RgbImage]) -> NDArray[np.float32]:
        """See `Encoder.encode_images`."""
        if not images:
            return np.zeros((0, self.dimension), np.float32)
        tower = self._images
        return tower.encode(np.concatenate([prepare_input(image, tower.input_form) for image in images]))

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See `Encoder.encode_texts`."""
        return self._texts.encode(texts)

    @cached_property
    def _images(self) -> ImageTower:
        return ImageTower(self._registry.resolve(self.name), threads=self._threads, exact=self._exact)

    @cached_property
    def _texts(self) -> TextTower:
        name, _, version = self.name.partition("@")
        try:
            model = self._registry.resolve(f"{name}{TEXTS_SUFFIX}@{version}")
        except (NotFoundError, ModelMissingError):
            raise NoTextEncoderError(
                f"{self.name} cannot read texts, since its tower for them is not there: add both with `framesift "
                f"models add FOLDER --name {name} --version {version}` (docs/guides/encoders.md)."
            ) from None
        tower = TextTower(model, threads=self._threads)
        if tower.dimension != self.dimension:
            raise ModelMismatchError(
                f"The towers of {self.name} make vectors of {self.dimension} and {tower.dimension} numbers: add them "
                "again, together."
            )
        return tower


def open_encoder(name: str, registry: ModelRegistry, threads: int = 0) -> OnnxEncoder:
    """Open a dual encoder; its files are read when they are first used.

    Args:
        name: Of its tower for images: `name@version`, or the name of a model that the package includes.
        registry: Where models come from.
        threads: Threads of one run; 0: one per core.

    Raises:
        NotFoundError: There is no such model.
        NotAnEncoderError: It is no dual encoder's tower for images.
    """
    card = registry.card(name)
    if card.image_encoder is None or card.dimension is None:
        raise NotAnEncoderError(f"The model {card.label} is no dual encoder: it knows images alone.")
    return OnnxEncoder(card.label, card.dimension, registry, threads)


def input_form(form: ImageEncoderForm) -> InputForm:
    """How images are prepared for a tower."""
    return InputForm(
        way="crop" if form.resize else "scale",
        width=form.width,
        height=form.height,
        resize=form.resize,
        interpolation=form.interpolation,
    )


def read_tokenizer(text: str, file_name: str) -> Tokenizer:
    """Read a tokenizer from its JSON; it cuts nothing off, and fills nothing up.

    Raises:
        NotAnEncoderError: It is none.
    """
    from tokenizers import Tokenizer

    if not text:
        raise NotAnEncoderError(
            f"{file_name} has no tokenizer: put the model's tokenizer.json beside it, and add it again."
        )
    try:
        tokenizer = Tokenizer.from_str(text)
    except Exception as error:  # noqa: BLE001 - the library raises bare Exceptions.
        raise NotAnEncoderError(f"The tokenizer of {file_name} cannot be read: {error}") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def fill_up(
    tokens: Sequence[Sequence[int]], form: TextEncoderForm, inputs: Sequence[str]
) -> dict[str, NDArray[np.int64]]:
    """Make the inputs of a tower for texts: `(N, max_tokens)` int64 numbers of tokens, and where they are no padding.

    Args:
        tokens: N lists of at most `form.max_tokens` numbers.
        form: The input's form.
        inputs: The names of the network's inputs: the tokens', and maybe `attention_mask`.
    """
    filled = np.full((len(tokens), form.max_tokens), form.padding, np.int64)
    mask = np.zeros_like(filled)
    for row, numbers in enumerate(tokens):
        filled[row, : len(numbers)] = numbers
        mask[row, : len(numbers)] = 1
    return {name: mask if name == "attention_mask" else filled for name in inputs}


def locate_file(folder: Path, name: str) -> Path:
    """A file of an encoder's folder.

    Raises:
        NotAnEncoderError: It is not there.
    """
    path = folder / name
    if not path.is_file():
        raise NotAnEncoderError(f"{folder} has no {name}: `framesift models convert` makes a folder that has all.")
    return path


def _vectors(outputs: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """The vectors among a network's outputs: the only output, or the one that is called so."""
    for name in ("vectors", "image_embeds", "text_embeds", "pooler_output"):
        if name in outputs:
            return outputs[name]
    return next(iter(outputs.values()))


def _join(parts: Sequence[NDArray[Any]], dimension: int, name: str) -> NDArray[np.float32]:
    rows = np.concatenate(parts).astype(np.float32, copy=False) if parts else np.zeros((0, dimension), np.float32)
    if rows.ndim != 2 or rows.shape[1] != dimension:
        raise ModelMismatchError(f"{name} gives vectors of the shape {rows.shape[1:]}, its card says {dimension}.")
    unit: NDArray[np.float32] = rows / np.maximum(
        np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float32).tiny
    )
    return unit
