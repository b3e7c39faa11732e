from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from framesift.catalog.log import CatalogLog
from framesift.catalog.reader import CatalogReader
from framesift.settings import CatalogSettings
from framesift.storage import S3Store
from framesift.table import Collection, Records

COLLECTION = "parts"


@pytest.fixture
def catalog_settings(tmp_path: Path) -> CatalogSettings:
    return CatalogSettings(cache_dir=str(tmp_path / "catalogs"), query_memory_mb=256)


@pytest.fixture
def log(store: S3Store, records: Records) -> CatalogLog:
    """The log of an empty collection."""
    records.collections.create(Collection(id=COLLECTION, owner="kim", created_at=datetime.now(UTC)))
    return CatalogLog(COLLECTION, store, records)


@pytest.fixture
def reader(log: CatalogLog, catalog_settings: CatalogSettings) -> CatalogReader:
    return CatalogReader(COLLECTION, log.store, log.records, catalog_settings)
