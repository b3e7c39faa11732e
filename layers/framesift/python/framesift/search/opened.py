"""A collection as people use it that can also be searched for similar images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from framesift.catalog.opened import OpenCollection
from framesift.contracts import Box
from framesift.settings import load_settings
from framesift.table import VectorIndex

if TYPE_CHECKING:
    from framesift.search.collection import CollectionSearch, Part
    from framesift.search.searcher import Found


@dataclass(frozen=True)
class SearchableCollection(OpenCollection):
    """An `OpenCollection` whose images are also found by what they look like; made by `open_collection`."""

    def search(
        self,
        text: str = "",
        *,
        image: Path | str | bytes | None = None,
        item: str = "",
        box: Box | None = None,
        unlike: str = "",
        parts: Sequence[Part] = (),
        where: str = "",
        limit: int = 20,
        model: str = "",
        objects: bool = False,
        min_score: float = -1.0,
        fold_from: float | None = None,
    ) -> Found:
        """Find the images that are most similar to a text, an image or an item, or to all of them together.

        Args:
            text: What they show.
            image: A file, or its bytes.
            item: An item of this collection.
            box: Only this part of the image, else of the item.
            unlike: What they do not show.
            parts: The same with weights, in any number (`framesift.search.collection`).
            where: Only items that this query finds, in the query language.
            limit: Results at most.
            model: Whose vectors are compared, `name@version`; empty: the first that can take all this.
            objects: Find objects in images, not whole images.
            min_score: The least cosine, -1 to 1.
            fold_from: Results whose cosine to a better one is this or more are counted with it.

        Returns:
            The results with their cosines, the best first.

        Raises:
            SearchError: See its subclasses: nothing to be similar to, too many results, an empty collection …
            NoVectorsError: The collection has no vectors of the model.
            ModelError: The model is not at hand, or reads no texts.
            NotAnImageError: The image is none.
            ItemMissingError: There is no such item.
            QueryError: The query cannot be understood.
        """
        from framesift.search.collection import ImagePart, ItemPart, SearchRequest, TextPart

        wanted = list(parts)
        if text:
            wanted.append(TextPart(text))
        if image is not None:
            data = image if isinstance(image, bytes) else Path(image).read_bytes()
            wanted.append(ImagePart(data, box))
        if item:
            wanted.append(ItemPart(item, box if image is None else None))
        if unlike:
            wanted.append(TextPart(unlike, -1.0))
        request = SearchRequest(wanted, where, limit, model, objects, min_score, fold_from)
        return self._search.search(request)

    def index(self, *, rebuild: bool = False) -> list[VectorIndex]:
        """Bring the indexes of the stored vectors up to date.

        Args:
            rebuild: Make them anew, each as one segment.

        Raises:
            IndexBusyError: Others change them at the same moment.
        """
        return [update.index for update in self._search.update(rebuild=rebuild)]

    @property
    def _search(self) -> CollectionSearch:
        from framesift.search.collection import CollectionSearch

        settings = load_settings().model_copy(update={"catalog": self.settings})
        return CollectionSearch(self.id, self.store, self.records, settings)
