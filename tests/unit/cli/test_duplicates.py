"""`framesift duplicates` on a folder without AWS, and on a day's run in a bucket."""

from __future__ import annotations

import csv
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from framesift import cli, keys
from framesift.contracts import Clip, Duplicate, Media, Run
from framesift.storage import S3Store, write_manifest
from framesift.table import Records, RunRecord
from tests.unit.images import encode, photograph

TODAY, YESTERDAY = (Run(source="tiktok", date=date, attempt=1) for date in ("2026-11-20", "2026-11-19"))


def run_command(*words: str | Path) -> int:
    """Run `framesift …` as the entry point does; gives its exit code."""
    sys.argv = ["framesift", *map(str, words)]
    try:
        cli.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest.fixture(autouse=True)
def _arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "cat.png").write_bytes(encode(photograph("chelsea"), "PNG"))
    (folder / "[bold]고양이.jpg").write_bytes(encode(photograph("chelsea"), quality=40))
    (folder / "coffee.jpg").write_bytes(encode(photograph("coffee")))
    (folder / "torn.jpg").write_bytes(b"")
    return folder


def test_find_shows_and_writes_what_it_found(folder, tmp_path, capsys):
    outputs = {name: tmp_path / f"found.{name}" for name in ("csv", "json", "html", "png")}
    options = ["--csv", outputs["csv"], "--json", outputs["json"], "--report", outputs["html"]]
    assert run_command("duplicates", "find", folder, *options, "--contact-sheet", outputs["png"]) == 0

    shown = capsys.readouterr()
    assert "keep  cat.png" in shown.out
    assert "[bold]고양이.jpg  1.000 pdq" in shown.out or "[bold]고양이.jpg  0.9" in shown.out
    assert "3 images (1 unreadable): 1 duplicate in 1 cluster, 0." in shown.out
    assert "torn.jpg: No JPEG" in shown.err
    assert len(list(csv.reader(outputs["csv"].read_text("utf-8").splitlines()))) == 4
    assert json.loads(outputs["json"].read_text("ascii"))["images"] == 3
    assert outputs["html"].read_text("utf-8").startswith("<!doctype html>")
    assert outputs["png"].read_bytes().startswith(b"\x89PNG")


def test_moving_is_tried_done_and_undone(folder, tmp_path, capsys, monkeypatch):
    aside, name = tmp_path / "aside", "[bold]고양이.jpg"
    assert run_command("duplicates", "find", folder, "--model", "pdq", "--move-to", aside, "--dry-run") == 0
    assert "would move" in capsys.readouterr().out
    assert not aside.exists()
    assert run_command("duplicates", "find", folder, "--model", "pdq", "--move-to", aside) == 0
    assert (aside / name).exists()
    assert not (folder / name).exists()
    (moves,) = aside.glob("*.jsonl")
    assert f"framesift duplicates undo {moves}" in capsys.readouterr().out
    monkeypatch.setattr("typer.confirm", lambda question: f"back into {folder}" not in question)
    assert run_command("duplicates", "undo", moves) != 0
    assert not (folder / name).exists()
    assert run_command("duplicates", "undo", moves, "--yes") == 0
    assert (folder / name).exists()


def test_a_file_that_cannot_be_written_is_named(folder, tmp_path, capsys):
    (tmp_path / "taken").mkdir()
    code = run_command("duplicates", "find", folder, "--model", "pdq", "--csv", tmp_path / "taken")
    assert code == 73
    assert "OutputNotWrittenError" in (message := capsys.readouterr().err)
    assert f"{tmp_path / 'taken'} cannot be written" in message


