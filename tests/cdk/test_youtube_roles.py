"""A day of YouTube through the functions' own handlers, each under its role, against the stand-ins over HTTP.

Every secret's value is one that would be seen anywhere: it must be found nowhere but in its secret.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from containers.vision.main import main as run_job
from framesift import aws
from framesift.errors import YoutubeKeyError
from framesift.log import logger
from framesift.settings import load_settings
from framesift_local.standins.customvision import CustomVisionStandIn, server
from framesift_local.standins.customvision.account import RESOURCE_ID, Training
from framesift_local.standins.customvision.account import Account as CustomVisionAccount
from framesift_local.standins.youtube import YoutubeStandIn
from tests.cdk.account import Account, begin

CANARIES = {kind: f"canary-{kind}-4c1f7e9d2b" for kind in ("youtube", "training", "prediction")}


@pytest.fixture
def custom_vision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CustomVisionStandIn]:
    monkeypatch.setattr(server, "TRAINING_KEY", CANARIES["training"])
    monkeypatch.setattr(server, "PREDICTION_KEY", CANARIES["prediction"])
    with CustomVisionStandIn(CustomVisionAccount(tmp_path / "cv", training=Training(training_s=0))) as stand_in:
        stand_in.account.make_project("A", ("person", "logo"), publish="stable")
        stand_in.account.make_project("B")
        yield stand_in


@pytest.fixture
def youtube() -> Iterator[YoutubeStandIn]:
    with YoutubeStandIn(date(2026, 11, 20), videos=40, key=CANARIES["youtube"]) as stand_in:
        yield stand_in


@pytest.fixture
def day(
    account: Account, youtube: YoutubeStandIn, custom_vision: CustomVisionStandIn, monkeypatch: pytest.MonkeyPatch
) -> Account:
    """An account whose secrets hold what an operator puts there."""
    serving, candidate = custom_vision.account.projects.values()
    azure = {
        "training_endpoint": custom_vision.url,
        "training_key": CANARIES["training"],
        "prediction_endpoint": custom_vision.url,
        "prediction_key": CANARIES["prediction"],
        "prediction_resource_id": RESOURCE_ID,
        "serving_project": serving.id,
        "candidate_project": candidate.id,
    }
    account.put_secret("Youtube", json.dumps({"api_key": CANARIES["youtube"]}))
    account.put_secret("Custom", json.dumps(azure))
    for name, value in {
        "YOUTUBE__API_SECRET": "Youtube",
        "YOUTUBE__API_URL": youtube.api_url,
        "YOUTUBE__MAX_VIDEOS": "30",
        "DOWNLOAD__ALLOW_LOOPBACK": "true",
        "CUSTOM_VISION__SECRET": "Custom",
        "CUSTOM_VISION__REQUESTS_PER_S": "500",
        "CUSTOM_VISION__MIN_IMAGES_PER_TAG": "2",
        "DUPLICATES__MODEL": "pdq",
    }.items():
        monkeypatch.setenv(f"FRAMESIFT_{name}", value)
    load_settings.cache_clear()
    return account


def run_day(account: Account) -> dict[str, Any]:
    """Every stage, as the state machine calls them."""
    began = begin(account, source="youtube", date="2026-11-20")
    (feed,) = began["work"]
    collected = account.invoke("collect_feed", feed)
    stage = {"run": began["run"], "scopes": [feed["scope"]]}
    plan = account.invoke("plan_analysis", stage)
    with account.acting_as("vision"):
        assert run_job(plan["job_spec_uri"]) == 0
    account.invoke("predict_items", stage)
    trained = account.invoke("train_detector", stage)
    assert trained["outcome"] == "training"
    training = {"run": began["run"], "iteration_id": trained["iteration_id"]}
    assert account.invoke("check_training", training)["status"] == "completed"
    account.invoke("gate_iteration", training)
    end = {**stage, "collected": [collected], "planned_compute": "cpu", "analyzed_on": "cpu", "execution_arn": "arn:1"}
    return account.invoke("finish_run", end)


def everything_kept(account: Account) -> str:
    """Every object and every record, as text."""
    objects = [account.store.get(key).decode("latin-1") for key in account.store.list("")]
    records = aws.dynamodb().scan(TableName=account.records.name)["Items"]
    assert len(objects) > 30
    assert len(records) > 5
    return "\n".join([*objects, json.dumps(records)])


def logged_lines(caplog: pytest.LogCaptureFixture) -> str:
    """Every log record of any library with all its fields, formatted."""
    return "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)


@pytest.fixture
def logs_as_in_a_function() -> Iterator[None]:
    before = logger.log_level
    logger.setLevel(logging.INFO)
    yield
    logger.setLevel(before)


@pytest.mark.usefixtures("logs_as_in_a_function")
def test_a_day_of_youtube_needs_no_more_than_its_roles_allow_and_shows_no_secret(
    day: Account, assembly: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        ended = run_day(day)

    assert ended["status"] == "SUCCEEDED"
    shown, logged = capfd.readouterr(), logged_lines(caplog)
    assert "stage done" in logged, "the functions' own log lines must be among what is searched"
    templates = "".join(path.read_text(encoding="utf-8") for path in assembly.glob("*.json"))
    places = {
        "logs": shown.out + shown.err + logged,
        "objects and records": everything_kept(day),
        "the end": json.dumps(ended),
        "templates": templates,
    }
    found = [(kind, place) for place, text in places.items() for kind, value in CANARIES.items() if value in text]
    assert found == []


def test_a_refused_key_is_in_no_error_and_no_log(
    day: Account, youtube: YoutubeStandIn, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    wrong = "canary-refused-77ab01c3"
    aws.secretsmanager().put_secret_value(SecretId="Youtube", SecretString=json.dumps({"api_key": wrong}))
    (feed,) = begin(day, source="youtube", date="2026-11-20")["work"]

    with caplog.at_level(logging.INFO), pytest.raises(YoutubeKeyError) as refused:
        day.invoke("collect_feed", feed)

    shown = capfd.readouterr()
    chain = [refused.value, refused.value.__cause__, refused.value.__context__]
    assert not [text for text in [*map(repr, chain), shown.out, shown.err, logged_lines(caplog)] if wrong in text]
