"""Starts executions of the workflow."""

from __future__ import annotations

from dataclasses import dataclass

from botocore.exceptions import ClientError

from framesift import aws
from framesift.contracts import StartInput, StartJobInput


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
        return self._start(start.model_dump_json(exclude_none=True, exclude_defaults=True), name)

    def start_job(self, job_spec_uri: str, name: str) -> str:
        """Start a job that belongs to no run, unless one of that name was started before; return its execution's ARN.

        Args:
            job_spec_uri: Where its specification lies.
            name: At most 80 letters, digits, `-` and `_`.
        """
        return self._start(StartJobInput(job_spec_uri=job_spec_uri, job_name=name).model_dump_json(), name)

    def execution(self, name: str) -> str:
        """The ARN of the execution with a name."""
        return f"{self.arn.replace(':stateMachine:', ':execution:', 1)}:{name}"

    def is_running(self, name: str) -> bool:
        """Whether the execution with a name is still running."""
        return execution_is_running(self.execution(name))

    def _start(self, start: str, name: str) -> str:
        client = aws.stepfunctions()
        try:
            started = client.start_execution(stateMachineArn=self.arn, name=name, input=start)
        except client.exceptions.ExecutionAlreadyExists:
            return self.execution(name)
        return started["executionArn"]


def execution_is_running(execution_arn: str) -> bool:
    """Whether an execution of the state machine is still running."""
    try:
        found = aws.stepfunctions().describe_execution(executionArn=execution_arn)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"ExecutionDoesNotExist", "InvalidArn"}:
            return False
        raise
    return bool(found["status"] == "RUNNING")
