"""Splits: which items train a model, which choose between models, and which test it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, cast

from aws_lambda_powertools.event_handler.openapi.params import Body

from framesift.api.collection_messages import Leaks, SplitRequest, SplitResult
from framesift.api.gate import enter
from framesift.api.item_views import compile_text
from framesift.api.routes.options import CollectionId, collection_options, new_router

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from framesift.catalog.splits import Leak

router = new_router()
_READING, _CHANGING, _CREATING = collection_options("splits")
_MAX_LEAKS: Final = 1_000


@router.post("/v1/collections/<collection_id>/splits", summary="Deal items into splits", **_CREATING)
def post_splits(collection_id: CollectionId, wanted: Annotated[SplitRequest, Body()]) -> SplitResult:
    """Deal the items that a query finds into train, val and test, as tags; for editors.

    Items that repeat each other stay on one side. The same items, shares and seed give the same splits.
    """
    from framesift.catalog.splits import assign_splits

    entered = enter(router, collection_id, "editor")
    report = assign_splits(
        entered.log,
        entered.reader,
        entered.user,
        shares=cast("Mapping[str, float] | None", wanted.shares),
        seed=wanted.seed,
        stratify=wanted.stratify,
        condition=compile_text(wanted.query),
    )
    return SplitResult(counts=report.counts, labels=report.labels, groups=report.groups, **_show(report.leaks))


@router.get("/v1/collections/<collection_id>/splits/leaks", summary="Leaks between splits", **_READING)
def get_leaks(collection_id: CollectionId) -> Leaks:
    """Groups of items that repeat each other and lie in different splits; for editors."""
    from framesift.catalog.splits import find_leaks

    return Leaks(**_show(find_leaks(enter(router, collection_id, "editor").reader)))


def _show(leaks: Sequence[Leak]) -> dict[str, Any]:
    return {"leaks": [leak.splits for leak in leaks[:_MAX_LEAKS]], "count": len(leaks)}
