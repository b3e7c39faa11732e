"""Origins of model files: the bucket, the publisher's URL, or a build from what the publisher hosts."""

from __future__ import annotations

import http.client
import importlib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from framesift import keys
from framesift.errors import ExtraMissingError, ModelMismatchError, ModelUnreachableError, NotFoundError
from framesift.models.card import CARD_FILE_NAME, ModelCard
from framesift.storage import Store

_DOWNLOAD_TIMEOUT_S = 60
_CHUNK_BYTES = 1 << 20


class Origin(Protocol):
    """A place that model files come from."""

    def fetch(self, card: ModelCard, destination: Path) -> ModelCard | None:
        """Write the card's file to `destination`, without verifying it.

        Returns:
            The card as this origin has it (a built file's digest is known only afterwards), or `None` if the origin
            does not have the model.

        Raises:
            ModelUnreachableError: The origin cannot be reached.
            ExtraMissingError: Building it needs a package extra.
            ModelMismatchError: The file is larger than its card states.
        """


class BucketOrigin:
    """`models/{name}/{version}/` in the bucket: the card and the file.

    Args:
        store: The bucket.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def fetch(self, card: ModelCard, destination: Path) -> ModelCard | None:
        """See `Origin.fetch`."""
        try:
            kept = self._store.get(keys.model_file(card.name, card.version, CARD_FILE_NAME))
            destination.write_bytes(self._store.get(keys.model_file(card.name, card.version, card.file)))
        except NotFoundError:
            return None
        return ModelCard.model_validate_json(kept)

    def cards(self) -> list[ModelCard]:
        """Read the cards of all models in the bucket, by name and version."""
        found = [key for key in self._store.list(keys.models_prefix()) if key.endswith(f"/{CARD_FILE_NAME}")]
        return [ModelCard.model_validate_json(self._store.get(key)) for key in found]

    def card(self, folder: str) -> ModelCard | None:
        """Read the card of a model in the bucket by its name and version; `None` if there is none."""
        name, _, version = folder.partition("/")
        try:
            return ModelCard.model_validate_json(self._store.get(keys.model_file(name, version, CARD_FILE_NAME)))
        except NotFoundError:
            return None

    def push(self, card: ModelCard, data: bytes) -> None:
        """Put a verified file into the bucket, its card last: a reader finds both or neither."""
        self._store.put(keys.model_file(card.name, card.version, card.file), data)
        self._store.put(
            keys.model_file(card.name, card.version, CARD_FILE_NAME),
            card.model_dump_json(indent=2).encode(),
            "application/json",
        )


class UrlOrigin:
    """The URL where the model's publisher hosts exactly this file."""

    def fetch(self, card: ModelCard, destination: Path) -> ModelCard | None:
        """See `Origin.fetch`."""
        if card.url is None:
            return None
        # S310: the card's pattern allows https only.
        with (
            _translate_network_errors(card, card.url),
            urllib.request.urlopen(card.url, timeout=_DOWNLOAD_TIMEOUT_S) as response,  # noqa: S310
        ):
            _write_capped(response.read, destination, limit_bytes=card.size_bytes)
        return card


class BuildOrigin:
    """Files that a function of this package builds from what the model's publisher hosts."""

    def fetch(self, card: ModelCard, destination: Path) -> ModelCard | None:
        """See `Origin.fetch`."""
        if card.builder is None:
            return None
        module_name, _, function_name = card.builder.partition(":")
        try:
            build: Callable[[Path], None] = getattr(importlib.import_module(module_name), function_name)
            with _translate_network_errors(card, "its publisher"):
                build(destination)
        except ModuleNotFoundError as error:
            if card.builder_extra is None:
                raise
            raise ExtraMissingError.for_module(
                f"Building the model {card.name}", error.name, card.builder_extra
            ) from None
        return card


@contextmanager
def _translate_network_errors(card: ModelCard, place: str) -> Iterator[None]:
    """Translate network failures to `ModelUnreachableError`."""
    try:
        yield
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error or type(error).__name__
        raise ModelUnreachableError(
            f"The model {card.name} could not be downloaded from {place} ({reason}): "
            f"run `framesift models fetch {card.name}` when there is a network."
        ) from error


def _write_capped(read: Callable[[int], bytes], destination: Path, *, limit_bytes: int | None) -> None:
    written_bytes = 0
    with destination.open("wb") as file:
        while chunk := read(_CHUNK_BYTES):
            written_bytes += len(chunk)
            if limit_bytes is not None and written_bytes > limit_bytes:
                raise ModelMismatchError(
                    f"The download is larger than the {limit_bytes} bytes of the model's card: "
                    "its publisher changed the file; update the card's version and sha256."
                )
            file.write(chunk)
