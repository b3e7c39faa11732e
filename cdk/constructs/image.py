"""The container images, each from the files that it holds and no others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from aws_cdk import IgnoreMode
from aws_cdk.aws_ecr_assets import DockerImageAsset, Platform
from constructs import Construct

REPOSITORY = Path(__file__).resolve().parents[2]

# What each image copies, besides its own folder. What is not here cannot cause a rebuild.
CONTENTS: Mapping[str, tuple[str, ...]] = {
    "steps": ("layers/framesift/python", "functions", "requirements/steps.txt"),
    "detection": ("layers/framesift/python", "functions", "requirements/detection.txt"),
    "crawler": ("layers/framesift/python", "requirements/crawler.txt"),
    "vision": ("layers/framesift/python", "requirements/vision.txt", "requirements/vision-gpu.txt"),
}
# What every image is made with.
_TOOLS = ("containers/install.sh", "containers/remove_pip.sh", "requirements/build.txt")
_NEVER = ("**/__pycache__", "**/*.pyc")


def build_context(image: str) -> list[str]:
    """What a build leaves out, as patterns of `.dockerignore`: everything but the image's own files."""
    kept = (f"containers/{image}", *CONTENTS[image], *_TOOLS)
    parents = sorted({str(parent) for path in kept for parent in PurePosixPath(path).parents} - {"."})
    opened = [pattern for parent in parents for pattern in (f"!{parent}", f"{parent}/*")]
    return ["*", *opened, *(f"!{path}" for path in kept), *(f"!{path}/**" for path in kept), *_NEVER]


def image_asset(scope: Construct, construct_id: str, image: str, **build_args: str) -> DockerImageAsset:
    """Declare an image of `containers/`; it is built and pushed by `cdk deploy`, never by `cdk synth`."""
    return DockerImageAsset(
        scope,
        construct_id,
        directory=str(REPOSITORY),
        file=f"containers/{image}/Dockerfile",
        exclude=build_context(image),
        ignore_mode=IgnoreMode.DOCKER,
        platform=Platform.LINUX_AMD64,
        build_args=build_args or None,
    )
