"""Google Cloud Translate, through its official client, on good days and bad ones."""

from __future__ import annotations

import base64
import io
import json
import socket
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import requests

from framesift import aws
from framesift.errors import SettingsError, TranslateDeniedError, TranslateQuotaError, TranslateUnavailableError
from framesift.language.google import GoogleDetector
from framesift.pacing import Pacer
from framesift.settings import LanguageSettings
from framesift_local.standins.service import Fault
from framesift_local.standins.translate import TranslateStandIn
from tests.unit.language.titles import CLEAR

MakeDetector = Callable[..., GoogleDetector]
TITLES = [title for _, title in CLEAR]


def test_asks_for_each_text_once_without_links_and_signs(google: TranslateStandIn, make_detector: MakeDetector):
    list(make_detector().detect(["hello, my friends! 🍜 https://a.example/b", "hello my friends", "🍜", ""]))
    assert google.contents == ["hello my friends"]


def test_pays_for_the_beginning_of_a_long_text_only(google: TranslateStandIn, make_detector: MakeDetector):
    list(make_detector().detect(["a long story " * 200]))
    assert [len(content) for content in google.contents] == [300]


@pytest.mark.parametrize("fault", [Fault.RATE_LIMIT, Fault.TOO_MANY, Fault.DOWN, Fault.DROP])
def test_what_passes_is_waited_for(fault: Fault, google: TranslateStandIn, make_detector: MakeDetector):
    google.misbehave(fault, requests=2)
    assert [guess.code for guess in make_detector().detect(TITLES)] == [code for code, _ in CLEAR]


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        (Fault.RATE_LIMIT, TranslateQuotaError, "rate limit is exceeded for too long.*User Rate Limit Exceeded"),
        (Fault.TOO_MANY, TranslateQuotaError, "rate limit is exceeded for too long"),
        (Fault.DOWN, TranslateUnavailableError, "cannot be reached or fails.*503"),
        (Fault.DROP, TranslateUnavailableError, "cannot be reached or fails"),
    ],
)
def test_what_does_not_pass_in_time_is_named(
    fault: Fault, error: type[Exception], says: str, google: TranslateStandIn, make_detector: MakeDetector
):
    google.misbehave(fault)
    started = time.monotonic()
    with pytest.raises(error, match=says):
        list(make_detector(google_patience_s=0.3).detect(TITLES[:3]))
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        (Fault.QUOTA, TranslateQuotaError, "daily quota is used up until midnight Pacific"),
        (Fault.DENIED, TranslateDeniedError, "check the key and FRAMESIFT_LANGUAGE__GOOGLE_PROJECT"),
    ],
)
def test_what_cannot_pass_is_not_tried_again(
    fault: Fault, error: type[Exception], says: str, google: TranslateStandIn, make_detector: MakeDetector
):
    google.misbehave(fault)
    with pytest.raises(error, match=says) as caught:
        list(make_detector().detect(TITLES[:1]))
    assert len(google.contents) == 1
    assert "\n" not in str(caught.value)


