"""YOLO: `data.yaml`, and a file of boxes for each image."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePosixPath

from framesift.catalog.export.document import Document, Source
from framesift.catalog.export.rows import Label, Rows, file_name, split_of
from framesift.catalog.tags import SPLITS


def make_yolo(rows: Rows, source: Source) -> Iterator[Document]:
    """Make `data.yaml` and `labels/{split}/{id}.txt`.

    A line is a class's number, and the centre, width and height of a box in shares of the image. An image without boxes
    has an empty file.
    """
    yield "data.yaml", _make_data(rows).encode()
    for item in rows:
        lines = [line for label in rows.labels(item) if (line := _write_box(label))]
        name = PurePosixPath(file_name(item)).with_suffix(".txt")
        yield f"labels/{split_of(item)}/{name}", "".join(lines).encode()


def _make_data(rows: Rows) -> str:
    # Training wants a `val`: where no item is in it, it is one of the splits that there are.
    present = list(rows.splits) or [SPLITS[0]]
    folders = {split: f"images/{split}" for split in present}
    folders.setdefault("train", folders[present[0]])
    folders.setdefault("val", folders["train"])
    lines = [f"{split}: {folders[split]}" for split in SPLITS if split in folders]
    # Any JSON text is a text of YAML, too.
    names = [f"  {number}: {json.dumps(name, ensure_ascii=False)}" for number, name in enumerate(rows.classes)]
    return "\n".join([*lines, f"nc: {len(names)}", "names:" if names else "names: {}", *names]) + "\n"


def _write_box(label: Label) -> str:
    box = label.box
    if box is None:
        return ""
    centre = (box.left + box.width / 2, box.top + box.height / 2)
    return " ".join([str(label.number), *(f"{value:.6f}" for value in (*centre, box.width, box.height))]) + "\n"
