"""Starts executions of the workflow."""

from __future__ import annotations

from dataclasses import dataclass

from framesift import aws
from framesift.contracts import StartInput


@dataclass(frozen=True)
class Workflow:
    """The state machine that runs are executions of.

    Attributes:
        arn: Its ARN.
    """

    arn: str

    def start(self, start: StartInput, name: str) -> str:
        """Start an execution, unless one of that name was started before; return its ARN.

        Args:
            start: Its input.
            name: At most 80 letters, digits, `-` and `_`.
        """
        client = aws.stepfunctions()
        try:
            started = client.start_execution(
                stateMachineArn=self.arn,
                name=name,
                input=start.model_dump_json(exclude_none=True, exclude_defaults=True),
            )
        except client.exceptions.ExecutionAlreadyExists:
            return self.execution(name)
        return started["executionArn"]

    def execution(self, name: str) -> str:
        """The ARN of the execution with a name."""
        return f"{self.arn.replace(':stateMachine:', ':execution:', 1)}:{name}"
