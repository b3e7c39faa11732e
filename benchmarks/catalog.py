"""Queries on a catalog of 100,000 and of 1,000,000 items, beside SQLite as one would use it.

    python -m benchmarks.catalog [--items 100000 1000000] [--rounds 40]

A process of its own holds the bucket and the table (moto, over HTTP on this machine); every query of ours asks the
table for changes first. Before the queries 10,000 items get a tag, so all of them run with that many fresh rows, and
between them single items change. SQLite has the usual tables and indexes in a file, and answers from the process's own
memory. Writes `benchmarks/results/catalog.md`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import resource
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rounds import machine, report, table
from framesift import aws
from framesift.catalog.compact import compact
from framesift.catalog.condition import EVERYTHING, Condition
from framesift.catalog.log import CatalogLog
from framesift.catalog.paging import Order
from framesift.catalog.reader import CatalogReader
from framesift.contracts import Box, CatalogItem, Health, Prediction
from framesift.settings import CatalogSettings
from framesift.storage import S3Store
from framesift.table import Collection, Records

NAME = "benchmark"
BULK = 10_000
PART = 10_000
TAGS = [f"tag {number}" for number in range(2000)]
LABELS = [f"label {number}" for number in range(1000)]
CAMERAS = ["Alpha", "Beta", "Gamma", "Delta"]
START = datetime(2023, 1, 1, tzinfo=UTC)
PLAIN = "SQLite"


def make_items(count: int) -> Iterator[CatalogItem]:
    """Items whose tags and labels are as uneven as real ones: about 3 tags, 4 predictions, 2 fields each."""
    chance = np.random.default_rng(0)
    weights = 1 / np.arange(1, len(TAGS) + 1) ** 1.1
    tag_share, label_share = weights / weights.sum(), weights[: len(LABELS)] / weights[: len(LABELS)].sum()
    for start in range(0, count, PART):
        tags = chance.choice(len(TAGS), (PART, 6), p=tag_share)
        labels = chance.choice(len(LABELS), (PART, 4), p=label_share)
        numbers, minutes = chance.random((PART, 12)), chance.integers(0, 3 * 365 * 24 * 60, PART)
        for row in range(min(PART, count - start)):
            yield _make_item(start + row, tags[row], labels[row], numbers[row].tolist(), int(minutes[row]))


def _make_item(number: int, tags: Any, labels: Any, numbers: list[float], minutes: int) -> CatalogItem:
    digest = sha256(str(number).encode()).hexdigest()
    flags = ["blurry"] * (numbers[0] < 0.1) + ["dark"] * (numbers[1] < 0.05)
    health = Health(sharpness=numbers[2] * 900, brightness=numbers[3], contrast=numbers[4], entropy_bits=7, flags=flags)
    box = Box(left=numbers[5] / 2, top=numbers[6] / 2, width=numbers[7] / 2, height=numbers[8] / 2)
    predictions = [
        Prediction(
            model="ssdlite@1" if place else "resnet50@1",
            label=LABELS[label],
            score=round(numbers[9 - place], 4),
            box=box if place else None,
        )
        for place, label in enumerate(labels)
    ]
    return CatalogItem(
        id=digest[:32],
        sha256=digest,
        key=f"collections/{NAME}/originals/{digest[:32]}.jpg",
        names=[f"IMG_{number:07d}.jpg"],
        content_type=["image/jpeg", "image/png", "image/webp"][number % 3],
        size_bytes=int(numbers[10] * 5e6),
        width=640 + int(numbers[10] * 3000),
        height=480 + int(numbers[11] * 3000),
        source="import" if number % 7 == 0 else "upload",
        taken_at=START + timedelta(minutes=minutes),
        added_at=START + timedelta(seconds=number),
        added_by="kim",
        batch=f"2026{number // 50_000:04d}",
        pdq=digest,
        health=health,
        predictions=predictions,
        tags=list(dict.fromkeys(TAGS[tag] for tag in tags[: int(numbers[11] * 7)])),
        metadata={"camera": CAMERAS[number % 4], "line": float(number % 50)},
    )


QUERIES: dict[str, tuple[Condition, str]] = {
    "everything": (EVERYTHING, "1"),
    "a rare tag": (
        Condition("list_contains(tags_folded, ?)", ["tag 700"]),
        "id IN (SELECT id FROM tags WHERE tag = 'tag 700')",
    ),
    "a common tag, not another": (
        Condition("(list_contains(tags_folded, ?) AND NOT list_contains(tags_folded, ?))", ["tag 0", "tag 1"]),
        "id IN (SELECT id FROM tags WHERE tag = 'tag 0') AND id NOT IN (SELECT id FROM tags WHERE tag = 'tag 1')",
    ),
    "a label's score and a width": (
        Condition(
            "(coalesce(label_scores[list_position(labels, ?)] > ?, false) AND width >= ?)", ["label 3", 0.8, 1000]
        ),
        "id IN (SELECT id FROM labels WHERE label = 'label 3' AND score > 0.8) AND width >= 1000",
    ),
    "half of all, by a date": (Condition("date >= ?", [datetime(2024, 7, 1)]), "date >= '2024-07-01'"),  # noqa: DTZ001
    "free words": (Condition("contains(text, ?)", ["img_00042"]), "text LIKE '%img_00042%'"),
}
"""For each query, our condition and SQLite's."""


