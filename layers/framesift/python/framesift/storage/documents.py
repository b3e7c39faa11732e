"""Manifests and JSON documents in a store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from framesift.contracts import Contract
from framesift.storage.store import Store

Line = TypeVar("Line", bound=Contract)


def read_lines(store: Store, key: str, line: type[Line]) -> list[Line]:
    """Read a manifest: JSONL, one item per line.

    Raises:
        NotFoundError: If there is none.
    """
    return [line.model_validate_json(text) for text in store.get(key).splitlines() if text.strip()]


def write_manifest(store: Store, key: str, items: Iterable[Contract]) -> None:
    """Write a manifest: JSONL, one item per line."""
    lines = [item.model_dump_json(exclude_none=True) for item in items]
    store.put(key, ("\n".join(lines) + "\n").encode() if lines else b"", "application/jsonl")


def write_json(store: Store, key: str, document: Contract) -> None:
    """Write a document as JSON."""
    store.put(key, document.model_dump_json(indent=2).encode(), "application/json")
