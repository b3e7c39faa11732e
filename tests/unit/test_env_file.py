"""Settings that cannot be read are one error that names them, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from framesift.errors import SettingsError
from framesift.settings import Settings, load_settings


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"FRAMESIFT_RUN__CATEGORIES=main", "FRAMESIFT_RUN__CATEGORIES"),
        (b"FRAMESIFT_CRAWL__PATHS={", "FRAMESIFT_CRAWL__PATHS"),
        (b"FRAMESIFT_CRAWL__SITE_URL=\xff\xfe", "UTF-8"),
        (b"FRAMESIFT_DOWNLOAD__MAX_PIXELS=many", "FRAMESIFT_DOWNLOAD__MAX_PIXELS"),
    ],
)
def test_what_cannot_be_read_is_named(
    content: bytes, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ".env"
    path.write_bytes(content)
    monkeypatch.setitem(Settings.model_config, "env_file", str(path))
    load_settings.cache_clear()
    with pytest.raises(SettingsError, match=named):
        load_settings()
