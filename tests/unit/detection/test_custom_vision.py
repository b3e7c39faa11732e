"""The real client library against the stand-in: predictions, uploads, trainings, failures."""

from __future__ import annotations

import time
from typing import Any

import pytest
from pydantic import SecretStr

from framesift import aws
from framesift.contracts import Detection, Region
from framesift.detection import check_tags, open_detector
from framesift.detection.azure import CustomVisionDetector, CustomVisionTrainer, LabelledImage
from framesift.detection.azure.batches import make_request
from framesift.detection.azure.connection import make_prediction_client
from framesift.errors import (
    DetectorBusyError,
    DetectorKeyError,
    DetectorQuotaError,
    ImageRefusedError,
    IterationNotPublishedError,
    NotAnImageError,
    PredictionResourceError,
    ProjectFullError,
    ProjectNotFoundError,
    RegionOutsideError,
    SettingsError,
    TagsDifferError,
    TrainingFailedError,
)
from framesift.settings import CustomVisionSettings, Settings
from framesift.storage import S3Store
from framesift_local.standins.customvision import CustomVisionStandIn, vision
from framesift_local.standins.service import Fault
from tests.unit.custom_vision import make_image
from tests.waiting import wait_until

WHOLE = Region(tag="person", left=-0.2, top=0.1, width=0.5, height=0.5)


def labelled(numbers: range, *regions: Region) -> list[LabelledImage]:
    return [
        LabelledImage(
            f"sha{number}",
            make_image(number),
            "제목 🔥 CON:",
            regions or (WHOLE, WHOLE.model_copy(update={"tag": "logo"})),
        )
        for number in numbers
    ]


def uploads(service: CustomVisionStandIn) -> int:
    return sum(path.endswith("/images/files") for _, path in service.requests)


@pytest.fixture
def trainer(settings: Settings) -> CustomVisionTrainer:
    trainer = CustomVisionTrainer.from_settings(settings.custom_vision)
    trainer.make_tags(settings.detection.tags)
    return trainer


@pytest.fixture
def detector(settings: Settings) -> CustomVisionDetector:
    return CustomVisionDetector.from_settings(settings.custom_vision, None)


def without_patience(settings: Settings, **changes: object) -> CustomVisionSettings:
    return settings.custom_vision.model_copy(update={"patience_s": 0.2, **changes})


# --- predictions ---


def test_predictions_are_the_services(settings: Settings, store: S3Store) -> None:
    detector = open_detector(settings, store, None)
    (seen,) = detector.detect([make_image(2)], min_score=0.5)
    assert isinstance(seen, list)
    truth = [each for each in vision.detect(make_image(2)) if each.probability >= 0.5]
    assert [(each.tag, each.probability) for each in seen] == [(each.tag, each.probability) for each in truth]
    assert {each.tag for each in seen} == {"person", "logo"}
    assert detector.name.endswith("/stable")
    for each in seen:
        assert isinstance(each, Detection)
        assert 0 <= each.left < each.left + each.width <= 1 + 1e-9


def test_an_image_that_fails_costs_only_itself(detector: CustomVisionDetector) -> None:
    broken, good = detector.detect([make_image(2)[:500], make_image(2)], min_score=0.5)
    assert isinstance(broken, NotAnImageError)
    assert good


def test_one_request_an_image_and_the_pace_is_kept(service: CustomVisionStandIn, settings: Settings) -> None:
    service.limit_per_s = 22
    paced = CustomVisionDetector.from_settings(
        settings.custom_vision.model_copy(update={"requests_per_s": 20, "concurrency": 8}), None
    )
    small = make_image(1, 96, 54)
    started = time.monotonic()
    assert all(isinstance(found, list) for found in paced.detect([small] * 30, min_score=0.5))
    assert time.monotonic() - started > 1.4
    assert sum("/detect/" in path for _, path in service.requests) == 30


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (["person"], "the settings lack 'logo' of the project"),
        (["person", "logo", "car"], "the project lacks 'car'"),
        (["Person", "logo"], "lacks 'Person'"),
        (["person ", "logo"], "lacks 'person '"),
    ],
)
def test_tags_that_differ_are_all_named(wanted: list[str], said: str, detector: CustomVisionDetector) -> None:
    with pytest.raises(TagsDifferError) as caught:
        check_tags(wanted, detector.tags())
    assert said in str(caught.value)


def test_a_tag_that_was_deleted_or_doubled_is_a_difference(
    service: CustomVisionStandIn, detector: CustomVisionDetector, settings: Settings
) -> None:
    check_tags(settings.detection.tags, detector.tags())
    project = service.account.projects[settings.custom_vision.serving_project]
    deleted = next(id_ for id_, name in project.tags.items() if name == "logo")
    del project.tags[deleted]
    with pytest.raises(TagsDifferError, match="the project lacks 'logo'"):
        check_tags(settings.detection.tags, detector.tags())
    project.tags |= {deleted: "logo", "another": "logo"}
    with pytest.raises(TagsDifferError, match="'logo' more than once"):
        check_tags(settings.detection.tags, detector.tags())


