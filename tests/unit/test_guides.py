"""Pages that people read: links lead somewhere, and the notebook and the snippets in them do what they show."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "docs/guides/python.ipynb"
_LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)
_PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/**/*.md", "layers/**/*.md")
    for page in ROOT.glob(pattern)
    if ".framesift" not in page.parts
)


def anchors_of(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path, text: str) -> Iterator[str]:
    """The relative links of a page that lead nowhere."""
    for link in _LINK.findall(_CODE.sub("", text)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in anchors_of(target.read_text("utf-8"))
        ):
            yield link


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_relative_links_resolve(page: Path) -> None:
    assert list(broken_links(page, page.read_text("utf-8"))) == []


def test_a_broken_link_is_found() -> None:
    page = ROOT / "README.md"
    text = "[a](docs/none.md) [b](docs/settings.md#none) [c](docs/settings.md#run) [d](https://example.com/none)"
    assert list(broken_links(page, text)) == ["docs/none.md", "docs/settings.md#none"]


def test_the_readme_leads_to_every_guide() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    guides = {page.relative_to(ROOT).as_posix() for page in (ROOT / "docs/guides").iterdir()}
    assert guides <= set(_LINK.findall(readme))


@pytest.mark.slow
def test_the_notebooks_outputs_are_those_of_its_cells() -> None:
    check = [sys.executable, str(ROOT / "docs/notebook.py"), str(NOTEBOOK), "--check"]
    ended = subprocess.run(check, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr


def test_an_output_that_is_not_the_cells_is_reported(tmp_path: Path) -> None:
    outputs = [{"output_type": "stream", "name": "stdout", "text": ["3\n"]}]
    cell = {"cell_type": "code", "source": ["print(1 + 1)"], "outputs": outputs}
    path = tmp_path / "wrong.ipynb"
    path.write_text(json.dumps({"cells": [cell]}))
    check = [sys.executable, str(ROOT / "docs/notebook.py"), str(path), "--check"]
    ended = subprocess.run(check, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "cell 1" in ended.stderr
    assert "2" in ended.stderr


def test_the_android_guides_classes_have_the_schemas_fields() -> None:
    page = (ROOT / "docs/guides/app-json.md").read_text("utf-8")
    schema = json.loads((ROOT / "docs/schemas/top-list.schema.json").read_text("utf-8"))
    for name, properties in (
        ("TopList", schema["properties"]),
        ("TopItem", schema["$defs"]["TopItem"]["properties"]),
    ):
        (body,) = re.findall(rf"data class {name}\((.*?)^\)", page, re.DOTALL | re.MULTILINE)
        fields = {
            serial_name or field for serial_name, field in re.findall(r'(?:@SerialName\("(\w+)"\) )?val (\w+):', body)
        }
        # The address of a thumbnail is what the API adds to a published list.
        assert fields - {"thumbnail_url"} <= set(properties)
        nullable = {key for key, value in properties.items() if {"type": "null"} in value.get("anyOf", [])}
        kotlin_nullable = {
            serial_name or field
            for serial_name, field in re.findall(r'(?:@SerialName\("(\w+)"\) )?val (\w+): \w+\? = null', body)
        }
        assert nullable & fields <= kotlin_nullable
