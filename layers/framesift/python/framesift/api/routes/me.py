"""The person who asks."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body

from framesift.api.collection_messages import Done, Me, ProfileChange
from framesift.api.gate import check_unchanged, open_maintenance, open_users, require_profile
from framesift.api.responses import answer
from framesift.api.routes.options import IfMatch, collection_options, new_router, open_records, succeeding
from framesift.catalog.people import delete_person
from framesift.errors import RevisionChangedError
from framesift.settings import load_settings

router = new_router()
_READING, _CHANGING, _CREATING = collection_options("people")


@router.get("/v1/me", summary="Who I am", **_READING)
def get_me() -> Response[Me]:
    """The profile of the person who asks, which is made at the first time; it needs nobody's approval."""
    profile, caller = require_profile(router)
    me = Me(profile=profile, is_admin=caller.is_admin, is_approved=caller.is_approved)
    return answer(me, revision=profile.revision)


@router.patch("/v1/me", summary="Change my profile", **_CHANGING)
def patch_me(change: Annotated[ProfileChange, Body()], if_match: IfMatch = None) -> Response[Me]:
    """Change the own profile. Where people are approved, another department counts once it is approved again."""
    profile, _ = require_profile(router)
    check_unchanged(if_match, profile.revision)
    changed = open_records().people.change(profile, **change.model_dump(exclude_none=True))
    if changed is None:
        raise RevisionChangedError("Your profile was changed at the same moment: read it again.")
    return get_me()


@router.delete("/v1/me", summary="Delete my account", **succeeding(_CHANGING, HTTPStatus.ACCEPTED))
def delete_me() -> Response[Done]:
    """Delete the account: the profile, the user of the pool, and the collections that nobody shares.

    A shared collection passes to another of its owners; one without another owner refuses it. What names the person
    elsewhere is deleted in the background.
    """
    profile, _ = require_profile(router)
    delete_person(profile, open_records(), open_users() if load_settings().platform.user_pool else None)
    open_maintenance().start_deletions()
    return answer(Done(done=False), status=HTTPStatus.ACCEPTED)
