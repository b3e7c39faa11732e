"""The machine takes its folder before it starts anything in it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from framesift.errors import DataFolderBusyError
from framesift_local.aws.data_folder import hold
from framesift_local.machine import machine


def test_of_two_starts_at_once_the_second_touches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data"
    with hold(folder):
        # The first one is still starting: it holds the folder before anything else is in it.
        assert [path.name for path in folder.iterdir()] == ["lock"]
        with pytest.raises(DataFolderBusyError, match="in use"), machine(folder, day=date(2026, 11, 20)):
            pass
        assert [path.name for path in folder.iterdir()] == ["lock"]


def test_the_folder_is_held_before_the_first_stand_in_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder, refused = tmp_path / "data", []

    def start_another(*_: object) -> None:
        with pytest.raises(DataFolderBusyError) as error, hold(folder):
            pass
        refused.append(error)
        raise InterruptedError

    monkeypatch.setattr("framesift_local.machine.StandInProcess", start_another)
    with pytest.raises(InterruptedError), machine(folder, day=date(2026, 11, 20)):
        pass
    assert len(refused) == 1
