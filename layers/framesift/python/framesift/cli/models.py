"""Model files: list, download, verify, add."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from framesift.cli import copydetect
from framesift.cli.connection import StackOption, connect
from framesift.cli.console import errors, output, print_text, safe_text
from framesift.cli.tables import Cell, Column, show_table
from framesift.errors import EmbeddedAwsDownError, ExtraMissingError, ModelError, ModelMismatchError, NotFoundError
from framesift.models import (
    BucketOrigin,
    ModelCard,
    ModelRegistry,
    default_cache_dir,
    open_registry,
    shipped_cards,
)
from framesift.models.card import Head

if TYPE_CHECKING:
    from framesift.detection.onnx.added import AddedModel

AnyHead: TypeAlias = Literal[Head, "classifier"]

app = typer.Typer(no_args_is_help=True)
app.command()(copydetect.train)
app.command()(copydetect.evaluate)

CacheOption = Annotated[
    Path | None, typer.Option("--cache", help="The folder of model files; the user's cache by default.")
]


@app.command("list")
def list_models(
    cache: CacheOption = None,
    json_: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    stack: StackOption = "",
) -> None:
    """List the models of the package and of the bucket, and which are on this machine."""
    registry = open_registry(cache or default_cache_dir())
    rows = [(card.name, card, _is_here(registry, card.name)) for card in shipped_cards().values()]
    rows += [(card.folder, card, _is_here(registry, card.folder)) for card in _added(stack)]
    if json_:
        cards = [{**card.model_dump(mode="json"), "model": name, "here": here} for name, card, here in rows]
        output.print_json(json.dumps(cards))
        return
    show_table(
        (
            Column("model", keep=True),
            Column("version"),
            Column("here"),
            Column("licence"),
            Column("output", priority=0),
        ),
        [
            (name, card.version, Cell("yes", "green") if here else "no", card.licence, card.output)
            for name, card, here in rows
        ],
    )


def _added(stack: str) -> list[ModelCard]:
    """The models that `models add` put into the bucket."""
    try:
        store = connect(stack).store
    except EmbeddedAwsDownError:
        errors.print("Without --stack or a running embedded AWS, only the package's models are listed.")
        return []
    shipped = {card.folder for card in shipped_cards().values()}
    return [card for card in BucketOrigin(store).cards() if card.folder not in shipped]


def _is_here(registry: ModelRegistry, name: str) -> bool:
    try:
        registry.resolve(name)
    except (ModelError, NotFoundError):
        return False
    return True


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="A model that `framesift models list` shows.")],
    cache: CacheOption = None,
    to_bucket: Annotated[bool, typer.Option(help="Also put it into the bucket, where jobs find it.")] = False,
    stack: StackOption = "",
) -> None:
    """Download a model's file from its publisher, or build it from there, and verify it."""
    model = open_registry(cache or default_cache_dir(), public=True).resolve(name)
    print_text(f"{model.card.folder}: {model.path}")
    if to_bucket:
        connection = connect(stack)
        BucketOrigin(connection.store).push(model.card, model.path.read_bytes())
        output.print(
            f"In the bucket: s3://{connection.bucket}/models/{model.card.folder}/", highlight=False, soft_wrap=True
        )


@app.command()
def add(
    file: Annotated[
        Path,
        typer.Argument(exists=True, help="Custom Vision's zip, an ONNX file, or a folder that `models convert` made."),
    ],
    name: Annotated[str, typer.Option(help="The model's name.")],
    version: Annotated[str, typer.Option(help="By default the iteration's id, or the file's digest, shortened.")] = "",
    head: Annotated[
        AnyHead | None, typer.Option(help="How a detector's outputs are read, or `classifier`; a zip needs none.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="Its tags, in the order of its classes; a zip has them.")
    ] = None,
    size: Annotated[int, typer.Option(help="The side of its input, pixels, if the file leaves it open.")] = 0,
    resize: Annotated[
        int, typer.Option(help="Of a classifier: the short side before the middle is cut out; 0: stretch the image.")
    ] = 0,
    imagenet: Annotated[
        bool,
        typer.Option("--imagenet", help="Of a classifier: it takes images less ImageNet's mean, by its deviation."),
    ] = False,
    licence: Annotated[str, typer.Option(help="Its licence: an SPDX identifier, or in words.")] = "its owner's",
    stack: StackOption = "",
) -> None:
    """Put your own detector, classifier or dual encoder into the bucket, where jobs find it."""
    if file.is_dir():
        _add_encoder(file, name, version, stack)
        return
    if head == "classifier":
        from framesift.classification.added import read_classifier

        added = read_classifier(
            file, name, labels=tag or (), version=version, size=size, resize=resize, imagenet=imagenet, licence=licence
        )
    else:
        from framesift.detection.onnx.added import read_detector

        added = read_detector(file, name, version=version, head=head, tags=tag or (), size=size, licence=licence)
    connection = connect(stack)
    _push(BucketOrigin(connection.store), added)
    output.print(safe_text(_how_to_use(added.card)), highlight=False, markup=False, soft_wrap=True)


@app.command()
def convert(
    checkpoint: Annotated[
        Path,
        typer.Argument(exists=True, help="A file of open_clip's, or a folder that Hugging Face's transformers made."),
    ],
    folder: Annotated[Path, typer.Argument(help="What to write: `framesift models add` takes it.")],
    architecture: Annotated[str, typer.Option(help="Of open_clip's file: ViT-B-32, for example.")] = "",
    language: Annotated[
        list[str] | None, typer.Option(help="A language of its texts, such as en or ko; repeat it for each.")
    ] = None,
    licence: Annotated[str, typer.Option(help="Its licence: an SPDX identifier, or in words.")] = "its owner's",
) -> None:
    """Turn a checkpoint of CLIP, SigLIP or another dual encoder into ONNX files."""
    try:
        from framesift.embedding.checkpoints import convert_checkpoint
    except ImportError as error:
        raise ExtraMissingError(
            f"Converting a checkpoint needs more packages: pip install 'framesift[checkpoints]' ({error})."
        ) from error
    with errors.status("Converting …"):
        convert_checkpoint(checkpoint, folder, architecture=architecture, licence=licence, languages=language or ())
    print_text(f"{folder}: put it into the bucket with `framesift models add '{folder}' --name NAME`.")


def _add_encoder(folder: Path, name: str, version: str, stack: str) -> None:
    from framesift.embedding.folder import read_encoder

    towers = read_encoder(folder, name, version=version)
    bucket = BucketOrigin(connect(stack).store)
    for tower in towers:
        _push(bucket, tower)
    label = towers[0].card.label
    print_text(f"{label} encodes images and texts. Name it among a collection's models, then search by text.")


def _how_to_use(card: ModelCard) -> str:
    if card.detector is None:
        labels = card.classifier.labels if card.classifier else ()
        return f"{card.label} tells apart {', '.join(labels)}. Name it among a collection's models."
    return (
        f"{card.folder} detects {', '.join(card.detector.tags)}. To "
        f"predict with it: FRAMESIFT_DETECTION__PROVIDER=onnx FRAMESIFT_DETECTION__MODEL={card.folder}"
    )


def _push(bucket: BucketOrigin, added: AddedModel) -> None:
    """A version never changes: caches would not notice."""
    there = bucket.card(added.card.folder)
    if there is not None and there.sha256 != added.card.sha256:
        raise ModelMismatchError(f"The bucket has another file as {added.card.folder}: choose another --version.")
    bucket.push(added.card, added.data)
