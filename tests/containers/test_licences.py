import subprocess
import sys

import pytest

from containers.licences import IMAGES, NOT_INSTALLED, REQUIREMENTS, UNNAMED, list_packages

# What `docs/decisions/0007-ffmpeg-in-images.md` and `0008-heic.md` decide on; another package with such a library needs
# a decision too.
ACCEPTED = {
    "av": ("libx264 (GPL-2.0-or-later)", "libx265 (GPL-2.0-or-later)"),
    "pillow-heif": ("libx265 (GPL-2.0-or-later)",),
}

PROPRIETARY = {"cuda-toolkit"}  # NVIDIA's terms, like the packages that it stands for.
LAMBDA_ONLY = {"awslambdaric", "simplejson", "snapshot-restore-py"}  # No machine but Lambda's installs these.


def test_every_image_is_listed():
    assert {path.stem for path in REQUIREMENTS.glob("*.txt")} - {"build", "dev", "run"} == set(IMAGES)


@pytest.mark.parametrize("image", IMAGES)
def test_every_package_names_its_licence(image):
    packages = list_packages(image)
    assert len(packages) > 10
    assert {package.name for package in packages if package.licence == UNNAMED} <= PROPRIETARY
    missing = {package.name for package in packages if package.licence == NOT_INSTALLED}
    assert image == "vision-gpu" or missing <= LAMBDA_ONLY


@pytest.mark.parametrize("image", IMAGES)
def test_no_package_is_under_the_gpl_and_none_carries_more_of_it_than_was_decided(image):
    packages = list_packages(image)
    strict = [p.name for p in packages if "GPL" in p.licence.replace("LGPL", "") or "Affero" in p.licence]
    assert strict == []
    assert {p.name: p.bundled_gpl for p in packages if p.bundled_gpl}.items() <= ACCEPTED.items()


def test_the_light_images_carry_nothing_of_it():
    assert all(not package.bundled_gpl for image in ("steps", "crawler") for package in list_packages(image))


def test_the_command_prints_a_table():
    command = [sys.executable, "-m", "containers.licences", "vision"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "| av | " in printed
    assert "libx264 (GPL-2.0-or-later), libx265 (GPL-2.0-or-later)" in printed
