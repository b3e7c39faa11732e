"""Replaces parts of moto in this process, and remembers what was there."""

from __future__ import annotations

from typing import Any

_originals: dict[tuple[int, str], Any] = {}


def original(owner: Any, name: str) -> Any:
    """Return an attribute as moto has it, also when it was replaced before; None: moto has none.

    Args:
        owner: A class or module of moto.
        name: The attribute.
    """
    found = vars(owner).get(name)
    return _originals.setdefault((id(owner), name), getattr(owner, name, None) if found is None else found)


def replace(owner: Any, name: str, replacement: Any) -> None:
    """Put something in an attribute's place."""
    original(owner, name)
    setattr(owner, name, replacement)
