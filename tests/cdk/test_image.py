import re
import tomllib
from pathlib import Path

import pytest
from aws_cdk import App, FileSystem, IgnoreMode, Stack

from cdk.config import STAGES
from cdk.constructs.image import IMAGES, REPOSITORY, build_context, image_asset
from containers import build

FILES = (
    "README.md",
    "containers/build.py",
    "containers/crawler/Dockerfile",
    "containers/functions/Dockerfile",
    "containers/install.sh",
    "containers/crawler/handler.py",
    "containers/vision/main.py",
    "functions/begin_run/handler.py",
    "functions/begin_run/__pycache__/handler.cpython-311.pyc",
    "layers/framesift/pyproject.toml",
    "layers/framesift/python/framesift/keys.py",
    "requirements/build.txt",
    "requirements/crawler.txt",
    "requirements/detection.txt",
    "requirements/dev.txt",
    "requirements/search.txt",
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


EVERY = set(IMAGES)


def dockerfile_of(image: str) -> str:
    return (REPOSITORY / "containers" / IMAGES[image].folder / "Dockerfile").read_text(encoding="utf-8")


def hashes(tree: Path) -> dict[str, str]:
    return {
        image: FileSystem.fingerprint(str(tree), exclude=build_context(image), ignore_mode=IgnoreMode.DOCKER)
        for image in IMAGES
    }


@pytest.mark.parametrize(
    ("edited", "rebuilt"),
    [
        ("layers/framesift/python/framesift/keys.py", EVERY),
        ("functions/begin_run/handler.py", {"steps", "detection", "search"}),
        ("requirements/build.txt", EVERY),
        ("containers/install.sh", EVERY),
        ("requirements/detection.txt", {"detection"}),
        ("containers/functions/Dockerfile", {"steps", "detection", "search"}),
        ("requirements/steps.txt", {"steps"}),
        ("requirements/search.txt", {"search"}),
        ("containers/crawler/handler.py", {"crawler"}),
        ("containers/vision/main.py", {"vision", "vision-gpu"}),
        ("requirements/vision-gpu.txt", {"vision-gpu"}),
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
    assert {image for image in IMAGES if before[image] != after[image]} == rebuilt


def test_everything_that_a_dockerfile_copies_is_in_its_context(tmp_path):
    for image in IMAGES:
        dockerfile = dockerfile_of(image)
        patterns = build_context(image)
        for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE):
            for source in sources.split():
                path = source.replace("${REQUIREMENTS}", image)
                assert any(path.startswith(each.removeprefix("!")) for each in patterns if each[0] == "!"), source
                assert (REPOSITORY / path).exists(), f"{image}: {source}"


@pytest.mark.parametrize("image", sorted(IMAGES))
def test_images_are_pinned_and_not_root(image):
    dockerfile = dockerfile_of(image)
    bases = {
        re.search(r"^ARG BASE_IMAGE=(\S+)$", path.read_text(encoding="utf-8"), re.MULTILINE).group(1)
        for path in REPOSITORY.glob("containers/*/Dockerfile")
    }

    [base] = bases
    assert re.fullmatch(r"[\w./:-]+@sha256:[0-9a-f]{64}", base)
    assert re.findall(r"^USER (\S+)$", dockerfile, re.MULTILINE)[-1] not in {"root", "0", "0:0"}
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) == {"${BASE_IMAGE}"}
    assert re.search(
        r"^RUN sh \S+/install.sh ", dockerfile, re.MULTILINE
    )  # It checks every hash, and leaves no pip behind.
    assert re.search(r"^RUN sh \S+/remove_pip.sh ", dockerfile, re.MULTILINE)


def test_nothing_is_installed_without_its_hash():
    script = (REPOSITORY / "containers/install.sh").read_text(encoding="utf-8").replace("\\\n", " ")
    commands = re.findall(r"^\s*(?:install|\S+/pip (?:install|wheel)) .*$", script, re.MULTILINE)

    assert len(commands) == 5
    # The one exception has just been built here, from a source that was checked.
    assert [each for each in commands if "--require-hashes" not in each] == ["    install --no-index /tmp/built/*.whl"]
    assert "--no-build-isolation" in script


def test_images_tests_and_locks_have_one_python():
    dockerfile = dockerfile_of("steps")
    [image] = re.findall(r"python:(\d+\.\d+)-slim-(\w+)@", dockerfile)
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))

    # Debian's own Python, where the base image is made without a registry.
    assert image == ("3.11", build.DEBIAN_RELEASE)
    assert f"--python-version {image[0]} " in makefile
    assert project["tool"]["mypy"]["python_version"] == image[0]
    assert project["project"]["requires-python"] == f">={image[0]}"


def test_the_crawler_gets_the_chromium_of_the_week():
    dockerfile = dockerfile_of("crawler")
    declared, installed = dockerfile.index("ARG CHROMIUM_WEEK"), dockerfile.index("install -y")

    # Declared before the layer that installs it, and used in it: another week is another layer.
    assert declared < installed
    assert "$CHROMIUM_WEEK" in dockerfile[declared:installed]
    assert re.fullmatch(r"\d{4}-W\d\d", STAGES["prod"].chromium_week)


def test_another_week_is_another_image(tmp_path):
    def tag(week: str) -> str:
        stack = Stack(App(outdir=str(tmp_path / week)), "Test")
        return image_asset(stack, "Crawler", "crawler", CHROMIUM_WEEK=week).image_tag

    assert tag("2026-W47") != tag("2026-W48")


def test_requirements_are_locked_by_hash():
    for path in (REPOSITORY / "requirements").glob("*.txt"):
        pins = [line for line in path.read_text(encoding="utf-8").splitlines() if re.match(r"[a-z0-9]", line)]
        assert pins
        assert all(re.match(r"\S+==\S+ .*\\$", line) for line in pins), path.name
