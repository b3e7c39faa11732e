"""People who use collections: their profiles, and which user an e-mail address is."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from pydantic import AwareDatetime, Field

from framesift.contracts import Contract
from framesift.table.table import Table

_ALL: Final = "PEOPLE"
_PROFILE: Final = "PROFILE"
_OWNER: Final = "USER"


class Profile(Contract):
    """A person."""

    user: str = Field(description="The user's id in the user pool.")
    email: str
    name: str = ""
    department: str = ""
    duty: str = ""
    place: str = ""
    approved: bool = Field(False, description="An administrator has let this person in.")
    approved_department: str = Field("", description="The department as it was when the person was approved.")
    approved_by: str = Field("", description="The administrator's user id.")
    created_at: AwareDatetime
    revision: int = Field(1, description="Counts changes: the ETag.")


@dataclass(frozen=True)
class People:
    """Records of people."""

    table: Table

    def get(self, user: str) -> Profile | None:
        """A person's profile; None if the person has none."""
        found = self.table.get(_partition(user), _PROFILE)
        return Profile.model_validate_json(found["profile"]) if found else None

    def create(self, profile: Profile) -> bool:
        """Record a new person; False, and nothing of the profile is written, if the person has a profile."""
        # These first, so that every profile is in the list, and is found by its address.
        self.table.put(_ALL, profile.user, {})
        self.table.put(_address(profile.email), _OWNER, {"user_id": profile.user})
        return self._put(profile, "attribute_not_exists(pk)")

    def change(self, profile: Profile, **changes: Any) -> Profile | None:
        """Change some fields; None, and nothing is written, if the profile is not as it was read, or is gone."""
        changed = profile.model_copy(update={**changes, "revision": profile.revision + 1})
        return changed if self._put(changed, "revision = :revision", revision=profile.revision) else None

    def find(self, email: str) -> str | None:
        """The user whose e-mail address this is; None if nobody with a profile has it."""
        found = self.table.get(_address(email), _OWNER)
        return str(found["user_id"]) if found else None

    def page(self, *, limit: int, after: str = "") -> list[Profile]:
        """Some of all people, in the order of their ids.

        Args:
            limit: People at most.
            after: Only people behind this user id; empty: from the first.
        """
        profiles = (self.get(str(record["sk"])) for record in self.table.query(_ALL, after=after))
        return list(islice((profile for profile in profiles if profile), limit))

    def forget_approver(self, user: str, name: str) -> None:
        """Let profiles name somebody else in place of an administrator who has let people in."""
        for record in self.table.query(_ALL):
            while (profile := self.get(str(record["sk"]))) and profile.approved_by == user:
                self.change(profile, approved_by=name)

    def forget_answers(self, user: str) -> None:
        """Delete the answers that are kept to repeat them to a user."""
        self.table.delete_all(answers_partition(user))

    def delete(self, profile: Profile) -> None:
        """Delete what is recorded about a person; memberships are deleted with `Members`."""
        self.table.delete(_partition(profile.user), _PROFILE)
        self.table.delete(_address(profile.email), _OWNER)
        self.table.delete(_ALL, profile.user)

    def _put(self, profile: Profile, condition: str, **values: int) -> bool:
        record = {"profile": profile.model_dump_json(), "revision": profile.revision}
        return self.table.put(_partition(profile.user), _PROFILE, record, condition, **values)


def answers_partition(user: str) -> str:
    """The partition of the answers to a user's requests with an idempotency key."""
    return f"IDEMPOTENCY#{user}"


def _partition(user: str) -> str:
    return f"USER#{user}"


def _address(email: str) -> str:
    return f"EMAIL#{unicodedata.normalize('NFC', email.strip()).casefold()}"
