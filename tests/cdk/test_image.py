import re
from pathlib import Path

import pytest
from aws_cdk import FileSystem, IgnoreMode

from cdk.constructs.image import CONTENTS, REPOSITORY, build_context

FILES = (
    "README.md",
    "containers/build.py",
    "containers/crawler/Dockerfile",
    "containers/crawler/handler.py",
    "containers/steps/Dockerfile",
    "containers/vision/main.py",
    "functions/begin_run/handler.py",
    "functions/begin_run/__pycache__/handler.cpython-311.pyc",
    "layers/framesift/pyproject.toml",
    "layers/framesift/python/framesift/keys.py",
    "requirements/crawler.txt",
    "requirements/dev.txt",
    "requirements/steps.txt",
    "requirements/vision.txt",
    "requirements/vision-gpu.txt",
    "statemachine/pipeline.asl.json",
    ".env",
)


@pytest.fixture
def tree(tmp_path):
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def hashes(tree: Path) -> dict[str, str]:
    return {
        image: FileSystem.fingerprint(str(tree), exclude=build_context(image), ignore_mode=IgnoreMode.DOCKER)
        for image in CONTENTS
    }


@pytest.mark.parametrize(
    ("edited", "rebuilt"),
    [
        ("layers/framesift/python/framesift/keys.py", {"steps", "crawler", "vision"}),
        ("functions/begin_run/handler.py", {"steps"}),
        ("requirements/steps.txt", {"steps"}),
        ("containers/steps/Dockerfile", {"steps"}),
        ("containers/crawler/handler.py", {"crawler"}),
        ("containers/vision/main.py", {"vision"}),
        ("requirements/vision-gpu.txt", {"vision"}),
        ("functions/begin_run/__pycache__/handler.cpython-311.pyc", set()),
        ("layers/framesift/pyproject.toml", set()),
        ("containers/build.py", set()),
        ("requirements/dev.txt", set()),
        ("statemachine/pipeline.asl.json", set()),
        ("README.md", set()),
        (".env", set()),
    ],
)
def test_only_the_images_that_hold_a_file_are_rebuilt(tree, edited, rebuilt):
    before = hashes(tree)

    (tree / edited).write_text("edited")

    after = hashes(tree)
    assert {image for image in CONTENTS if before[image] != after[image]} == rebuilt


def test_everything_that_a_dockerfile_copies_is_in_its_context(tmp_path):
    for image in CONTENTS:
        dockerfile = (REPOSITORY / "containers" / image / "Dockerfile").read_text(encoding="utf-8")
        kept = (f"containers/{image}", *CONTENTS[image])
        for source in re.findall(r"^COPY (?!--from)(\S+)", dockerfile, re.MULTILINE):
            path = source.replace("${REQUIREMENTS}", "vision")
            assert path.startswith(kept), f"{image}: {source}"
            assert (REPOSITORY / path).exists(), f"{image}: {source}"


@pytest.mark.parametrize("image", sorted(CONTENTS))
def test_images_are_pinned_and_not_root(image):
    dockerfile = (REPOSITORY / "containers" / image / "Dockerfile").read_text(encoding="utf-8")
    bases = {
        re.search(r"^ARG BASE_IMAGE=(\S+)$", path.read_text(encoding="utf-8"), re.MULTILINE).group(1)
        for path in REPOSITORY.glob("containers/*/Dockerfile")
    }

    assert len(bases) == 1
    assert re.fullmatch(r"[\w./:-]+@sha256:[0-9a-f]{64}", bases.pop())
    assert re.findall(r"^USER (\S+)$", dockerfile, re.MULTILINE)[-1] not in {"root", "0", "0:0"}
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) == {"${BASE_IMAGE}"}
    assert "--require-hashes" in dockerfile


def test_requirements_are_locked_by_hash():
    for path in (REPOSITORY / "requirements").glob("*.txt"):
        pins = [line for line in path.read_text(encoding="utf-8").splitlines() if re.match(r"[a-z0-9]", line)]
        assert pins
        assert all(re.match(r"\S+==\S+ .*\\$", line) for line in pins), path.name