def test_an_index_is_made_updated_and_searched(folder, tmp_path, capsys):
    index, image = tmp_path / "index.npz", tmp_path / "cropped.jpg"
    assert run_command("duplicates", "index", folder, "-o", index) == 0
    assert "3 images, 3 of them new or changed" in capsys.readouterr().out
    assert run_command("duplicates", "index", folder, "-o", index) == 0
    assert "3 images, 0 of them new or changed" in capsys.readouterr().out
    image.write_bytes(encode(photograph("coffee")[15:-15, 22:-22]))
    assert run_command("duplicates", "search", image, folder / "cat.png", "--index", index) == 0
    shown = capsys.readouterr().out
    assert "cropped.jpg: 1 duplicate\n" in shown
    assert "copydetect  coffee.jpg" in shown
    assert "1.000  sha256      cat.png" in shown
    assert run_command("duplicates", "find", folder, "--index", index) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["find", "nowhere"], "There is no folder"),
        (["index", "nowhere", "-o", "index.npz"], "There is no folder"),
        (["search", "a.jpg", "--index", "nowhere.npz"], "is no index"),
        (["undo", "nowhere.jsonl"], "is no list"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_one_line_and_exit_code_65(words, message, capsys):
    assert run_command("duplicates", *words) == 65
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ["faiss", "pdqhash"])
def test_a_missing_extra_is_named(folder, monkeypatch, capsys, name):
    for module in [module for module in sys.modules if module.startswith("framesift.duplicates.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    assert run_command("duplicates", "find", folder) == 69
    assert "framesift[vision]" in capsys.readouterr().err


def test_show_draws_a_run_with_keepers_of_earlier_days(stack, store, records, tmp_path, monkeypatch, capsys):
    """One keeper is of this day, one of yesterday and in the archive, one is gone: the sheet shows each."""
    cat, coffee = encode(photograph("chelsea")), encode(photograph("coffee"))
    _publish(store, records, YESTERDAY, [("old", None), ("older", None)])
    archived = keys.archived_media(YESTERDAY, "dance", keys.media(YESTERDAY, "dance", "old", "jpg"))
    store.put(archived, cat)
    duplicates = [("new", None), ("a", ("new", None)), ("b", ("old", YESTERDAY.date)), ("c", ("older", YESTERDAY.date))]
    _publish(store, records, TODAY, duplicates)
    for id_, body in (("new", coffee), ("a", coffee), ("b", cat)):
        store.put(keys.media(TODAY, "dance", id_, "jpg"), body)
    drawn = []
    from framesift.duplicates import contact_sheet

    draw = contact_sheet.draw_contact_sheets
    monkeypatch.setattr(contact_sheet, "draw_contact_sheets", lambda found: drawn.extend(found) or draw(found))

    assert run_command("duplicates", "show", "tiktok", "-o", tmp_path / "sheet.png") == 0

    seen = {(tile.name, tile.note, tile.image is None) for tiles in drawn for tile in tiles}
    assert seen == {
        ("dance new", "kept", False),
        ("dance a", "0.93 pdq", False),
        ("dance old", "kept on 2026-11-19", False),
        ("dance b", "0.93 pdq", False),
        ("dance older", "kept on 2026-11-19", True),
        ("dance c", "0.93 pdq", True),
    }
    assert "3 of 3 clusters" in capsys.readouterr().out
    assert (tmp_path / "sheet.png").exists()


def _publish(
    store: S3Store, records: Records, run: Run, items: list[tuple[str, tuple[str, str | None] | None]]
) -> None:
    """A finished run of one category; each item with what it is a duplicate of, and the day of that."""
    now = datetime(2026, 11, 20, tzinfo=UTC)
    write_manifest(
        store,
        keys.manifest(run, "dance", "analyzed"),
        [
            Clip(
                source="tiktok",
                category="dance",
                id=id_,
                url=f"https://site.test/{id_}",
                views=1,
                collected_at=now,
                media=Media(
                    key=keys.media(run, "dance", id_, "jpg"),
                    sha256=id_,
                    content_type="image/jpeg",
                    size_bytes=1,
                    width=1,
                    height=1,
                ),
                duplicate=of and Duplicate(of=of[0], of_date=of[1], of_category="dance", method="pdq", score=0.93),
            )
            for id_, of in items
        ],
    )
    record = RunRecord(
        source="tiktok",
        date=run.date,
        status="SUCCEEDED",
        attempt=1,
        execution_arn="arn:1",
        categories=["dance"],
        done=["dance"],
        started_at=now,
        finished_at=now,
    )
    assert records.runs.claim(record, None)
