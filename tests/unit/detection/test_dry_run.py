"""A dry run says what the real one then does, and leaves everything as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from framesift import aws
from framesift.contracts import PredictOutput, StageInput, TrainOutput
from framesift.detection import open_detector
from framesift.detection.azure import open_trainer
from framesift.errors import DetectorKeyError
from framesift.pipeline.youtube.gate import gate_iteration
from framesift.pipeline.youtube.predict import predict_items
from framesift.pipeline.youtube.train import train_detector
from framesift.settings import DetectionSettings, Settings
from framesift.storage import S3Store
from framesift.table import Records
from framesift_local.standins.customvision import CustomVisionStandIn, vision
from framesift_local.standins.customvision.vision import Detection

from .conftest import RUN, collect, picture

WORK = StageInput(run=RUN, scopes=["popular"])
DRY = WORK.model_copy(update={"dry_run": True})
FORETOLD = {"tags_made", "uploaded", "known", "waiting", "refused", "outcome"}


class World:
    """The bucket, the table and Custom Vision: all that a run may change."""

    def __init__(self, settings: Settings, store: S3Store, records: Records, service: CustomVisionStandIn) -> None:
        self.settings, self.store, self.records, self.service = settings, store, records, service

    def predict(self, work: StageInput) -> PredictOutput:
        detector = open_detector(self.settings, self.store, self.records.training.in_service())
        return predict_items(work, self.settings, self.store, self.records, detector)

    def teach(self, work: StageInput) -> TrainOutput:
        trainer = open_trainer(self.settings.custom_vision)
        return train_detector(work, self.settings, self.store, self.records, trainer)

    def gate(self, iteration_id: str | None) -> None:
        from framesift.contracts import TrainingInput
        from framesift.detection.azure import CustomVisionDetector

        azure = self.settings.custom_vision
        trainer = open_trainer(azure)
        assert trainer
        assert iteration_id
        request = TrainingInput(run=RUN, iteration_id=iteration_id)
        gate_iteration(request, azure, self.records, trainer, CustomVisionDetector.from_settings(azure, None))

    def again(self) -> None:
        for stage in ("predict", "train"):
            self.records.stages.forget(RUN, stage, "popular")

    def state(self) -> dict[str, Any]:
        """Everything that is kept, and every request that could have changed something."""
        objects = aws.s3().list_objects_v2(Bucket=self.store.bucket).get("Contents", [])
        return {
            "objects": {each["Key"]: (each["ETag"], each["LastModified"]) for each in objects},
            "records": sorted(map(repr, aws.dynamodb().scan(TableName=self.records.name)["Items"])),
            "projects": {
                path: Path(path).read_text() for path in map(str, self.service.account.folder.glob("*/project.json"))
            },
            "writes": [request for request in self.service.requests if request[0] != "GET"],
        }


@pytest.fixture
def world(settings: Settings, store: S3Store, records: Records, service: CustomVisionStandIn) -> World:
    return World(settings, store, records, service)


def facts(output: TrainOutput) -> dict[str, Any]:
    return json.loads(output.model_dump_json(include=FORETOLD))


@pytest.fixture
def varied_eyes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture in three has something to review, one in five nothing; what is left teaches."""
    person, logo = Detection("person", 0.9, 0.1, 0.1, 0.3, 0.5), Detection("logo", 0.8, 0.7, 0.7, 0.2, 0.2)
    unsure = Detection("logo", 0.6, 0.3, 0.3, 0.2, 0.2)

    def look(data: bytes) -> tuple[Detection, ...]:
        number = int.from_bytes(data[-2:])
        return () if number % 5 == 4 else (person, unsure) if number % 3 == 2 else (person, logo)

    monkeypatch.setattr(vision, "detect", look)


def many(first: int, count: int) -> list[bytes]:
    base = picture(1, 96, 54)
    return [base + number.to_bytes(4) for number in range(first, first + count)]


