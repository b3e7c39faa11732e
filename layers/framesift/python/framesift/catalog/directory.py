"""The user pool that people log in to: their e-mail addresses, and deleting them."""

from __future__ import annotations

from dataclasses import dataclass

from framesift import aws
from framesift.errors import PersonMissingError


@dataclass(frozen=True)
class UserPool:
    """A user pool of Cognito.

    Attributes:
        id: Its id.
    """

    id: str

    def email_of(self, user: str) -> str:
        """The verified e-mail address of a user.

        Args:
            user: The user's id, the `sub` of tokens.

        Raises:
            PersonMissingError: There is no such user.
        """
        client = aws.cognito()
        try:
            found = client.admin_get_user(UserPoolId=self.id, Username=user)
        except client.exceptions.UserNotFoundException:
            raise PersonMissingError("The user has been deleted: sign up anew.") from None
        attributes = {each["Name"]: each.get("Value", "") for each in found["UserAttributes"]}
        return str(attributes.get("email", ""))

    def delete(self, user: str) -> None:
        """Delete a user, who can log in no more; tokens work until they expire. That there is none is no error."""
        client = aws.cognito()
        try:
            client.admin_delete_user(UserPoolId=self.id, Username=user)
        except client.exceptions.UserNotFoundException:
            return
