"""What a run needs of a machine: found, installed, or said in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from framesift.errors import ChromiumMissingError
from framesift_local import prepare


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """A machine without a Chromium and a package manager, where no install works; what is reported goes to the list."""
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "browsers"))
    monkeypatch.setattr(prepare, "system_chromiums", list)
    monkeypatch.setattr(prepare.shutil, "which", lambda name: None)
    monkeypatch.setattr(prepare.sys, "executable", "/bin/false")
    return []


def test_a_chromium_that_is_there_is_enough(bare: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "system_chromiums", lambda: ["/usr/bin/chromium"])
    prepare.ensure_chromium(bare.append)
    assert bare == []


def test_one_that_can_be_installed_is(bare: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed, installer = tmp_path / "installed", tmp_path / "installer"
    installer.write_text(f'#!/bin/sh\necho "$@" > {installed}\n')
    installer.chmod(0o755)
    monkeypatch.setattr(prepare.sys, "executable", str(installer))
    monkeypatch.setattr(prepare, "system_chromiums", lambda: [str(installed)] if installed.exists() else [])
    prepare.ensure_chromium(bare.append)
    assert len(bare) == 1
    assert "installing" in bare[0]
    assert installed.read_text() == "-m playwright install chromium\n"


@pytest.mark.parametrize("installer", ["/bin/false", "/nonexistent/program"])
def test_one_that_cannot_is_told_how_to_get(bare: list[str], monkeypatch: pytest.MonkeyPatch, installer: str) -> None:
    monkeypatch.setattr(prepare.sys, "executable", installer)
    with pytest.raises(ChromiumMissingError, match="playwright install --with-deps chromium") as raised:
        prepare.ensure_chromium(bare.append)
    assert "\n" not in str(raised.value)
