"""Search for similar images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from aws_lambda_powertools.event_handler.openapi.params import Body

from framesift.api.gate import Entered, enter
from framesift.api.item_views import show_item
from framesift.api.routes.options import CollectionId, collection_options, new_router
from framesift.api.search_messages import SearchHit, SearchPart, SearchQuery, SearchResults
from framesift.settings import load_settings

if TYPE_CHECKING:
    from framesift.search.collection import Part

router = new_router()
_READING, _CHANGING, _ = collection_options("search")
_BODY_FAULTS: Final = (400, 413, 415)
_SEARCHING: Final[dict[str, Any]] = _READING | {
    "responses": _READING["responses"] | {fault: _CHANGING["responses"][fault] for fault in _BODY_FAULTS}
}


@router.post("/v1/collections/<collection_id>/search", summary="Similar images", **_SEARCHING)
def post_search(collection_id: CollectionId, wanted: Annotated[SearchQuery, Body()]) -> SearchResults:
    """The items of a collection that are most similar to texts, images or items, the best first; for viewers."""
    return _search(enter(router, collection_id, "viewer"), wanted)


def _search(entered: Entered, wanted: SearchQuery) -> SearchResults:
    from framesift.search.collection import CollectionSearch, SearchRequest

    search = CollectionSearch(entered.id, entered.store, entered.records, load_settings())
    request = SearchRequest(
        parts=[_read_part(part) for part in wanted.parts],
        query=wanted.query,
        count=wanted.limit,
        model=wanted.model,
        objects=wanted.objects,
        min_score=wanted.min_score,
        fold_from=wanted.fold_from,
    )
    found = search.search(request, viewer=entered.viewer)
    items = entered.reader.get_many([hit.id for hit in found.hits], viewer=entered.viewer)
    hits = [
        SearchHit(
            score=hit.score,
            box=hit.box,
            label=hit.label,
            folded=hit.folded,
            item=show_item(entered, items[hit.id], alone=False),
        )
        for hit in found.hits
        if hit.id in items  # Else it was deleted just now.
    ]
    return SearchResults(hits=hits, matching=found.matching, model=found.model)


def _read_part(part: SearchPart) -> Part:
    from framesift.search.collection import ImagePart, ItemPart, TextPart

    if part.text is not None:
        return TextPart(part.text, part.weight)
    if part.image is not None:
        return ImagePart(part.image, part.box, part.weight)
    return ItemPart(str(part.item), part.box, part.weight)
