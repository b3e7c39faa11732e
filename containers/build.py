"""Build the images from exactly the files that a deployment would: those that `cdk synth` staged in `cdk.out`.

    python -m cdk.app
    python -m containers.build --make-base      a base image from Debian's archive, where no registry can be reached
    python -m containers.build --base framesift-base

A build shares the host's network and carries the machine's CA certificates, for machines behind a proxy of their own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
LOCAL_BASE = "framesift-base"
DEBIAN_RELEASE = "bookworm"  # Its Python is the one of the images that a registry gives.
_PACKAGES = "python3,python3-venv,ca-certificates"
_CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True)
class Image:
    """An image as `cdk synth` staged it.

    Attributes:
        name: `steps`, `detection`, `crawler`, `vision` or `vision-gpu`: the build argument that tells it from another
            image of its Dockerfile, else the Dockerfile's folder.
        context: The folder that is sent to Docker.
        dockerfile: Within it.
        build_args: Build arguments.
    """

    name: str
    context: Path
    dockerfile: str
    build_args: dict[str, str]

    @property
    def tag(self) -> str:
        """What the built image is called here."""
        return f"framesift-{self.name}"


def staged_images(assembly: Path) -> Iterator[Image]:
    """The images of a synthesized cloud assembly."""
    for manifest in sorted(assembly.glob("*-pipeline.assets.json")):
        for asset in json.loads(manifest.read_text(encoding="utf-8"))["dockerImages"].values():
            source = asset["source"]
            build_args = source.get("dockerBuildArgs", {})
            yield Image(
                name=build_args.get("REQUIREMENTS", Path(source["dockerFile"]).parent.name),
                context=assembly / source["directory"],
                dockerfile=source["dockerFile"],
                build_args=build_args,
            )


def build(image: Image, base: str | None) -> None:
    """Build an image with Docker; its output goes to the terminal."""
    build_args = image.build_args | ({"BASE_IMAGE": base} if base else {})
    _run(
        *("docker", "build", "--network", "host", "--tag", image.tag, "--file", image.context / image.dockerfile),
        *(part for name, value in build_args.items() for part in ("--build-arg", f"{name}={value}")),
        image.context,
    )


def make_base() -> None:
    """Make a base image with Debian's Python, and this machine's CA certificates; needs root and debootstrap."""
    with tempfile.TemporaryDirectory() as folder:
        root, archive = Path(folder, "root"), Path(folder, "root.tar")
        _run("debootstrap", "--variant=minbase", f"--include={_PACKAGES}", DEBIAN_RELEASE, root)
        (root / _CA_BUNDLE.relative_to("/")).write_bytes(_CA_BUNDLE.read_bytes())
        (root / "etc/pip.conf").write_text(f"[global]\ncert = {_CA_BUNDLE}\n", encoding="utf-8")
        _run("tar", "--directory", root, "--create", "--file", archive, "--exclude=./var/cache/apt/archives/*.deb", ".")
        _run("docker", "import", archive, LOCAL_BASE)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True)  # noqa: S603 - fixed programs; the arguments are our own files


def main(arguments: list[str]) -> int:
    """Build what is asked for; without names, every image but the GPU's (7 GB)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="*", default=["steps", "search", "detection", "crawler", "vision"])
    parser.add_argument("--base", help="another base image than the Dockerfiles'")
    parser.add_argument("--make-base", action="store_true", help=f"make the base image {LOCAL_BASE} and stop")
    parser.add_argument("--assembly", type=Path, default=REPOSITORY / "cdk.out", help="what `cdk synth` wrote")
    options = parser.parse_args(arguments)
    if options.make_base:
        make_base()
        return 0
    staged = {image.name: image for image in staged_images(options.assembly)}
    if unknown := set(options.images) - set(staged):
        parser.error(
            f"no {', '.join(sorted(unknown))} in {options.assembly}, run `python -m cdk.app`: {sorted(staged)}"
        )
    for name in options.images:
        build(staged[name], options.base)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
