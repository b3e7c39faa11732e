"""Custom Vision's stand-in, and settings that lead to it."""

from tests.unit.custom_vision import service, settings

__all__ = ["service", "settings"]