def test_a_wrong_key_is_named(settings: Settings) -> None:
    wrong = settings.custom_vision.model_copy(update={"training_key": SecretStr("wrong")})
    with pytest.raises(DetectorKeyError, match="refuses the key"):
        CustomVisionDetector.from_settings(wrong, None).tags()
    with pytest.raises(DetectorKeyError, match="FRAMESIFT_CUSTOM_VISION__PREDICTION_KEY"):
        CustomVisionDetector.from_settings(
            settings.custom_vision.model_copy(update={"prediction_key": SecretStr("")}), None
        )


def test_a_wrong_project_is_named(settings: Settings) -> None:
    wrong = settings.custom_vision.model_copy(update={"serving_project": "00000000-0000-0000-0000-000000000000"})
    with pytest.raises(ProjectNotFoundError, match="heck the project's id"):
        CustomVisionDetector.from_settings(wrong, None).tags()


def test_an_unpublished_iteration_is_named(service: CustomVisionStandIn, settings: Settings) -> None:
    project = service.account.projects[settings.custom_vision.serving_project]
    detector = CustomVisionDetector.from_settings(settings.custom_vision, None)
    detector.tags()
    next(iter(project.iterations.values())).publish_name = None
    with pytest.raises(IterationNotPublishedError):
        detector.detect([make_image(2)], min_score=0.5)
    with pytest.raises(IterationNotPublishedError, match="no published iteration"):
        CustomVisionDetector.from_settings(settings.custom_vision, None).tags()


@pytest.mark.parametrize("fault", [Fault.TOO_MANY, Fault.DOWN, Fault.DROP])
def test_a_short_outage_is_waited_for(
    fault: Fault, service: CustomVisionStandIn, detector: CustomVisionDetector
) -> None:
    service.misbehave(fault, path="/detect/", requests=1)
    (seen,) = detector.detect([make_image(2)], min_score=0.5)
    assert isinstance(seen, list)


def test_a_long_outage_and_a_gone_quota_are_named(service: CustomVisionStandIn, settings: Settings) -> None:
    detector = CustomVisionDetector(without_patience(settings), settings.custom_vision.serving_project)
    service.misbehave(Fault.DOWN)
    with pytest.raises(DetectorBusyError, match="stays busy"):
        detector.tags()
    service.misbehave(Fault.QUOTA)
    with pytest.raises(DetectorQuotaError, match="quota is used up"):
        detector.tags()


def test_settings_may_lie_in_a_secret(settings: Settings, aws_on_moto: None) -> None:
    aws.secretsmanager().create_secret(Name="azure", SecretString='{"training_key": "stand-in-training-key"}')
    aws.secretsmanager().create_secret(Name="broken", SecretString="a key")
    secret = settings.custom_vision.model_copy(update={"training_key": SecretStr(""), "secret": "azure"})
    assert CustomVisionDetector.from_settings(secret, None).tags()
    with pytest.raises(SettingsError, match="'broken'"):
        CustomVisionDetector.from_settings(secret.model_copy(update={"secret": "broken"}), None)


def test_the_stand_in_predicts_by_address_as_by_bytes(
    service: CustomVisionStandIn, settings: Settings, trainer: CustomVisionTrainer
) -> None:
    list(trainer.upload(labelled(range(2, 3))))
    (image,) = trainer.images()
    client, project_id = make_prediction_client(settings.custom_vision), settings.custom_vision.serving_project
    by_address = client.detect_image_url_with_no_store(project_id, "stable", url=image.original_image_uri)
    by_bytes = client.detect_image_with_no_store(project_id, "stable", make_image(2))
    seen = [[(each.tag_name, each.probability) for each in answer.predictions] for answer in (by_address, by_bytes)]
    assert seen[0] == seen[1] != []


# --- training ---


def test_images_go_up_in_the_fewest_requests_with_their_regions_clipped(
    service: CustomVisionStandIn, settings: Settings, trainer: CustomVisionTrainer
) -> None:
    batches = list(trainer.upload(labelled(range(70))))
    assert uploads(service) == 2
    assert all(each.image_id and not each.error for batch in batches for each in batch)
    project = service.account.projects[settings.custom_vision.candidate_project]
    assert len(project.images) == 70
    one = next(iter(project.images.values()))
    assert one.name.startswith("제목 CON ")
    assert {region["tagName"] for region in one.regions} == {"person", "logo"}
    assert (one.regions[0]["left"], one.regions[0]["width"]) == pytest.approx((0, 0.3))
    assert trainer.images_per_tag() == {"person": 70, "logo": 70}