def test_what_was_told_before_the_quota_ended_stands(
    google: TranslateStandIn, make_detector: MakeDetector, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("framesift.language.google.CONCURRENCY", 1)  # Side by side, chance says whose the first are.
    google.misbehave(Fault.QUOTA, after=12)
    told: list[str] = []
    with pytest.raises(TranslateQuotaError):
        told.extend(guess.code for guess in make_detector().detect(TITLES))
    assert told == [code for code, _ in CLEAR][:12]


def test_slow_answers_are_not_waited_for_without_end(
    google: TranslateStandIn, make_detector: MakeDetector, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("framesift.language.google.CALL_TIMEOUT_S", 0.2)
    google.misbehave(Fault.SLOW, delay_s=20)
    with pytest.raises(TranslateUnavailableError, match="timed out"):
        list(make_detector(google_patience_s=0.3).detect(TITLES[:1]))
    google.misbehave(None)


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_nobody_there_is_an_outage(host: str, make_detector: MakeDetector):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"http://{host}:{unused.getsockname()[1]}"
        with pytest.raises(TranslateUnavailableError):
            list(make_detector(google_endpoint=endpoint, google_patience_s=0.3).detect(TITLES[:1]))


def test_the_budget_of_characters_is_kept(google: TranslateStandIn, make_detector: MakeDetector):
    budget = len(TITLES[0]) + len(TITLES[1])
    told = make_detector(google_max_chars=budget).detect(TITLES[:3])
    assert [next(told).code, next(told).code] == ["ko", "ko"]
    with pytest.raises(TranslateQuotaError, match="FRAMESIFT_LANGUAGE__GOOGLE_MAX_CHARS"):
        next(told)
    assert sum(map(len, google.contents)) <= budget


def test_calls_are_paced():
    pacer = Pacer(per_second=50)
    started = time.monotonic()
    for _ in range(6):
        pacer.wait()
    assert time.monotonic() - started >= 5 / 50


@pytest.mark.parametrize(
    ("code", "ours"), [("zh-CN", "zh"), ("ko-Latn", "ko"), ("iw", "he"), ("fil", "tl"), ("und", "und"), ("ko", "ko")]
)
def test_codes_become_those_of_iso_639_1(code: str, ours: str):
    def answer(**_: object) -> SimpleNamespace:
        return SimpleNamespace(languages=[SimpleNamespace(language_code=code, confidence=0.987)])

    client = SimpleNamespace(detect_language=answer)
    detector = GoogleDetector(client, "a-project", max_chars=100, requests_per_s=100, patience_s=1)
    [found] = detector.detect(["one"])
    assert found.code == ours


def test_a_project_must_be_named():
    with pytest.raises(SettingsError, match="FRAMESIFT_LANGUAGE__GOOGLE_PROJECT"):
        GoogleDetector.from_settings(LanguageSettings(google_endpoint="http://127.0.0.1:1"))


def test_without_credentials_it_is_said_where_to_put_them(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    with pytest.raises(TranslateDeniedError, match="FRAMESIFT_LANGUAGE__GOOGLE_SECRET"):
        GoogleDetector.from_settings(LanguageSettings(google_project="a-project"))


@pytest.mark.parametrize("secret", ["no JSON", json.dumps({"type": "authorized_user"})])
def test_a_secret_that_is_no_key_is_named(secret: str, aws_on_moto: None):
    aws.secretsmanager().create_secret(Name="translate", SecretString=secret)
    with pytest.raises(SettingsError, match="'translate' must hold a service account"):
        GoogleDetector.from_settings(LanguageSettings(google_project="a-project", google_secret="translate"))


def test_the_key_in_the_secret_is_used(aws_on_moto: None, monkeypatch: pytest.MonkeyPatch):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key = {
        "type": "service_account",
        "client_email": "framesift@a-project.example",
        "private_key": pem.decode(),
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    aws.secretsmanager().create_secret(Name="translate", SecretString=json.dumps(key))
    issuers = []

    def refuse(_: object, request: requests.PreparedRequest, **__: object) -> requests.Response:
        # The client signs its own token with the key; its claims name who signed.
        claims = request.headers["authorization"].split(".")[1]
        issuers.append(json.loads(base64.urlsafe_b64decode(claims + "=="))["iss"])
        answer = requests.Response()
        answer.status_code, answer.request, answer.url = 403, request, request.url or ""
        answer.raw = io.BytesIO(b'{"error": {"code": 403, "message": "permission denied"}}')
        return answer

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", refuse)
    detector = GoogleDetector.from_settings(LanguageSettings(google_project="a-project", google_secret="translate"))
    with pytest.raises(TranslateDeniedError, match="permission denied"):
        list(detector.detect(["one"]))
    assert set(issuers) == {"framesift@a-project.example"}
