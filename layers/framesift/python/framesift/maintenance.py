"""Starts the maintenance of collections, which deletes and compacts in the background."""

from __future__ import annotations

from dataclasses import dataclass

from framesift import aws
from framesift.contracts import MaintenanceInput


@dataclass(frozen=True)
class Maintenance:
    """The function that maintains collections.

    Attributes:
        function: Its name; empty: there is none, and its schedule or an operator's command does the work later.
    """

    function: str

    def start_deletions(self) -> None:
        """Go on with deletions at once, and do not wait for it."""
        if self.function:
            request = MaintenanceInput(only_deletions=True)
            aws.lambda_().invoke(
                FunctionName=self.function, InvocationType="Event", Payload=request.model_dump_json().encode()
            )
