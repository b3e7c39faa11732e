"""The 8-bit ResNet50: used only where it is installed and the CPU is quickest with it; refused where it differs."""

from pathlib import Path

import numpy as np
import pytest

from framesift.embedding import choose
from framesift.embedding.choose import choose_embedder
from framesift.embedding.int8 import Agreement, check_agreement, draw_images, quantize
from framesift.embedding.resnet50 import open_on_cpu
from framesift.errors import ModelInaccurateError, ModelMissingError
from framesift.models import Model, open_registry, shipped_card
from framesift.settings import DuplicateSettings, Settings

RESNET50 = Settings(duplicates=DuplicateSettings(model="resnet50"))


class Registry:
    """Resolves the files that a test installs."""

    def __init__(self, **files: Path) -> None:
        self._files = {name.replace("_", "-"): path for name, path in files.items()}

    def resolve(self, name: str) -> Model:
        if name not in self._files:
            raise ModelMissingError(f"{name} is not installed.")
        return Model(shipped_card(name), self._files[name])


@pytest.mark.parametrize(
    ("flags", "installed", "version"),
    [
        ({"avx512_vnni"}, True, "imagenet1k-v2-int8"),
        ({"avx_vnni"}, True, "imagenet1k-v2-int8"),
        ({"avx512_vnni"}, False, "imagenet1k-v2"),
        ({"avx512_vnni", "avx512_bf16"}, True, "imagenet1k-v2"),
        ({"avx2"}, True, "imagenet1k-v2"),
    ],
)
def test_it_is_used_where_the_cpu_is_quickest_with_it(
    flags: set[str], installed: bool, version: str, resnet50_onnx: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "cpu_flags", lambda: frozenset(flags))
    registry = Registry(resnet50=resnet50_onnx.path, **({"resnet50_int8": resnet50_onnx.path} if installed else {}))

    choice = choose_embedder(RESNET50, registry)

    assert choice.version == version
    assert choice.label == f"resnet50/{version}", "features of the two are never compared with each other"


def test_a_file_that_differs_is_refused(resnet50_onnx: Model, tmp_path: Path) -> None:
    exact = open_on_cpu(resnet50_onnx, exact=True)
    images = draw_images(6)
    # Calibrated with black images, its ranges are wrong for all others.
    quantize(resnet50_onnx.path, [np.zeros((2, 224, 224, 3), np.uint8)], tmp_path / "int8.onnx")
    quantized = open_on_cpu(Model(shipped_card("resnet50-int8"), tmp_path / "int8.onnx"), exact=True)

    with pytest.raises(ModelInaccurateError, match="use the float32 file"):
        check_agreement(exact, quantized, images)
    assert check_agreement(exact, exact, images) == Agreement(pytest.approx(1, abs=1e-6), 0)


def test_the_drawn_images_differ_from_each_other_and_are_the_same_each_time() -> None:
    once, again = draw_images(3), draw_images(3)
    assert all(np.array_equal(one, other) for one, other in zip(once, again, strict=True))
    assert not np.array_equal(once[0], once[1])
    assert all(image.std() > 20 for image in once)


def test_the_registry_knows_its_card(tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError, match="models fetch resnet50-int8"):
        open_registry(tmp_path).resolve("resnet50-int8")
