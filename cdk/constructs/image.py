"""The container images, each from the files that it holds and no others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from aws_cdk import IgnoreMode
from aws_cdk.aws_ecr_assets import DockerImageAsset, Platform
from constructs import Construct

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class ImageSource:
    """What an image is built from.

    Attributes:
        folder: The folder in `containers/` that has its Dockerfile.
        copied: What it copies besides that folder. What is not here cannot cause a rebuild.
        build_args: What tells it from another image of the same Dockerfile.
    """

    folder: str
    copied: tuple[str, ...]
    build_args: Mapping[str, str] = field(default_factory=dict)


_CODE = "layers/framesift/python"

IMAGES: Mapping[str, ImageSource] = {
    "steps": ImageSource("functions", (_CODE, "functions", "requirements/steps.txt"), {"REQUIREMENTS": "steps"}),
    "detection": ImageSource(
        "functions", (_CODE, "functions", "requirements/detection.txt"), {"REQUIREMENTS": "detection"}
    ),
    "search": ImageSource("functions", (_CODE, "functions", "requirements/search.txt"), {"REQUIREMENTS": "search"}),
    "crawler": ImageSource("crawler", (_CODE, "requirements/crawler.txt")),
    "vision": ImageSource("vision", (_CODE, "requirements/vision.txt"), {"REQUIREMENTS": "vision"}),
    "vision-gpu": ImageSource("vision", (_CODE, "requirements/vision-gpu.txt"), {"REQUIREMENTS": "vision-gpu"}),
}
# What every image is made with.
_TOOLS = ("containers/install.sh", "containers/remove_pip.sh", "requirements/build.txt")
_NEVER = ("**/__pycache__", "**/*.pyc")


def build_context(image: str) -> list[str]:
    """What a build leaves out, as patterns of `.dockerignore`: everything but the image's own files."""
    source = IMAGES[image]
    kept = (f"containers/{source.folder}", *source.copied, *_TOOLS)
    parents = sorted({str(parent) for path in kept for parent in PurePosixPath(path).parents} - {"."})
    opened = [pattern for parent in parents for pattern in (f"!{parent}", f"{parent}/*")]
    return ["*", *opened, *(f"!{path}" for path in kept), *(f"!{path}/**" for path in kept), *_NEVER]


def image_asset(scope: Construct, construct_id: str, image: str, **build_args: str) -> DockerImageAsset:
    """Declare one of `IMAGES`; it is built and pushed by `cdk deploy`, never by `cdk synth`."""
    return DockerImageAsset(
        scope,
        construct_id,
        directory=str(REPOSITORY),
        file=f"containers/{IMAGES[image].folder}/Dockerfile",
        exclude=build_context(image),
        ignore_mode=IgnoreMode.DOCKER,
        platform=Platform.LINUX_AMD64,
        build_args={**IMAGES[image].build_args, **build_args} or None,
    )
