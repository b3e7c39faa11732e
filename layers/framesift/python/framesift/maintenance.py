"""Starts the maintenance of collections, which deletes and compacts in the background."""

from __future__ import annotations

from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from framesift import aws
from framesift.contracts import MaintenanceInput
from framesift.log import logger


@dataclass(frozen=True)
class Maintenance:
    """The function that maintains collections.

    Attributes:
        function: Its name; empty: there is none, and its schedule or an operator's command does the work later.
    """

    function: str

    def start_deletions(self) -> None:
        """Go on with deletions at once, and do not wait for it; where that cannot be started, the schedule does it."""
        if not self.function:
            return
        request = MaintenanceInput(only_deletions=True).model_dump_json().encode()
        try:
            aws.lambda_().invoke(FunctionName=self.function, InvocationType="Event", Payload=request)
        except (ClientError, BotoCoreError) as error:
            logger.warning("maintenance not started", extra={"function": self.function}, exc_info=error)
