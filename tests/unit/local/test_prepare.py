"""What a run needs of a machine: found, installed, or said in one line."""

from __future__ import annotations

import pytest

from framesift.errors import ChromiumMissingError
from framesift_local import prepare


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine without a Chromium, on which no install works; what is said goes to the list."""
    monkeypatch.setattr(prepare, "_playwright_has_one", lambda: False)
    monkeypatch.setattr(prepare, "system_chromiums", list)
    monkeypatch.setattr(prepare, "_run_all", lambda commands: False)
    return []


def test_a_chromium_that_is_there_is_enough(bare: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "system_chromiums", lambda: ["/usr/bin/chromium"])
    prepare.ensure_chromium(bare.append)
    assert bare == []


def test_one_that_can_be_installed_is(bare: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[str] = []
    monkeypatch.setattr(prepare, "_run_all", lambda commands: bool(installed.append("/usr/bin/chromium")) or True)
    monkeypatch.setattr(prepare, "system_chromiums", lambda: installed)
    prepare.ensure_chromium(bare.append)
    assert len(bare) == 1
    assert "installing" in bare[0]


def test_one_that_cannot_is_told_how_to_get(bare: list[str]) -> None:
    with pytest.raises(ChromiumMissingError, match="playwright install --with-deps chromium") as raised:
        prepare.ensure_chromium(bare.append)
    assert "\n" not in str(raised.value)


def test_a_command_that_is_missing_or_fails_is_no_crash() -> None:
    assert not prepare._run_all([["/nonexistent/program"]])
    assert not prepare._run_all([["false"]])
    assert prepare._run_all([["true"]])
