"""On every device the vectors are those of torchvision's own network for the three views."""

import numpy as np
import pytest

from framesift.embedding.copydetect import CopyDetect
from framesift.embedding.resnet50 import open_on_cpu, open_on_torch
from framesift.embedding.resnet50_graph import DEVIATION, MEAN
from framesift.models import Model, shipped_card
from framesift.vision.onnx_session import OnnxNetwork
from framesift.vision.views import make_views


@pytest.fixture(scope="module")
def plain_features(random_resnet50, photographs):
    """`(5, 2048)` float64: torchvision's network, one view at a time, as its own transforms would feed it."""
    import torch

    rows = []
    with torch.inference_mode():
        for image in photographs:
            views = []
            for view in make_views(image):
                normalised = (view / 255 - np.array(MEAN)) / np.array(DEVIATION)
                tensor = torch.from_numpy(normalised.transpose(2, 0, 1)[None]).float()
                flat = {}
                hook = random_resnet50.avgpool.register_forward_hook(lambda m, i, o: flat.update(value=o))  # noqa: B023
                random_resnet50(tensor)
                hook.remove()
                views.append(flat["value"].flatten().double().numpy())
            mean = np.mean(views, axis=0)
            rows.append(mean / np.linalg.norm(mean))
    return np.array(rows)


def embed(embedder, images):
    return embedder.embed([embedder.prepare(image) for image in images]).astype(np.float64)


def assert_close(features, plain_features, *, cosine):
    cosines = (features * plain_features).sum(axis=1)
    assert cosines.min() >= cosine
    # What decides is the similarity of two images: it must not move either.
    assert np.abs(features @ features.T - plain_features @ plain_features.T).max() < 2 * (1 - cosine) ** 0.5


def test_the_test_network_tells_images_apart(plain_features):
    similarities = (plain_features @ plain_features.T)[np.triu_indices(5, 1)]
    assert similarities.max() < 0.98


def test_the_cpu_in_float32_gives_torchvisions_vectors(resnet50_onnx, photographs, plain_features):
    embedder = open_on_cpu(resnet50_onnx, exact=True)
    assert "float32" in embedder.device
    assert_close(embed(embedder, photographs), plain_features, cosine=0.99999)


def test_the_cpu_at_its_fastest_stays_within_tolerance(resnet50_onnx, photographs, plain_features):
    assert_close(embed(open_on_cpu(resnet50_onnx), photographs), plain_features, cosine=0.999)


def test_torch_gives_torchvisions_vectors(resnet50_onnx, photographs, plain_features):
    assert_close(embed(open_on_torch(resnet50_onnx, "cpu"), photographs), plain_features, cosine=0.99999)


@pytest.mark.gpu
def test_a_gpu_in_bfloat16_stays_within_tolerance(resnet50_onnx, photographs, plain_features):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    assert_close(embed(open_on_torch(resnet50_onnx, "cuda"), photographs), plain_features, cosine=0.999)


def test_vectors_have_length_one_whatever_the_batch(resnet50_onnx, photographs):
    embedder = open_on_cpu(resnet50_onnx)
    assert embedder.embed([]).shape == (0, 2048)
    many = embed(embedder, photographs * 2)
    assert np.linalg.norm(many, axis=1) == pytest.approx(1, abs=2e-3)
    assert many[5:] == pytest.approx(many[:5], abs=2e-3)


def test_the_card_says_what_counts_as_similar(resnet50_onnx):
    embedder = open_on_cpu(resnet50_onnx)
    assert (embedder.name, embedder.dimension, embedder.threshold) == ("resnet50", 2048, 0.82)


def test_a_provider_that_is_missing_is_not_claimed(resnet50_onnx, monkeypatch):
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    assert OnnxNetwork(resnet50_onnx.path).device == "CPU (onnxruntime, float32)"


def test_a_card_without_features_makes_no_embedder(resnet50_onnx):
    with pytest.raises(ValueError, match="pose-lite"):
        CopyDetect(Model(shipped_card("pose-lite"), resnet50_onnx.path))


@pytest.mark.parametrize(
    ("device", "has_bfloat16", "wanted"),
    [("cpu", False, "float32"), ("cuda", True, "bfloat16"), ("cuda", False, "float16")],
    ids=["a CPU", "an A10G", "a T4"],
)
def test_a_gpu_computes_in_the_half_precision_that_it_has(device, has_bfloat16, wanted):
    torch = pytest.importorskip("torch")
    from framesift.embedding.torch_network import choose_dtype

    assert choose_dtype(device, has_bfloat16=has_bfloat16) is getattr(torch, wanted)
