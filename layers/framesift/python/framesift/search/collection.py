"""A collection that can be searched: by images, texts and items, in any combination, with a query as a filter."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from framesift.catalog.condition import EVERYTHING, Condition
from framesift.catalog.query import compile_query
from framesift.catalog.reader import CatalogReader, open_reader
from framesift.catalog.vectors import CROPS
from framesift.contracts import Box, CatalogItem
from framesift.embedding.encoder import Encoder
from framesift.errors import (
    EmptyCollectionError,
    EmptySearchError,
    IndexMismatchError,
    ModelError,
    NoTextEncoderError,
    NotFoundError,
    NoVectorsError,
    RegionOutsideError,
    TooManyResultsError,
)
from framesift.models import ModelRegistry, default_cache_dir, open_registry
from framesift.search.encoders import open_encoder
from framesift.search.searcher import Found, Searcher
from framesift.search.segment import make_query
from framesift.search.update import IndexUpdate, choose_models, models_to_index, update_index
from framesift.settings import Settings
from framesift.storage import S3Store, Store, parse_uri
from framesift.table import Records
from framesift.vision.decode import RgbImage, decode_image

_OPEN_ENCODERS: Final = 4


@dataclass(frozen=True)
class TextPart:
    """A text to be similar to.

    Attributes:
        text: In a language that the model reads.
        weight: How much it counts; negative: to be unlike it.
    """

    text: str
    weight: float = 1.0


@dataclass(frozen=True)
class ImagePart:
    """An image to be similar to.

    Attributes:
        data: Its file.
        box: Only this part of it; None: all.
        weight: As for `TextPart`.
    """

    data: bytes
    box: Box | None = None
    weight: float = 1.0


@dataclass(frozen=True)
class ItemPart:
    """An item of the collection to be similar to; it is not found itself, unless only a part of it is meant.

    Attributes:
        id: The item.
        box: Only this part of it; None: all.
        weight: As for `TextPart`.
    """

    id: str
    box: Box | None = None
    weight: float = 1.0


Part: TypeAlias = TextPart | ImagePart | ItemPart


@dataclass(frozen=True)
class SearchRequest:
    """What is to be found.

    Attributes:
        parts: What it is similar to: the sum of their vectors by their weights.
        query: Only items that it finds, in the query language; empty: all.
        count: Results at most.
        model: Whose vectors are compared, `name@version`; empty: the first that can take the parts.
        objects: Find objects in images, not whole images.
        min_score: The least cosine.
        fold_from: Results whose cosine to a better one is this or more are counted with it; None: all are shown.
    """

    parts: Sequence[Part]
    query: str = ""
    count: int = 20
    model: str = ""
    objects: bool = False
    min_score: float = -1.0
    fold_from: float | None = None


class CollectionSearch:
    """Searches a collection, and keeps its indexes up to date.

    Args:
        collection: The collection's id.
        store: The bucket.
        records: The table.
        settings: This process's settings.
        registry: Where models come from; None: the default one.
    """

    def __init__(
        self,
        collection: str,
        store: Store,
        records: Records,
        settings: Settings,
        registry: ModelRegistry | None = None,
    ) -> None:
        self.collection, self._store, self._records, self._settings = collection, store, records, settings
        self._registry = registry or open_registry(default_cache_dir(), store)

    @property
    def reader(self) -> CatalogReader:
        """Answers queries on the collection's catalog."""
        return open_reader(self.collection, self._store, self._records, self._settings.catalog)

    def search(self, request: SearchRequest, *, viewer: str | None = None) -> Found:
        """Find what is most similar.

        Args:
            request: What is to be found.
            viewer: The user who asks, who does not see items that only others may see; None: somebody who sees all.

        Raises:
            EmptySearchError: No part has a weight.
            EmptyCollectionError: The collection has no images.
            TooManyResultsError: More results are requested than a search gives.
            NoVectorsError: The collection has no vectors of the model.
            NoTextEncoderError: No model reads texts.
            InvalidVectorError: The parts cancel each other out.
            NotAnImageError: An image is none.
            ItemMissingError: There is no such item that the viewer may see.
            RegionOutsideError: A box has no pixel in its image.
            QueryError: The query cannot be understood.
            ModelError: The model is not at hand.
            IndexMismatchError: The index was built with another file of the model.
            IndexLostError: A part of the index is gone or damaged.
        """
        parts = [part for part in request.parts if part.weight]
        if not parts:
            raise EmptySearchError("Name something to be similar to: a text, an image or an item, with a weight.")
        if not 1 <= request.count <= self._settings.search.max_results:
            raise TooManyResultsError(
                f"A search gives 1 to {self._settings.search.max_results:,} results (FRAMESIFT_SEARCH__MAX_RESULTS), "
                f"not {request.count:,}: use a query to go through more items."
            )
        condition = compile_query(request.query) if request.query else EVERYTHING
        reader = self.reader
        refused: NoTextEncoderError | None = None
        for model in self._candidates(request, reader):
            try:
                return self._search_with(model, parts, condition, request, reader, viewer)
            except NoTextEncoderError as error:
                refused = refused or error
        raise refused or NoVectorsError(f"{self.collection} has no vectors: look at it with a model first.")

    def update(self, *, rebuild: bool = False) -> list[IndexUpdate]:
        """Bring the indexes of all models' vectors up to date.

        Args:
            rebuild: Make all of them anew.

        Raises:
            IndexBusyError: Others were quicker, again and again.
        """
        living = self.reader.ids()
        updates = []
        for model in models_to_index(self._store, self.collection, self._settings.search):
            update = update_index(
                self.collection,
                model,
                living,
                self._store,
                self._records,
                self._settings.search,
                model_sha256=_digest(model, self._registry),
                rebuild=rebuild,
            )
            updates += [update] if update else []
        return updates

    def _candidates(self, request: SearchRequest, reader: CatalogReader) -> list[str]:
        if request.model:
            return [request.model.removesuffix(CROPS)]
        indexed = [index.model for index in self._records.indexes.of_collection(self.collection)]
        found = choose_models(indexed, self._settings.search) or models_to_index(
            self._store, self.collection, self._settings.search
        )
        models = [model.removesuffix(CROPS) for model in found if model.endswith(CROPS) == request.objects]
        if not models:
            if not reader.count():
                raise EmptyCollectionError(f"{self.collection} is empty: add images to it first.")
            what = "objects in its images" if request.objects else "its images"
            raise NoVectorsError(f"{self.collection} has no vectors of {what}: look at it with a model first.")
        return models

    def _search_with(
        self,
        model: str,
        parts: Sequence[Part],
        condition: Condition,
        request: SearchRequest,
        reader: CatalogReader,
        viewer: str | None,
    ) -> Found:
        whole = self._searcher(model, reader)
        searcher = self._searcher(f"{model}{CROPS}", reader) if request.objects else whole
        vectors = [self._vector_of(part, whole, reader, viewer) for part in parts]
        weights = np.array([part.weight for part in parts], np.float32)
        query = make_query(weights @ np.stack([make_query(vector) for vector in vectors]))
        return searcher.search(
            query,
            request.count,
            condition,
            viewer=viewer,
            min_score=request.min_score,
            fold_from=request.fold_from,
            without=[part.id for part in parts if isinstance(part, ItemPart) and part.box is None],
        )

    def _searcher(self, model: str, reader: CatalogReader) -> Searcher:
        key = (self._store.bucket, self._records.name, self.collection, model)
        with _opening:
            searcher = _searchers.pop(key, None)
            if searcher is None or searcher.reader is not reader:
                searcher = Searcher(self.collection, model, reader, self._store, self._records, self._settings.search)
            _searchers[key] = searcher
            while len(_searchers) > self._settings.search.open_indexes:
                _searchers.popitem(last=False)
        return searcher

    def _vector_of(
        self, part: Part, searcher: Searcher, reader: CatalogReader, viewer: str | None
    ) -> NDArray[np.float32]:
        if isinstance(part, TextPart):
            return np.asarray(self._encoder(searcher).encode_texts([part.text])[0], np.float32)
        if isinstance(part, ItemPart):
            item = reader.get(part.id, viewer=viewer)
            if part.box is None:
                return searcher.vector_of(item.id)
            data = self._read(item)
        else:
            data = part.data
        image = decode_image(data, max_pixels=self._settings.collections.max_pixels)
        rows = self._encoder(searcher).encode_images([cut_out(image, part.box) if part.box else image])
        return np.asarray(rows[0], np.float32)

    def _encoder(self, searcher: Searcher) -> Encoder:
        encoder, digest = _open_encoder(searcher.model, self._registry, self._settings.analysis.threads)
        if searcher.model_sha256s - {digest}:
            raise IndexMismatchError(
                f"The index of {searcher.model} in {self.collection} was built with another file of that model: look "
                "at the collection again with the one that is installed, or install the one before."
            )
        return encoder

    def _read(self, item: CatalogItem) -> bytes:
        if item.key:
            return self._store.get(item.key)
        bucket, key = parse_uri(str(item.uri))
        return S3Store(bucket).get(key)


