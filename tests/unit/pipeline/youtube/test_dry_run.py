"""A dry run reports what the real one then does, and changes nothing."""

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
from tests.unit.custom_vision import RUN, collect, make_image

WORK = StageInput(run=RUN, scopes=["popular"])
DRY = WORK.model_copy(update={"dry_run": True})
PREDICTED = {"tags_made", "uploaded", "known", "waiting", "refused", "outcome"}


class World:
    """The bucket, the table and Custom Vision: all that a run may change."""

    def __init__(self, settings: Settings, store: S3Store, records: Records, service: CustomVisionStandIn) -> None:
        self.settings, self.store, self.records, self.service = settings, store, records, service

    def predict(self, work: StageInput) -> PredictOutput:
        detector = open_detector(self.settings, self.store, self.records.training.in_service())
        return predict_items(work, self.settings, self.store, self.records, detector)

    def train(self, work: StageInput) -> TrainOutput:
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
    return json.loads(output.model_dump_json(include=PREDICTED))


@pytest.fixture
def varied_detections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every third image has a detection to review, every fifth none; the others are training images."""
    person, logo = Detection("person", 0.9, 0.1, 0.1, 0.3, 0.5), Detection("logo", 0.8, 0.7, 0.7, 0.2, 0.2)
    unsure = Detection("logo", 0.6, 0.3, 0.3, 0.2, 0.2)

    def detect(data: bytes) -> tuple[Detection, ...]:
        number = int.from_bytes(data[-2:])
        return () if number % 5 == 4 else (person, unsure) if number % 3 == 2 else (person, logo)

    monkeypatch.setattr(vision, "detect", detect)


def many(first: int, count: int) -> list[bytes]:
    base = make_image(1, 96, 54)
    return [base + number.to_bytes(4) for number in range(first, first + count)]


def test_a_dry_run_reports_what_the_real_one_does_and_changes_nothing(world: World, varied_detections: None) -> None:
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
    preview = world.train(DRY)
    assert preview.gate
    assert (preview.gate.publish_name, preview.gate.margin) == ("stable", 0.02)
    assert world.state() == after_prediction

    trained = world.train(WORK)
    assert facts(preview) == facts(trained)
    assert preview.tags_made == ["person", "logo"]
    assert trained.uploaded > 30
    assert trained.waiting > 10
    assert trained.outcome == "training"

    world.again()
    assert facts(world.train(DRY)) == facts(world.train(WORK)), "the iteration waits for the gate"
    world.gate(trained.iteration_id)
    world.again()
    settled = world.state()
    preview = world.train(DRY)
    assert preview.gate
    assert preview.gate.publish_name.startswith("framesift-")
    assert world.state() == settled
    assert facts(preview) == facts(world.train(WORK))
    assert preview.outcome == "nothing_changed"


def test_too_few_images_are_predicted(world: World, varied_detections: None) -> None:
    collect(world.store, many(0, 6))
    world.predict(WORK)
    preview = world.train(DRY)
    assert preview.outcome == "not_enough_images"
    trained = world.train(WORK)
    assert (facts(preview), preview.why) == (facts(trained), trained.why)


def test_what_was_uploaded_and_not_yet_trained_is_predicted_to_be_trained(
    world: World, varied_detections: None
) -> None:
    collect(world.store, many(0, 60))
    world.predict(WORK)
    world.settings = world.settings.model_copy(
        update={"custom_vision": world.settings.custom_vision.model_copy(update={"min_images_per_tag": 1000})}
    )
    assert world.train(DRY).outcome == world.train(WORK).outcome == "not_enough_images"
    world.again()
    world.settings = world.settings.model_copy(
        update={"custom_vision": world.settings.custom_vision.model_copy(update={"min_images_per_tag": 15})}
    )
    preview = world.train(DRY)
    assert (preview.uploaded, preview.outcome) == (0, "training")
    assert facts(preview) == facts(world.train(WORK))


def test_a_lost_record_is_looked_up_and_not_written(world: World, varied_detections: None) -> None:
    collect(world.store, many(0, 20))
    world.predict(WORK)
    world.train(WORK)
    project_id = world.settings.custom_vision.candidate_project
    lost = world.records.training.images(project_id)[0]
    key = {"pk": {"S": f"TRAINING_IMAGE#{project_id}"}, "sk": {"S": lost.sha256}}
    aws.dynamodb().delete_item(TableName=world.records.name, Key=key)
    world.again()
    state = world.state()
    preview = world.train(DRY)
    assert world.state() == state
    assert (preview.uploaded, facts(preview)) == (0, facts(world.train(WORK)))


def test_tags_that_differ_are_reported(world: World, varied_detections: None) -> None:
    collect(world.store, many(0, 3))
    world.settings = world.settings.model_copy(update={"detection": DetectionSettings(tags={"person": 0.5})})
    reported = world.predict(DRY).tags_differ
    assert reported
    assert "the settings lack 'logo'" in reported


def test_a_wrong_key_fails_a_dry_run_too(world: World) -> None:
    from pydantic import SecretStr

    wrong = world.settings.custom_vision.model_copy(update={"training_key": SecretStr("wrong")})
    world.settings = world.settings.model_copy(update={"custom_vision": wrong})
    with pytest.raises(DetectorKeyError):
        world.train(DRY)
