"""The table of functions, compared with the code and the locks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cdk.constructs.image import IMAGES
from cdk.functions import FUNCTIONS, VISION, Access
from cdk.secrets import SECRETS
from framesift.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
# Imports handlers where only what an image's lock holds can be imported.
IMPORT_HANDLERS = """
import importlib, importlib.metadata, json, re, sys

names, lock = json.loads(sys.argv[1]), open(sys.argv[2], encoding="utf-8").read()
normal = lambda name: re.sub(r"[-_.]+", "-", name).lower()
locked = {normal(name) for name in re.findall(r"^([\\w.-]+)==", lock, re.MULTILINE)}
places = importlib.metadata.packages_distributions()

class OnlyLocked:
    def find_spec(self, name, path=None, target=None):
        owners = places.get(name.partition(".")[0], [])
        if owners and not locked & set(map(normal, owners)) and "framesift" not in owners:
            raise ModuleNotFoundError(f"{name} is of {owners[0]}, which the image does not have", name=name)

sys.meta_path.insert(0, OnlyLocked())
for name in names:
    importlib.import_module(name)
"""


@pytest.mark.parametrize("image", sorted({function.image for function in FUNCTIONS}))
def test_an_image_holds_what_its_handlers_import(image):
    modules = [function.command.rpartition(".")[0] for function in FUNCTIONS if function.image == image]
    lock = REPOSITORY / "requirements" / f"{image}.txt"

    command = [sys.executable, "-c", IMPORT_HANDLERS, json.dumps(modules), str(lock)]
    ran = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)

    assert ran.returncode == 0, ran.stderr[-2000:]


def test_light_steps_carry_no_network_and_no_arrays():
    lock = (REPOSITORY / "requirements" / "steps.txt").read_text(encoding="utf-8")

    for heavy in ("numpy", "onnxruntime", "opencv-python-headless", "azure-core", "playwright"):
        assert f"\n{heavy}" not in lock


def test_every_function_has_a_name_and_an_image_of_its_own_kind():
    names = [function.name for function in FUNCTIONS]

    assert len(set(names)) == len(names)
    assert {function.image for function in FUNCTIONS} <= set(IMAGES)


@pytest.mark.parametrize("access", [function.access for function in FUNCTIONS] + [VISION])
def test_access_is_to_prefixes_and_single_actions(access: Access):
    prefixes = (*access.reads, *access.versions, *access.writes, *access.writes_in_parts, *access.deletes)

    assert all(prefix.endswith("/") and not prefix.startswith("*") for prefix in prefixes)
    assert not any("*" in action for actions in access.records.values() for action in actions)
    assert set(access.secrets) <= set(SECRETS)
    assert all(key[0].isalpha() and "*" not in key[:-1] for key in access.records)


def test_a_secrets_setting_exists():
    for place in SECRETS.values():
        group, name = place.setting.removeprefix("FRAMESIFT_").lower().split("__")
        assert name in Settings.model_fields[group].annotation.model_fields
