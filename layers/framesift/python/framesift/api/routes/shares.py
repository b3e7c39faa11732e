"""Links that open a collection, or one of its items, for whoever has them."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path

from framesift.api.collection_messages import Done, MadeShare, NewShare, ShareList
from framesift.api.gate import enter
from framesift.api.responses import answer
from framesift.api.routes.options import CollectionId, collection_options, new_router, succeeding
from framesift.settings import load_settings
from framesift.table import Share
from framesift.table.shares import share_id

router = new_router()
_READING, _CHANGING, _CREATING = collection_options("shares")
_MAKING = succeeding(_CHANGING, HTTPStatus.CREATED)
_TOKEN_BYTES: Final = 32


@router.get("/v1/collections/<collection_id>/shares", summary="Links", **_READING)
def get_shares(collection_id: CollectionId) -> ShareList:
    """A collection's links that work; for owners."""
    entered = enter(router, collection_id, "owner")
    now = datetime.now(UTC)
    shares = [share for share in entered.records.shares.of_collection(entered.id) if share.expires_at > now]
    return ShareList(shares=shares)


# Without an idempotency key: its answer would be kept, and with it the token.
@router.post("/v1/collections/<collection_id>/shares", summary="Make a link", **_MAKING)
def post_share(collection_id: CollectionId, new: Annotated[NewShare, Body()]) -> Response[MadeShare]:
    """Make a link that opens a collection, or one item, to whoever has it; for owners."""
    entered = enter(router, collection_id, "owner")
    if new.item:
        entered.get_item(new.item)
    now, token = datetime.now(UTC), secrets.token_urlsafe(_TOKEN_BYTES)
    share = Share(
        id=share_id(token),
        collection=entered.id,
        item=new.item,
        note=new.note,
        by=entered.user,
        created_at=now,
        expires_at=now + timedelta(days=min(new.days, load_settings().people.share_days)),
    )
    entered.records.shares.create(share)
    return answer(MadeShare(share=share, token=token), location=f"/v1/shared/{token}", status=HTTPStatus.CREATED)


@router.delete("/v1/collections/<collection_id>/shares/<share>", summary="Revoke a link", **_CHANGING)
def delete_share(collection_id: CollectionId, share: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]) -> Done:
    """Let a link open nothing any more; for owners."""
    entered = enter(router, collection_id, "owner")
    entered.records.shares.revoke(entered.id, share)
    return Done()
