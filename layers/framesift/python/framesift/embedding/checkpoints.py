"""Turns checkpoints of dual encoders into what `framesift models add` takes: a folder with both towers as ONNX files.

A checkpoint is a file of open_clip's with the name of its architecture, or a folder as Hugging Face's transformers
save models. Needs `framesift[checkpoints]`. The towers are traced by torch's exporter; images are normalised in the
graph, so the tower for images takes uint8. Weights are never unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from framesift.embedding.folder import IMAGES_FILE, TEXTS_FILE, TOKENIZER_FILE, EncoderFolder, write_about
from framesift.errors import ExtraMissingError, FramesiftError, NotACheckpointError
from framesift.models.card import ImageEncoderForm, TextEncoderForm

_OPSET: Final = 18
# Pillow's numbers of its filters, which Hugging Face's files name.
_FILTERS: Final = {2: "bilinear", 3: "bicubic"}
# What a text is split into before its pieces are merged: https://arxiv.org/abs/2103.00020 and its published tokenizer.
_CLIP_PIECES: Final = r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"


@dataclass(frozen=True)
class Checkpoint:
    """A dual encoder in torch.

    Attributes:
        images: `(N, 3, height, width)` float32, less the mean, by the deviation, to `(N, D)`.
        texts: `(N, max_tokens)` int64 to `(N, D)`.
        image_form: How images are prepared.
        text_form: How texts are.
        tokenizer: In the form of the library `tokenizers`.
        source: Where it comes from, for people.
    """

    images: torch.nn.Module
    texts: torch.nn.Module
    image_form: ImageEncoderForm
    text_form: TextEncoderForm
    tokenizer: str
    source: str


def convert_checkpoint(
    source: Path,
    destination: Path,
    *,
    architecture: str = "",
    licence: str = "its owner's",
    languages: Sequence[str] = (),
) -> EncoderFolder:
    """Turn a checkpoint into a folder of ONNX files.

    Args:
        source: A file of weights (`.safetensors`, or `.pt` as open_clip saves it), or a folder of Hugging Face's.
        destination: The folder to write; made if it is not there.
        architecture: Of a file: open_clip's name of the network, such as `ViT-B-32`.
        licence: Of the weights: an SPDX identifier, or in words.
        languages: That the tower for texts was trained with, by ISO 639-1.

    Returns:
        What the folder says of itself.

    Raises:
        NotACheckpointError: It is none, or not of that architecture.
        ExtraMissingError: Converting needs `framesift[checkpoints]`.
    """
    with _explained(source):
        read = read_folder(source) if source.is_dir() else read_open_clip(source, architecture)
        text_form = read.text_form.model_copy(update={"languages": tuple(languages)})
        destination.mkdir(parents=True, exist_ok=True)
        _write_images(read, destination / IMAGES_FILE)
        _write_texts(read, destination / TEXTS_FILE)
    (destination / TOKENIZER_FILE).write_text(read.tokenizer, encoding="utf-8")
    about = EncoderFolder(images=read.image_form, texts=text_form, licence=licence, source=read.source)
    write_about(destination, about)
    return about


def read_open_clip(weights: Path, architecture: str) -> Checkpoint:
    """Read a checkpoint of open_clip's.

    Raises:
        NotACheckpointError: open_clip knows no such architecture.
    """
    import open_clip

    if architecture not in open_clip.list_models():
        raise NotACheckpointError(
            f"{architecture!r} is no architecture of open_clip: name that of {weights.name} with --architecture, such "
            "as ViT-B-32 or ViT-B-16-SigLIP."
        )
    model = open_clip.create_model(architecture, pretrained=str(weights)).float().eval()
    shown = model.visual.preprocess_cfg
    height, width = _pair(shown["size"])
    return Checkpoint(
        images=_Method(model, "encode_image"),
        texts=_Method(model, "encode_text"),
        image_form=ImageEncoderForm(
            width=width,
            height=height,
            resize=0 if shown["resize_mode"] == "squash" else min(width, height),
            interpolation=shown["interpolation"],
            mean=tuple(shown["mean"]),
            deviation=tuple(shown["std"]),
        ),
        text_form=TextEncoderForm(max_tokens=model.context_length, padding=_padding(architecture)),
        tokenizer=_open_clip_tokenizer(architecture),
        source=f"open_clip's {architecture}",
    )


def read_folder(folder: Path) -> Checkpoint:
    """Read a model that Hugging Face's transformers have saved: CLIP, SigLIP, and what has the same methods.

    Raises:
        NotACheckpointError: The model is no dual encoder.
    """
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(str(folder), local_files_only=True, use_safetensors=True).float().eval()
    if not (hasattr(model, "get_image_features") and hasattr(model, "get_text_features")):
        raise NotACheckpointError(f"{folder.name} is a {type(model).__name__}, which is no dual encoder.")
    tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    shown = json.loads((folder / "preprocessor_config.json").read_text("utf-8"))
    size = shown["size"] if isinstance(shown["size"], dict) else {"shortest_edge": shown["size"]}
    crops = shown.get("do_center_crop", False)
    height, width = _sides(shown.get("crop_size", size) if crops else size)
    return Checkpoint(
        images=_Method(model, "get_image_features"),
        texts=_Method(model, "get_text_features"),
        image_form=ImageEncoderForm(
            width=width,
            height=height,
            resize=size.get("shortest_edge", 0) if crops else 0,
            interpolation=_FILTERS.get(shown.get("resample", 3), "bicubic"),
            mean=tuple(shown["image_mean"]),
            deviation=tuple(shown["image_std"]),
        ),
        text_form=TextEncoderForm(
            max_tokens=model.config.text_config.max_position_embeddings, padding=tokenizer.pad_token_id or 0
        ),
        tokenizer=tokenizer.backend_tokenizer.to_str(),
        source=f"Hugging Face's {type(model).__name__}",
    )


def make_clip_tokenizer() -> str:
    """CLIP's byte-pair encoding, of the vocabulary that open_clip includes, as the library `tokenizers` writes it."""
    from open_clip.tokenizer import SimpleTokenizer
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    theirs = SimpleTokenizer()
    merges = sorted(theirs.bpe_ranks, key=theirs.bpe_ranks.__getitem__)
    tokenizer = Tokenizer(models.BPE(vocab=theirs.encoder, merges=merges, end_of_word_suffix="</w>"))
    quotes = [normalizers.Replace(Regex("[‘’]"), "'"), normalizers.Replace(Regex("[“”]"), '"')]
    spaces = normalizers.Replace(Regex(r"\s+"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), *quotes, spaces, normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_CLIP_PIECES), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    ends = ("<start_of_text>", "<end_of_text>")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{ends[0]} $A {ends[1]}", special_tokens=[(end, theirs.encoder[end]) for end in ends]
    )
    text: str = tokenizer.to_str()
    return text


