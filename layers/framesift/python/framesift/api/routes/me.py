"""The person who asks."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body

from framesift.api.collection_messages import Done, Me, ProfileChange
from framesift.api.gate import check_unchanged, open_users, require_profile
from framesift.api.responses import answer
from framesift.api.routes.options import collection_options, new_router, open_records
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
def patch_me(change: Annotated[ProfileChange, Body()]) -> Response[Me]:
    """Change the own profile. Where people are approved, another department counts once it is approved again."""
    profile, _ = require_profile(router)
    check_unchanged(router, profile.revision)
    changed = open_records().people.change(profile, **change.model_dump(exclude_none=True))
    if changed is None:
        raise RevisionChangedError("Your profile was changed at the same moment: read it again.")
    return get_me()


@router.delete("/v1/me", summary="Delete my account", **_CHANGING)
def delete_me() -> Done:
    """Delete the account: the profile, what gives access, and the user of the pool."""
    profile, _ = require_profile(router)
    settings = load_settings()
    delete_person(profile, open_records(), open_users() if settings.platform.user_pool else None)
    return Done()
