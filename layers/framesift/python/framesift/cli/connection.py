"""Which Framesift a command calls: a deployed stack, or the embedded AWS of this folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from framesift import aws
from framesift.address import find_running
from framesift.errors import NotFoundError
from framesift.settings import load_settings
from framesift.storage import S3Store
from framesift.table import Records

DATA_DIR = Path(".framesift")

StackOption = Annotated[
    str,
    typer.Option(
        "--stack",
        envvar="FRAMESIFT_STACK",
        help="A deployed pipeline stack, reached with the standard AWS variables; empty: the embedded AWS.",
    ),
]


@dataclass(frozen=True)
class Connection:
    """Where a Framesift's resources are.

    Attributes:
        bucket: The bucket's name.
        table: The table's name.
        state_machine_arn: The workflow.
        api_url: The HTTP API's address.
        endpoint_url: The embedded AWS's address; empty for AWS itself.
    """

    bucket: str
    table: str
    state_machine_arn: str
    api_url: str
    endpoint_url: str = ""

    @property
    def records(self) -> Records:
        """Everything that is recorded in the table."""
        return Records(self.table)

    @property
    def store(self) -> S3Store:
        """The bucket."""
        return S3Store(self.bucket)


def connect(stack: str) -> Connection:
    """Find the Framesift to call.

    Raises:
        NotFoundError: If there is no such stack.
        EmbeddedAwsDownError: If no stack is named and no embedded AWS runs from this folder.
    """
    return _stack(stack) if stack else _embedded()


def use_embedded(endpoint_url: str, region: str) -> None:
    """Point this process's AWS clients at an embedded AWS, with credentials that open nothing else."""
    os.environ.update(
        AWS_ENDPOINT_URL=endpoint_url,
        AWS_ACCESS_KEY_ID="embedded",
        AWS_SECRET_ACCESS_KEY="embedded",  # noqa: S106 - the embedded AWS checks none
        AWS_DEFAULT_REGION=region,
    )
    os.environ.pop("AWS_PROFILE", None)
    os.environ.pop("AWS_SESSION_TOKEN", None)


def _embedded() -> Connection:
    address = find_running(DATA_DIR)
    use_embedded(address.endpoint, address.region)
    _use_its_settings(address.settings)
    return _from_outputs(address.outputs, address.api_url, address.endpoint)


def _use_its_settings(settings: Mapping[str, str]) -> None:
    """Take the settings that the embedded AWS's functions have; what this process's environment sets wins."""
    for name, value in settings.items():
        os.environ.setdefault(name, value)
    load_settings.cache_clear()


def _from_outputs(outputs: Mapping[str, str], api_url: str, endpoint_url: str = "") -> Connection:
    return Connection(
        bucket=outputs["BucketName"],
        table=outputs["TableName"],
        state_machine_arn=outputs["StateMachineArn"],
        api_url=api_url,
        endpoint_url=endpoint_url,
    )


def _stack(name: str) -> Connection:
    try:
        (stack,) = aws.cloudformation().describe_stacks(StackName=name)["Stacks"]
    except (ClientError, BotoCoreError) as error:
        raise NotFoundError(f"Stack {name} cannot be read: {error}") from None
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    try:
        return _from_outputs(outputs, outputs["ApiUrl"])
    except KeyError as missing:
        raise NotFoundError(f"Stack {name} has no output {missing}: it is no Framesift pipeline.") from None
