"""A dual encoder as a folder of files, and how it is read and tried before it is added.

```
encoder.json     what the files take (`EncoderFolder`): written by `framesift models convert`, or by hand
images.onnx      the tower for images: `(N, H, W, 3)` uint8 or `(N, 3, H, W)` float to `(N, D)`
texts.onnx       the tower for texts: `(N, max_tokens)` int64, and maybe `attention_mask`, to `(N, D)`
tokenizer.json   its tokenizer, as the library `tokenizers` and most publishers' folders have it
```

The files are not trusted: the networks are loaded and tried in a process with limits (see `framesift.sandbox`).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from framesift.detection.onnx.added import AddedModel, inspect_network
from framesift.embedding.dual import TEXTS_SUFFIX, TOKENIZER_KEY, locate_file, read_tokenizer
from framesift.errors import NotAnEncoderError
from framesift.models.card import ImageEncoderForm, ModelCard, TextEncoderForm

ABOUT_FILE: Final = "encoder.json"
IMAGES_FILE: Final = "images.onnx"
TEXTS_FILE: Final = "texts.onnx"
TOKENIZER_FILE: Final = "tokenizer.json"

_WORKER = "framesift.embedding.add_worker"
_MAX_TOWER_BYTES = (1 << 31) - 1  # What a protobuf can hold.
_MAX_TOKENIZER_BYTES = 1 << 27
_MAX_ABOUT_BYTES = 1 << 20
_METADATA_FIELD = 14  # Of onnx.proto3's ModelProto.


class EncoderFolder(BaseModel):
    """What `encoder.json` says.

    Attributes:
        images: Input of the tower for images.
        texts: Input of the tower for texts.
        licence: Of the weights.
        source: Where they come from, for people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: ImageEncoderForm
    texts: TextEncoderForm
    licence: str = "its owner's"
    source: str = "ONNX files"


def write_about(folder: Path, about: EncoderFolder) -> None:
    """Write a folder's `encoder.json`."""
    (folder / ABOUT_FILE).write_text(about.model_dump_json(indent=2), encoding="utf-8")


def read_encoder(folder: Path, name: str, *, version: str = "") -> tuple[AddedModel, AddedModel]:
    """Read and try a dual encoder, and make the cards of its towers.

    Args:
        folder: Has the four files.
        name: The model's name.
        version: Its version; by default the files' digest.

    Returns:
        The tower for images, and that for texts, whose name ends in `-texts`.

    Raises:
        NotAnEncoderError: A file is missing, damaged or too large, or the towers do not fit each other.
        ExternalDataError: A network's weights are in other files.
        RowCountError: A network gives other than one row for each input.
        ModelTooCostlyError: A network takes more memory or time than its size justifies.
    """
    about = _read_about(folder)
    tokenizer = _read_file(folder, TOKENIZER_FILE, _MAX_TOKENIZER_BYTES)
    if read_tokenizer(tokenizer.decode("utf-8", "replace"), TOKENIZER_FILE).get_vocab_size() <= about.texts.padding:
        raise NotAnEncoderError(f"{folder / ABOUT_FILE}: the tokenizer has no token {about.texts.padding} for padding.")
    images = _read_file(folder, IMAGES_FILE, _MAX_TOWER_BYTES)
    texts = add_metadata(_read_file(folder, TEXTS_FILE, _MAX_TOWER_BYTES), TOKENIZER_KEY, tokenizer)
    form = about.images.model_dump(mode="json")
    dimension = inspect_network(_WORKER, images, file_name=IMAGES_FILE, part="images", form=form)["dimension"]
    form = about.texts.model_dump(mode="json")
    other = inspect_network(_WORKER, texts, file_name=TEXTS_FILE, part="texts", form=form)["dimension"]
    if dimension != other:
        raise NotAnEncoderError(
            f"{folder.name}: images become {dimension} numbers and texts {other}: the files are of different encoders."
        )
    version = version or hashlib.sha256(images + texts).hexdigest()[:12]
    try:
        return (
            AddedModel(_card(about, name, version, images, dimension, is_texts=False), images),
            AddedModel(_card(about, f"{name}{TEXTS_SUFFIX}", version, texts, dimension, is_texts=True), texts),
        )
    except ValidationError as error:
        fault = error.errors()[0]
        raise NotAnEncoderError(f"{folder.name} cannot be added: {fault['loc'][-1]}: {fault['msg']}.") from error


def add_metadata(network: bytes, key: str, value: bytes) -> bytes:
    """Add an entry to an ONNX file's metadata.

    A message of Protocol Buffers that another one follows is the two merged, so that nothing need be parsed.
    """
    entry = _field(1, key.encode()) + _field(2, value)
    return network + _field(_METADATA_FIELD, entry)


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _card(about: EncoderFolder, name: str, version: str, data: bytes, dimension: int, *, is_texts: bool) -> ModelCard:
    form = about.images
    takes = f"a text of at most {about.texts.max_tokens} tokens"
    return ModelCard(
        name=name,
        version=version,
        file="model.onnx",
        sha256=hashlib.sha256(data).hexdigest(),
        size_bytes=len(data),
        licence=about.licence,
        source=about.source,
        input=takes if is_texts else f"an image in {form.width} × {form.height} pixels",
        output=f"a vector of {dimension} numbers",
        dimension=dimension,
        image_encoder=None if is_texts else about.images,
        text_encoder=about.texts if is_texts else None,
    )


def _read_about(folder: Path) -> EncoderFolder:
    data = _read_file(folder, ABOUT_FILE, _MAX_ABOUT_BYTES)
    try:
        return EncoderFolder.model_validate_json(data)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise NotAnEncoderError(f"{folder / ABOUT_FILE}: {where or 'JSON'}: {fault['msg']}.") from error


def _read_file(folder: Path, name: str, max_bytes: int) -> bytes:
    path = locate_file(folder, name)
    if path.stat().st_size > max_bytes:
        raise NotAnEncoderError(f"{path} has more than {max_bytes:,} bytes, which is too large.")
    return path.read_bytes()
