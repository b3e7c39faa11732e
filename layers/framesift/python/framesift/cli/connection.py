"""Which Framesift a command calls: a deployed stack, or the embedded AWS of this folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from framesift import aws
from framesift.address import Address, find_running
from framesift.cli.console import errors
from framesift.errors import EmbeddedAwsDownError, NotFoundError
from framesift.settings import load_settings
from framesift.settings.own import digest_settings, read_own_settings
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
class Login:
    """Where people log in.

    Attributes:
        url: The managed login's address.
        client_id: The client that logs them in.
        callback_url: Where the browser is sent with the code; it names this machine.
    """

    url: str
    client_id: str
    callback_url: str


@dataclass(frozen=True)
class Connection:
    """Where a Framesift's resources are.

    Attributes:
        bucket: The bucket's name.
        table: The table's name.
        state_machine_arn: The workflow.
        api_url: The HTTP API's address.
        endpoint_url: The embedded AWS's address; empty for AWS itself.
        login: Where people log in; None: nowhere.
    """

    bucket: str
    table: str
    state_machine_arn: str
    api_url: str
    endpoint_url: str = ""
    login: Login | None = None

    @property
    def records(self) -> Records:
        """Everything that is recorded in the table."""
        return Records(self.table)

    @property
    def store(self) -> S3Store:
        """The bucket."""
        return S3Store(self.bucket)


EMBEDDED_GROUP = "framesift.embedded_aws"
"""Entry points of this group are functions that serve what a folder has kept: `(folder: Path) -> Address`."""


def connect(stack: str) -> Connection:
    """Find the Framesift to call.

    Raises:
        SettingsError: If a setting of this process has an unknown name, or a value that cannot be used.
        NotFoundError: If there is no such stack.
        EmbeddedAwsDownError: If no stack is named and no embedded AWS runs from this folder.
    """
    load_settings()  # What is misspelt is refused here, whatever the command goes on to read.
    return _stack(stack) if stack else _embedded(find_running(DATA_DIR))


def connect_to_read(stack: str) -> Connection:
    """Find the Framesift to read from; what a local run has kept is served for as long as this process lives.

    Raises:
        SettingsError: If a setting of this process has an unknown name, or a value that cannot be used.
        NotFoundError: If there is no such stack.
        EmbeddedAwsDownError: If no stack is named, and nothing was run from this folder yet.
    """
    load_settings()
    return _stack(stack) if stack else _embedded(_find_or_serve(DATA_DIR))


def _find_or_serve(folder: Path) -> Address:
    try:
        return find_running(folder)
    except EmbeddedAwsDownError:
        for entry_point in entry_points(group=EMBEDDED_GROUP):
            address: Address | None = entry_point.load()(folder)
            if address is not None:
                return address
        raise


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


def _embedded(address: Address) -> Connection:
    _name_unknown_settings(address)
    use_embedded(address.endpoint, address.region)
    _use_its_settings(address.settings)
    return _from_outputs(address.outputs, address.api_url, address.endpoint)


def _name_unknown_settings(address: Address) -> None:
    """Say which of this process's settings the embedded AWS was not started with: its functions do not have them."""
    taken = address.settings.items()  # By an earlier call in this process.
    own = digest_settings({name: value for name, value in read_own_settings().items() if (name, value) not in taken})
    if unknown := [name for name, digest in own.items() if address.known_settings.get(name) != digest]:
        errors.print(
            f"[yellow]The embedded AWS that runs here was started without {', '.join(unknown)}: its functions do not "
            "have it. Stop it and start it again with it.[/]",
            highlight=False,
            soft_wrap=True,
        )


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
        login=_login(outputs),
    )


def _login(outputs: Mapping[str, str]) -> Login | None:
    names = ("LoginUrl", "ClientId", "LoginCallbackUrl")
    return Login(*(outputs[name] for name in names)) if all(name in outputs for name in names) else None


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
