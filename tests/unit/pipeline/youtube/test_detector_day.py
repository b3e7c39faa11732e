"""A day of predictions and training on a real table and bucket (moto), against the stand-in over real HTTP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from framesift import keys
from framesift.contracts import Clip, PredictOutput, Run, StageInput, TrainingInput, TrainOutput
from framesift.detection import open_detector
from framesift.detection.azure import CustomVisionDetector, CustomVisionTrainer
from framesift.errors import NotFoundError, NothingToRollBackError, TagsDifferError, TooManyFailedItemsError
from framesift.pipeline.youtube.gate import check_training, gate_iteration, roll_back
from framesift.pipeline.youtube.predict import predict_items
from framesift.pipeline.youtube.train import train_detector
from framesift.settings import DetectionSettings, Settings
from framesift.storage import S3Store, read_lines
from framesift.table import Records, Stages, Training
from framesift_local.standins.customvision import CustomVisionStandIn, vision
from framesift_local.standins.customvision.vision import Detection
from tests.unit.custom_vision import RUN, collect, make_image

WORK = StageInput(run=RUN, scopes=["popular"])
NEXT = Run(source="youtube", date="2026-11-21", attempt=1)


class KilledError(BaseException):
    """Nothing catches it, just as nothing survives a kill."""


@contextmanager
def killed_at(kind: type, method: str) -> Iterator[None]:
    """End what runs in here when it comes to that method of the records."""

    def die(*_: object) -> None:
        raise KilledError

    with pytest.MonkeyPatch.context() as dying:
        dying.setattr(kind, method, die)
        with pytest.raises(KilledError):
            yield


class Day:
    """The stages of a day."""

    def __init__(self, settings: Settings, store: S3Store, records: Records, service: CustomVisionStandIn) -> None:
        self.settings, self.store, self.records, self.service = settings, store, records, service

    def predict(self, work: StageInput = WORK) -> PredictOutput:
        detector = open_detector(self.settings, self.store, self.records.training.in_service())
        return predict_items(work, self.settings, self.store, self.records, detector)

    def train(self, work: StageInput = WORK) -> TrainOutput:
        trainer = CustomVisionTrainer.from_settings(self.settings.custom_vision)
        return train_detector(work, self.settings, self.store, self.records, trainer)

    def gate(self, iteration_id: str, run: Run = RUN):
        azure = self.settings.custom_vision
        trainer, predictor = CustomVisionTrainer.from_settings(azure), CustomVisionDetector.from_settings(azure, None)
        request = TrainingInput(run=run, iteration_id=iteration_id)
        assert check_training(request, azure, trainer).status == "completed"
        return gate_iteration(request, azure, self.records, trainer, predictor)

    def forget(self, work: StageInput = WORK) -> None:
        """As on another day with the same images: forget the stages' outputs."""
        for stage in ("predict", "train"):
            self.records.stages.forget(work.run, stage, ".".join(work.scopes))

    @property
    def b(self):
        return self.service.account.projects[self.settings.custom_vision.candidate_project]

    def requests(self, ending: str) -> int:
        return sum(path.endswith(ending) for _, path in self.service.requests)


@pytest.fixture
def day(settings: Settings, store: S3Store, records: Records, service: CustomVisionStandIn) -> Day:
    return Day(settings, store, records, service)


