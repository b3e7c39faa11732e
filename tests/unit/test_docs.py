"""The generated pages and schemas: complete, and generated anew when their sources change."""

from __future__ import annotations

import importlib.util
import inspect
import json
import re
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest

from framesift import settings
from framesift.contracts import FrameCounts, VideoEntry
from framesift.pose.manifest import Manifest, manifest_json

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def make() -> ModuleType:
    """`docs/make.py` as a module."""
    spec = importlib.util.spec_from_file_location("docs_make", ROOT / "docs" / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_hook_watches_every_source_of_a_generated_file(make: ModuleType) -> None:
    hook = re.search(r"id: made-files.*?files: (\S+)", (ROOT / ".pre-commit-config.yaml").read_text(), re.DOTALL)
    assert hook
    models = [*make.SCHEMAS.values(), Manifest, settings.Settings, settings.UploadSettings]
    sources = {Path(inspect.getfile(model)).relative_to(ROOT).as_posix() for model in models}
    assert {source for source in sources if not re.search(hook[1], source)} == set()
    assert re.search(hook[1], "docs/settings.md")


def test_a_pose_manifest_fits_its_schema() -> None:
    schema = json.loads((ROOT / "docs/schemas/pose-manifest.schema.json").read_text())
    frames = FrameCounts(30, 29, 1, 0, 0)
    entry = VideoEntry(source="a.mp4", status="done", output="a.mp4.pose.parquet", frames=frames)
    content = json.loads(manifest_json(Manifest(videos={"a.mp4": entry})))
    jsonschema.validate(content, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**content, "videos": {"a.mp4": {"status": "odd"}}}, schema)


def test_the_headings_of_the_settings_are_their_groups() -> None:
    page = (ROOT / "docs/settings.md").read_text()
    assert re.findall(r"^## `(\w+)`$", page, re.MULTILINE) == list(settings.groups())


def test_the_summarys_schema_names_its_file() -> None:
    from framesift import keys
    from framesift.contracts import AnalysisSummary, Run

    key = keys.analysis_summary(Run(source="tiktok", date="2026-11-20", attempt=1), ["dance"])
    assert f"`{Path(key).name}`" in (AnalysisSummary.__doc__ or "")
