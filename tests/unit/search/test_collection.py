"""Searching a collection by images, items and texts, with the model that ships with the package."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from framesift.catalog.log import CatalogLog
from framesift.catalog.vectors import write_part
from framesift.contracts import Box, SetViewers
from framesift.embedding.copydetect import CopyDetect
from framesift.embedding.encoder import Encoder
from framesift.errors import (
    EmptyCollectionError,
    EmptySearchError,
    IndexMismatchError,
    InvalidVectorError,
    ItemMissingError,
    ModelMissingError,
    NotAnImageError,
    NoTextEncoderError,
    NoVectorsError,
    RegionOutsideError,
    TooManyResultsError,
    UnknownFieldError,
)
from framesift.models import default_cache_dir, open_registry, shipped_card
from framesift.search import collection as collection_module
from framesift.search.collection import CollectionSearch, ImagePart, ItemPart, Part, SearchRequest, TextPart
from framesift.settings import CatalogSettings, SearchSettings, Settings
from framesift.storage import S3Store
from framesift.table import Collection, Records
from tests.unit.catalog.items import make_item
from tests.unit.images import PHOTOGRAPHS, encode, photograph


@cache
def look_at_photographs() -> tuple[dict[str, bytes], NDArray[np.generic]]:
    """The photographs as files, and their vectors by the shipped model: made once, as it takes a second."""
    embedder = CopyDetect(open_registry(default_cache_dir()).resolve("copydetect"), 1)
    vectors = embedder.embed([embedder.prepare(photograph(name)) for name in PHOTOGRAPHS])
    return {name: encode(photograph(name), "PNG") for name in PHOTOGRAPHS}, vectors


class Photographs:
    """A collection of photographs, with vectors of copy detection."""

    def __init__(self, store: S3Store, records: Records, folder: Path) -> None:
        self.store, self.records, self.folder = store, records, folder
        records.collections.create(Collection(id="photos", owner="kim", created_at=datetime.now(UTC)))
        self.log = CatalogLog("photos", store, records)
        self.settings = Settings(
            catalog=CatalogSettings(cache_dir=str(folder / "catalogs")),
            search=SearchSettings(cache_dir=str(folder / "indexes")),
        )
        self.registry = open_registry(folder / "models", store)
        self.model = self.registry.resolve("copydetect")
        self.label = self.model.card.label
        self.ids: dict[str, str] = {}

    def fill(self) -> Photographs:
        files, vectors = look_at_photographs()
        items = []
        for name, data in files.items():
            sha256 = hashlib.sha256(data).hexdigest()
            key = f"collections/photos/originals/{sha256[:32]}.png"
            self.store.put(key, data)
            self.ids[name] = sha256[:32]
            items.append(make_item(0, id=sha256[:32], sha256=sha256, key=key, names=[f"{name}.png"]))
        write_part(self.store, "photos", self.label, "one", list(self.ids.values()), vectors)
        self.log.add_items(items, "kim")
        return self

    @property
    def search(self) -> CollectionSearch:
        return CollectionSearch("photos", self.store, self.records, self.settings, self.registry)

    def names(self, *parts: Part, viewer: str | None = None, **options: object) -> list[str]:
        """The names of what is found, the best first."""
        known = {item_id: name for name, item_id in self.ids.items()}
        request = SearchRequest(parts, **options)  # type: ignore[arg-type]
        return [known[hit.id] for hit in self.search.search(request, viewer=viewer).hits]


@pytest.fixture
def empty(store: S3Store, records: Records, tmp_path: Path) -> Photographs:
    return Photographs(store, records, tmp_path)


@pytest.fixture
def photos(empty: Photographs) -> Photographs:
    return empty.fill()


def test_a_smaller_copy_finds_its_image_before_and_after_it_is_indexed(photos: Photographs) -> None:
    copy = encode(photograph("chelsea")[::2, ::2], quality=60)
    for _ in range(2):
        (best, *_rest) = photos.search.search(SearchRequest([ImagePart(copy)])).hits
        assert (best.id, best.score > 0.9) == (photos.ids["chelsea"], True)
        (update,) = photos.search.update()
        assert update.index.model == photos.label
    assert photos.records.indexes.get("photos", photos.label)


def test_a_part_of_an_image_finds_the_image_that_is_only_that_part(photos: Photographs) -> None:
    coffee, cat = photograph("coffee"), photograph("chelsea")[:400, :400]
    both = np.concatenate([np.resize(cat, (400, 400, 3)), coffee[:400, :400]], axis=1)
    cut = ImagePart(encode(both), Box(left=0.5, top=0, width=0.5, height=1))
    direct = ImagePart(encode(coffee[:400, :400], "PNG"))
    assert photos.names(cut)[0] == photos.names(direct)[0] == "coffee"


def test_an_item_finds_others_than_itself_and_a_part_of_it_finds_it(photos: Photographs) -> None:
    item = photos.ids["rocket"]
    assert sorted(photos.names(ItemPart(item))) == sorted(set(PHOTOGRAPHS) - {"rocket"})
    nearly_all = ItemPart(item, Box(left=0.01, top=0.01, width=0.98, height=0.98))
    assert photos.names(nearly_all)[0] == "rocket"


def test_parts_are_added_by_their_weights(photos: Photographs) -> None:
    cat, rocket = (ImagePart(encode(photograph(name), "PNG")) for name in ("chelsea", "rocket"))
    assert set(photos.names(cat, rocket)[:2]) == {"chelsea", "rocket"}
    assert photos.names(cat, ImagePart(rocket.data, weight=-1))[-1] == "rocket"
    assert photos.names(ImagePart(cat.data, weight=0.2), rocket)[0] == "rocket"
    assert photos.names(cat, ImagePart(rocket.data, weight=0)) == photos.names(cat)


def test_only_what_the_query_finds_is_compared(photos: Photographs) -> None:
    photos.log.set_tags([photos.ids["coffee"], photos.ids["rocket"]], "kim", add=["shown"])
    cat = ImagePart(encode(photograph("chelsea"), "PNG"))
    assert set(photos.names(cat, query="tag:shown", count=2)) == {"coffee", "rocket"}
    assert photos.names(cat, query="tag:nowhere") == []
    with pytest.raises(UnknownFieldError):
        photos.names(cat, query="colour:red")


def test_private_items_are_neither_found_nor_searched_by(photos: Photographs) -> None:
    cat = photos.ids["chelsea"]
    photos.log.append(SetViewers(ids=[cat], viewers=["lee"]), "kim")
    image = ImagePart(encode(photograph("chelsea"), "PNG"))
    assert photos.names(image, viewer="lee")[0] == "chelsea"
    assert "chelsea" not in photos.names(image, viewer="park")
    for part in (ItemPart(cat), ItemPart(cat, Box(left=0, top=0, width=1, height=1))):
        with pytest.raises(ItemMissingError):
            photos.names(part, viewer="park")


def test_deleted_items_are_not_found(photos: Photographs) -> None:
    photos.search.update()
    photos.log.remove_items([photos.ids["chelsea"]], "kim")
    assert "chelsea" not in photos.names(ImagePart(encode(photograph("chelsea"), "PNG")))


def test_a_text_needs_a_model_that_reads_it(photos: Photographs) -> None:
    with pytest.raises(NoTextEncoderError, match="framesift models add"):
        photos.names(TextPart("a cat"))


def test_a_text_goes_to_the_first_model_that_reads_texts(photos: Photographs, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["cat", "cup", "rocket"]

    class Words:
        """A dual encoder whose space has one direction for each of some words."""

        name, dimension = "words@1", len(words)

        def encode_images(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
            raise AssertionError("no image is searched by")

        def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
            return np.stack([np.eye(3, dtype=np.float32)[words.index(text)] for text in texts])

    ids = [photos.ids[name] for name in ("chelsea", "coffee", "rocket")]
    write_part(photos.store, "photos", "words@1", "one", ids, np.eye(3, dtype=np.float16))
    opened = collection_module.open_encoder

    def open_one(name: str, *arguments: object) -> Encoder:
        return Words() if name == "words@1" else opened(name, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(collection_module, "open_encoder", open_one)
    settings = photos.settings.search.model_copy(update={"models": [photos.label, "words@1"]})
    photos.settings = photos.settings.model_copy(update={"search": settings})
    assert photos.names(TextPart("cup"))[0] == "coffee"
    assert photos.names(TextPart("cat"), TextPart("rocket", -1)) == ["chelsea", "coffee", "rocket"]
    assert photos.names(ItemPart(photos.ids["coffee"]), TextPart("rocket"), count=1) == ["rocket"]


def test_what_cannot_be_searched_by_is_said(photos: Photographs) -> None:
    cat = ImagePart(encode(photograph("chelsea"), "PNG"))
    with pytest.raises(NotAnImageError):
        photos.names(ImagePart(b"no image"))
    with pytest.raises(EmptySearchError):
        photos.names()
    with pytest.raises(EmptySearchError):
        photos.names(ImagePart(cat.data, weight=0))
    with pytest.raises(InvalidVectorError, match="cancel"):
        photos.names(cat, ImagePart(cat.data, weight=-1))
    for count in (0, -1, 1_000_000):
        with pytest.raises(TooManyResultsError, match="1,000"):
            photos.names(cat, count=count)
    with pytest.raises(RegionOutsideError):
        photos.names(ImagePart(cat.data, Box(left=0.5, top=0.5, width=0, height=0.5)))
    with pytest.raises(NoVectorsError, match="objects"):
        photos.names(cat, objects=True)
    with pytest.raises(NoVectorsError, match="resnet50@1"):
        photos.names(ItemPart(photos.ids["coffee"]), model="resnet50@1")


def test_a_model_that_is_not_at_hand_is_named_with_the_command_that_gets_it(photos: Photographs) -> None:
    name = f"resnet50@{shipped_card('resnet50').version}"
    write_part(photos.store, "photos", name, "one", list(photos.ids.values()), np.eye(5, 2048, dtype=np.float16))
    with pytest.raises(ModelMissingError, match="framesift models fetch resnet50"):
        photos.names(ImagePart(encode(photograph("coffee"), "PNG")), model=name)


def test_an_empty_collection_is_said(empty: Photographs) -> None:
    cat = ImagePart(encode(photograph("chelsea"), "PNG"))
    with pytest.raises(EmptyCollectionError, match="add images"):
        empty.names(cat)
    assert empty.search.update() == []
    empty.log.add_items([make_item(1)], "kim")
    with pytest.raises(NoVectorsError, match="look at it"):
        empty.names(cat)


def test_an_index_of_another_file_of_the_model_is_not_searched_by_images(
    photos: Photographs, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = photos.model.card.model_copy(update={"sha256": "0" * 64})
    monkeypatch.setattr(type(photos.registry), "card", lambda *_: card)
    photos.search.update()
    monkeypatch.undo()
    with pytest.raises(IndexMismatchError, match="another file"):
        photos.names(ImagePart(encode(photograph("coffee"), "PNG")))
    assert photos.names(ItemPart(photos.ids["coffee"]))