def _open_clip_tokenizer(architecture: str) -> str:
    import open_clip
    from open_clip.tokenizer import SimpleTokenizer

    theirs = open_clip.get_tokenizer(architecture)
    if isinstance(theirs, SimpleTokenizer):
        return make_clip_tokenizer()
    text: str = theirs.tokenizer.backend_tokenizer.to_str()
    return text


def _padding(architecture: str) -> int:
    import open_clip

    theirs = getattr(open_clip.get_tokenizer(architecture), "tokenizer", None)
    return getattr(theirs, "pad_token_id", None) or 0


def _write_images(read: Checkpoint, path: Path) -> None:
    form = read.image_form
    shape = (2, form.height, form.width, 3)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    _export(_Normalised(read.images, form), pixels, path, "images")


def _write_texts(read: Checkpoint, path: Path) -> None:
    tokens = torch.full((2, read.text_form.max_tokens), read.text_form.padding, dtype=torch.int64)
    tokens[:, 0] = 1
    _export(read.texts, tokens, path, "tokens")


def _export(module: torch.nn.Module, example: torch.Tensor, path: Path, name: str) -> None:
    with torch.inference_mode():
        torch.onnx.export(
            module.eval(),
            (example,),
            str(path),
            input_names=[name],
            output_names=["vectors"],
            dynamic_shapes=({0: torch.export.Dim("count", min=1)},),
            opset_version=_OPSET,
            external_data=False,
            dynamo=True,
            verbose=False,
        )


class _Method(torch.nn.Module):
    """One method of a model as a network of its own, its vectors of length 1."""

    def __init__(self, model: torch.nn.Module, name: str) -> None:
        super().__init__()
        self.model, self.name = model, name

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        found = getattr(self.model, self.name)(inputs)
        rows = found if isinstance(found, torch.Tensor) else found.pooler_output
        return torch.nn.functional.normalize(rows, dim=-1)


class _Normalised(torch.nn.Module):
    """A tower for images that takes `(N, H, W, 3)` uint8."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, tower: torch.nn.Module, form: ImageEncoderForm) -> None:
        super().__init__()
        self.tower = tower
        self.register_buffer("mean", 255 * torch.tensor(form.mean).reshape(1, 3, 1, 1))
        self.register_buffer("deviation", 255 * torch.tensor(form.deviation).reshape(1, 3, 1, 1))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        vectors: torch.Tensor = self.tower((pixels.permute(0, 3, 1, 2).float() - self.mean) / self.deviation)
        return vectors


def _pair(size: Any) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def _sides(size: Any) -> tuple[int, int]:
    """Height and width of what Hugging Face's files call a size."""
    if isinstance(size, int):
        return size, size
    side = size.get("shortest_edge", 0)
    return size.get("height", side), size.get("width", side)


@contextmanager
def _explained(source: Path) -> Iterator[None]:
    """Name what a foreign loader's error is about."""
    try:
        yield
    except ImportError as error:
        raise ExtraMissingError(
            f"Converting a checkpoint needs more packages: pip install 'framesift[checkpoints]' ({error})."
        ) from error
    except FramesiftError:
        raise
    except Exception as error:
        raise NotACheckpointError(f"{source.name} cannot be converted: {' '.join(str(error).split())[:500]}") from error
