"""The registry gives verified files, and says what to do where it cannot."""

import hashlib
from pathlib import Path

import pytest

from framesift.errors import ModelMismatchError, ModelMissingError
from framesift.models import BucketOrigin, ModelCard, ModelRegistry, open_registry, registry
from framesift.models.card import CARD_FILE_NAME, shipped_cards
from framesift.models.origins import BuildOrigin, UrlOrigin

CONTENT = b"weights"
CARD = ModelCard(
    name="tiny",
    version="1",
    file="tiny.bin",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    size_bytes=len(CONTENT),
    licence="Apache-2.0",
    source="a test",
    input="nothing",
    output="nothing",
)
BUILT_CARD = CARD.model_copy(update={"sha256": None, "size_bytes": None, "builder": "framesift.models.card:read_card"})


class GivingOrigin:
    """Gives the same bytes for every card, and counts."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.fetches = 0

    def fetch(self, card: ModelCard, destination: Path) -> ModelCard | None:
        self.fetches += 1
        destination.write_bytes(self.content)
        return card


class NothingOrigin:
    def fetch(self, card: ModelCard, destination: Path) -> ModelCard | None:
        return None


@pytest.fixture(autouse=True)
def tiny_card(monkeypatch):
    use_card(monkeypatch, CARD)


def use_card(monkeypatch, card):
    monkeypatch.setattr(registry, "shipped_card", lambda name: card)


def test_the_first_origin_that_has_the_model_fills_the_cache(tmp_path):
    origin = GivingOrigin(CONTENT)
    models = ModelRegistry(tmp_path, [NothingOrigin(), origin])

    first, second = models.resolve("tiny"), models.resolve("tiny")

    assert first == second
    assert first.path.read_bytes() == CONTENT
    assert origin.fetches == 1
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"], "scratch files stay behind"


def test_a_missing_model_names_the_command(tmp_path):
    with pytest.raises(ModelMissingError, match="framesift models fetch tiny") as caught:
        ModelRegistry(tmp_path).resolve("tiny")
    assert "\n" not in str(caught.value)


def test_other_bytes_than_the_cards_are_refused_and_not_kept(tmp_path):
    with pytest.raises(ModelMismatchError, match="sha256"):
        ModelRegistry(tmp_path, [GivingOrigin(b"other")]).resolve("tiny")
    with pytest.raises(ModelMissingError):
        ModelRegistry(tmp_path).resolve("tiny")


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"x"), lambda path: path.unlink()])
def test_a_damaged_cache_is_found(tmp_path, damage):
    damage(ModelRegistry(tmp_path, [GivingOrigin(CONTENT)]).resolve("tiny").path)
    with pytest.raises(ModelMismatchError, match=r"delete .* and run"):
        ModelRegistry(tmp_path).resolve("tiny")


def test_a_card_in_the_cache_cannot_stand_in_for_the_shipped_one(tmp_path):
    other = CARD.model_copy(update={"sha256": hashlib.sha256(b"evil").hexdigest()})
    folder = tmp_path / CARD.folder
    folder.mkdir(parents=True)
    (folder / CARD.file).write_bytes(b"evil")
    (folder / CARD_FILE_NAME).write_text(other.model_dump_json())
    with pytest.raises(ModelMismatchError, match="another file"):
        ModelRegistry(tmp_path).resolve("tiny")


def test_a_built_models_card_learns_the_digest(tmp_path, monkeypatch):
    use_card(monkeypatch, BUILT_CARD)
    model = ModelRegistry(tmp_path, [GivingOrigin(CONTENT)]).resolve("tiny")
    assert (model.card.sha256, model.card.size_bytes) == (CARD.sha256, CARD.size_bytes)
    assert ModelRegistry(tmp_path).resolve("tiny").card == model.card


def test_what_one_machine_pushes_another_resolves(tmp_path, store):
    model = ModelRegistry(tmp_path / "one", [GivingOrigin(CONTENT)]).resolve("tiny")
    BucketOrigin(store).push(model.card, model.path.read_bytes())

    assert list(store.list("models/")) == ["models/tiny/1/card.json", "models/tiny/1/tiny.bin"]
    assert open_registry(tmp_path / "two", store).resolve("tiny").path.read_bytes() == CONTENT


def test_a_download_larger_than_its_card_is_cut_off(tmp_path, monkeypatch):
    card = CARD.model_copy(update={"url": "https://host.test/tiny.bin", "size_bytes": 3})
    monkeypatch.setattr("urllib.request.urlopen", lambda url, timeout: (tmp_path / "served").open("rb"))
    (tmp_path / "served").write_bytes(CONTENT)
    with pytest.raises(ModelMismatchError, match="3 bytes"):
        UrlOrigin().fetch(card, tmp_path / "got")


def test_a_host_that_does_not_answer_is_a_missing_model(tmp_path):
    card = CARD.model_copy(update={"url": "https://localhost:1/tiny.bin"})
    with pytest.raises(ModelMissingError, match="could not be downloaded"):
        UrlOrigin().fetch(card, tmp_path / "got")


def test_a_builder_makes_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr("framesift.models.card.read_card", lambda destination: destination.write_bytes(CONTENT))
    assert BuildOrigin().fetch(BUILT_CARD, tmp_path / "built") == BUILT_CARD
    assert (tmp_path / "built").read_bytes() == CONTENT


@pytest.mark.parametrize("field", ["url", "builder", "name", "file"])
def test_a_card_cannot_lead_elsewhere(field):
    with pytest.raises(ValueError, match=field):
        ModelCard.model_validate(CARD.model_dump() | {field: "../http://x"})


def test_every_shipped_card_can_be_had():
    cards = shipped_cards()
    assert "resnet50" in cards
    shipped = Path(registry.__file__).parent / "files"
    for card in cards.values():
        assert card.url or card.builder or (shipped / card.file).is_file()
        assert card.sha256 or card.builder, "only a built file's digest may be unknown"