def cut_out(image: RgbImage, box: Box) -> RgbImage:
    """A part of an image, clipped at its border.

    Raises:
        RegionOutsideError: No pixel is in it.
    """
    height, width = image.shape[:2]
    left, right = (round(min(1.0, edge) * width) for edge in (box.left, box.left + box.width))
    top, bottom = (round(min(1.0, edge) * height) for edge in (box.top, box.top + box.height))
    if right <= left or bottom <= top:
        raise RegionOutsideError(f"No pixel is in the box {box.left}, {box.top}, {box.width}, {box.height}.")
    return np.ascontiguousarray(image[top:bottom, left:right])


_searchers: OrderedDict[tuple[str, str, str, str], Searcher] = OrderedDict()
_encoders: OrderedDict[tuple[str, str], tuple[Encoder, str]] = OrderedDict()
_opening = threading.Lock()


def _open_encoder(model: str, registry: ModelRegistry, threads: int) -> tuple[Encoder, str]:
    """The process's encoder of that name, and the digest of its file; opening one takes longer than a search."""
    key = (str(registry.cache_dir), model)
    with _opening:
        opened = _encoders.pop(key, None) or (open_encoder(model, registry, threads), _digest(model, registry))
        _encoders[key] = opened
        while len(_encoders) > _OPEN_ENCODERS:
            _encoders.popitem(last=False)
    return opened


def _digest(model: str, registry: ModelRegistry) -> str:
    """The digest of a model's file; empty: it is not at hand."""
    name = model.removesuffix(CROPS)
    try:
        return registry.card(name).sha256 or registry.resolve(name).card.sha256 or ""
    except (ModelError, NotFoundError):
        return ""
