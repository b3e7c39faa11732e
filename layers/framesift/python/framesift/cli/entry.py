"""Runs a command, and ends its process with one line and an exit code where it fails."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from framesift.cli.console import print_error
from framesift.errors import AwsRefusedError, AwsUnreachableError, CredentialsError, FramesiftError


def run_command(app: typer.Typer) -> None:
    """Run the command that the process's arguments name; an error that a person can act on ends it."""
    try:
        app()
    except FramesiftError as error:
        _end(error)
    except (NoCredentialsError, PartialCredentialsError) as error:
        _end(CredentialsError(f"AWS cannot be called: {error}. `aws configure` sets credentials."))
    except ClientError as error:
        fault = error.response["Error"]
        reason = f"{fault.get('Code', '')}: {fault.get('Message', '')}"
        _end(AwsRefusedError(f"AWS refuses {error.operation_name} ({reason})."))
    except BotoCoreError as error:
        _end(AwsUnreachableError(f"AWS, or the embedded AWS, does not answer: {error}"))


def _end(error: FramesiftError) -> NoReturn:
    print_error(error)
    sys.exit(error.exit_code)