@pytest.fixture
def fixed_detections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Detect the same in every image: the protocol is under test, not the detector."""
    found = (Detection("person", 0.9, 0.1, 0.1, 0.3, 0.5), Detection("logo", 0.8, 0.7, 0.7, 0.2, 0.2))
    monkeypatch.setattr(vision, "detect", lambda data: found)


def many(count: int) -> list[bytes]:
    base = make_image(1, 96, 54)
    return [base + number.to_bytes(4) for number in range(count)]  # Bytes after the end of a JPEG are ignored.


def test_predictions_go_to_the_manifest_the_history_and_the_queue(day: Day) -> None:
    collect(day.store, [make_image(number) for number in range(8)])
    output = day.predict()
    items = read_lines(day.store, output.categories[0].manifest_key, Clip)
    assert all(item.detections is not None and item.detected_by == output.detector for item in items)
    seen = [found for item in items for found in item.detections or []]
    expected = [
        each.tag
        for number in range(8)
        for each in vision.detect(make_image(number))
        if each.probability >= {"person": 0.5, "logo": 0.75}[each.tag]
    ]
    assert sum(output.categories[0].confident.values()) == len(expected) > 4
    pending = day.records.reviews.all("pending")
    assert output.categories[0].to_review == len(pending) == len(seen) - len(expected) > 0
    history = day.records.items.days("youtube", items[2].id)
    assert history[0].detections == items[2].detections


def test_tags_that_differ_stop_the_day_before_a_single_prediction(day: Day) -> None:
    collect(day.store, [make_image(0)])
    day.settings = day.settings.model_copy(update={"detection": DetectionSettings(tags={"person": 0.5})})
    with pytest.raises(TagsDifferError):
        day.predict()
    assert day.requests("/image/nostore") == 0


def test_too_many_images_that_fail_end_the_stage(day: Day) -> None:
    collect(day.store, [make_image(0), make_image(1)])
    day.store.put(keys.media(RUN, "popular", "v0", "jpg"), b"damaged since")
    with pytest.raises(TooManyFailedItemsError, match="1 of 2"):
        day.predict()


def test_500_images_cost_hardly_more_requests_than_there_must_be(day: Day, fixed_detections: None) -> None:
    collect(day.store, many(500))
    day.predict()
    iteration_id = day.train().iteration_id
    smallest = 500 + 8  # One an image to predict, 64 a batch to upload.
    assert len(day.service.requests) <= 1.05 * smallest
    assert day.requests("/images/files") == 8
    assert len(day.b.images) == 500
    day.gate(iteration_id)
    day.forget()
    again = day.train()
    assert (again.uploaded, again.known, again.outcome) == (0, 500, "nothing_changed")
    assert day.requests("/images/files") == 8


def test_a_lost_record_does_not_double_what_the_project_has(day: Day, fixed_detections: None) -> None:
    collect(day.store, many(20))
    day.predict()
    first = day.train()
    assert (first.uploaded, first.outcome) == (20, "training")
    for image in day.records.training.images(day.b.id)[:7]:
        day.records.table.delete(f"TRAINING_IMAGE#{day.b.id}", image.sha256)
    day.forget()
    again = day.train()
    assert (again.uploaded, again.known) == (0, 20)
    assert all(len(each.regions) == 2 for each in day.b.images.values())
    assert len(day.records.training.images(day.b.id)) == 20


def test_killed_between_upload_and_record_it_resumes_without_a_second_upload(day: Day, fixed_detections: None) -> None:
    collect(day.store, many(70))
    day.predict()

    with killed_at(Training, "add_images"):
        day.train()
    assert len(day.b.images) == 64
    resumed = day.train()
    assert (resumed.uploaded, resumed.known, resumed.outcome) == (6, 64, "training")
    assert all(len(each.regions) == 2 for each in day.b.images.values())
    assert day.train() == resumed  # A resumed run gets what it had begun.


def test_killed_between_training_and_record_it_takes_up_what_it_began(day: Day, fixed_detections: None) -> None:
    collect(day.store, many(20))
    day.predict()

    with killed_at(Stages, "end"):
        day.train()
    (iteration,) = day.b.iterations
    resumed = day.train()
    assert (resumed.outcome, resumed.iteration_id, resumed.uploaded) == ("training", iteration, 0)
    assert "earlier run" in resumed.why
    assert list(day.b.iterations) == [iteration]
    with killed_at(Stages, "end"):  # Between the switch and the gate's output.
        day.gate(iteration)
    assert day.gate(iteration).outcome == "published"
    day.forget()
    assert day.train().outcome == "nothing_changed"


def test_killed_between_publishing_and_the_switch_a_later_day_makes_the_switch(
    day: Day, fixed_detections: None
) -> None:
    iteration = trained(day, 0, 20)

    with killed_at(Training, "put_in_service"):
        day.gate(iteration)
    name = day.b.iterations[iteration].publish_name
    assert name
    assert day.records.training.in_service() is None
    assert trained(day, 0, 20, NEXT) == iteration
    gated = day.gate(iteration, NEXT)
    assert (gated.outcome, gated.publish_name) == ("published", name)
    service = day.records.training.in_service()
    assert service
    assert service.publish_name == name


def test_an_iteration_that_someone_else_has_published_is_left_to_them(day: Day, fixed_detections: None) -> None:
    iteration = trained(day, 0, 20)
    day.b.iterations[iteration].publish_name = "by hand"
    day.forget()
    assert day.train().outcome == "nothing_changed"


def test_a_training_that_failed_is_not_taken_up(day: Day, fixed_detections: None) -> None:
    collect(day.store, many(20))
    day.predict()
    day.service.account.set_training(training_failure="No GPU.")
    day.train()
    day.forget()
    assert day.train().outcome == "nothing_changed"


def test_a_lost_record_of_an_image_that_was_converted_does_not_double_it(day: Day, fixed_detections: None) -> None:
    from tests.unit.detection.test_images import encoded, noise

    collect(day.store, [encoded(noise(96, 54), "WEBP")])
    day.predict()
    assert day.train().uploaded == 1
    (image,) = day.records.training.images(day.b.id)
    assert image.sha256 != image.sent_sha256
    day.records.table.delete(f"TRAINING_IMAGE#{day.b.id}", image.sha256)
    day.forget()
    again = day.train()
    assert (again.uploaded, again.known) == (0, 1)
    (kept,) = day.b.images.values()
    assert len(kept.regions) == 2


def test_a_process_that_is_killed_while_it_uploads_doubles_nothing(day: Day, fixed_detections: None) -> None:
    """A real process, a real SIGKILL, right after the service took a batch."""
    azure = day.settings.custom_vision
    program = f"""
        import os, signal
        from pydantic import SecretStr
        from framesift.contracts import Region
        from framesift.detection.azure import CustomVisionTrainer, LabelledImage
        from framesift.settings import CustomVisionSettings
        from tests.unit.custom_vision import make_image
        trainer = CustomVisionTrainer(CustomVisionSettings(
            training_endpoint={azure.training_endpoint!r},
            training_key=SecretStr({azure.training_key.get_secret_value()!r}), requests_per_s=500),
            {azure.candidate_project!r})
        trainer.make_tags(["person"])
        region = Region(tag="person", left=0.1, top=0.1, width=0.5, height=0.5)
        for _ in trainer.upload([LabelledImage(str(n), make_image(n), "t", [region]) for n in range(3)]):
            os.kill(os.getpid(), signal.SIGKILL)
    """
    died = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], env={**os.environ}, check=False, timeout=120
    )
    assert died.returncode == -signal.SIGKILL
    assert len(day.b.images) == 3
    collect(day.store, [make_image(n) for n in range(3)])
    day.predict()
    output = day.train()
    assert (output.uploaded, output.known, len(day.b.images)) == (0, 3, 3)


def test_not_enough_images_is_an_outcome(day: Day, fixed_detections: None) -> None:
    collect(day.store, many(5))
    day.predict()
    output = day.train()
    assert output.outcome == "not_enough_images"
    assert "'logo' has 5" in output.why
    assert output.tags_made == ["person", "logo"]


def test_an_image_waits_for_its_reviews_and_is_then_trained_on(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    sure, unsure = Detection("person", 0.9, 0.1, 0.1, 0.3, 0.5), Detection("logo", 0.6, 0.7, 0.7, 0.2, 0.2)
    monkeypatch.setattr(vision, "detect", lambda data: (sure, unsure))
    collect(day.store, many(3))
    day.predict()
    assert (day.train().uploaded, day.train().waiting) == (0, 3)
    first, second, third = day.records.reviews.all("pending")
    day.records.reviews.decide(first.id, "accepted", by="me")
    day.records.reviews.decide(second.id, "rejected", by="me")
    collect(day.store, many(1), run=NEXT)
    monkeypatch.setattr(vision, "detect", lambda data: ())
    day.predict(StageInput(run=NEXT, scopes=["popular"]))
    output = day.train(StageInput(run=NEXT, scopes=["popular"]))
    assert (output.uploaded, output.waiting) == (2, 1)
    tags = sorted(sorted(region["tagName"] for region in each.regions) for each in day.b.images.values())
    assert tags == [["logo", "person"], ["person"]]
    assert [review.id for review in day.records.reviews.all("pending")] == [third.id]
    with pytest.raises(NotFoundError, match="review list"):
        day.records.reviews.decide("nothing", "accepted", by="me")


def trained(day: Day, start: int, count: int, run: Run = RUN) -> str:
    collect(day.store, many(start + count)[start:], run=run)
    work = StageInput(run=run, scopes=["popular"])
    day.predict(work)
    iteration_id = day.train(work).iteration_id
    assert iteration_id
    return iteration_id


def test_a_better_iteration_predicts_from_then_on_and_can_be_rolled_back(day: Day, fixed_detections: None) -> None:
    with pytest.raises(NothingToRollBackError):
        roll_back(day.records)
    gated = day.gate(trained(day, 0, 20))
    assert gated.outcome == "published"
    assert gated.average_precision == pytest.approx(1.0)
    service = day.records.training.in_service()
    assert service
    assert service.former
    assert (service.project_id, service.publish_name) == (day.b.id, gated.publish_name)
    assert open_detector(day.settings, day.store, service).name.endswith(gated.publish_name or "?")
    assert roll_back(day.records).publish_name == "stable"
    assert open_detector(day.settings, day.store, day.records.training.in_service()).name.endswith("/stable")
    assert roll_back(day.records).publish_name == gated.publish_name


def test_a_worse_iteration_is_not_published(day: Day, fixed_detections: None) -> None:
    better = day.gate(trained(day, 0, 20))
    day.service.account.set_training(weakness=0.95)  # Nearly all objects are missed.
    worse = trained(day, 20, 20, NEXT)
    gated = day.gate(worse, NEXT)
    assert gated.outcome == "kept_former"
    assert gated.average_precision < 0.9
    assert "at most 0.02 less" in gated.why
    service = day.records.training.in_service()
    assert service
    assert service.publish_name == better.publish_name
    assert day.b.iterations[worse].publish_name is None