def test_a_dry_run_tells_what_the_real_one_does_and_changes_nothing(world: World, varied_eyes: None) -> None:
    collect(world.store, many(0, 60))
    untouched = world.state()
    before = world.predict(DRY)
    assert (before.categories[0].items, before.categories[0].confident) == (60, {})
    assert before.tags_differ is None
    assert world.state() == untouched

    predicted = world.predict(WORK)
    assert sum(path.endswith("/image/nostore") for _, path in world.service.requests) == before.categories[0].items
    after_prediction = world.state()
    assert world.predict(DRY) == predicted
    foretold = world.teach(DRY)
    assert foretold.gate
    assert (foretold.gate.publish_name, foretold.gate.margin) == ("stable", 0.02)
    assert world.state() == after_prediction

    taught = world.teach(WORK)
    assert facts(foretold) == facts(taught)
    assert foretold.tags_made == ["person", "logo"]
    assert taught.uploaded > 30
    assert taught.waiting > 10
    assert taught.outcome == "training"

    world.again()
    assert facts(world.teach(DRY)) == facts(world.teach(WORK)), "the iteration waits for the gate"
    world.gate(taught.iteration_id)
    world.again()
    settled = world.state()
    foretold = world.teach(DRY)
    assert foretold.gate
    assert foretold.gate.publish_name.startswith("framesift-")
    assert world.state() == settled
    assert facts(foretold) == facts(world.teach(WORK))
    assert foretold.outcome == "nothing_changed"


def test_too_few_pictures_are_foretold(world: World, varied_eyes: None) -> None:
    collect(world.store, many(0, 6))
    world.predict(WORK)
    foretold = world.teach(DRY)
    assert foretold.outcome == "not_enough_images"
    taught = world.teach(WORK)
    assert (facts(foretold), foretold.why) == (facts(taught), taught.why)


def test_what_was_uploaded_and_not_yet_trained_is_foretold_to_be_trained(world: World, varied_eyes: None) -> None:
    collect(world.store, many(0, 60))
    world.predict(WORK)
    world.settings = world.settings.model_copy(
        update={"custom_vision": world.settings.custom_vision.model_copy(update={"min_images_per_tag": 1000})}
    )
    assert world.teach(DRY).outcome == world.teach(WORK).outcome == "not_enough_images"
    world.again()
    world.settings = world.settings.model_copy(
        update={"custom_vision": world.settings.custom_vision.model_copy(update={"min_images_per_tag": 15})}
    )
    foretold = world.teach(DRY)
    assert (foretold.uploaded, foretold.outcome) == (0, "training")
    assert facts(foretold) == facts(world.teach(WORK))


def test_a_lost_record_is_looked_up_and_not_written(world: World, varied_eyes: None) -> None:
    collect(world.store, many(0, 20))
    world.predict(WORK)
    world.teach(WORK)
    project_id = world.settings.custom_vision.candidate_project
    lost = world.records.training.images(project_id)[0]
    key = {"pk": {"S": f"TAUGHT#{project_id}"}, "sk": {"S": lost.sha256}}
    aws.dynamodb().delete_item(TableName=world.records.name, Key=key)
    world.again()
    state = world.state()
    foretold = world.teach(DRY)
    assert world.state() == state
    assert (foretold.uploaded, facts(foretold)) == (0, facts(world.teach(WORK)))


def test_tags_that_differ_are_told(world: World, varied_eyes: None) -> None:
    collect(world.store, many(0, 3))
    world.settings = world.settings.model_copy(update={"detection": DetectionSettings(tags={"person": 0.5})})
    told = world.predict(DRY).tags_differ
    assert told
    assert "the settings lack 'logo'" in told


def test_a_wrong_key_fails_a_dry_run_too(world: World) -> None:
    from pydantic import SecretStr

    wrong = world.settings.custom_vision.model_copy(update={"training_key": SecretStr("wrong")})
    world.settings = world.settings.model_copy(update={"custom_vision": wrong})
    with pytest.raises(DetectorKeyError):
        world.teach(DRY)