def test_only_the_failed_images_of_a_batch_are_sent_again(
    service: CustomVisionStandIn, trainer: CustomVisionTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def counted(batch: list[Any], tag_ids: dict[str, str]) -> Any:
        sizes.append(len(batch))
        return make_request(batch, tag_ids)

    monkeypatch.setattr("framesift.detection.azure.trainer.make_request", counted)
    service.account.flaky_images = 3
    stored = [each for batch in trainer.upload(labelled(range(8))) for each in batch]
    assert sizes == [8, 3]
    assert len({each.image_id for each in stored}) == 8


def test_a_batch_that_is_too_large_after_all_is_halved(
    service: CustomVisionStandIn, trainer: CustomVisionTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("framesift.detection.azure.batches.MAX_BATCH_IMAGES", 70)
    stored = [each for batch in trainer.upload(labelled(range(66))) for each in batch]
    assert len(stored) == 66
    assert uploads(service) == 3  # 66 are refused, twice 33 are taken


def test_what_the_service_refuses_is_given_back(trainer: CustomVisionTrainer) -> None:
    outside = Region(tag="logo", left=2, top=0, width=1, height=1)
    images = [*labelled(range(2)), *labelled(range(3, 4), outside), LabelledImage("bad", b"nothing", "bad", (WHOLE,))]
    outcomes = {each.sha256: each for batch in trainer.upload(images) for each in batch}
    assert isinstance(outcomes["sha3"].error, RegionOutsideError)
    assert isinstance(outcomes["bad"].error, NotAnImageError)
    assert outcomes["sha0"].image_id
    assert outcomes["sha1"].image_id


def test_an_image_refused_by_the_service_is_named(
    trainer: CustomVisionTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from .test_images import encoded, noise

    monkeypatch.setattr("framesift.detection.azure.batches.convert", lambda data, _: data)
    webp = LabelledImage("webp", encoded(noise(64, 36), "WEBP"), "webp", (WHOLE,))
    ((outcome,),) = trainer.upload([webp])
    assert isinstance(outcome.error, ImageRefusedError)
    assert "ErrorImageFormat" in str(outcome.error)


def test_a_full_project_is_named_and_what_it_took_is_known(
    service: CustomVisionStandIn, trainer: CustomVisionTrainer
) -> None:
    service.account.max_images = 3
    batches = trainer.upload(labelled(range(5)))
    assert sum(each.image_id is not None for each in next(batches)) == 3
    with pytest.raises(ProjectFullError, match="accepts no more images"):
        next(batches)


def test_an_upload_whose_connection_broke_is_not_repeated_blindly(
    service: CustomVisionStandIn, trainer: CustomVisionTrainer
) -> None:
    service.misbehave(Fault.DROP, path="/images/files", requests=1)
    with pytest.raises(DetectorBusyError, match="cannot be reached"):
        list(trainer.upload(labelled(range(2))))
    assert uploads(service) == 1


def test_a_training_from_start_to_publication(
    service: CustomVisionStandIn, settings: Settings, trainer: CustomVisionTrainer
) -> None:
    list(trainer.upload(labelled(range(16, 17))))
    assert trainer.train() == ("too_few_images", None)
    list(trainer.upload(labelled(range(16))))
    service.account.set_training(training_s=0.6)
    started, iteration_id = trainer.train()
    assert started == "started"
    assert iteration_id
    assert trainer.train() == ("started", iteration_id)  # One that is under way is taken for it.
    assert not trainer.is_trained(iteration_id)
    wait_until(lambda: trainer.is_trained(iteration_id))
    assert trainer.train() == ("not_needed", None)
    assert 0 <= trainer.average_precision(iteration_id) <= 1
    lost = CustomVisionTrainer(
        settings.custom_vision.model_copy(update={"prediction_resource_id": "/wrong"}), trainer.project_id
    )
    with pytest.raises(PredictionResourceError, match="PREDICTION_RESOURCE_ID"):
        lost.publish(iteration_id, "framesift-new")
    assert trainer.publish(iteration_id, "framesift-new") == "framesift-new"
    assert trainer.publish(iteration_id, "framesift-later") == "framesift-new"  # Safe to repeat, on another day too.


def test_a_training_that_fails_is_named(service: CustomVisionStandIn, trainer: CustomVisionTrainer) -> None:
    list(trainer.upload(labelled(range(16))))
    service.account.set_training(training_failure="out of luck")
    _, iteration_id = trainer.train()
    assert iteration_id
    with pytest.raises(TrainingFailedError, match="out of luck"):
        trainer.is_trained(iteration_id)


def test_room_is_made_for_an_iteration_but_not_of_what_is_kept(
    service: CustomVisionStandIn, settings: Settings, trainer: CustomVisionTrainer
) -> None:
    service.account.max_iterations = 2
    ids = []
    for start in (0, 16, 17):
        list(trainer.upload(labelled(range(start, 16 if start == 0 else start + 1))))
        ids.append(trainer.train(keep=ids[:1])[1])
    project = service.account.projects[settings.custom_vision.candidate_project]
    assert list(project.iterations) == [ids[0], ids[2]]
    list(trainer.upload(labelled(range(18, 19))))
    with pytest.raises(ProjectFullError, match="none of them is ours"):
        trainer.train(keep=[each for each in ids if each])
