"""`framesift local run images`: a collection of photographs and drawn parts, looked at, searched and exported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from framesift.cli.batches import add
from framesift.cli.connection import DATA_DIR, Connection
from framesift.cli.console import output, print_text
from framesift.contracts import Annotation, Box, MetadataValue
from framesift.opened import OpenCollection
from framesift.settings import load_settings
from framesift.synthetic.parts import HEIGHT, WIDTH, PartPhoto, draw_part
from framesift.synthetic.vocabulary import GOOD, PartSpec, choose_parts
from framesift_local.standins.clipsite.edits import apply
from framesift_local.standins.clipsite.photos import Image, photographs

COLLECTION = "parts"
DEFAULT_IMAGES = 640
QUERIES = {
    "label:scratch meta.severity>=0.5": "deep scratches",
    "meta.material:rust -label:good": "rusty parts with a defect",
    "긁힌 볼트": "scratched bolts, in the words of their Korean captions",
}
"""What a person would ask first."""
EXPORTED = "has:annotation -label:good"

_SEED = 2026
_PHOTOGRAPHS_SHARE = 5  # One image in so many is a photograph.
_EDITS = ("crop", "colour", "resize", "mirror")
_WRITERS = (".jpg", ".jpg", ".jpg", ".png", ".webp")
_DRAWING_THREADS = 2


@dataclass(frozen=True)
class Made:
    """An image that was made, and what is known about it.

    Attributes:
        name: Its path below the folder.
        fields: Fields for its item in the catalog.
        annotations: What is in it.
    """

    name: str
    fields: dict[str, MetadataValue]
    annotations: list[Annotation]


def make_collection(connection: Connection, count: int) -> None:
    """Make images, add them to a collection, wait for its run, and show what a person would do next.

    Args:
        connection: Where the run takes place.
        count: Images: photographs, edits of them, and parts with and without defects.
    """
    folder = DATA_DIR / "images" / str(count)
    with output.status(f"Drawing {count} images …"):
        made = make_images(folder, count)
    print_text(f"{len(made)} images are in {folder.resolve()}: photographs with edits of them, and drawn parts.")
    add(COLLECTION, [str(folder)])
    opened = OpenCollection(COLLECTION, connection.store, connection.records, load_settings().catalog)
    record_truth(opened, made)
    show_next_steps(connection, opened)


def make_images(folder: Path, count: int) -> list[Made]:
    """Make images in a folder; those of an earlier call are taken as they are.

    Args:
        folder: Where they lie, below `parts/` and `photographs/`.
        count: How many.

    Returns:
        What is known about each; photographs have no fields and no annotations.
    """
    notes = folder.with_suffix(".jsonl")
    if notes.exists():
        return [_read_note(line) for line in notes.read_text(encoding="utf-8").splitlines()]
    photos = list(islice(choose_photographs(), count // _PHOTOGRAPHS_SHARE))
    specs = list(islice(choose_parts(_SEED), count - len(photos)))
    with ThreadPoolExecutor(_DRAWING_THREADS) as pool:
        made = [*pool.map(lambda pair: _make_part(folder, *pair), enumerate(specs))]
        made += pool.map(lambda photo: _make_photograph(folder, *photo), photos)
    lines = (
        {"name": each.name, "fields": each.fields, "annotations": [a.model_dump(mode="json") for a in each.annotations]}
        for each in made
    )
    # Written last, and in one step: an interrupted call draws all anew.
    partial = notes.with_suffix(".partial")
    partial.write_text("".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines), encoding="utf-8")
    partial.replace(notes)
    return made


def record_truth(opened: OpenCollection, made: list[Made]) -> None:
    """Record what was drawn, as a person would who imports a table and its annotations."""
    known = {each.name: each for each in made if each.annotations}
    found = {item.id: known[name] for item in opened.query("name:parts/*") for name in item.names if name in known}
    opened.set_each({item_id: each.fields for item_id, each in found.items()})
    opened.log.set_annotations({item_id: each.annotations for item_id, each in found.items()}, opened.by)


def show_next_steps(connection: Connection, opened: OpenCollection) -> None:
    """Ask three queries, export what a fourth finds, and say where everything is."""
    print_text("")
    print_text(f"{opened.count()} images are in the collection {COLLECTION}. What a person would ask next:")
    for query, meaning in QUERIES.items():
        print_text(f"{opened.count(query):>6}  {meaning}: framesift collection query {COLLECTION} '{query}'")
    path = DATA_DIR / "exports" / "defects-coco.zip"
    summary = opened.export(EXPORTED, "coco", path)
    print_text("")
    print_text(f"{summary.items} images with {summary.boxes} boxes around defects, as COCO: {path.resolve()}")
    print_text(f"  again: framesift collection export {COLLECTION} '{EXPORTED}' --format coco -o defects.zip")
    print_text(f"originals: {DATA_DIR.resolve() / 's3' / connection.bucket / 'collections' / COLLECTION / 'originals'}")
    print_text("docs/guides/collections.md walks through what else there is.")


def _make_part(folder: Path, number: int, spec: PartSpec) -> Made:
    photo = draw_part(spec)
    name = f"parts/{spec.shape}-{number:04}{_WRITERS[number % len(_WRITERS)]}"
    _write(folder / name, photo.image[..., ::-1])
    return Made(name, _describe(spec), _annotate(photo))


def _describe(spec: PartSpec) -> dict[str, MetadataValue]:
    fields: dict[str, MetadataValue] = {
        "shape": spec.shape,
        "material": spec.material,
        "background": spec.background,
        "caption": spec.english,
        "설명": spec.korean,
    }
    return fields if spec.defect is None else {**fields, "severity": round(spec.severity, 3)}


def _annotate(photo: PartPhoto) -> list[Annotation]:
    if not photo.boxes:
        return [Annotation(label=GOOD, by="import")]
    return [
        Annotation(
            label=box.label,
            box=Box(
                left=box.left / WIDTH,
                top=box.top / HEIGHT,
                width=(box.right - box.left) / WIDTH,
                height=(box.bottom - box.top) / HEIGHT,
            ),
            by="import",
        )
        for box in photo.boxes
    ]


def choose_photographs() -> Iterator[tuple[str, str, int]]:
    """A photograph, an edit (empty: none) and a number, without end: first all whole, then crops and other edits."""
    for name in photographs():
        yield name, "", 0
    number = 0
    while True:
        number += 1
        for name in photographs():
            yield name, _EDITS[number % len(_EDITS)], number


def edit_photograph(name: str, edit: str, number: int) -> tuple[str, Image]:
    """Edit a photograph as `choose_photographs` says; return the file's name and the image."""
    image, stem = photographs()[name], Path(name).stem
    if not edit:
        return f"photographs/{stem}.jpg", image
    random = np.random.default_rng((_SEED, number, *name.encode()))
    if number > len(_EDITS):  # Else mirror images would come out the same each time.
        image = apply("crop", image, random)
    return f"photographs/{stem}-{edit}-{number:02}.jpg", apply(edit, image, random)


def _make_photograph(folder: Path, name: str, edit: str, number: int) -> Made:
    made, image = edit_photograph(name, edit, number)
    _write(folder / made, image)
    return Made(made, {}, [])


def _write(path: Path, image: Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    written, encoded = cv2.imencode(path.suffix, np.ascontiguousarray(image))
    if not written:
        raise OSError(f"{path} cannot be encoded")
    path.write_bytes(encoded.tobytes())


def _read_note(line: str) -> Made:
    note = json.loads(line)
    return Made(note["name"], note["fields"], [Annotation.model_validate(each) for each in note["annotations"]])
