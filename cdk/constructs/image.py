"""The container images, each from the files that it holds and no others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import IgnoreMode
from aws_cdk.aws_ecr_assets import DockerImageAsset, Platform
from constructs import Construct

from cdk.config import BASE_IMAGE

REPOSITORY = Path(__file__).resolve().parents[2]

# What each image copies, besides its own folder. What is not here cannot cause a rebuild.
CONTENTS: Mapping[str, tuple[str, ...]] = {
    "steps": ("layers/framesift", "functions", "requirements/steps.txt"),
    "crawler": ("layers/framesift", "requirements/crawler.txt"),
    "vision": ("layers/framesift", "requirements/vision.txt", "requirements/vision-gpu.txt"),
}


def build_context(image: str) -> list[str]:
    """What a build leaves out, as patterns of `.dockerignore`: everything but the image's own files."""
    patterns = ["*"]
    for kept in (f"containers/{image}", *CONTENTS[image]):
        parts = kept.split("/")
        patterns += [f"!{'/'.join(parts[:depth])}" for depth in range(1, len(parts) + 1)]
        patterns += [f"{'/'.join(parts[:depth])}/*" for depth in range(1, len(parts))]
        patterns += [f"!{kept}", f"!{kept}/**"]
    return [*patterns, "**/__pycache__", "**/*.pyc"]


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
        build_args={"BASE_IMAGE": BASE_IMAGE, **build_args},
    )
