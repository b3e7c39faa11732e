"""Labels of images that a collection has already: from COCO, Label Studio and tables, by a job that can be repeated."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from framesift import aws, keys
from framesift.catalog.export.rows import file_name
from framesift.catalog.import_jobs import guess_format, import_labels, run_import, settle_import, start_import
from framesift.catalog.log import CatalogLog
from framesift.catalog.reader import CatalogReader
from framesift.contracts import Annotation, Box, CatalogItem
from framesift.contracts.exports import ImportJob
from framesift.errors import LabelFileError
from framesift.settings import CatalogSettings, Settings
from framesift.storage import S3Store
from framesift.table import ImportRecord, Records
from framesift.table.imports import ImportFormat
from framesift.workflow import Workflow
from tests.unit.catalog.conftest import COLLECTION, catalog_settings, log, reader
from tests.unit.catalog.export.conftest import make_item

__all__ = ["catalog_settings", "log", "reader"]

OLD = Annotation(label="old", by="kim")
BOX = {"left": 0.1, "top": 0.2, "width": 0.5, "height": 0.25}


@pytest.fixture
def items(log: CatalogLog) -> list[CatalogItem]:
    """Three images, each with an annotation; two have the same name."""
    names = [["set.zip/train/a.png"], ["b.png"], ["c.png", "b.png"]]
    made = [make_item(number, names=each, annotations=[OLD], tags=["split:val"]) for number, each in enumerate(names)]
    log.add_items(made, "kim")
    return made


Labels = dict[str, list[tuple[str, dict[str, float] | None, str]]]


def labels(reader: CatalogReader) -> Labels:
    """What people say of each item: label, box and who."""
    return {
        item.id: [(one.label, one.box and one.box.model_dump(), one.by) for one in item.annotations]
        for some in reader.iterate()
        for item in some
    }


KEPT = [("old", None, "kim")]


def coco(*names: str, label: str = "긁힘") -> bytes:
    images = [{"id": n, "file_name": name, "width": 200, "height": 100} for n, name in enumerate(names)]
    boxes = [{"id": n, "image_id": n, "category_id": 0, "bbox": [20, 20, 100, 25]} for n, _ in enumerate(names)]
    document = {"images": images, "annotations": boxes, "categories": [{"id": 0, "name": label}]}
    return json.dumps(document).encode()


def test_coco_names_images_by_the_names_they_came_under_or_by_those_of_our_exports(
    log: CatalogLog, reader: CatalogReader, items: list[CatalogItem]
) -> None:
    done = import_labels(log, reader, coco("train/a.png", file_name(items[2]), "b.png", "x.png"), "coco", "lee")
    assert done.items == 2
    assert done.faults.first == [
        "The file, image 4: there is no image 'x.png' in the upload.",
        "The file, annotation 4: there is no image with the id 3, or it cannot be used.",
        "'b.png': 2 items are called so: name them by their ids.",
    ]
    said = [("긁힘", pytest.approx(BOX), "lee")]
    assert labels(reader) == {items[0].id: said, items[1].id: KEPT, items[2].id: said}


@pytest.mark.parametrize(("separator", "encoding"), [(",", "cp949"), ("\t", "utf-16"), (";", "utf-8-sig")])
def test_a_table_comes_as_spreadsheets_save_it(
    log: CatalogLog, reader: CatalogReader, items: list[CatalogItem], separator: str, encoding: str
) -> None:
    table = f"id,label\r\n{items[0].id},긁힘\r\n".replace(",", separator)
    assert import_labels(log, reader, table.encode(encoding), "csv", "lee").items == 1
    assert labels(reader)[items[0].id] == [("긁힘", None, "lee")]


def test_a_table_has_a_row_for_each_label(log: CatalogLog, reader: CatalogReader, items: list[CatalogItem]) -> None:
    lines = [
        "id,name,label,left,top,width,height",
        f"{items[0].id},,scratch,0.1,0.2,0.5,0.25",
        f"{items[0].id},,dirty,,,,",
        ",c.png,,,,,",
        ",b.png,dent,,,,",
        ",nobody.png,dent,,,,",
        f"{'0' * 31}f,,dent,,,,",
        f"{items[1].id},,dent,0.9,0,0.5,0.5",
        ",,dent,,,,",
    ]
    done = import_labels(log, reader, "\n".join(lines).encode(), "csv", "lee")
    assert done.items == 2
    assert done.faults.first == [
        "line 8: a box reaches out of the image.",
        "line 9: it names no image: neither `id` nor `name` is a text.",
        f"'{'0' * 31}f': there is no item of that id in the collection.",
        "'b.png': 2 items are called so: name them by their ids.",
        "'nobody.png': no item is called so.",
    ]
    assert labels(reader) == {
        items[0].id: [("scratch", pytest.approx(BOX), "lee"), ("dirty", None, "lee")],
        items[1].id: KEPT,
        items[2].id: [],
    }


def test_a_row_that_cannot_be_used_does_not_take_annotations_away(
    log: CatalogLog, reader: CatalogReader, items: list[CatalogItem]
) -> None:
    table = f"id,label,left,top,width,height\n{items[1].id},dent,0.9,0,0.5,0.5\n"
    done = import_labels(log, reader, table.encode(), "csv", "lee")
    assert (done.items, done.faults.count) == (0, 1)
    assert labels(reader)[items[1].id] == KEPT


def test_lines_are_as_our_exports_write_them(log: CatalogLog, reader: CatalogReader, items: list[CatalogItem]) -> None:
    box = Box(**BOX)
    mine = items[0].model_copy(update={"annotations": [Annotation(label="scratch", box=box, by="x")]})
    lines = [
        mine.model_dump_json(exclude_defaults=True),
        json.dumps({"name": "c.png", "annotations": [{"label": "dent"}]}),
        "{",
        "[]",
        json.dumps({"id": items[1].id, "annotations": 3}),
        json.dumps({"id": items[1].id, "annotations": [{"label": "", "box": None}]}),
    ]
    done = import_labels(log, reader, "\n".join(lines).encode(), "jsonl", "")
    assert done.items == 2
    assert [fault.partition(":")[0] for fault in done.faults.first] == ["line 3", "line 4", "line 5", "line 6"]
    assert labels(reader) == {
        items[0].id: [("scratch", pytest.approx(BOX), "import")],
        items[1].id: KEPT,
        items[2].id: [("dent", None, "import")],
    }


def task(item: str, *found: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"item": item}, "annotations": [{"result": list(found), "completed_by": {"email": "a@b.c"}}]}


def test_corrections_of_label_studio_come_back_by_id(
    log: CatalogLog, reader: CatalogReader, items: list[CatalogItem]
) -> None:
    value = {"x": 10, "y": 20, "width": 50, "height": 25, "rotation": 0, "rectanglelabels": ["scratch"]}
    tasks = [task(items[0].id, {"type": "rectanglelabels", "value": value}), task(items[1].id), task("e" * 32)]
    done = import_labels(log, reader, json.dumps(tasks).encode(), "label-studio", "lee")
    assert (done.items, done.faults.count) == (2, 1)
    assert labels(reader) == {
        items[0].id: [("scratch", pytest.approx(BOX), "label-studio:a@b.c")],
        items[1].id: [],
        items[2].id: KEPT,
    }


def test_a_split_that_the_file_names_takes_the_place_of_another(
    log: CatalogLog, reader: CatalogReader, items: list[CatalogItem]
) -> None:
    import_labels(log, reader, coco("train/a.png"), "coco", "lee")
    assert reader.get(items[0].id).tags == ["split:train"]
    assert reader.get(items[1].id).tags == ["split:val"]


def test_an_import_that_is_repeated_changes_nothing_twice(
    log: CatalogLog, reader: CatalogReader, items: list[CatalogItem]
) -> None:
    for _ in range(2):
        import_labels(log, reader, coco("train/a.png"), "coco", "lee", "import-1")
    assert log.head() == 3, "the items, their labels, their split"


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("a.CSV", b"", "csv"),
        ("a.jsonl", b"", "jsonl"),
        ("a.json", coco("a.png"), "coco"),
        ("a.json", b"[]", "label-studio"),
    ],
)
def test_the_format_is_guessed(name: str, content: bytes, form: ImportFormat) -> None:
    assert guess_format(name, content) == form


def test_what_is_no_file_of_labels_is_said(log: CatalogLog, reader: CatalogReader) -> None:
    with pytest.raises(LabelFileError, match="name its --format"):
        guess_format("labels.xml", b"")
    for form, content in (("csv", b"a,b\n"), ("csv", b"\xff\xfe"), ("jsonl", b"\xff"), ("coco", b"[]")):
        with pytest.raises(LabelFileError):
            import_labels(log, reader, content, form, "")  # type: ignore[arg-type]


# --- The job ---


@pytest.fixture
def workflow(store: S3Store) -> Workflow:
    made = aws.stepfunctions().create_state_machine(
        name="framesift", definition="{}", roleArn="arn:aws:iam::123456789012:role/any"
    )
    return Workflow(made["stateMachineArn"])


@pytest.fixture
def start(log: CatalogLog, workflow: Workflow) -> Callable[[bytes], ImportJob]:
    """Uploads a file of COCO's, and starts the job that reads it."""

    def call(content: bytes) -> ImportJob:
        key = keys.import_file(COLLECTION, "one")
        record = ImportRecord(
            collection=COLLECTION, id="one", by="lee", format="coco", key=key, created_at=datetime.now(UTC)
        )
        assert log.records.imports.create(record)
        log.store.put(key, content)
        started = start_import(record, store=log.store, records=log.records, workflow=workflow)
        assert (started.state, started.starts) == ("running", 1)
        (execution,) = aws.stepfunctions().list_executions(stateMachineArn=workflow.arn)["executions"]
        given = aws.stepfunctions().describe_execution(executionArn=execution["executionArn"])["input"]
        uri = json.loads(given)["job_spec_uri"]
        return ImportJob.model_validate_json(log.store.get(uri.removeprefix(f"s3://{log.store.bucket}/")))

    return call