@contextmanager
def serve_aws() -> Iterator[str]:
    """A bucket and a table in a process of their own; yields the address."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    yield ours.recv()
    process.kill()
    process.join()


def _serve(pipe: Any) -> None:
    import logging

    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)

    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    pipe.send(f"http://{host}:{port}")
    pipe.recv()


def use_aws(address: str) -> tuple[S3Store, Records]:
    """Let this process's clients call the served AWS."""
    os.environ |= {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    aws.forget_clients()
    return S3Store(NAME), Records(NAME)


def prepare(address: str, count: int) -> list[str]:
    """Make the catalog as uploads would: changes of 10,000 items, and one compaction."""
    store, records = use_aws(address)
    aws.s3().create_bucket(Bucket=NAME)
    keys: list[Any] = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    kinds: list[Any] = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
    aws.dynamodb().create_table(
        TableName=NAME, KeySchema=keys, AttributeDefinitions=kinds, BillingMode="PAY_PER_REQUEST"
    )
    records.collections.create(Collection(id=NAME, created_at=START))
    log = CatalogLog(NAME, store, records)
    started = time.perf_counter()
    items = make_items(count)
    for _ in range(0, count, PART):
        log.add_items((next(items) for _ in range(PART)), "pipeline")
    added_s = time.perf_counter() - started
    started = time.perf_counter()
    snapshot = compact(NAME, store, records).snapshot
    compacted_s = time.perf_counter() - started
    assert snapshot is not None
    assert snapshot.count == count
    return [
        (
            f"- {count:,} items: added in {added_s:.0f} s ({PART:,} in a change), compacted in {compacted_s:.0f} s "
            f"with at most {_peak_mb():.0f} MB; the snapshot has {snapshot.size_bytes / 1e6:.0f} MB"
        )
    ]


def run_ours(address: str, count: int, rounds: int) -> dict[str, Any]:
    """Time our queries in this process."""
    store, records = use_aws(address)
    with tempfile.TemporaryDirectory() as cache:
        log = CatalogLog(NAME, store, records)
        started = time.perf_counter()
        reader = CatalogReader(NAME, store, records, CatalogSettings(cache_dir=cache))
        opened_s = time.perf_counter() - started
        ids = reader.ids(Condition("width < ?", [640 + 3000 * BULK // count * 2]))[:BULK]
        assert len(ids) == BULK
        started = time.perf_counter()
        log.set_tags(ids, "kim", add=["Bulk"])
        assert reader.count(Condition("list_contains(tags_folded, ?)", ["bulk"])) == BULK
        bulk_s = time.perf_counter() - started
        chance = random.Random(0)

        def edit() -> None:
            log.set_tags([chance.choice(ids)], "kim", add=[f"edit {chance.random()}"])

        seconds = {}
        for name, (condition, _) in QUERIES.items():
            ways: dict[str, Callable[[], object]] = {
                "page": lambda condition=condition: reader.page(condition, order=Order("date")),
                "count": lambda condition=condition: reader.count(condition),
                "facets": lambda condition=condition: reader.facets(condition),
            }
            seconds |= {(way, name): _time(query, rounds, edit) for way, query in ways.items()}
        return {"seconds": seconds, "opened_s": opened_s, "bulk_s": bulk_s, "peak_mb": _peak_mb()}


def run_sqlite(count: int, rounds: int) -> dict[str, Any]:
    """Time the same in SQLite, with an index for each thing that is asked."""
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(Path(folder) / "items.db")
        database.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA cache_size = -500000;"
            "CREATE TABLE items (id TEXT PRIMARY KEY, date TEXT, width INTEGER, source TEXT, content_type TEXT,"
            " text TEXT, json TEXT) WITHOUT ROWID;"
            "CREATE TABLE tags (id TEXT, tag TEXT); CREATE TABLE labels (id TEXT, label TEXT, score REAL);"
            "CREATE TABLE flags (id TEXT, flag TEXT); CREATE TABLE models (id TEXT, model TEXT);"
            "CREATE TABLE fields (id TEXT, field TEXT);"
        )
        for item in make_items(count):
            _insert(database, item)
        for kind in ("tag", "label", "flag", "model", "field"):
            database.execute(f"CREATE INDEX {kind}_of ON {kind}s ({kind}, id)")
            database.execute(f"CREATE INDEX {kind}_by ON {kind}s (id, {kind})")
        database.execute("CREATE INDEX by_date ON items (date, id)")
        database.execute("ANALYZE")
        database.commit()
        ids = [item_id for (item_id,) in database.execute("SELECT id FROM items ORDER BY width LIMIT ?", [BULK])]
        started = time.perf_counter()
        database.executemany("INSERT INTO tags VALUES (?, 'bulk')", [(item_id,) for item_id in ids])
        database.commit()
        bulk_s = time.perf_counter() - started
        seconds = {}
        for name, (_, where) in QUERIES.items():
            ways: dict[str, Callable[[], object]] = {
                "page": lambda where=where: _sqlite_page(database, where),
                "count": lambda where=where: database.execute(f"SELECT count(*) FROM items WHERE {where}").fetchone(),
                "facets": lambda where=where: _sqlite_facets(database, where),
            }
            seconds |= {(way, name): _time(query, max(3, rounds // 10), lambda: None) for way, query in ways.items()}
        return {"seconds": seconds, "bulk_s": bulk_s, "peak_mb": _peak_mb()}


def _insert(database: sqlite3.Connection, item: CatalogItem) -> None:
    words = [*item.names, *item.tags, *(found.label for found in item.predictions), *map(str, item.metadata.values())]
    row = [item.id, str(item.taken_at), item.width, item.source, item.content_type, " ".join(words).lower()]
    database.execute("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?)", [*row, item.model_dump_json()])
    best = {found.label: found.score for found in sorted(item.predictions, key=lambda found: found.score)}
    database.executemany("INSERT INTO tags VALUES (?, ?)", [(item.id, tag) for tag in item.tags])
    database.executemany("INSERT INTO labels VALUES (?, ?, ?)", [(item.id, *found) for found in best.items()])
    flags = item.health.flags if item.health else []
    database.executemany("INSERT INTO flags VALUES (?, ?)", [(item.id, flag) for flag in flags])
    models = {found.model for found in item.predictions}
    database.executemany("INSERT INTO models VALUES (?, ?)", [(item.id, model) for model in models])
    database.executemany("INSERT INTO fields VALUES (?, ?)", [(item.id, field) for field in item.metadata])


def _sqlite_page(database: sqlite3.Connection, where: str) -> list[CatalogItem]:
    found = database.execute(f"SELECT json FROM items WHERE {where} ORDER BY date DESC, id LIMIT 50")
    return [CatalogItem.model_validate_json(document) for (document,) in found]


def _sqlite_facets(database: sqlite3.Connection, where: str) -> list[Any]:
    within = "" if where == "1" else f"WHERE id IN (SELECT id FROM items WHERE {where})"
    lists = [
        f"SELECT {kind}, count(*) AS n FROM {kind}s {within} GROUP BY {kind} ORDER BY n DESC LIMIT 50"
        for kind in ("tag", "label", "flag", "model", "field")
    ]
    columns = [
        f"SELECT {column}, count(*) FROM items WHERE {where} GROUP BY {column}" for column in ("source", "content_type")
    ]
    return [database.execute(sql).fetchall() for sql in [*lists, *columns]]


def _time(query: Callable[[], object], rounds: int, between: Callable[[], None]) -> list[float]:
    """The seconds of each round, after one that is not counted."""
    query()
    seconds = []
    for number in range(rounds):
        if number % 5 == 0:
            between()
        started = time.perf_counter()
        query()
        seconds.append(time.perf_counter() - started)
    return seconds


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _call(pipe: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    pipe.send(function(*arguments))


def in_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a fresh process: its memory is its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_call, args=(theirs, function, arguments))
    process.start()
    theirs.close()
    result = ours.recv()
    process.join()
    return result


def compare(count: int, rounds: int) -> list[str]:
    """The report of a catalog of so many items."""
    with serve_aws() as address:
        notes = in_process(prepare, address, count)
        ours = in_process(run_ours, address, count, rounds)
    plain = in_process(run_sqlite, count, rounds)
    rows = []
    for (way, name), seconds in ours["seconds"].items():
        other = statistics.median(plain["seconds"][way, name])
        median, p95 = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
        cells = [f"{1000 * value:.0f}" for value in (median, p95, other)]
        rows.append([f"{way}: {name}", *cells, f"{other / median:.1f} x"])
    every = {
        way: [s for (kind, _), times in ours["seconds"].items() if kind == way for s in times]
        for way in ("page", "count", "facets")
    }
    summary = ", ".join(f"{way} {1000 * statistics.quantiles(times, n=20)[-1]:.0f} ms" for way, times in every.items())
    return [
        f"## {count:,} items",
        "",
        *table(["query", "framesift, median ms", "p95 ms", f"{PLAIN}, median ms", "faster"], rows),
        "",
        f"- p95 over all queries: {summary}",
        f"- a tag on {BULK:,} items, until a query shows it: {ours['bulk_s']:.1f} s ({PLAIN}: {plain['bulk_s']:.1f} s)",
        (
            f"- memory at most: {ours['peak_mb']:.0f} MB ({PLAIN}: {plain['peak_mb']:.0f} MB); opened cold in "
            f"{ours['opened_s']:.1f} s"
        ),
        *notes,
        "",
    ]


def main() -> None:
    """Run the comparison and write its report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--name", default="catalog")
    arguments = parser.parse_args()
    parts = [line for count in arguments.items for line in compare(count, arguments.rounds)]
    report(
        arguments.name,
        [
            "# Queries on a catalog",
            "",
            (
                "`python -m benchmarks.catalog`: pages of 50 by date, counts, and all seven facets, each over "
                f"{BULK:,} fresh rows; every fifth query meets a change that it has not seen."
            ),
            "",
            *parts,
            *machine(["duckdb", "pyarrow", "numpy", "moto"]),
        ],
    )


if __name__ == "__main__":
    main()
