"""What the routes of people and collections begin with: who asks, and whether they may."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from framesift.api.middlewares import ADMIN_GROUP, groups_of
from framesift.api.routes.options import open_records, open_store
from framesift.catalog.access import Caller, find_role, includes, is_named, make_caller, viewer_of
from framesift.catalog.directory import UserPool
from framesift.errors import (
    CollectionDeletedError,
    CollectionMissingError,
    FramesiftError,
    ItemMissingError,
    NotApprovedError,
    RevisionChangedError,
    RevisionMissingError,
    RoleTooLowError,
    ShareMissingError,
)
from framesift.maintenance import Maintenance
from framesift.settings import load_settings
from framesift.storage import S3Store
from framesift.table import Collection, Profile, Records, Role, Share
from framesift.workflow import Workflow

if TYPE_CHECKING:
    from framesift.catalog.log import CatalogLog
    from framesift.catalog.reader import CatalogReader
    from framesift.contracts import CatalogItem

_MAX_VERSION_DIGITS: Final = 15


@dataclass(frozen=True)
class Entered:
    """A collection that somebody was let into.

    Attributes:
        collection: What it is.
        role: What may be done with it.
        user: The user's id; empty: whoever has a link.
        item: The only item that may be seen; None: all.
    """

    collection: Collection
    role: Role
    user: str
    item: str | None = None

    @property
    def id(self) -> str:
        """The collection's id."""
        return self.collection.id

    @property
    def records(self) -> Records:
        """The table."""
        return open_records()

    @property
    def store(self) -> S3Store:
        """The bucket."""
        return open_store()

    @property
    def viewer(self) -> str | None:
        """For whom the reader leaves items out; None: one who sees all."""
        return viewer_of(self.role, self.user)

    @property
    def reader(self) -> CatalogReader:
        """Answers queries on its catalog."""
        from framesift.catalog.reader import open_reader

        return open_reader(self.id, self.store, self.records, load_settings().catalog)

    @property
    def maintenance(self) -> Maintenance:
        """Does in the background what takes longer than a request."""
        return open_maintenance()

    @property
    def log(self) -> CatalogLog:
        """Takes changes of its catalog."""
        from framesift.catalog.log import CatalogLog

        return CatalogLog(self.id, self.store, self.records)

    def get_item(self, item_id: str) -> CatalogItem:
        """An item that may be seen.

        Raises:
            ItemMissingError: There is none of that id that may be seen.
        """
        if self.item not in (None, item_id):
            raise _missing_item(item_id, self.id)
        return self.reader.get(item_id, viewer=self.viewer)


def open_maintenance() -> Maintenance:
    """The function of the settings that does in the background what takes longer than a request."""
    return Maintenance(load_settings().platform.maintenance)


def open_workflow() -> Workflow:
    """The state machine of the settings."""
    return Workflow(load_settings().platform.state_machine)


def open_users() -> UserPool:
    """The user pool of the settings."""
    return UserPool(load_settings().platform.user_pool)


def require_profile(router: APIGatewayHttpRouter) -> tuple[Profile, Caller]:
    """Who asks, with their profile, which is made when they ask for the first time. Nobody need have let them in."""
    user, is_admin = _user_of(router.current_event)
    people = open_records().people
    profile = people.get(user)
    if profile is None:
        made = Profile(user=user, email=open_users().email_of(user), created_at=datetime.now(UTC))
        people.create(made)
        profile = people.get(user) or made
    return profile, _caller(user, profile, is_admin=is_admin)


def require_person(router: APIGatewayHttpRouter) -> Caller:
    """Who asks.

    Raises:
        NotApprovedError: An administrator has not let the person in yet.
        PersonMissingError: The account was deleted.
    """
    # A token outlives its user for a while. Who has no profile is looked up in the pool, where deleted people are not.
    _, caller = require_profile(router)
    if not caller.is_approved:
        raise NotApprovedError("An administrator has to let you in first: ask one, and complete your profile.")
    return caller


def require_admin(router: APIGatewayHttpRouter) -> Caller:
    """Who asks, an administrator.

    Raises:
        RoleTooLowError: It is none.
    """
    caller = require_person(router)
    if not caller.is_admin:
        raise RoleTooLowError(f"This is for administrators: the group {ADMIN_GROUP} of the user pool.")
    return caller


