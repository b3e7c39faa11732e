"""`framesift models`: what is listed, and what a failed download says."""

from __future__ import annotations

import builtins
import json
import sys
import urllib.error
import urllib.request
from http.client import RemoteDisconnected
from pathlib import Path
from typing import Any

import pytest

from framesift.models import BucketOrigin, ModelCard
from framesift.storage import S3Store
from tests.unit.cli.conftest import framesift

ADDED = ModelCard(
    name="mine",
    version="v7",
    file="model.onnx",
    sha256="0" * 64,
    size_bytes=5,
    licence="its owner's",
    source="a test",
    input="nothing",
    output="boxes",
)


@pytest.fixture
def cache(tmp_path: Path) -> str:
    return str(tmp_path / "models")


@pytest.mark.usefixtures("stack")
def test_the_list_has_the_packages_models_and_the_added_ones(
    store: S3Store, cache: str, capsys: pytest.CaptureFixture[str]
) -> None:
    BucketOrigin(store).push(ADDED, b"bytes")
    assert framesift("models", "list", "--cache", cache) == 0
    head, *rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert head == ["model", "version", "here", "licence", "output"]
    here = {row[0]: row[2] for row in rows}
    assert (here["copydetect"], here["resnet50"], here["mine/v7"]) == ("yes", "no", "no")


def test_the_list_without_a_bucket_says_so(
    cache: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert framesift("models", "list", "--cache", cache, "--json") == 0
    shown = capsys.readouterr()
    assert {model["model"] for model in json.loads(shown.out)} >= {"copydetect", "resnet50"}
    assert "only the package's models" in shown.err


def test_a_fetch_without_its_extra_says_what_to_install(
    cache: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = builtins.__import__

    def without_torch(name: str, *rest: Any) -> Any:
        if name.split(".")[0] in ("torch", "torchvision"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_torch)
    assert framesift("models", "fetch", "resnet50", "--cache", cache) == 69
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"`{sys.executable} -m pip install 'framesift[torch]'`" in said


@pytest.mark.parametrize(
    "error", [urllib.error.URLError("Name or service not known"), RemoteDisconnected("closed"), TimeoutError("slow")]
)
def test_a_fetch_without_a_network_is_one_sentence(
    error: Exception, cache: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(urllib.request, "urlopen", fail)
    assert framesift("models", "fetch", "pose-lite", "--cache", cache) == 75
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "ModelUnreachableError: The model pose-lite could not be downloaded" in said


def test_a_build_without_a_network_is_one_sentence(
    cache: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: Path) -> None:
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr("framesift.embedding.resnet50_graph.build_onnx", fail)
    assert framesift("models", "fetch", "resnet50", "--cache", cache) == 75
    assert "ModelUnreachableError: The model resnet50" in capsys.readouterr().err


def test_an_argument_with_markup_is_shown_as_it_is(cache: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("models", "fetch", "[/x]\x1b[2J", "--cache", cache) == 65
    said = capsys.readouterr().err
    assert "'[/x]" in said
    assert "\x1b" not in said
