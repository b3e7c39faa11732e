"""The browser's session (Playwright's storage state: cookies and local storage), kept from one crawl to the next."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from framesift.errors import SecretNotWrittenError, SettingsError
from framesift.log import logger
from framesift.secrets import MAX_SECRET_BYTES, read_secret, write_secret
from framesift.settings import CrawlSettings

State = dict[str, Any]


class Session(Protocol):
    """Where a session is kept."""

    def load(self) -> State | None:
        """The session as it was kept last; None where there is none yet."""
        ...

    def save(self, state: State) -> None:
        """Keep a session for the next crawl."""
        ...


@dataclass(frozen=True)
class SecretSession:
    """A session in Secrets Manager.

    Attributes:
        secret_id: The secret's name or ARN.
    """

    secret_id: str

    def load(self) -> State | None:
        """See `Session.load`.

        Raises:
            SettingsError: If the secret holds no session.
        """
        text = read_secret(self.secret_id)
        return None if text is None else _parse(text, f"the secret {self.secret_id}")

    def save(self, state: State) -> None:
        """See `Session.save`.

        Raises:
            SecretNotWrittenError: If the cookies alone are too large, or AWS refuses; the last session is kept.
        """
        text = json.dumps(state)
        if len(text.encode()) > MAX_SECRET_BYTES:
            text = json.dumps({**state, "origins": []})  # Cookies alone keep one logged in.
        write_secret(self.secret_id, text)


@dataclass(frozen=True)
class FileSession:
    """A session in a file that only its owner can read.

    Attributes:
        path: The file.
    """

    path: Path

    def load(self) -> State | None:
        """See `Session.load`.

        Raises:
            SettingsError: If the file holds no session.
        """
        if not self.path.exists():
            return None
        return _parse(self.path.read_text(encoding="utf-8"), str(self.path))

    def save(self, state: State) -> None:
        """See `Session.save`. The file is whole at every moment."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")  # Mode 0600.
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(state, file)
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


class NoSession:
    """A new visitor each time."""

    def load(self) -> State | None:
        """See `Session.load`."""
        return None

    def save(self, state: State) -> None:
        """See `Session.save`."""


def open_session(settings: CrawlSettings) -> Session:
    """The session that the settings name."""
    if settings.session_secret:
        return SecretSession(settings.session_secret)
    if settings.session_file:
        return FileSession(Path(settings.session_file))
    return NoSession()


def keep(session: Session, state: State) -> None:
    """Store the session after a successful crawl; a failure to do so is logged and does not fail the crawl."""
    try:
        session.save(state)
    except (SecretNotWrittenError, OSError) as error:
        logger.warning("The session could not be kept: %s", error)


def _parse(text: str, place: str) -> State | None:
    try:
        state = json.loads(text) if text.strip() else {}
    except ValueError:
        state = None
    if not isinstance(state, dict):
        raise SettingsError(f"What {place} holds is no session: put Playwright's storage state there, or {{}}.")
    return state or None
