from __future__ import annotations

from tests.unit.catalog.conftest import catalog_settings, log
from tests.unit.maps.conftest import items, opened, workflow

__all__ = ["catalog_settings", "items", "log", "opened", "workflow"]