def test_the_job_brings_a_file_in_and_deletes_it(
    start: Callable[[bytes], ImportJob],
    log: CatalogLog,
    reader: CatalogReader,
    items: list[CatalogItem],
    catalog_settings: CatalogSettings,
) -> None:
    job = start(coco("train/a.png", "x.png"))
    done = run_import(job, Settings(catalog=catalog_settings), log.store, log.records)
    assert done is not None
    assert done == log.records.imports.get(COLLECTION, "one")
    assert (done.state, done.items, done.faults) == ("done", 1, 2)
    assert "x.png" in done.first_faults[0]
    assert list(log.store.versions("imports/")) == []
    assert labels(reader)[items[0].id][0][2] == "lee"
    assert run_import(job, Settings(catalog=catalog_settings), log.store, log.records) == done, "delivered twice"


def test_a_file_that_is_none_fails_the_import_and_says_why(
    start: Callable[[bytes], ImportJob],
    log: CatalogLog,
    items: list[CatalogItem],
    catalog_settings: CatalogSettings,
    workflow: Workflow,
    records: Records,
) -> None:
    job = start(b"{}")
    with pytest.raises(LabelFileError):
        run_import(job, Settings(catalog=catalog_settings), log.store, log.records)
    failed = records.imports.get(COLLECTION, "one")
    assert failed is not None
    assert (failed.state, "COCO" in str(failed.error)) == ("failed", True)
    assert settle_import(failed, records, workflow) == failed
    again = start_import(failed, store=log.store, records=records, workflow=workflow)
    assert (again.state, again.starts) == ("running", 2)


def test_one_that_was_opened_long_ago_is_not_stopped_before_its_job_can_be_seen(
    log: CatalogLog, workflow: Workflow, records: Records
) -> None:
    opened = ImportRecord(
        collection=COLLECTION, id="one", key="imports/x", created_at=datetime.now(UTC) - timedelta(hours=1)
    )
    assert records.imports.create(opened)
    started = start_import(opened, store=log.store, records=records, workflow=workflow)
    execution = workflow.execution(records.imports.execution(started))
    aws.stepfunctions().stop_execution(executionArn=execution)
    assert settle_import(started, records, workflow) == started
