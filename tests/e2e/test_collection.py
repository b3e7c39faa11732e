"""Images that are put into a collection on the embedded AWS, by the command and straight into the bucket."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from PIL import Image

from tests.e2e.machine import Machine
from tests.unit.images import encode, photograph
from tests.waiting import wait_until

# The tests share a machine and a collection that is added once.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with Machine(tmp_path_factory.mktemp("collection"), FRAMESIFT_RUN__TOLERATED_FAILED_SHARE="0.5") as started:
        yield started


def ledger(machine: Machine, collection: str, *batch: str) -> dict[str, dict[str, Any]]:
    shown = machine.command("collection", "ledger", collection, *batch, "--json").stdout
    return {line["name"]: line for line in map(json.loads, shown.splitlines())}


def batches(machine: Machine, collection: str) -> list[dict[str, Any]]:
    return list(json.loads(machine.command("collection", "batches", collection, "--json").stdout))


@pytest.fixture(scope="module")
def added(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> CompletedProcess[str]:
    """What was said when a folder of good and bad files, and a zip, was added to the collection `parts`."""
    cat, cup = photograph("chelsea"), photograph("coffee")
    folder = tmp_path_factory.mktemp("photos")
    (folder / "안").mkdir()
    (folder / "안" / "고양이 🎬.png").write_bytes(encode(cat, "PNG"))
    (folder / "cup.jpg").write_bytes(encode(cup))
    (folder / "same cup.jpg").write_bytes(encode(cup))
    (folder / "broken.jpg").write_bytes(encode(cup)[:4000])
    smaller = Image.fromarray(cat).resize((cat.shape[1] * 3 // 4, cat.shape[0] * 3 // 4))
    with zipfile.ZipFile(folder / "odd.zip", "w", zipfile.ZIP_DEFLATED) as made:
        body = io.BytesIO()
        smaller.save(body, "JPEG", quality=90)
        made.writestr("여름/a'b 100%.jpg", body.getvalue())
        made.writestr("../escape.jpg", b"x")
    return machine.command("collection", "add", "parts", str(folder))


def test_a_folder_becomes_items_with_thumbnails_and_every_file_has_its_line(
    machine: Machine, added: CompletedProcess[str]
) -> None:
    assert added.returncode == 0, added.stderr
    lines = ledger(machine, "parts", batches(machine, "parts")[-1]["id"])
    assert {name: line.get("error", {}).get("error", line["status"]) for name, line in lines.items()} == {
        "안/고양이 🎬.png": "added",
        "cup.jpg": "added",
        "same cup.jpg": "known",
        "broken.jpg": "NotAnImageError",
        "odd.zip/여름/a'b 100%.jpg": "added",
        "odd.zip/../escape.jpg": "UnsafeEntryError",
    }
    for line in lines.values():
        for size in (256, 1024) if line["status"] == "added" else ():
            key = f"collections/parts/thumbnails/{size}/{line['item']}.webp"
            thumbnail = machine.client("s3").get_object(Bucket=machine.bucket, Key=key)["Body"].read()
            with Image.open(io.BytesIO(thumbnail)) as opened:
                assert max(opened.size) <= size
    run = machine.upload_runs("parts")[-1]
    assert run["status"] == "SUCCEEDED"
    recorded = machine.record("upload", run["run_id"])
    assert recorded["degraded"][0].startswith("parts: 2 of 6 files were refused")
    compared = recorded["counts"]["compare"]
    assert (compared["compared"], compared["changed"]) == (3, 1), "the smaller copy repeats the larger one"


@pytest.mark.usefixtures("added")
def test_an_upload_is_indexed_and_found_by_what_it_looks_like(machine: Machine, tmp_path: Path) -> None:
    image = tmp_path / "like the cup.jpg"
    image.write_bytes(encode(photograph("coffee")[::2, ::2], quality=50))
    assert [key for key in machine.objects("collections/parts/index/copydetect@") if key.endswith("vectors.npy")]
    found = machine.command("search", "parts", "--image", str(image), "--where", "type:image/jpeg", "--json")
    assert found.returncode == 0, found.stderr
    best, *rest = map(json.loads, found.stdout.splitlines())
    assert (best["name"], best["score"] > 0.9) == ("cup.jpg", True)
    assert [each["name"] for each in rest] == ["odd.zip/여름/a'b 100%.jpg"], "the PNG does not match"
    indexed = machine.command("collection", "index", "parts", "--rebuild", "--json")
    assert [index["segments"][0]["rows"] for index in json.loads(indexed.stdout)] == [3]


@pytest.mark.usefixtures("added")
def test_images_are_looked_at_again_under_their_names(machine: Machine) -> None:
    before = machine.objects("collections/parts/originals/")
    looked = machine.command("collection", "look", "parts")
    assert looked.returncode == 0, looked.stderr
    assert "3 looked" in looked.stdout
    assert set(ledger(machine, "parts")) == {"안/고양이 🎬.png", "cup.jpg", "odd.zip/여름/a'b 100%.jpg"}
    assert machine.objects("collections/parts/originals/") == before


@pytest.mark.usefixtures("added")
def test_only_what_failed_is_tried_again(machine: Machine) -> None:
    first = batches(machine, "parts")[-1]
    retried = machine.command("collection", "retry", "parts", first["id"])
    assert retried.returncode == 0, retried.stderr
    assert batches(machine, "parts")[-1]["counts"] == first["counts"]
    assert "1 item\n" in retried.stderr, "the broken image alone is read again"


def test_what_is_dropped_into_the_bucket_is_taken_in_and_cleared(machine: Machine) -> None:
    machine.drop("dropped/커피 #1.jpg", encode(photograph("coffee")))
    machine.drop("dropped/broken.jpg", b"\xff\xd8\xff")

    def count() -> bool:
        done = [batch for batch in batches(machine, "dropped") if batch["state"] == "done"]
        return sum(sum(batch["counts"].values()) for batch in done) == 2

    wait_until(count, within_s=120, every_s=1)
    assert machine.objects("uploads/dropped/") == ["uploads/dropped/broken.jpg"], "what was taken in is cleared"
    assert len(machine.objects("collections/dropped/originals/")) == 1


def test_labels_come_in_and_an_export_with_them_goes_out_by_jobs(
    machine: Machine, added: CompletedProcess[str], tmp_path: Path
) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("name,label,left,top,width,height\ncup.jpg,cup,0.25,0.25,0.5,0.5\nnobody.jpg,cup,,,,\n", "utf-8")
    imported = machine.command("collection", "import", "parts", str(table))
    assert imported.returncode == 0, imported.stderr
    assert "1 item now has the labels of" in imported.stdout
    assert "'nobody.jpg': no item is called so." in imported.stdout
    path = tmp_path / "cups.zip"
    exported = machine.command("collection", "export", "parts", "label:cup", "--format", "yolo", "-o", str(path))
    assert exported.returncode == 0, exported.stderr
    item = ledger(machine, "parts")["cup.jpg"]["item"]
    with zipfile.ZipFile(path) as archive:
        numbers = archive.read(f"labels/train/{item}.txt").split()
        assert list(map(float, numbers)) == [0, 0.5, 0.5, 0.5, 0.5]
        assert archive.read(f"images/train/{item}.jpg") == encode(photograph("coffee"))
    logs = {log.name.split("-")[1] for log in (machine.data / "logs").glob("batch-*port-*")}
    assert logs == {"export", "import"}, "jobs have done both"


def test_a_map_is_drawn_by_a_job_and_a_part_of_it_tagged(machine: Machine, tmp_path: Path) -> None:
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for number, name in enumerate(["coffee", "chelsea", "astronaut"] * 4):
        (photographs / f"{name}-{number}.png").write_bytes(encode(photograph(name)[number:, number:], "PNG"))
    added = machine.command("collection", "add", "mapped", str(photographs), "--model", "copydetect")
    assert added.returncode == 0, added.stderr
    path = tmp_path / "map.png"
    drawn = machine.command("collection", "map", "mapped", "--json", "-o", str(path))
    assert drawn.returncode == 0, drawn.stderr
    about = json.loads(drawn.stdout)
    assert (about["state"], about["summary"]["items"]) == ("done", 12)
    with Image.open(path) as picture:
        assert min(picture.size) >= 600
    selected = machine.command(
        "collection", "select", "mapped", about["id"], "--outliers", "knn", "--count", "3", "--tag", "odd"
    )
    assert selected.returncode == 0, selected.stderr
    assert machine.command("collection", "query", "mapped", "tag:odd", "--count").stdout.strip() == "3"
    assert [log.name.split("-")[1] for log in (machine.data / "logs").glob("batch-map-*")] == ["map"]
