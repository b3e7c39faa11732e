"""The managed login's pages: signing up, logging in, tokens, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest

from framesift import aws
from framesift_local.aws.api import Authorizer, UnauthorizedError, verify
from tests.unit.local.aws.logins import CALLBACK, PASSWORD, Browser, make_pages, query_of


@pytest.fixture
def make_browser(aws_on_moto: None, tmp_path: Path) -> Callable[..., Browser]:
    return lambda **options: Browser(*make_pages(tmp_path, **options))


@pytest.fixture
def browser(make_browser: Callable[..., Browser]) -> Browser:
    return make_browser()


def log_in(browser: Browser, email: str = "kim@example.com", password: str = PASSWORD) -> Any:
    return browser.fill(browser.follow(browser.begin()), username=email, password=password)


def test_who_signs_up_confirms_a_code_and_logs_in(browser: Browser) -> None:
    page = browser.sign_up("kim@example.com")
    assert "Your account is confirmed" in page.text

    back = browser.fill(page, username="kim@example.com", password=PASSWORD)

    assert back.headers["location"].startswith(f"{CALLBACK}?code=")
    assert query_of(back)["state"] == "a-state"
    tokens = browser.redeem(back).json
    client = browser.pages.client
    authorizer = Authorizer("Login", browser.pages.keys.issuer(client.pool), [client.id])
    claims = verify(tokens["access_token"], authorizer, browser.pages.keys)
    assert claims["scope"] == "openid framesift/read framesift/write"
    identity = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    assert (identity["email"], identity["email_verified"]) == ("kim@example.com", True)
    assert identity["sub"] == claims["sub"]


def test_a_password_that_is_too_weak_is_refused_with_what_it_needs(browser: Browser) -> None:
    page = browser.link(browser.follow(browser.begin()), "Sign up")
    refused = browser.fill(page, username="kim@example.com", password="short")
    assert "A password has at least 14 characters, and at least one of each: digits." in refused.text
    assert browser.mailed == []


def test_a_token_has_the_scopes_that_were_asked_for_and_the_users_groups(browser: Browser) -> None:
    browser.sign_up("kim@example.com")
    pool = browser.pages.client.pool
    aws.cognito().create_group(UserPoolId=pool, GroupName="admin")
    aws.cognito().admin_add_user_to_group(UserPoolId=pool, Username="kim@example.com", GroupName="admin")

    page = browser.follow(browser.begin(scope="framesift/read"))
    tokens = browser.redeem(browser.fill(page, username="kim@example.com", password=PASSWORD)).json

    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert (claims["scope"], claims["cognito:groups"]) == ("framesift/read", ["admin"])


def test_refresh_until_revoked(browser: Browser) -> None:
    browser.sign_up("kim@example.com")
    refresh = browser.redeem(log_in(browser)).json["refresh_token"]

    again = browser.post("/oauth2/token", grant_type="refresh_token", refresh_token=refresh)
    assert again.status_code == 200
    assert "refresh_token" not in again.json
    assert browser.post("/oauth2/revoke", token=refresh).status_code == 200
    refused = browser.post("/oauth2/token", grant_type="refresh_token", refresh_token=refresh)
    assert (refused.status_code, refused.json) == (400, {"error": "invalid_grant"})


def test_a_deleted_user_gets_no_more_tokens(browser: Browser) -> None:
    browser.sign_up("kim@example.com")
    refresh = browser.redeem(log_in(browser)).json["refresh_token"]
    aws.cognito().admin_delete_user(UserPoolId=browser.pages.client.pool, Username="kim@example.com")

    refused = browser.post("/oauth2/token", grant_type="refresh_token", refresh_token=refresh)

    assert refused.json == {"error": "invalid_grant"}


def test_tokens_that_expire(browser: Browser) -> None:
    browser.sign_up("kim@example.com")
    tokens = browser.redeem(log_in(browser)).json
    now = browser.pages.clock()
    browser.pages.clock = lambda: now - 2 * 3_600
    old = browser.redeem(log_in(browser)).json
    client = browser.pages.client
    authorizer = Authorizer("Login", browser.pages.keys.issuer(client.pool), [client.id])

    assert verify(tokens["access_token"], authorizer, browser.pages.keys)
    with pytest.raises(UnauthorizedError):
        verify(old["access_token"], authorizer, browser.pages.keys)


def test_a_code_works_once_and_for_its_client_alone(browser: Browser) -> None:
    browser.sign_up("kim@example.com")
    for change in ({"code_verifier": "w" * 60}, {"redirect_uri": "http://localhost:1/"}):
        assert browser.redeem(log_in(browser), **change).json == {"error": "invalid_grant"}
    assert browser.redeem(log_in(browser), client_id="another").json == {"error": "invalid_client"}
    back = log_in(browser)
    assert browser.redeem(back).status_code == 200
    assert browser.redeem(back).json == {"error": "invalid_grant"}
    late = log_in(browser)
    now = browser.pages.clock()
    browser.pages.clock = lambda: now + 301
    assert browser.redeem(late).json == {"error": "invalid_grant"}
    assert browser.post("/oauth2/token", grant_type="password").json == {"error": "unsupported_grant_type"}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "framesift/everything"}, "invalid_scope"),
    ],
)
def test_what_a_client_asks_wrongly_is_told_to_it(browser: Browser, change: dict[str, str], error: str) -> None:
    assert query_of(browser.begin(**change)) == {"error": error, "state": "a-state"}


@pytest.mark.parametrize("change", [{"redirect_uri": "https://evil.example/"}, {"client_id": "another"}])
def test_nobody_is_led_to_an_address_that_is_not_the_clients(browser: Browser, change: dict[str, str]) -> None:
    refused = browser.begin(**change)
    assert refused.status_code == 400
    assert "location" not in refused.headers


def test_a_wrong_password_says_the_same_as_an_address_that_nobody_has(browser: Browser) -> None:
    browser.sign_up("kim@example.com")
    wrong = log_in(browser, password="Wrong-Horse-7-Battery")
    unknown = log_in(browser, email="lee@example.com")
    assert (wrong.status_code, unknown.status_code) == (400, 400)
    assert wrong.text.replace("kim", "lee") == unknown.text


def test_who_has_not_confirmed_is_asked_for_a_code_again(browser: Browser) -> None:
    page = browser.link(browser.follow(browser.begin()), "Sign up")
    browser.fill(page, username="kim@example.com", password=PASSWORD)

    confirm = browser.follow(log_in(browser))

    assert len(browser.mailed) == 2
    assert "Your account is confirmed" in browser.fill(confirm, username="kim@example.com", code=browser.code()).text


def test_a_code_cannot_be_guessed(browser: Browser) -> None:
    page = browser.link(browser.follow(browser.begin()), "Sign up")
    confirm = browser.follow(browser.fill(page, username="kim@example.com", password=PASSWORD))
    wrong = f"{(int(browser.code()) + 1) % 1_000_000:06d}"
    for _ in range(5):
        assert browser.fill(confirm, username="kim@example.com", code=wrong).status_code == 400

    assert browser.fill(confirm, username="kim@example.com", code=browser.code()).status_code == 400
    sent = browser.post("/resendcode", username="kim@example.com")
    assert "another code" in sent.text
    assert "confirmed" in browser.fill(confirm, username="kim@example.com", code=browser.code()).text


def test_a_forgotten_password_is_set_anew_by_a_code(browser: Browser) -> None:
    browser.sign_up("kim@example.com")
    page = browser.link(browser.follow(browser.begin()), "Forgot your password?")
    form = browser.follow(browser.fill(page, username="kim@example.com"))
    weak = browser.fill(form, username="kim@example.com", code=browser.code(), password="short")
    assert weak.status_code == 400

    done = browser.fill(form, username="kim@example.com", code=browser.code(), password="Another-Horse-7-Battery")

    assert "Your password is set" in done.text
    assert log_in(browser).status_code == 400
    assert log_in(browser, password="Another-Horse-7-Battery").status_code == 303


def test_nobody_is_told_whether_an_address_has_an_account(browser: Browser) -> None:
    browser.sign_up("kim@example.com")
    count = len(browser.mailed)
    page = browser.link(browser.follow(browser.begin()), "Forgot your password?")
    form = browser.follow(browser.fill(page, username="lee@example.com"))
    assert len(browser.mailed) == count
    assert "If there is an account" in form.text


def test_only_an_administrator_makes_accounts_where_nobody_signs_up(make_browser: Callable[..., Browser]) -> None:
    browser = make_browser(sign_up=False)
    page = browser.follow(browser.begin())
    assert "Sign up" not in page.text
    refused = browser.post("/signup", username="kim@example.com", password=PASSWORD)
    assert refused.status_code == 403
    assert aws.cognito().list_users(UserPoolId=browser.pages.client.pool)["Users"] == []


def test_a_weak_password_is_refused_at_sign_up(browser: Browser) -> None:
    page = browser.link(browser.follow(browser.begin()), "Sign up")
    assert browser.fill(page, username="kim@example.com", password="short").status_code == 400
    assert browser.fill(page, username="no address", password=PASSWORD).status_code == 400
    assert browser.mailed == []


def test_what_people_type_is_no_markup(browser: Browser) -> None:
    page = log_in(browser, email='"><script>alert(1)</script>')
    assert "<script>" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_a_logout_leads_nowhere_but_where_it_may(browser: Browser) -> None:
    client = browser.pages.client.id
    led = browser.get(f"/logout?client_id={client}&logout_uri=http://localhost:8976/bye")
    assert led.headers["location"] == "http://localhost:8976/bye"
    assert "location" not in browser.get(f"/logout?client_id={client}&logout_uri=https://evil.example/").headers
