"""Log in to Framesift; sign in to a site in a browser window, once, so that crawls see what a person sees."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from framesift import aws
from framesift.cli.connection import DATA_DIR, Connection, StackOption, connect, connect_to_read
from framesift.cli.console import errors, output
from framesift.cli.person import call_api, log_in, log_out, require_login
from framesift.errors import ChromiumFailedError, NotFoundError
from framesift.settings import load_settings
from framesift.sources.tiktok.session import FileSession, SecretSession, Session

_SESSION_FILE = Path("sessions", "tiktok.json")


def login(
    site: Annotated[
        Literal["tiktok"] | None, typer.Argument(help="A site to sign in to, for crawls; none: log in to Framesift.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser; else only show the address.")] = True,
    stack: StackOption = "",
) -> None:
    """Log in to Framesift, for collections; or sign in to a site, for crawls.

    Both open a browser window. What is kept of it lies in `.framesift/sessions/`, where only its owner can read it; a
    site's session lies in the stack's secret where there is a stack.
    """
    if site is None:
        email = log_in(require_login(connect_to_read(stack)), open_browser=browser)
        output.print(f"You are logged in as {email}.", highlight=False, soft_wrap=True)
        return
    _sign_in(site, stack)


def logout(stack: StackOption = "") -> None:
    """Log out of Framesift: what is kept of the login is deleted here, and ended there."""
    was_in = log_out(require_login(connect_to_read(stack)))
    output.print("You are logged out." if was_in else "Nobody was logged in.", highlight=False)


def whoami(stack: StackOption = "") -> None:
    """Show who is logged in to Framesift."""
    connection = connect_to_read(stack)
    me = call_api(connection, "GET", "/v1/me")
    profile = me["profile"]
    output.print(f"{profile['email']} ({profile['user']})", highlight=False, soft_wrap=True)
    if not me["is_approved"]:
        output.print("An administrator has to let you in before you can use collections.", highlight=False)


def _sign_in(site: str, stack: str) -> None:
    from framesift.sources.tiktok.login import sign_in

    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ):
        raise ChromiumFailedError(
            f"A browser window needs a desktop, and none is here: run `framesift login {site}` on a machine that has "
            f"one, and copy {DATA_DIR / _SESSION_FILE} from there."
        )
    session, place = _place(stack)
    count = asyncio.run(sign_in(load_settings().crawl, session, _wait_for_enter, headless=False))
    output.print(f"The session ({count} cookies) is kept in {place}.", highlight=False, soft_wrap=True)


def _wait_for_enter() -> None:
    errors.print("Sign in in the browser window, then press Enter here.", highlight=False)
    sys.stdin.readline()


def _place(stack: str) -> tuple[Session, str]:
    if stack:
        secret = _session_secret(connect(stack))
        return SecretSession(secret), f"the secret {secret}"
    path = Path(load_settings().crawl.session_file or DATA_DIR / _SESSION_FILE)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return FileSession(path), str(path)


def _session_secret(connection: Connection) -> str:
    """Return the secret that the stack's crawl function keeps its session in."""
    found = aws.stepfunctions().describe_state_machine(stateMachineArn=connection.state_machine_arn)
    for name in _function_names(json.loads(found["definition"])):
        environment = aws.lambda_().get_function_configuration(FunctionName=name).get("Environment", {})
        if secret := environment.get("Variables", {}).get("FRAMESIFT_CRAWL__SESSION_SECRET"):
            return str(secret)
    raise NotFoundError("The stack has no function that keeps a session: is it a Framesift pipeline?")


def _function_names(definition: object) -> list[str]:
    """Return the functions that a state machine's definition calls, at any depth."""
    if isinstance(definition, list):
        return [name for each in definition for name in _function_names(each)]
    if not isinstance(definition, dict):
        return []
    own = [definition["FunctionName"]] if isinstance(definition.get("FunctionName"), str) else []
    return [*own, *(name for each in definition.values() for name in _function_names(each))]
