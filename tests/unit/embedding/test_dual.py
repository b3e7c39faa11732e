"""Dual encoders: converted checkpoints agree with the programs that they come from, and what does not fit is named."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from framesift.catalog.log import CatalogLog
from framesift.catalog.vectors import write_part
from framesift.detection.onnx.added import AddedModel
from framesift.embedding.dual import ImageTower, OnnxEncoder, TextTower, input_form, open_encoder
from framesift.embedding.folder import read_encoder
from framesift.errors import (
    ModelMismatchError,
    NotACheckpointError,
    NotAnEncoderError,
    NoTextEncoderError,
    RowCountError,
    TextTooLongError,
)
from framesift.models import BucketOrigin, Model, ModelRegistry
from framesift.pipeline.upload.image_models import open_models
from framesift.search.collection import CollectionSearch, SearchRequest, TextPart
from framesift.settings import CatalogSettings, SearchSettings, Settings
from framesift.storage import S3Store
from framesift.table import Collection, Records
from framesift.vision.image_model import Prepared
from framesift.vision.inputs import prepare_input
from tests.unit.catalog.items import make_item

torch = pytest.importorskip("torch")
open_clip = pytest.importorskip("open_clip")
pytestmark = pytest.mark.slow

TINY = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "head_width": 32, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}
TEXTS = ["a photo of a dog", "A scratched   metal part, isn't it?", "흠집이 있는 금속 부품", "café – 3 “parts” 🚗!", ""]
IMAGES = [data.astronaut(), data.coffee(), data.chelsea()[:200, :120], np.zeros((5, 300, 3), np.uint8)]


def cosines(ours: NDArray[np.float32], theirs: Any) -> NDArray[np.float32]:
    reference = np.asarray(theirs.detach(), np.float32)
    reference /= np.linalg.norm(reference, axis=1, keepdims=True)
    return (ours * reference).sum(axis=1)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Path]:
    """A small CLIP of random weights, its preprocessing, and the folder that it was converted to."""
    from framesift.embedding.checkpoints import convert_checkpoint

    folder = tmp_path_factory.mktemp("clip")
    (folder / "tiny-clip.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(folder / "tiny-clip.json")
    torch.manual_seed(0)
    model, _, preprocess = open_clip.create_model_and_transforms("tiny-clip")
    torch.save(model.state_dict(), folder / "tiny.pt")
    convert_checkpoint(
        folder / "tiny.pt", folder / "onnx", architecture="tiny-clip", licence="MIT", languages=["en", "ko"]
    )
    return model.eval(), preprocess, folder / "onnx"


@pytest.fixture(scope="module")
def towers(clip: tuple[Any, Any, Path]) -> tuple[AddedModel, AddedModel]:
    """Its towers, tried as `framesift models add` tries them."""
    return read_encoder(clip[2], "tiny", version="1")


@pytest.fixture
def registry(towers: tuple[AddedModel, AddedModel], tmp_path: Path, store: S3Store) -> ModelRegistry:
    origin = BucketOrigin(store)
    for tower in towers:
        origin.push(tower.card, tower.data)
    return ModelRegistry(tmp_path / "cache", [origin], origin)


def test_images_have_the_vectors_that_open_clip_gives_them(
    clip: tuple[Any, Any, Path], registry: ModelRegistry
) -> None:
    model, preprocess, _ = clip
    encoder = OnnxEncoder("tiny@1", 32, registry, exact=True)
    found = encoder.encode_images(IMAGES)
    with torch.inference_mode():
        theirs = model.encode_image(torch.stack([preprocess(Image.fromarray(image)) for image in IMAGES]))
    assert found.dtype == np.float32
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)
    assert cosines(found, theirs).min() >= 0.999


def test_images_are_prepared_as_open_clip_prepares_them(
    clip: tuple[Any, Any, Path], towers: tuple[AddedModel, AddedModel]
) -> None:
    form = towers[0].card.image_encoder
    assert form
    for image in IMAGES[:3]:
        ours = (prepare_input(image, input_form(form))[0] / 255 - np.array(form.mean)) / np.array(form.deviation)
        theirs = clip[1](Image.fromarray(image)).permute(1, 2, 0).numpy()
        assert np.abs(ours - theirs).mean() < 0.03  # A pixel's value is 0 to 255: about 2 of them.


def test_a_collection_is_searched_by_texts_with_the_tower_for_texts_alone(
    registry: ModelRegistry, store: S3Store, records: Records, tmp_path: Path
) -> None:
    records.collections.create(Collection(id="parts", owner="kim", created_at=datetime.now(UTC)))
    vectors = OnnxEncoder("tiny@1", 32, registry).encode_images(IMAGES)
    items = [make_item(number) for number in range(len(IMAGES))]
    write_part(store, "parts", "tiny@1", "one", [item.id for item in items], vectors)
    CatalogLog("parts", store, records).add_items(items, "kim")
    settings = Settings(
        catalog=CatalogSettings(cache_dir=str(tmp_path / "catalogs")),
        search=SearchSettings(cache_dir=str(tmp_path / "indexes")),
    )
    bucket = BucketOrigin(store)
    elsewhere = ModelRegistry(tmp_path / "elsewhere", [bucket], bucket)

    text = "a photo of a dog"
    found = CollectionSearch("parts", store, records, settings, elsewhere).search(SearchRequest([TextPart(text)]))

    scores = vectors @ OnnxEncoder("tiny@1", 32, registry).encode_texts([text])[0]
    assert [hit.id for hit in found.hits] == [items[row].id for row in np.argsort(-scores)]
    assert [hit.score for hit in found.hits] == pytest.approx(sorted(scores, reverse=True), abs=1e-3)
    assert not list((tmp_path / "elsewhere").glob("tiny/**/*.onnx"))
    assert list((tmp_path / "elsewhere").glob("tiny-texts/**/*.onnx"))


def test_texts_have_the_vectors_that_open_clip_gives_them(clip: tuple[Any, Any, Path], registry: ModelRegistry) -> None:
    found = open_encoder("tiny@1", registry).encode_texts(TEXTS)
    with torch.inference_mode():
        theirs = clip[0].encode_text(open_clip.get_tokenizer("ViT-B-32")(TEXTS))
    assert cosines(found, theirs).min() >= 0.999


def test_texts_are_split_as_open_clip_splits_them(towers: tuple[AddedModel, AddedModel], tmp_path: Path) -> None:
    added = towers[1]
    (tmp_path / "texts.onnx").write_bytes(added.data)
    tower = TextTower(Model(added.card, tmp_path / "texts.onnx"))
    for text in [*TEXTS, "fine 12,345.67 kg", "it's we'll they've", "한국어\t문장입니다", "naïve 日本語 ½", "a" * 60]:
        theirs = open_clip.get_tokenizer("ViT-B-32")([text])[0]
        assert tower.tokenize(text) == theirs[: int(theirs.argmax()) + 1].tolist(), text


def test_a_text_that_is_too_long_is_named(registry: ModelRegistry) -> None:
    encoder = open_encoder("tiny@1", registry)
    assert encoder.encode_texts(["part " * 75]).shape == (1, 32)
    with pytest.raises(TextTooLongError, match=r"has 78 tokens .* takes at most 77"):
        encoder.encode_texts(["a dog", "part " * 76])


def test_nothing_in_nothing_out(registry: ModelRegistry) -> None:
    encoder = open_encoder("tiny@1", registry)
    assert encoder.encode_images([]).shape == encoder.encode_texts([]).shape == (0, 32)


def test_searching_by_text_fetches_no_tower_for_images(registry: ModelRegistry, tmp_path: Path) -> None:
    open_encoder("tiny@1", registry).encode_texts(["a dog"])
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["tiny-texts"]


def test_an_encoder_without_its_tower_for_texts_says_which_command_adds_it(
    towers: tuple[AddedModel, AddedModel], tmp_path: Path, store: S3Store
) -> None:
    origin = BucketOrigin(store)
    origin.push(towers[0].card, towers[0].data)
    encoder = open_encoder("tiny@1", ModelRegistry(tmp_path, [origin], origin))
    with pytest.raises(NoTextEncoderError, match=r"framesift models add FOLDER --name tiny --version 1"):
        encoder.encode_texts(["a dog"])


def test_towers_of_different_encoders_are_not_mixed(
    towers: tuple[AddedModel, AddedModel], registry: ModelRegistry, store: S3Store
) -> None:
    BucketOrigin(store).push(towers[1].card.model_copy(update={"dimension": 31}), towers[1].data)
    with pytest.raises(ModelMismatchError, match="32 and 31 numbers"):
        open_encoder("tiny@1", registry).encode_texts(["a dog"])


def test_a_model_that_only_sees_is_no_dual_encoder(registry: ModelRegistry) -> None:
    with pytest.raises(NotAnEncoderError, match="no dual encoder"):
        open_encoder("copydetect", registry)


def test_the_tower_for_images_looks_at_collections(registry: ModelRegistry) -> None:
    opened = open_models(["tiny@1"], registry, batch=3)
    assert not opened.missing
    tower = opened.models[0]
    assert isinstance(tower, ImageTower)
    prepared = [Prepared(prepare_input(image, tower.input_form), *image.shape[1::-1]) for image in IMAGES]
    looks = tower.look(prepared, min_score=0.5, max_predictions=5)
    assert [look.predictions for look in looks] == [[]] * 4
    rows = np.stack([look.features for look in looks if look.features is not None])
    assert rows.dtype == np.float16
    # Its batches of three, the last of them of one, give what all at once give.
    assert (rows * open_encoder("tiny@1", registry).encode_images(IMAGES)).sum(axis=1) == pytest.approx(1, abs=1e-2)


def _replace_images(folder: Path) -> None:
    nodes = [onnx.helper.make_node("Flatten", ["pixels"], ["vectors"])]
    shape = ["n", 3, 64, 64]
    graph = onnx.helper.make_graph(
        nodes,
        "flat",
        [onnx.helper.make_tensor_value_info("pixels", onnx.TensorProto.FLOAT, shape)],
        [onnx.helper.make_tensor_value_info("vectors", onnx.TensorProto.FLOAT, ["n", 3 * 64 * 64])],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, str(folder / "images.onnx"))


def _one_row(folder: Path) -> None:
    nodes = [onnx.helper.make_node("ReduceMax", ["pixels"], ["vectors"], keepdims=0)]
    graph = onnx.helper.make_graph(
        nodes,
        "one",
        [onnx.helper.make_tensor_value_info("pixels", onnx.TensorProto.FLOAT, ["n", 3, 64, 64])],
        [onnx.helper.make_tensor_value_info("vectors", onnx.TensorProto.FLOAT, [])],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, str(folder / "images.onnx"))


FAULTS: dict[str, tuple[Any, type[Exception], str]] = {
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), NotAnEncoderError, "has no tokenizer.json"),
    "damaged tokenizer": (
        lambda folder: (folder / "tokenizer.json").write_text("{"),
        NotAnEncoderError,
        "cannot be read",
    ),
    "no card": (lambda folder: (folder / "encoder.json").unlink(), NotAnEncoderError, "has no encoder.json"),
    "a card of something else": (
        lambda folder: (folder / "encoder.json").write_text('{"images": {}}'),
        NotAnEncoderError,
        "Field required",
    ),
    "no network": (
        lambda folder: (folder / "texts.onnx").write_bytes(b"\x00not a network"),
        NotAnEncoderError,
        "no ONNX network",
    ),
    "towers swapped": (
        lambda folder: shutil.copy(folder / "texts.onnx", folder / "images.onnx"),
        NotAnEncoderError,
        "the tower for images takes",
    ),
    "another encoder's tower": (_replace_images, NotAnEncoderError, "become 12288 numbers and texts 32"),
    "one row for all": (_one_row, RowCountError, "one row for each"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_folder_that_is_no_encoder_is_refused(fault: str, clip: tuple[Any, Any, Path], tmp_path: Path) -> None:
    damage, error, message = FAULTS[fault]
    folder = Path(shutil.copytree(clip[2], tmp_path / "encoder"))
    damage(folder)
    with pytest.raises(error, match=message):
        read_encoder(folder, "tiny")


def test_a_model_of_hugging_face_is_converted(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    from framesift.embedding.checkpoints import convert_checkpoint, make_clip_tokenizer

    source = tmp_path / "source"
    layers = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = transformers.SiglipConfig(
        text_config={**layers, "hidden_size": 32, "vocab_size": 49408, "max_position_embeddings": 16},
        vision_config={**layers, "hidden_size": 32, "image_size": 32, "patch_size": 16},
    )
    torch.manual_seed(0)
    model = transformers.SiglipModel(config).eval()
    model.save_pretrained(source)
    (tmp_path / "tokenizer.json").write_text(make_clip_tokenizer())
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(tmp_path / "tokenizer.json"), pad_token="<end_of_text>"
    )
    tokenizer.save_pretrained(source)
    processor = {"size": {"height": 32, "width": 32}, "resample": 3, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (source / "preprocessor_config.json").write_text(json.dumps(processor))

    about = convert_checkpoint(source, tmp_path / "onnx")
    assert (about.images.resize, about.images.width, about.texts.max_tokens) == (0, 32, 16)
    images, texts = read_encoder(tmp_path / "onnx", "siglip")
    models = {}
    for added in (images, texts):
        (tmp_path / added.card.name).write_bytes(added.data)
        models[added.card.name] = Model(added.card, tmp_path / added.card.name)
    pictures = [np.asarray(Image.fromarray(image).resize((32, 32), Image.Resampling.BICUBIC)) for image in IMAGES]
    planes = torch.tensor((np.stack(pictures).transpose(0, 3, 1, 2) / 255 - 0.5) / 0.5, dtype=torch.float32)
    tokens = tokenizer(TEXTS[:2], padding="max_length", max_length=16, return_tensors="pt").input_ids
    with torch.inference_mode():
        theirs = model.get_image_features(planes), model.get_text_features(tokens)
    theirs = [getattr(each, "pooler_output", each) for each in theirs]
    tower = ImageTower(models["siglip"], exact=True)
    ours = tower.encode(np.concatenate([prepare_input(image, tower.input_form) for image in IMAGES]))
    assert cosines(ours, theirs[0]).min() >= 0.999
    assert cosines(TextTower(models["siglip-texts"]).encode(TEXTS[:2]), theirs[1]).min() >= 0.999


@pytest.mark.parametrize(
    ("name", "architecture", "message"),
    [("weights.pt", "ViT-Z-99", "no architecture of open_clip"), ("weights.pt", "tiny-clip", "cannot be converted")],
)
def test_what_is_no_checkpoint_is_named(
    name: str, architecture: str, message: str, clip: tuple[Any, Any, Path], tmp_path: Path
) -> None:
    from framesift.embedding.checkpoints import convert_checkpoint

    (tmp_path / name).write_bytes(b"no weights")
    with pytest.raises(NotACheckpointError, match=message):
        convert_checkpoint(tmp_path / name, tmp_path / "onnx", architecture=architecture)


def test_a_folder_that_is_no_dual_encoder_is_named(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    from framesift.embedding.checkpoints import convert_checkpoint

    config = transformers.ViTConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    transformers.ViTModel(config).save_pretrained(tmp_path / "vit")
    with pytest.raises(NotACheckpointError, match="no dual encoder"):
        convert_checkpoint(tmp_path / "vit", tmp_path / "onnx")
