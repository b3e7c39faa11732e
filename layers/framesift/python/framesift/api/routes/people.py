"""People, for administrators."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query

from framesift.api.collection_messages import PeopleList
from framesift.api.gate import require_admin
from framesift.api.routes.options import UserId, collection_options, new_router, open_records
from framesift.catalog.people import approve, suspend
from framesift.errors import PersonMissingError
from framesift.table import Profile

router = new_router()
_READING, _CHANGING, _CREATING = collection_options("people")


@router.get("/v1/people", summary="People", **_READING)
def get_people(
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str, Query(pattern=r"^[A-Za-z0-9._:@-]{0,128}$")] = "",
) -> PeopleList:
    """Everybody who has logged in, a page at a time; for administrators."""
    require_admin(router)
    people = open_records().people.page(limit=limit + 1, after=cursor)
    return PeopleList(people=people[:limit], next_cursor=people[limit - 1].user if len(people) > limit else None)


@router.put("/v1/people/<user>/approval", summary="Let a person in", **_CHANGING)
def put_approval(user: UserId) -> Profile:
    """Let a person in, with the department that the person has given; for administrators."""
    caller = require_admin(router)
    return approve(_find(user), caller.user, open_records())


@router.delete("/v1/people/<user>/approval", summary="Shut a person out", **_CHANGING)
def delete_approval(user: UserId) -> Profile:
    """Where people are approved: let a person use only the own profile from now on; for administrators."""
    caller = require_admin(router)
    return suspend(_find(user), caller.user, open_records())


def _find(user: str) -> Profile:
    found = open_records().people.get(user)
    if found is None:
        raise PersonMissingError(f"There is no person {user}.")
    return found
