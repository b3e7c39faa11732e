"""Named versions of a collection's catalog."""

from __future__ import annotations

from http import HTTPStatus
from itertools import islice
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from framesift.api.collection_messages import (
    DifferencePage,
    Done,
    ItemDifference,
    NewVersion,
    ServedVersion,
    VersionList,
)
from framesift.api.gate import enter
from framesift.api.responses import answer
from framesift.api.routes.options import CollectionId, collection_options, new_router, succeeding

router = new_router()
_READING, _CHANGING, _CREATING = collection_options("versions")

VersionName = Annotated[str, Path(min_length=1, max_length=100)]


@router.get("/v1/collections/<collection_id>/versions", summary="Versions", **_READING)
def get_versions(collection_id: CollectionId) -> VersionList:
    """The named versions of a collection, by name; for viewers."""
    entered = enter(router, collection_id, "viewer")
    versions = entered.records.collections.versions(entered.id)
    return VersionList(versions=[ServedVersion.of(version) for version in versions])


@router.post(
    "/v1/collections/<collection_id>/versions", summary="Keep a version", **succeeding(_CREATING, HTTPStatus.CREATED)
)
def post_version(collection_id: CollectionId, new: Annotated[NewVersion, Body()]) -> Response[ServedVersion]:
    """Keep what is known of all items, as it is now, under a name; it never changes. For editors."""
    from framesift.catalog.versions import create_version

    entered = enter(router, collection_id, "editor")
    made = create_version(
        entered.id, new.name, entered.user, entered.store, entered.records, description=new.description
    )
    location = f"/v1/collections/{entered.id}/versions/{made.name}"
    return answer(ServedVersion.of(made), location=location, status=HTTPStatus.CREATED)


@router.get("/v1/collections/<collection_id>/versions/<version>", summary="A version", **_READING)
def get_version(collection_id: CollectionId, version: VersionName) -> ServedVersion:
    """A named version; for viewers."""
    from framesift.catalog.versions import find_version

    entered = enter(router, collection_id, "viewer")
    return ServedVersion.of(find_version(entered.id, version, entered.records))


@router.delete("/v1/collections/<collection_id>/versions/<version>", summary="Delete a version", **_CHANGING)
def delete_version(collection_id: CollectionId, version: VersionName) -> Done:
    """Delete a version; the collection stays as it is. For owners."""
    from framesift.catalog import versions

    entered = enter(router, collection_id, "owner")
    versions.delete_version(entered.id, version, entered.store, entered.records)
    return Done()


@router.get("/v1/collections/<collection_id>/versions/<version>/diff", summary="What differs", **_READING)
def get_diff(
    collection_id: CollectionId,
    version: VersionName,
    to: Annotated[str, Query(min_length=1, max_length=100, description="The later version.")],
    after: Annotated[str, Query(pattern=r"^([0-9a-f]{32})?$", description="`next_cursor` of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> DifferencePage:
    """The items that differ between two versions, a page at a time; for editors."""
    from framesift.catalog.versions import compare_snapshots, find_version

    entered = enter(router, collection_id, "editor")
    first, second = (find_version(entered.id, name, entered.records).snapshot for name in (version, to))
    found = list(islice(compare_snapshots(first, second, entered.store, behind=after), limit + 1))
    differences = [ItemDifference.of(each) for each in found[:limit]]
    return DifferencePage(differences=differences, next_cursor=differences[-1].id if len(found) > limit else None)
