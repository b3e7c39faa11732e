"""Resolves model names to verified files."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from framesift.errors import ModelMismatchError, ModelMissingError, NotFoundError
from framesift.local_cache import cache_folder
from framesift.models.card import CARD_FILE_NAME, ModelCard, read_card, shipped_card, shipped_cards
from framesift.models.origins import BucketOrigin, BuildOrigin, Origin, UrlOrigin
from framesift.settings import load_settings
from framesift.storage import Store

# Files in the package: used in place.
PACKAGED = Path(__file__).with_name("files")
# An added model's name and version; an included model is requested by its name alone.
_ADDED = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)


@dataclass(frozen=True)
class Model:
    """A verified file and the card that describes it."""

    card: ModelCard
    path: Path


class ModelRegistry:
    """Resolves names to verified files: from the package, else the local cache, else the origins in order.

    A cached model is a folder `{name}/{version}/` with the file and its card; the card is written last, so that a
    folder with a card is complete.

    Args:
        cache_dir: The cache's folder; created when a file is stored.
        origins: Tried in order if the cache does not have the file.
        bucket: Has the cards of models that `framesift models add` added.

    Attributes:
        cache_dir: The cache's folder.
    """

    def __init__(self, cache_dir: Path, origins: Sequence[Origin] = (), bucket: BucketOrigin | None = None) -> None:
        self.cache_dir = cache_dir
        self._origins = tuple(origins)
        self._bucket = bucket

    def resolve(self, name: str) -> Model:
        """Return the model's verified file.

        Args:
            name: An included model's name, `name/version` of an added one, or `name@version` of either.

        Raises:
            NotFoundError: No card has that name.
            ModelMissingError: Neither the cache nor an origin has the file.
            ModelMismatchError: The file does not match its card.
        """
        card = self.card(name)
        packaged = PACKAGED / card.file
        if card == shipped_cards().get(card.name) and packaged.is_file():
            _verify(card, card, packaged)
            return Model(card, packaged)
        return self._find(card)

    def card(self, name: str) -> ModelCard:
        """Return a model's card, without its file.

        Args:
            name: As for `resolve`.

        Raises:
            NotFoundError: No card has that name.
            ModelMismatchError: The card at that place is another model's.
        """
        if "/" in name:
            return self._added_card(name)
        bare, _, version = name.partition("@")
        shipped = shipped_cards().get(bare)
        if version and (shipped is None or shipped.version != version):
            return self._added_card(f"{bare}/{version}")
        return shipped_card(bare)

    def _added_card(self, folder: str) -> ModelCard:
        """Read an added model's card, by which the file is verified; it never changes for a version."""
        card = None
        if _ADDED.fullmatch(folder):
            card = read_card(self.cache_dir / folder / CARD_FILE_NAME) or (self._bucket and self._bucket.card(folder))
        if not card:
            raise NotFoundError(f"There is no model {folder!r} in the bucket: add it with `framesift models add`.")
        if card.folder != folder:
            raise ModelMismatchError(f"The card at the model {folder} belongs to {card.folder}: add the model again.")
        return card

    def _find(self, known: ModelCard) -> Model:
        cached = self._cached(known)
        if cached is not None:
            return cached
        for origin in self._origins:
            fetched = self._fetch(origin, known)
            if fetched is not None:
                return fetched
        raise ModelMissingError(
            f"The model {known.name} ({known.version}) is neither in {self.cache_dir} nor in the bucket's "
            f"models/: get it with `framesift models fetch {known.name}`."
        )

    def _cached(self, shipped: ModelCard) -> Model | None:
        folder = self.cache_dir / shipped.folder
        card = read_card(folder / CARD_FILE_NAME)
        if card is None:
            return None
        path = folder / card.file
        _verify(shipped, card, path)
        return Model(card, path)

    def _fetch(self, origin: Origin, shipped: ModelCard) -> Model | None:
        self.cache_dir.mkdir(parents=True, exist_ok=True)
        # In the cache's folder, so that a file is stored with one rename.
        with tempfile.TemporaryDirectory(dir=self.cache_dir) as scratch:
            path = Path(scratch) / shipped.file
            card = origin.fetch(shipped, path)
            return None if card is None else self._keep(shipped, card, path)

    def _keep(self, shipped: ModelCard, card: ModelCard, path: Path) -> Model:
        size_bytes, sha256 = card.size_bytes or path.stat().st_size, card.sha256 or _sha256(path)
        card = card.model_copy(update={"sha256": sha256, "size_bytes": size_bytes})
        _verify(shipped, card, path)
        folder = self.cache_dir / shipped.folder
        folder.mkdir(parents=True, exist_ok=True)
        kept = path.replace(folder / card.file)
        card_path = path.with_name(CARD_FILE_NAME)
        card_path.write_text(card.model_dump_json(indent=2), encoding="utf-8")
        card_path.replace(folder / CARD_FILE_NAME)
        return Model(card, kept)


def default_cache_dir() -> Path:
    """Return the model cache: the setting `analysis.model_cache`, else in the user's cache (in Lambda: `/tmp`)."""
    return cache_folder(load_settings().analysis.model_cache, "models")


def open_registry(cache_dir: Path, store: Store | None = None, *, public: bool = False) -> ModelRegistry:
    """Open the default registry: the package, the cache, the bucket and, if requested, the models' publishers.

    Args:
        cache_dir: The cache's folder.
        store: The bucket, if there is one.
        public: Whether to include the publishers. Jobs do not, since they may have no network; `framesift models fetch`
            does.
    """
    bucket = BucketOrigin(store) if store is not None else None
    origins: list[Origin] = [bucket] if bucket else []
    if public:
        origins += [UrlOrigin(), BuildOrigin()]
    return ModelRegistry(cache_dir, origins, bucket)


def _verify(shipped: ModelCard, card: ModelCard, path: Path) -> None:
    """Check a file against its card, and that card against the included one."""
    remedy = (
        "reinstall the package"
        if path.parent == PACKAGED
        else f"delete {path.parent} and run `framesift models fetch {shipped.name}`"
    )
    if card.folder != shipped.folder or shipped.sha256 not in (None, card.sha256):
        raise ModelMismatchError(
            f"The card found with the model {shipped.folder} describes another file "
            f"({card.folder}, sha256 {card.sha256}): {remedy}."
        )
    found = _sha256(path) if path.exists() else "of no file"
    if found != card.sha256:
        raise ModelMismatchError(f"The model {card.folder} has sha256 {found}, its card says {card.sha256}: {remedy}.")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
