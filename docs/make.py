"""Generates `docs/settings.md` and `docs/schemas/` from the code, so that they cannot drift from it.

`python docs/make.py` writes them; `--check` fails where they differ from what is committed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from framesift.api.description import describe_api
from framesift.contracts import (
    AnalysisJob,
    AnalysisSummary,
    Clip,
    CompareJob,
    LookJob,
    PoseJob,
    StartInput,
    TopList,
    Upload,
)
from framesift.pose.manifest import json_schema as pose_manifest_schema
from framesift.settings import OTHER_VARIABLES, groups
from framesift.table import RunRecord

DOCS = Path(__file__).parent
SCHEMAS: dict[str, type[BaseModel]] = {
    "start": StartInput,
    "item": Clip,
    "analysis-job": AnalysisJob,
    "analysis-summary": AnalysisSummary,
    "pose-job": PoseJob,
    "look-job": LookJob,
    "compare-job": CompareJob,
    "upload": Upload,
    "top-list": TopList,
    "run-record": RunRecord,
}


def settings_page() -> str:
    """Every setting with its variable, default and meaning."""
    lines = [
        "# Settings",
        "",
        "Made from `framesift/settings/` by `make docs`. Set them in the environment or in a `.env` file; lists and",
        "tables are JSON. On AWS the stacks set them on each function and job (`cdk/config.py`).",
    ]
    for group, model in groups().items():
        about = (model.__doc__ or "").splitlines()[0].rstrip(".")
        lines += ["", f"## `{group}`", "", f"{about}.", "", "| variable | default | description |"]
        lines += ["| --- | --- | --- |", *_rows(group, model)]
    lines += [
        "",
        "## Other variables",
        "",
        "These are not settings. Any other variable that begins with `FRAMESIFT_` is refused, so that a misspelt name",
        "is noticed.",
        "",
        "| variable | description |",
        "| --- | --- |",
        *(f"| `{name}` | {about} |" for name, about in OTHER_VARIABLES.items()),
    ]
    return "\n".join(lines) + "\n"


def _rows(group: str, model: type[BaseModel]) -> Iterator[str]:
    defaults = model().model_dump(mode="json")
    for name, field in model.model_fields.items():
        default = json.dumps(defaults[name], ensure_ascii=False)
        shown = f"`{default}`" if default != '""' else ""
        yield f"| `FRAMESIFT_{group.upper()}__{name.upper()}` | {shown} | {field.description} |"


def pages() -> dict[Path, str]:
    """Every made file with its text."""
    made = {DOCS / "settings.md": settings_page()}
    schemas = {name: model.model_json_schema() for name, model in SCHEMAS.items()}
    for name, content in {**schemas, "pose-manifest": pose_manifest_schema()}.items():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **content}
        text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        made[DOCS / "schemas" / f"{name}.schema.json"] = text
    made[DOCS / "schemas" / "openapi.json"] = json.dumps(describe_api(), indent=2, ensure_ascii=False) + "\n"
    return made


def main() -> None:
    """Write the made files, or check them."""
    stale = [path for path, text in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        if stale:
            sys.exit(
                f"Out of date: {', '.join(str(path.relative_to(DOCS.parent)) for path in stale)}. Run `make docs`."
            )
        return
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