def enter(router: APIGatewayHttpRouter, collection_id: str, needed: Role) -> Entered:
    """Let somebody into a collection.

    Raises:
        NotApprovedError: An administrator has not let the person in yet.
        CollectionMissingError: There is no such collection, or the person must not know of it.
        RoleTooLowError: The person may see the collection, but needs another role for this.
        CollectionDeletedError: It is being deleted.
    """
    caller = require_person(router)
    collection, role = find_collection(caller, collection_id)
    if collection is None or role is None:
        raise _missing(collection_id)
    if collection.deleting:
        raise CollectionDeletedError(f"The collection {collection_id} is being deleted.")
    if not includes(role, needed):
        raise RoleTooLowError(f"You are a {role} of {collection_id}; this is for its {needed}s: ask an owner.")
    return Entered(collection, role, caller.user)


def find_collection(caller: Caller, collection_id: str) -> tuple[Collection | None, Role | None]:
    """A collection, and what somebody may do with it."""
    records = open_records()
    collection = records.collections.find(collection_id)
    if collection is None:
        return None, None
    member = records.members.get(collection_id, caller.user)
    return collection, find_role(caller, collection, member.role if member else None)


def enter_item(router: APIGatewayHttpRouter, collection_id: str, item_id: str) -> tuple[Entered, CatalogItem]:
    """Let somebody see an item: as a viewer of its collection, or because the item names them.

    Raises:
        NotApprovedError: An administrator has not let the person in yet.
        CollectionMissingError: There is no such collection, or the person must not know of it.
        ItemMissingError: There is no such item that the person may see.
        CollectionDeletedError: It is being deleted.
    """
    try:
        entered = enter(router, collection_id, "viewer")
    except CollectionMissingError as missing:
        return _enter_named(router, collection_id, item_id, missing)
    return entered, entered.get_item(item_id)


def enter_shared(token: str) -> Entered:
    """Let whoever has a link into what it opens.

    Raises:
        ShareMissingError: It opens nothing.
    """
    records = open_records()
    share: Share | None = records.shares.find(token)
    collection = records.collections.find(share.collection) if share else None
    if share is None or collection is None or collection.deleting or share.expires_at <= datetime.now(UTC):
        raise ShareMissingError("This link opens nothing: it has expired, or was revoked. Ask for another one.")
    return Entered(collection, "viewer", "", share.item)


def check_unchanged(if_match: str | None, revision: int) -> None:
    """Refuse to change what is not as the caller has read it: `If-Match` says the ETag that the caller has.

    Raises:
        RevisionMissingError: It says none.
        RevisionChangedError: It is another one.
    """
    if read_if_match(if_match) not in (None, revision):
        raise RevisionChangedError("Somebody else has changed it since you read it: read it again.")


def read_if_match(if_match: str | None) -> int | None:
    """The revision of `If-Match`; None: any (`*`).

    Raises:
        RevisionMissingError: There is no such header.
        RevisionChangedError: It is not an ETag of ours.
    """
    given = (if_match or "").strip()
    if not given:
        raise RevisionMissingError("Say with If-Match which ETag you have read, so that nobody's change is lost.")
    if given == "*":
        return None
    number = given.strip('"')
    if not (number.isascii() and number.isdigit() and len(number) <= _MAX_VERSION_DIGITS):
        raise RevisionChangedError("If-Match is not an ETag that was sent with it.")
    return int(number)


def _user_of(event: APIGatewayProxyEventV2) -> tuple[str, bool]:
    authorizer = event.request_context.authorizer
    claims = (authorizer.jwt_claim or {}) if authorizer else {}
    return str(claims.get("sub", "")), ADMIN_GROUP in groups_of(claims)


def _caller(user: str, profile: Profile | None, *, is_admin: bool) -> Caller:
    approval_required = load_settings().people.approval_required
    return make_caller(user, profile, is_admin=is_admin, approval_required=approval_required)


def _enter_named(
    router: APIGatewayHttpRouter, collection_id: str, item_id: str, missing: FramesiftError
) -> tuple[Entered, CatalogItem]:
    caller = require_person(router)
    collection = open_records().collections.find(collection_id)
    if collection is None or collection.deleting:
        raise missing
    entered = Entered(collection, "viewer", caller.user, item_id)
    try:
        item = entered.get_item(item_id)
    except ItemMissingError:
        raise missing from None
    if not is_named(item, caller):
        raise missing
    return entered, item


def _missing(collection_id: str) -> CollectionMissingError:
    return CollectionMissingError(f"There is no collection {collection_id}.")


def _missing_item(item_id: str, collection_id: str) -> ItemMissingError:
    return ItemMissingError(f"There is no item {item_id} in {collection_id}.")
